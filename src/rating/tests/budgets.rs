//! What each method does to a budget: the published debits, plans and discounts.

use super::fixture::{self, tariffs};
use crate::model::Money;
use crate::rating::{
    Decimal, MinuteBucket, Quantity, RatingError, ReceivedCallBonus, TariffPlan, Tariffs, UserBudget,
    VolumeDiscount,
};

fn units(units: i32) -> Quantity {
    Quantity::from_units(units)
}

fn bucket(seconds: i32, priority: i64, price: i32, destination: &str) -> MinuteBucket {
    MinuteBucket {
        seconds: units(seconds),
        priority,
        price: Decimal::from_nanos(i64::from(price) * 1_000_000_000),
        destination_id: destination.to_owned(),
    }
}

/// Credit 21; ten seconds of priority 10 (nationale), a hundred of priority 20 (retea).
fn budget(first_price: i32, second_price: i32) -> UserBudget {
    UserBudget {
        id: "other".into(),
        credit: Money::from_units(21),
        minute_buckets: vec![
            bucket(10, 10, first_price, "nationale"),
            bucket(100, 20, second_price, "retea"),
        ],
        ..UserBudget::default()
    }
}

#[test]
fn money_may_go_below_zero_and_a_negative_debit_adds() {
    for (debits, left) in [(&[6][..], 15), (&[21, 0], 0), (&[22], -1), (&[-15], 36)] {
        let debit =
            |budget: UserBudget, amount: &i32| budget.debit_balance(Money::from_units(*amount)).unwrap();
        assert_eq!(debits.iter().fold(budget(0, 0), debit).credit, Money::from_units(left), "{debits:?}");
    }
    assert_eq!(budget(0, 0).debit_balance(Money::from_micros(i64::MIN)), Err(RatingError::OutOfRange));
}

#[test]
fn messages_never_go_below_zero() {
    let budget = UserBudget { sms_credit: units(100), ..budget(0, 0) };
    for (debit, left) in [(12, 88), (100, 0), (-15, 115)] {
        assert_eq!(budget.debit_sms(units(debit)).unwrap().sms_credit, units(left));
    }
    let refused = budget.debit_sms(units(110)).unwrap_err();
    assert_eq!(refused.to_string(), "Amount excedes budget!");
}

#[test]
fn published_debits_of_seconds_leave_what_was_published() {
    let tariffs = tariffs();
    for (prices, debit, first, second, credit, refused) in [
        ((0, 0), 6, 10, 94, 21, false),
        ((0, 0), 105, 5, 0, 21, false),
        ((0, 0), 110, 0, 0, 21, false),
        ((0, 0), 115, 10, 100, 21, true),
        ((0, 1), 5, 10, 95, 16, false),
        ((0, 1), 21, 10, 79, 0, false),
        ((0, 1), 25, 10, 100, 21, true),
        ((0, 1), -15, 10, 115, 36, false),
        ((0, 0), -15, 10, 115, 21, false),
    ] {
        let before = budget(prices.0, prices.1);
        let result = before.debit_seconds(&tariffs, "0723", units(debit));
        assert_eq!(result == Err(RatingError::ExceedsBudget), refused, "{prices:?} {debit}: {result:?}");
        let after = result.unwrap_or(before);
        assert_eq!(after.minute_buckets[0].seconds, units(first), "{prices:?} {debit}");
        assert_eq!(after.minute_buckets[1].seconds, units(second), "{prices:?} {debit}");
        assert_eq!(after.credit, Money::from_units(credit), "{prices:?} {debit}");
    }
}

#[test]
fn only_the_seconds_taken_from_a_priced_bucket_are_paid() {
    let tariffs = tariffs();
    let after = budget(2, 0).debit_seconds(&tariffs, "0723", units(105)).unwrap();
    assert_eq!(after.credit, Money::from_units(11));
    assert_eq!(after.minute_buckets[0].seconds, units(5));
}

#[test]
fn a_debtor_uses_free_seconds_but_no_priced_ones() {
    let tariffs = tariffs();
    let owing = |price| UserBudget { credit: Money::from_units(-5), ..budget(0, price) };
    assert!(owing(0).debit_seconds(&tariffs, "0723", units(50)).is_ok());
    assert_eq!(owing(1).debit_seconds(&tariffs, "0723", units(50)), Err(RatingError::ExceedsBudget));
}

#[test]
fn a_refund_goes_into_an_empty_bucket_too_and_is_never_lost() {
    let tariffs = tariffs();
    let mut empty = budget(0, 0);
    empty.minute_buckets[1].seconds = Quantity::ZERO;
    let after = empty.debit_seconds(&tariffs, "0723", units(-3)).unwrap();
    assert_eq!(after.minute_buckets[1].seconds, units(3));
    assert_eq!(empty.debit_seconds(&tariffs, "0999", units(-3)), Err(RatingError::NoBucket));
}

#[test]
fn priced_seconds_are_available_as_far_as_the_credit_goes() {
    let tariffs = tariffs();
    let rich = UserBudget { credit: Money::from_units(200), ..budget(0, 0) };
    assert_eq!(rich.seconds_for(&tariffs, "0723"), Ok(units(110)));
    assert_eq!(rich.buckets_for(&tariffs, "0723"), [1, 0]);
    assert_eq!(budget(10, 1).seconds_for(&tariffs, "0723"), Ok(units(21)));
    let owing = UserBudget { credit: Money::from_units(-3), ..budget(0, 1) };
    assert_eq!(owing.seconds_for(&tariffs, "0723"), Ok(units(10)));
}

#[test]
fn buckets_are_used_by_priority_then_precision_then_price() {
    let tariffs = tariffs();
    let buckets = vec![
        bucket(1, 0, 2, "nationale"),
        bucket(1, 0, 1, "nationale"),
        bucket(1, 0, 9, "radu"),
        bucket(1, 5, 9, "nationale"),
        bucket(1, 9, 0, "absent"),
    ];
    let budget = UserBudget { minute_buckets: buckets, ..budget(0, 0) };
    assert_eq!(budget.buckets_for(&tariffs, "0723045326"), [3, 2, 1, 0]);
    assert_eq!(budget.buckets_for(&tariffs, "0"), [0usize; 0]);
}

#[test]
fn the_highest_volume_reached_gives_the_discount() {
    let threshold = |volume, discount: i64| VolumeDiscount {
        volume: units(volume),
        discount: Decimal::from_nanos(discount * 1_000_000_000),
    };
    for (thresholds, seconds, percent) in [
        (vec![threshold(100, 11)], 100, 11),
        (vec![threshold(100, 11)], 99, 0),
        (vec![threshold(100, 11), threshold(500, 20)], 551, 20),
        (vec![threshold(500, 20), threshold(100, 11)], 551, 20),
        (vec![], 551, 0),
    ] {
        let plan = TariffPlan { volume_discount_thresholds: thresholds, ..TariffPlan::default() };
        let percent = Decimal::from_nanos(percent * 1_000_000_000);
        assert_eq!(plan.volume_discount(units(seconds)), percent);
    }
}

#[test]
fn volume_seconds_are_added_and_reset() {
    let budget = budget(0, 0).add_volume_discount_seconds(units(40)).unwrap();
    assert_eq!(budget.volume_discount_seconds, units(40));
    assert_eq!(budget.reset_volume_discount_seconds().volume_discount_seconds, Quantity::ZERO);
}

fn bonus_plan(limit: i32) -> TariffPlan {
    let bonus = ReceivedCallBonus {
        credit: Money::from_units(100),
        sms_credit: units(7),
        traffic: units(9),
        minute_bucket: Some(bucket(30, 0, 0, "retea")),
    };
    TariffPlan {
        received_call_seconds_limit: units(limit),
        received_call_bonus: Some(bonus),
        ..TariffPlan::default()
    }
}

#[test]
fn enough_received_seconds_earn_the_bonus_once() {
    let before = UserBudget { received_call_seconds: units(1), ..budget(0, 0) };
    let after = before.add_received_call_seconds(Some(&bonus_plan(10)), units(12)).unwrap();
    assert_eq!((after.credit, after.received_call_seconds), (Money::from_units(121), units(3)));
    assert_eq!((after.sms_credit, after.traffic), (units(7), units(9)));
    let seconds: Vec<Quantity> = after.minute_buckets.iter().map(|bucket| bucket.seconds).collect();
    assert_eq!(seconds, [units(10), units(130)]);
    let after = before.add_received_call_seconds(Some(&bonus_plan(10)), units(29)).unwrap();
    assert_eq!((after.credit, after.received_call_seconds), (Money::from_units(121), units(20)));
}

#[test]
fn without_a_limit_or_a_plan_received_seconds_are_only_counted() {
    for plan in [None, Some(bonus_plan(0)), Some(bonus_plan(100))] {
        let after = budget(0, 0).add_received_call_seconds(plan.as_ref(), units(12)).unwrap();
        assert_eq!((after.credit, after.received_call_seconds), (Money::from_units(21), units(12)));
    }
}

#[test]
fn a_reset_fills_messages_traffic_and_buckets_and_nothing_else() {
    let tariffs: Tariffs = tariffs();
    let used = fixture::budget("minutosu")
        .debit_seconds(&tariffs, "0723", units(110))
        .and_then(|budget| budget.add_volume_discount_seconds(units(5)))
        .and_then(|budget| budget.add_received_call_seconds(None, units(6)))
        .unwrap();
    assert_eq!(used.minute_buckets[1].seconds, Quantity::ZERO);
    let reset = used.reset_user_budget(tariffs.plan(&used.tariff_plan)).unwrap();
    assert_eq!(reset.sms_credit, units(100));
    assert_eq!(reset.minute_buckets, tariffs.plan("seara").unwrap().minute_buckets);
    assert_eq!(reset.credit, used.credit);
    assert_eq!((reset.volume_discount_seconds, reset.received_call_seconds), (units(5), units(6)));
    assert_eq!(used.reset_user_budget(None), Err(RatingError::NoTariffPlan));
}

#[test]
fn a_destination_contains_a_number_from_two_digits_on() {
    let tariffs = tariffs();
    for (destination, dialled, precision) in [
        ("nationale", "0256", Some(4)),
        ("nationale", "0723045326", Some(4)),
        ("radu", "0723045326", Some(10)),
        ("radu", "072304532", None),
        ("nationale", "02", None),
        ("nationale", "", None),
        ("absent", "0256", None),
    ] {
        assert_eq!(tariffs.precision(destination, dialled), precision, "{destination} {dialled}");
    }
}
