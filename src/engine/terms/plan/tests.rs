use super::super::super::testing::{Ledger, money};
use super::super::super::tests::fees::Story;
use super::*;
use crate::engine::Settings;

const PLANS: &str = r#"
[[plan]]
name = "day-300"
fee = "300.00"
[[plan]]
name = "day-600"
fee = "600.00"
[[plan]]
name = "month-300"
fee = "300.00"
charge = "period"
[[plan]]
name = "month-600"
fee = "600.00"
charge = "period"
[[plan]]
name = "free"
[[plan]]
name = "debt-600"
fee = "600.00"
on-shortage = "debt"
[[plan]]
name = "a-day-20"
fee = "20.00"
period = "day"
"#;

/// `s` on `plan`, at noon of 31 March 2026.
fn story(plan: &str, balance: &str) -> Story {
    let subscriber = format!(
        "{PLANS}\n[[subscriber]]\nlogin = \"s\"\ncontract = \"1001\"\nplan = \"{plan}\"\nbalance = \"{balance}\""
    );
    Story::loaded(&subscriber, Settings::default())
}

fn plan_id(ledger: &Ledger, name: &str) -> PlanId {
    ledger.state.plans.values().find(|plan| plan.name == name).unwrap().id
}

fn command(ledger: &Ledger, plan: &str) -> TermsCommand {
    TermsCommand::Plan {
        subscribers: vec![ledger.subscriber("s")],
        plan: plan_id(ledger, plan),
        from: None,
        dry_run: false,
        uncovered: false,
    }
}

fn run(ledger: &mut Ledger, command: TermsCommand) -> Result<Vec<PlanChangeRow>, String> {
    match ledger.run(&Command::Terms(command)) {
        Ok(Outcome::PlanChanged(rows)) => Ok(rows),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.token),
    }
}

fn change(story: &mut Story, plan: &str) -> Result<String, String> {
    let command = command(&story.ledger, plan);
    run(&mut story.ledger, command).map(|rows| rows.iter().map(|row| row.charge.to_string()).collect())
}

fn change_from(story: &mut Story, plan: &str, day: &str) -> Result<usize, String> {
    let command = match command(&story.ledger, plan) {
        TermsCommand::Plan { subscribers, plan, .. } => TermsCommand::Plan {
            subscribers,
            plan,
            from: Some(day.parse().unwrap()),
            dry_run: false,
            uncovered: false,
        },
        other => other,
    };
    run(&mut story.ledger, command).map(|rows| rows.len())
}

#[test]
fn what_a_change_costs_now_depends_on_how_both_plans_are_charged() {
    for (from, to, charge, next_day) in [
        // On 11 April, after that day's fee; what the next 00:00 brings.
        ("day-300", "day-600", "0.00", "-20.00"),
        ("day-300", "month-300", "190.00", "0.00"),
        ("day-600", "free", "0.00", "0.00"),
        ("month-300", "month-600", "200.00", "0.00"),
        ("month-600", "month-300", "-200.00", "0.00"),
        ("month-600", "day-300", "-380.00", "-10.00"),
        ("month-300", "free", "-190.00", "0.00"),
        ("free", "month-300", "200.00", "0.00"),
        ("free", "day-300", "0.00", "-10.00"),
        ("day-300", "a-day-20", "0.00", "-20.00"),
        ("a-day-20", "month-600", "380.00", "0.00"),
    ] {
        let mut story = story(from, "5000.00");
        story.to("2026-04-11 12:00");
        let before = story.ledger.state.balance(story.account());
        assert_eq!(change(&mut story, to).as_deref(), Ok(charge), "{from} to {to}");
        let after = story.ledger.state.balance(story.account());
        assert_eq!(before.saturating_sub(after), money(charge), "{from} to {to}");
        story.to("2026-04-12 12:00");
        let next = story.ledger.state.balance(story.account());
        assert_eq!(next.saturating_sub(after), money(next_day), "{from} to {to}");
        assert_eq!(change(&mut story, to).as_deref(), Ok(""), "a repeat changes nothing");
    }
}

#[test]
fn on_every_day_of_every_month_the_old_days_and_the_new_days_are_the_whole_month() {
    let cent = money("0.01").micros();
    for month in ["2026-02", "2028-02", "2026-04", "2026-05"].map(|m| m.parse::<Month>().unwrap()) {
        for (old, new) in [
            ("day-300", "day-600"),
            ("month-300", "month-600"),
            ("month-600", "day-300"),
            ("day-300", "month-600"),
        ] {
            for d in 1..=month.days() {
                let day = month.first_day().plus(d - 1);
                let mut story = story(old, "5000.00");
                story.ledger.now = story.at(&month.first_day().plus(-1).to_string());
                // Fees began the day before: whatever was charged until then is not looked at.
                story.restart();
                story.ledger.put(Change::Books(BooksState {
                    fees_through: Some(month.first_day().plus(-1)),
                    alive: story.ledger.now,
                    ..Default::default()
                }));
                story.ledger.put(Change::FeeState(FeeState {
                    subscriber: story.ledger.subscriber("s"),
                    decided: month.first_day().plus(-1),
                    plan_through: month.first_day().plus(-1),
                    services_through: vec![],
                    due: Money::ZERO,
                    due_cut_at: None,
                }));
                // By the day, not by the heartbeat: there are many days.
                for today in (0..month.days()).map(|n| month.first_day().plus(n)) {
                    story.ledger.now = story.at(&today.to_string());
                    story.tick();
                    if today == day {
                        change(&mut story, new).unwrap();
                    }
                }
                let paid = money("5000.00").saturating_sub(story.ledger.state.balance(story.account()));
                // From one period to another today is the new plan's.
                let of_old = if old.starts_with("month") && new.starts_with("month") { d - 1 } else { d };
                let fee = |plan: &str| if plan.ends_with("600") { 600_000_000i64 } else { 300_000_000 };
                let parts = fee(old) * i64::from(of_old) + fee(new) * i64::from(month.days() - of_old);
                let exact = parts / i64::from(month.days());
                assert!((paid.micros() - exact).abs() <= 2 * cent, "{old} to {new} on {day}: {paid}");
            }
        }
    }
}

#[test]
fn there_and_back_on_one_day_costs_nothing() {
    for (one, other) in [("month-300", "month-600"), ("month-600", "day-300"), ("day-300", "month-600")] {
        let mut story = story(one, "5000.00");
        story.to("2026-04-11 12:00");
        let before = story.ledger.state.balance(story.account());
        change(&mut story, other).unwrap();
        change(&mut story, one).unwrap();
        assert_eq!(story.ledger.state.balance(story.account()), before, "{one} and {other}");
        story.to("2026-04-12 12:00");
        let one_day = if one == "day-300" { money("10.00") } else { Money::ZERO };
        let after = before.saturating_sub(story.ledger.state.balance(story.account()));
        assert_eq!(after, one_day, "{one} and {other}");
    }
}

#[test]
fn the_speed_changes_at_once_and_from_a_later_day_at_its_midnight() {
    let mut story = story("day-300", "500.00");
    story.to("2026-04-06 12:00");
    let plan = |story: &Story| {
        let id = story.ledger.subscriber("s");
        story.ledger.state.view(id, story.ledger.now).unwrap().plan.unwrap().name.clone()
    };
    change(&mut story, "a-day-20").unwrap();
    assert_eq!(plan(&story), "a-day-20");
    assert_eq!(change_from(&mut story, "month-300", "2026-05-01"), Ok(1));
    assert_eq!(change_from(&mut story, "month-300", "2026-05-01"), Ok(0), "it is agreed already");
    story.to("2026-04-08 23:59");
    assert_eq!((plan(&story), story.ledger.balance("1001").as_str()), ("a-day-20".into(), "400.00"));
    // Another choice takes the place of the first.
    assert_eq!(change_from(&mut story, "month-600", "2026-04-16"), Ok(1));
    assert_eq!(change_from(&mut story, "day-300", "2026-04-10"), Ok(1));
    story.to("2026-04-11 12:00");
    assert_eq!((plan(&story), story.ledger.balance("1001").as_str()), ("day-300".into(), "360.00"));
    // To the plan it has: what was chosen for later is taken back.
    change_from(&mut story, "free", "2026-04-12").unwrap();
    assert_eq!(change(&mut story, "day-300").as_deref(), Ok("0.00"));
    story.to("2026-04-12 12:00");
    assert_eq!(plan(&story), "day-300");
}

#[test]
fn a_plan_that_begins_in_the_middle_of_a_month_gives_the_rest_of_the_old_one_back() {
    let mut story = story("month-300", "900.00");
    story.to("2026-04-06 12:00");
    assert_eq!(story.ledger.balance("1001"), "600.00");
    change_from(&mut story, "month-600", "2026-04-16").unwrap();
    story.to("2026-04-15 23:59");
    assert_eq!(story.ledger.balance("1001"), "600.00");
    story.crashes = true;
    story.to("2026-04-16 00:01");
    assert_eq!(story.ledger.balance("1001"), "450.00");
    story.to("2026-04-30 23:59");
    assert_eq!(story.ledger.balance("1001"), "450.00");
}

#[test]
fn a_cheaper_plan_that_is_covered_opens_at_once() {
    let mut story = story("day-600", "15.00");
    story.to("2026-04-03 12:00");
    let view =
        |story: &Story| story.ledger.state.view(story.ledger.subscriber("s"), story.ledger.now).unwrap();
    assert_eq!((view(&story).due, view(&story).standing.negbal), (money("20.00"), true));
    change(&mut story, "day-300").unwrap();
    assert_eq!((view(&story).due, view(&story).standing.negbal), (Money::ZERO, false));
    assert_eq!(story.ledger.balance("1001"), "5.00");
}

#[test]
fn a_dearer_plan_in_a_shortage_is_due_instead_of_the_old_one() {
    let mut story = story("day-300", "5.00");
    story.to("2026-04-03 12:00");
    change(&mut story, "day-600").unwrap();
    let view = story.ledger.state.view(story.ledger.subscriber("s"), story.ledger.now).unwrap();
    assert_eq!((view.due, view.balance, view.standing.negbal), (money("20.00"), money("5.00"), true));
}

#[test]
fn refusals_say_what_is_wrong_and_change_nothing() {
    type Change = fn(&mut Vec<SubscriberId>, &mut PlanId, &mut Option<Day>);
    let table: [(&str, Change); 7] = [
        ("plan-not-found", |_, plan, _| *plan = PlanId(99)),
        ("nobody", |subscribers, _, _| subscribers.clear()),
        ("too-many", |subscribers, _, _| {
            subscribers.extend((0i64..).take(SUBSCRIBERS_MAX + 1).map(SubscriberId))
        }),
        ("subscriber-not-found", |subscribers, _, _| subscribers.push(SubscriberId(0))),
        ("day-past", |_, _, from| *from = Some("2026-04-10".parse().unwrap())),
        ("day-too-far", |_, _, from| *from = Some("2027-04-13".parse().unwrap())),
        ("not-covered", |_, _, _| {}),
    ];
    for (token, alter) in table {
        let mut story = story("day-300", "300.00");
        story.to("2026-04-11 12:00");
        let (mut subscribers, mut plan, mut from) =
            (vec![story.ledger.subscriber("s")], plan_id(&story.ledger, "month-600"), None);
        alter(&mut subscribers, &mut plan, &mut from);
        let command = TermsCommand::Plan { subscribers, plan, from, dry_run: false, uncovered: false };
        let written = story.ledger.changes.len();
        assert_eq!(run(&mut story.ledger, command), Err(token.to_owned()));
        assert_eq!(story.ledger.changes.len(), written);
    }
    let mut story = story("day-300", "300.00");
    let mut closed = Account::clone(&story.ledger.state.accounts[&story.account()]);
    closed.closed = true;
    story.ledger.put(super::Change::Account(closed));
    assert_eq!(change(&mut story, "free"), Err("account-closed".into()));
}

#[test]
fn an_operator_with_the_right_may_go_below_zero() {
    let mut story = story("day-300", "300.00");
    story.to("2026-04-11 12:00");
    let TermsCommand::Plan { subscribers, plan, from, dry_run, .. } = command(&story.ledger, "month-600")
    else {
        panic!()
    };
    run(&mut story.ledger, TermsCommand::Plan { subscribers, plan, from, dry_run, uncovered: true }).unwrap();
    assert_eq!(story.ledger.balance("1001"), "-190.00");
}

#[test]
fn many_change_together_or_not_at_all_and_a_dry_run_says_what_it_costs() {
    let mut story = story("month-300", "250.00");
    let second = "[[subscriber]]\nlogin = \"t\"\ncontract = \"1001\"\nplan = \"month-300\"";
    story.ledger.load(second).unwrap();
    // Both are covered to the end of March; on the last day the rest of a month is a thirty-first part.
    let subscribers =
        vec![story.ledger.subscriber("t"), story.ledger.subscriber("s"), story.ledger.subscriber("s")];
    let plan = plan_id(&story.ledger, "month-600");
    let command = |dry_run, uncovered| TermsCommand::Plan {
        subscribers: subscribers.clone(),
        plan,
        from: None,
        dry_run,
        uncovered,
    };
    let written = story.ledger.changes.len();
    let rows = run(&mut story.ledger, command(true, false)).unwrap();
    let costs: Vec<_> = rows.iter().map(|row| (row.login.as_str(), row.charge.to_string())).collect();
    assert_eq!(costs, [("s", "9.67".to_owned()), ("t", "9.67".to_owned())]);
    assert_eq!(rows[0].balance, money("230.66"));
    assert_eq!(story.ledger.changes.len(), written);
    assert_eq!(run(&mut story.ledger, command(false, false)).unwrap(), rows);
    assert_eq!(story.ledger.balance("1001"), "230.66");
    let audits = story.ledger.changes.iter().filter(|change| matches!(change, super::Change::Audit(_)));
    assert_eq!(audits.count(), 2);

    // The money of one contract does not pay twice.
    let mut story = story_of_two("15.00");
    let subscribers = vec![story.ledger.subscriber("s"), story.ledger.subscriber("t")];
    let plan = plan_id(&story.ledger, "month-600");
    let command = TermsCommand::Plan { subscribers, plan, from: None, dry_run: false, uncovered: false };
    assert_eq!(run(&mut story.ledger, command), Err("not-covered".into()));
    assert_eq!(story.ledger.balance("1001"), "15.00");
}

fn story_of_two(balance: &str) -> Story {
    let mut story = story("month-300", balance);
    let second = "[[subscriber]]\nlogin = \"t\"\ncontract = \"1001\"\nplan = \"month-300\"";
    story.ledger.load(second).unwrap();
    story
}

#[test]
fn a_discount_is_of_the_rest_of_both_plans() {
    let mut story = story("month-300", "5000.00");
    let subscriber = story.ledger.subscriber("s");
    let discount = TermsCommand::Discount { subscriber, basis_points: 5_000, until: None };
    story.ledger.run(&Command::Terms(discount)).unwrap();
    story.to("2026-04-11 12:00");
    assert_eq!(change(&mut story, "month-600").as_deref(), Ok("100.00"));
}

#[test]
fn who_is_blocked_or_paused_is_charged_for_the_new_plan_when_that_ends() {
    let mut story = story("month-300", "5000.00");
    story.to("2026-04-05 12:00");
    let subscriber = story.ledger.subscriber("s");
    story.ledger.run(&Command::Block { subscriber, reason: "asked".into() }).unwrap();
    story.to("2026-04-11 12:00");
    assert_eq!(change(&mut story, "month-600").as_deref(), Ok("-200.00"));
    assert_eq!(story.ledger.balance("1001"), "4900.00");
    story.to("2026-04-16 12:00");
    story.ledger.run(&Command::Unblock { subscriber }).unwrap();
    assert_eq!(story.ledger.balance("1001"), "4600.00");
}
