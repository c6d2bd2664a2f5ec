use super::super::super::testing::money;
use super::super::super::tests::fees::Story;
use super::*;
use crate::engine::Settings;

const DATA: &str = r#"
[[plan]]
name = "p"
fee = "300.00"
[[service]]
name = "tv"
fee = "30.00"
[[service]]
name = "ip"
fee = "90.00"
charge = "period"
[[service]]
name = "visit"
fee = "500.00"
period = "none"
[[package]]
name = "calls"
price = "50.00"
minutes = 100
sms = 10
days = 30
destination = "nationale"
[[package]]
name = "gift"
mib = 5
[[subscriber]]
login = "s"
contract = "1001"
plan = "p"
balance = "1000.00"
"#;

/// At noon of 10 April 2026, with 900.00.
fn story() -> Story {
    let mut story = Story::loaded(DATA, Settings::default());
    story.to("2026-04-10 12:00");
    assert_eq!(story.ledger.balance("1001"), "900.00");
    story
}

fn run(story: &mut Story, command: impl Fn(SubscriberId) -> TermsCommand) -> Result<Outcome, String> {
    let command = Command::Terms(command(story.ledger.subscriber("s")));
    story.ledger.run(&command).map_err(|refusal| refusal.token)
}

fn add(story: &mut Story, name: &str, from: Option<&str>, until: Option<&str>) -> Result<Outcome, String> {
    let day = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    let (from, until) = (day(from), day(until));
    run(story, |subscriber| TermsCommand::AddService { subscriber, service: name.into(), from, until })
}

fn remove(story: &mut Story, name: &str) -> Result<Outcome, String> {
    run(story, |subscriber| TermsCommand::RemoveService { subscriber, service: name.into() })
}

fn buy(story: &mut Story, name: &str) -> Result<Outcome, String> {
    run(story, |subscriber| TermsCommand::BuyPackage { subscriber, package: name.into() })
}

fn amount(outcome: Result<Outcome, String>) -> String {
    match outcome {
        Ok(Outcome::Posted { amount, .. }) => amount.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_service_by_the_day_is_charged_from_today_beside_the_plan() {
    let mut story = story();
    assert_eq!(amount(add(&mut story, "tv", None, None)), "1.00");
    assert_eq!(add(&mut story, "tv", None, None), Ok(Outcome::Done { changed: false }));
    story.to("2026-04-12 12:00");
    assert_eq!(story.ledger.balance("1001"), "877.00");
    remove(&mut story, "tv").unwrap();
    assert_eq!(add(&mut story, "tv", None, None), Ok(Outcome::Done { changed: true }), "today is paid");
    remove(&mut story, "tv").unwrap();
    story.to("2026-04-13 12:00");
    assert_eq!(story.ledger.balance("1001"), "867.00");
}

#[test]
fn a_service_by_the_period_is_charged_for_the_rest_of_the_month_and_given_back() {
    let mut story = story();
    assert_eq!(amount(add(&mut story, "ip", None, None)), "63.00");
    story.to("2026-04-20 12:00");
    assert_eq!(story.ledger.balance("1001"), "737.00");
    assert_eq!(amount(remove(&mut story, "ip")), "30.00");
    assert_eq!(amount(add(&mut story, "ip", None, None)), "30.00", "today stays paid");
    story.to("2026-05-01 12:00");
    // The plan's ten days, its first of May and the service's May.
    assert_eq!(story.ledger.balance("1001"), "537.32");
}

#[test]
fn a_term_of_a_service_is_charged_to_its_last_day_only() {
    let mut story = story();
    assert_eq!(amount(add(&mut story, "ip", None, Some("2026-04-12"))), "9.00");
    assert_eq!(
        add(&mut story, "tv", Some("2026-04-12"), Some("2026-04-13")),
        Ok(Outcome::Done { changed: true })
    );
    story.to("2026-05-02 12:00");
    // 22 days of the plan: 20 of April, 2 of May at 9.68 and 9.67.
    assert_eq!(story.ledger.balance("1001"), "669.65");
    assert_eq!(
        amount(add(&mut story, "ip", None, Some("2026-05-02"))),
        "2.90",
        "one that is over may begin anew"
    );
    story.to("2026-05-03 12:00");
    let before = story.ledger.state.balance(story.account());
    let term = (Some("2026-05-30"), Some("2026-06-03"));
    assert_eq!(add(&mut story, "ip", term.0, term.1), Ok(Outcome::Done { changed: true }));
    story.to("2026-06-05 12:00");
    // 28 days of May and 5 of June of the plan, 2 of 31 and 3 of 30 of the service.
    let paid = before.saturating_sub(story.ledger.state.balance(story.account()));
    assert_eq!(paid, money("335.78"));
}

#[test]
fn what_is_sold_once_is_charged_at_once_and_each_time() {
    let mut story = story();
    assert_eq!(amount(add(&mut story, "visit", None, None)), "500.00");
    assert_eq!(story.ledger.balance("1001"), "400.00");
    assert_eq!(add(&mut story, "visit", None, None), Err("not-covered".into()));
    let posted = story.ledger.changes.iter().rev().find_map(|change| match change {
        Change::Transfer(transfer) => Some((transfer.kind, transfer.text.as_str())),
        _ => None,
    });
    assert_eq!(posted, Some((TransferKind::Service, "visit")));
}

#[test]
fn refusals_about_services_say_what_is_wrong() {
    let mut story = story();
    add(&mut story, "tv", None, None).unwrap();
    for (token, result) in [
        ("service-not-found", add(&mut story, "none", None, None)),
        ("one-off-service", add(&mut story, "visit", Some("2026-04-11"), None)),
        ("one-off-service", add(&mut story, "visit", None, Some("2026-04-11"))),
        ("service-had", add(&mut story, "tv", None, Some("2026-04-20"))),
        ("day-past", add(&mut story, "ip", Some("2026-04-09"), None)),
        ("ends-before-it-begins", add(&mut story, "ip", Some("2026-04-12"), Some("2026-04-11"))),
        ("service-not-had", remove(&mut story, "ip")),
        ("package-not-found", buy(&mut story, "none")),
    ] {
        assert_eq!(result, Err(token.to_owned()));
    }
    let unknown = |subscriber| TermsCommand::RemoveService { subscriber, service: "tv".into() };
    let refused = story.ledger.run(&Command::Terms(unknown(SubscriberId(99)))).unwrap_err();
    assert_eq!(refused.token, "subscriber-not-found");
}

#[test]
fn there_is_an_end_to_services_and_packages() {
    let services: String =
        (0..=SERVICES_MAX).map(|n| format!("[[service]]\nname = \"s{n}\"\nfee = \"0\"\n")).collect();
    let mut story = Story::loaded(&format!("{services}{DATA}"), Settings::default());
    for n in 0..SERVICES_MAX {
        add(&mut story, &format!("s{n}"), None, None).unwrap();
    }
    let one_more = format!("s{SERVICES_MAX}");
    assert_eq!(add(&mut story, &one_more, None, None), Err("too-many-services".into()));
    for _ in 0..crate::engine::packages::HOLDINGS_MAX {
        buy(&mut story, "gift").unwrap();
    }
    assert_eq!(buy(&mut story, "gift"), Err("too-many-packages".into()));
}

#[test]
fn no_service_begins_today_while_todays_fee_is_due() {
    let mut story = Story::loaded(&DATA.replace("1000.00", "5.00"), Settings::default());
    story.to("2026-04-10 12:00");
    assert_eq!(add(&mut story, "tv", None, None), Err("fee-due".into()));
    assert_eq!(add(&mut story, "tv", Some("2026-04-11"), None), Ok(Outcome::Done { changed: true }));
    story.to("2026-04-11 12:00");
    let due =
        |story: &Story| story.ledger.state.view(story.ledger.subscriber("s"), story.ledger.now).unwrap().due;
    assert_eq!(due(&story), money("11.00"));
    remove(&mut story, "tv").unwrap();
    assert_eq!(due(&story), money("10.00"));
}

#[test]
fn discounts_are_of_plan_and_services_until_their_last_day() {
    let mut story = story();
    add(&mut story, "tv", None, None).unwrap();
    let discount = |basis_points, until: Option<&'static str>| {
        move |subscriber| TermsCommand::Discount {
            subscriber,
            basis_points,
            until: until.map(|day| day.parse().unwrap()),
        }
    };
    assert_eq!(run(&mut story, discount(10_001, None)), Err("bad-discount".into()));
    assert_eq!(run(&mut story, discount(1, Some("2026-04-09"))), Err("day-past".into()));
    assert_eq!(run(&mut story, discount(5_000, Some("2026-04-12"))), Ok(Outcome::Done { changed: true }));
    assert_eq!(run(&mut story, discount(5_000, Some("2026-04-12"))), Ok(Outcome::Done { changed: false }));
    story.to("2026-04-13 12:00");
    // 899.00 less two days at 5.50 and one at 11.00.
    assert_eq!(story.ledger.balance("1001"), "877.00");
    assert_eq!(run(&mut story, discount(0, None)), Ok(Outcome::Done { changed: true }));
}

#[test]
fn a_package_is_paid_at_once_and_its_units_are_on_accounts_of_the_ledger() {
    let mut story = story();
    assert_eq!(amount(buy(&mut story, "calls")), "50.00");
    assert_eq!(buy(&mut story, "gift"), Ok(Outcome::Done { changed: true }));
    buy(&mut story, "calls").unwrap();
    assert_eq!(story.ledger.balance("1001"), "800.00");
    let held: Vec<_> = story.ledger.state.holdings_of(story.account()).map(|(_, h)| h.clone()).collect();
    assert_eq!(
        held.iter().map(|h| (h.package.as_str(), h.number)).collect::<Vec<_>>(),
        [("calls", 1), ("calls", 2), ("gift", 1)]
    );
    let units = |holding: &PackageHolding| -> Vec<(Asset, i64)> {
        let balance = |id| story.ledger.state.balance(id).micros() / 1_000_000;
        holding.units().map(|(asset, id)| (asset, balance(id))).collect()
    };
    assert_eq!(units(&held[0]), [(Asset::Seconds, 6_000), (Asset::Sms, 10)]);
    assert_eq!(units(&held[2]), [(Asset::Octets, 5 << 20)]);
    assert_eq!(held[0].expires, Some(story.at("2026-05-10")));
    assert_eq!((held[2].expires, held[0].destination.as_str()), (None, "nationale"));

    let mut poor = Story::loaded(&DATA.replace("1000.00", "49.99"), Settings::default());
    assert_eq!(buy(&mut poor, "calls"), Err("not-covered".into()));
}

#[test]
fn what_is_left_of_a_package_goes_back_at_its_end_over_a_crash_too() {
    for crashes in [false, true] {
        let mut story = story();
        story.crashes = crashes;
        buy(&mut story, "calls").unwrap();
        story.to("2026-05-09 23:59");
        assert_eq!(story.ledger.state.holdings_of(story.account()).count(), 1);
        story.to("2026-05-10 00:00");
        assert_eq!(story.ledger.state.holdings_of(story.account()).count(), 0);
        let unsettled: Vec<_> = (story.ledger.state.ledger.values())
            .filter(|(account, balance)| account.asset != Asset::Money && *balance != Money::ZERO)
            .collect();
        assert!(unsettled.is_empty(), "{unsettled:?}");
        // Its number and its accounts are used again.
        let accounts = story.ledger.state.ledger.len();
        buy(&mut story, "calls").unwrap();
        assert_eq!(story.ledger.state.ledger.len(), accounts);
    }
}
