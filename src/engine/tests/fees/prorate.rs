//! Shares of a month: exact together, whatever the fee, the month and the discount.

use super::Story;
use crate::engine::Settings;
use crate::engine::fees::prorate::{month_rest, of_day, share};
use crate::engine::testing::money;
use crate::model::*;
use proptest::prelude::*;

fn days(month: Month) -> impl Iterator<Item = Day> {
    (0..month.days()).map(move |n| month.first_day().plus(n))
}

/// A month of each length.
fn months() -> [Month; 4] {
    ["2026-02", "2024-02", "2026-04", "2026-01"].map(|text| text.parse().unwrap())
}

#[test]
fn three_hundred_over_thirty_one_days_are_as_the_rules_say() {
    let fee: Price = "300.00".parse().unwrap();
    let january: Vec<Money> = days("2026-01".parse().unwrap()).map(|day| of_day(fee, 0, day, 2)).collect();
    assert_eq!(january[..3], [money("9.68"), money("9.67"), money("9.68")]);
    assert_eq!(january.iter().map(|f| f.micros()).sum::<i64>(), money("300.00").micros());
    let eleventh = "2026-04-11".parse().unwrap();
    assert_eq!(month_rest(fee, 0, eleventh, 2), money("200.00"));
    assert_eq!(month_rest(fee, 1_000, eleventh, 2), money("180.00"));
}

#[test]
fn a_half_is_rounded_to_even() {
    let price = |text: &str| text.parse::<Price>().unwrap();
    for (fee, digits, rounded) in [
        ("0.005", 2, "0.00"),
        ("0.015", 2, "0.02"),
        ("0.025", 2, "0.02"),
        ("0.025000001", 2, "0.03"),
        ("0.5", 0, "0"),
        ("1.5", 0, "2"),
        ("0.0015", 3, "0.002"),
    ] {
        assert_eq!(share(price(fee), 0, 1, 1, digits), money(rounded), "{fee}");
    }
    assert_eq!(share(price("9000000000"), 0, 31, 31, 6), money("9000000000"));
}

proptest! {
    #[test]
    fn the_days_of_any_month_add_up_to_the_fee_less_its_discount(
        nanos in 0..2_000_000_000_000i64,
        discount in 0..=10_000u32,
        digits in prop::sample::select(vec![0usize, 2, 3]),
    ) {
        let fee = Price::from_nanos(nanos);
        let whole = share(fee, discount, 1, 1, digits);
        for month in months() {
            let sum: i64 = days(month).map(|day| of_day(fee, discount, day, digits).micros()).sum();
            prop_assert_eq!(sum, whole.micros());
            prop_assert!(days(month).all(|day| !of_day(fee, discount, day, digits).is_negative()));
            prop_assert_eq!(month_rest(fee, discount, month.first_day(), digits), whole);
        }
    }
}

#[test]
fn a_year_of_days_costs_twelve_fees() {
    let mut story = Story::new("", "10000.00");
    story.to("2027-04-01 00:00");
    // The first day of the thirteenth month is charged too.
    assert_eq!(story.balance(), "6390.00");
    assert_eq!(story.transfers().len(), 1 + 366);
    story.check();
    assert!(story.ledger.state.next_deadline().is_none());
}

/// Plan, discount and services, each by its own way of charging, posted together.
#[test]
fn services_are_charged_beside_the_plan_and_with_its_discount() {
    let mut story = Story::new("", "100.00");
    let id = story.ledger.subscriber("s");
    let service = |name: &str, fee: &str, period, charge| {
        Change::Service(Service { name: name.into(), fee: fee.parse().unwrap(), period, charge })
    };
    story.ledger.put(service("tv", "60.00", Period::Month, Charge::Daily));
    story.ledger.put(service("ip", "0.10", Period::Day, Charge::Daily));
    story.ledger.put(service("box", "30.00", Period::Month, Charge::Period));
    story.ledger.put(service("visit", "500.00", Period::None, Charge::Daily));
    let day = |text: &str| text.parse::<Day>().unwrap();
    let held = |name: &str, from: &str, until: Option<&str>| SubscribedService {
        name: name.into(),
        from: day(from),
        until: until.map(day),
    };
    let view = story.ledger.state.view(id, story.ledger.now).unwrap();
    let mut subscriber = Subscriber::clone(&view.subscriber);
    subscriber.terms.services = vec![
        held("tv", "2026-04-02", Some("2026-04-03")),
        held("ip", "2026-04-01", None),
        held("box", "2026-04-03", None),
        held("visit", "2026-04-01", None),
    ];
    subscriber.terms.discount = Some(Discount { basis_points: 5_000, until: Some(day("2026-04-02")) });
    story.ledger.put(Change::Subscriber(Box::new(subscriber)));
    story.run(&[
        // 5.00 + 0.05
        ("2026-04-01 00:00", "", "ok", "94.95", "open"),
        // 5.00 + 1.00 + 0.05
        ("2026-04-02 00:00", "", "ok", "88.90", "open"),
        // 10.00 + 2.00 + 0.10 + 28.00
        ("2026-04-03 00:00", "", "ok", "48.80", "open"),
        // 10.00 + 0.10
        ("2026-04-04 00:00", "", "ok", "38.70", "open"),
        ("2026-04-07 00:00", "", "ok", "8.40", "open"),
        // Together or not at all.
        ("2026-04-08 00:00", "", "ok", "8.40", "open: 1.70 to pay until 2026-04-08 10:00"),
    ]);
    let kinds: Vec<TransferKind> = story.transfers().iter().skip(1).take(5).map(|t| t.kind).collect();
    use TransferKind::{Fee, Service as Extra};
    assert_eq!(kinds, [Fee, Extra, Fee, Extra, Extra]);
    assert!(story.transfers().iter().skip(1).all(|t| t.reference.starts_with("fee:") && t.day.is_none()));
}

#[test]
fn a_currency_without_minor_unit_is_charged_in_whole_units() {
    let data = "[[plan]]\nname = \"p\"\nfee = \"100\"\nrate-in = 1\nrate-out = 1\n\
                [[subscriber]]\nlogin = \"s\"\ncontract = \"1001\"\nplan = \"p\"\nbalance = \"1000\"";
    let mut story = Story::loaded(data, Settings { currency_digits: 0, ..Settings::default() });
    story.to("2026-04-30 12:00");
    assert_eq!(story.balance(), "900.00");
    assert!(story.transfers().iter().all(|t| t.amount.micros() % 1_000_000 == 0));
}
