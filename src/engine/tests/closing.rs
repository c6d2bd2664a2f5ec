//! Closing months: what is refused, what a closed month keeps, how acts are numbered and taxed.

use crate::engine::testing::{Ledger, NOW, actor, money, stored};
use crate::engine::{ACTS_OF_A_COMMAND_MAX, Settings, State, open_day, vat_included};
use crate::model::*;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn lock(text: &str) -> Command {
    Command::Closing(ClosingCommand::LockMonth(month(text)))
}

fn acts(text: &str, drafts: Vec<ActDraft>) -> Command {
    Command::Closing(ClosingCommand::MakeActs { month: month(text), drafts })
}

fn draft(account: AccountId, lines: &[(&str, &str)]) -> ActDraft {
    let lines = lines.iter().map(|(name, sum)| ActLine { name: (*name).into(), sum: money(sum) }).collect();
    ActDraft { account, lines }
}

fn answer(result: Result<Outcome, Refusal>) -> String {
    match result {
        Ok(Outcome::Done { changed }) => if changed { "done" } else { "unchanged" }.into(),
        Ok(Outcome::ActsMade(None)) => "none".into(),
        Ok(Outcome::ActsMade(Some((first, last)))) => format!("{first}-{last}"),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => refusal.token,
    }
}

fn made(ledger: &Ledger) -> Vec<&Act> {
    ledger.changes.iter().filter_map(|c| if let Change::Act(act) = c { Some(act) } else { None }).collect()
}

/// In the order in which acts are made.
fn accounts(ledger: &Ledger) -> [AccountId; 3] {
    ["1003", "1001", "1002"].map(|contract| ledger.account(contract))
}

fn with_vat() -> Ledger {
    let billing = BillingRules { vat_basis_points: Some(2_000), ..BillingRules::default() };
    let time_zone = TimeZone::get("Europe/Moscow").unwrap();
    let mut ledger = Ledger::with(Settings { billing, time_zone, ..Settings::default() });
    ledger.load(crate::engine::testing::SAMPLE).unwrap();
    ledger
}

#[test]
fn every_step_of_a_closing_has_its_answer_and_a_refusal_writes_nothing() {
    let mut ledger = with_vat();
    let [one, two, three] = accounts(&ledger);
    let fee = |account| draft(account, &[("fee", "300.00")]);
    let many = vec![fee(one); ACTS_OF_A_COMMAND_MAX + 1];
    let beyond = draft(three, &[("fee", "9000000000000"), ("usage", "9000000000000")]);
    for (command, wanted) in [
        (lock("2026-04"), "month-not-over"),
        (lock("2026-05"), "month-not-over"),
        (acts("2026-03", vec![fee(one)]), "month-open"),
        (lock("2026-03"), "done"),
        (lock("2026-03"), "month-closed"),
        (lock("2026-02"), "month-closed"),
        (acts("2026-02", vec![fee(one)]), "month-open"),
        (acts("2026-03", many), "too-many-acts"),
        (acts("2026-03", vec![fee(one), fee(AccountId(99))]), "account-not-found"),
        (acts("2026-03", vec![fee(two), fee(one)]), "acts-out-of-order"),
        (acts("2026-03", vec![fee(one), beyond]), "out-of-range"),
        (acts("2026-03", vec![fee(one)]), "1-1"),
        (acts("2026-03", vec![fee(one)]), "acts-out-of-order"),
        (acts("2026-03", vec![draft(two, &[("fee", "10.00"), ("usage", "-10.00")])]), "none"),
        (acts("2026-03", vec![draft(three, &[("fee", "-5.00")])]), "2-2"),
        (acts("2026-03", vec![]), "none"),
        (acts("2026-03", vec![]), "none"),
        (acts("2026-03", vec![fee(three)]), "acts-complete"),
    ] {
        let (changes, refused) =
            (ledger.changes.len(), wanted.contains('-') && !wanted.contains(char::is_numeric));
        assert_eq!(answer(ledger.run(&command)), wanted, "{command:?}");
        assert!(!refused || ledger.changes.len() == changes, "{command:?} wrote");
    }
    let sums: Vec<_> = made(&ledger).iter().map(|a| (a.number, a.account, a.sum, a.vat, a.made)).collect();
    assert_eq!(
        sums,
        [(1, one, money("300.00"), money("50.00"), NOW), (2, three, money("-5"), money("-0.83"), NOW)]
    );
    let closing = &ledger.state.billing.books.closings[0];
    // 00:00 in Moscow.
    assert_eq!((closing.begins.seconds(), closing.ends.seconds()), (1_772_312_400, 1_774_990_800));
    assert_eq!(closing.last_transfer, TransferId(ledger.state.last_transfer()));
}

#[test]
fn a_month_waits_for_its_fees_and_for_the_acts_of_the_month_before() {
    for (through, wanted) in [
        (None, "done"),
        (Some("2026-03-30"), "fees-not-decided"),
        (Some("2026-03-31"), "done"),
        (Some("2026-04-06"), "done"),
    ] {
        let mut ledger = Ledger::sample();
        let day: Day = "2026-03-01".parse().unwrap();
        ledger.put(Change::FeeState(FeeState {
            subscriber: ledger.subscriber("ivanov"),
            decided: day,
            plan_through: day,
            services_through: vec![],
            due: Money::ZERO,
            due_cut_at: None,
        }));
        let fees_through = through.map(|day: &str| day.parse().unwrap());
        ledger.put(Change::Books(BooksState { fees_through, ..BooksState::default() }));
        assert_eq!(answer(ledger.run(&lock("2026-03"))), wanted, "{through:?}");
    }
    let mut ledger = Ledger::sample();
    ledger.run(&lock("2026-02")).unwrap();
    assert_eq!(answer(ledger.run(&lock("2026-03"))), "acts-missing");
    ledger.run(&acts("2026-02", vec![])).unwrap();
    assert_eq!(answer(ledger.run(&lock("2026-03"))), "done");
}

#[test]
fn nothing_is_dated_into_a_closed_month() {
    let mut ledger = Ledger::sample();
    let day = |text: &str| text.parse::<Day>().unwrap();
    assert_eq!(open_day(&ledger.state, day("2026-02-28")), Some(day("2026-02-28")));
    ledger.run(&lock("2026-03")).unwrap();
    for (text, open) in [("2026-02-28", false), ("2026-03-31", false), ("2026-04-01", true)] {
        assert_eq!(open_day(&ledger.state, day(text)), open.then(|| day(text)), "{text}");
    }
}

#[test]
fn the_vat_of_a_closed_month_is_that_of_its_closing() {
    let mut ledger = with_vat();
    ledger.run(&lock("2026-03")).unwrap();
    let mut later = Ledger::empty();
    later.state = State::new(stored(&ledger.changes), Settings::default(), NOW);
    later.now = NOW.saturating_add(std::time::Duration::from_secs(86_400));
    later.run(&acts("2026-03", vec![draft(ledger.account("1001"), &[("fee", "120.00")])])).unwrap();
    assert_eq!((made(&later)[0].vat, made(&later)[0].made), (money("20.00"), NOW));
}

#[test]
fn after_going_live_files_set_no_balances() {
    let mut ledger = Ledger::sample();
    let options = LoadOptions { set_balances: true, ..LoadOptions::default() };
    let file = "[[account]]\ncontract = \"1001\"\nbalance = \"7.00\"";
    ledger.load_with(file, options).unwrap();
    assert_eq!(answer(ledger.run(&Command::Closing(ClosingCommand::GoLive))), "done");
    assert_eq!(answer(ledger.run(&Command::Closing(ClosingCommand::GoLive))), "unchanged");
    assert_eq!(ledger.load_with(file, options).unwrap_err().token, "live");
    ledger.load(file).unwrap();
    assert_eq!(ledger.balance("1001"), "7.00");
}

#[test]
fn vat_is_included_in_the_sum_and_rounded_half_to_even() {
    for (sum, rate, digits, vat) in [
        ("300.00", Some(2_000), 2, "50.00"),
        ("100.00", Some(2_000), 2, "16.67"),
        ("0.03", Some(2_000), 2, "0.00"),
        ("0.09", Some(2_000), 2, "0.02"),
        ("0.15", Some(2_000), 2, "0.02"),
        ("-100.00", Some(2_000), 2, "-16.67"),
        ("-0.03", Some(2_000), 2, "0.00"),
        ("100.00", Some(500), 2, "4.76"),
        ("110", Some(1_000), 0, "10"),
        ("300.00", None, 2, "0.00"),
        ("300.00", Some(0), 2, "0.00"),
        ("0.00", Some(2_000), 2, "0.00"),
    ] {
        assert_eq!(vat_included(money(sum), rate, digits), money(vat), "{sum} {rate:?}");
    }
    for sum in [i64::MAX, i64::MIN] {
        let sum = Money::from_micros(sum);
        assert!(vat_included(sum, Some(u32::MAX), 2).micros().unsigned_abs() <= sum.micros().unsigned_abs());
    }
}

proptest! {
    /// However the drafts are cut into steps, and wherever the ledger starts anew between them: the same acts.
    #[test]
    fn acts_are_the_same_in_any_steps_and_after_any_crash(
        sums in prop::collection::vec(-300i32..300, 1..4),
        steps in prop::collection::vec((1usize..3, any::<bool>()), 3),
    ) {
        let mut whole = with_vat();
        let drafts: Vec<ActDraft> = accounts(&whole)
            .iter()
            .zip(&sums)
            .map(|(id, sum)| draft(*id, &[("fee", &sum.to_string()), ("usage", "0.35")]))
            .collect();
        whole.run(&lock("2026-03")).unwrap();
        whole.run(&acts("2026-03", drafts.clone())).unwrap();
        whole.run(&acts("2026-03", vec![])).unwrap();

        let mut stepwise = with_vat();
        stepwise.run(&lock("2026-03")).unwrap();
        let mut rest = drafts.as_slice();
        for (length, crash) in steps {
            let (step, tail) = rest.split_at(length.min(rest.len()));
            rest = tail;
            if !step.is_empty() {
                stepwise.run(&acts("2026-03", step.to_vec())).unwrap();
            }
            if crash {
                let settings = stepwise.state.settings().clone();
                stepwise.state = State::new(stored(&stepwise.changes), settings, stepwise.now);
            }
        }
        stepwise.run(&acts("2026-03", vec![])).unwrap();
        prop_assert_eq!(made(&stepwise), made(&whole));
        prop_assert_eq!(&stepwise.state.billing.books, &whole.state.billing.books);
        let numbers: Vec<i64> = made(&whole).iter().map(|act| act.number).collect();
        prop_assert_eq!(numbers, (1..=i64::try_from(made(&whole).len()).unwrap()).collect::<Vec<_>>());
    }
}

#[test]
fn a_closing_is_audited_under_the_name_of_who_asked() {
    let mut ledger = Ledger::sample();
    ledger.run(&lock("2026-03")).unwrap();
    let entry =
        ledger.changes.iter().find_map(|c| if let Change::Audit(entry) = c { Some(entry) } else { None });
    let entry = entry.unwrap();
    assert_eq!((entry.action.as_str(), &entry.by), ("close-month", &actor().0));
}
