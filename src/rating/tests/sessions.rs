//! GetMaxSessionTime, Debit and MaxDebit.

use super::fixture::{budget, call, tariffs, tariffs_of, time};
use crate::model::{Money, Timestamp};
use crate::rating::{CallDescriptor, CallTime, Quantity, Rater, RatingError, UserBudget};

const NOW: &str = "2012-02-08 12:00:00";

fn asking(subject: &str, destination: &str, amount: i32) -> CallDescriptor {
    let call = call(subject, destination, NOW, NOW);
    CallDescriptor { amount: Quantity::from_units(amount), ..call }
}

#[test]
fn published_sessions_last_as_published_under_both_readings() {
    let tariffs = tariffs();
    for compat in [false, true] {
        let rater = Rater::new(&tariffs, compat);
        for (subject, amount, holder, seconds) in [
            ("rif", 1000, None, 1000),
            ("minutosu", 5400, Some(budget("minutosu")), 1080),
            ("broker", 5400, Some(budget("broker")), 100),
        ] {
            let found = rater.max_session_time(&asking(subject, "0723", amount), holder.as_ref(), time(NOW));
            assert_eq!(found, Ok(Quantity::from_units(seconds)), "{subject}, compat {compat}");
        }
    }
}

#[test]
fn each_try_has_all_the_free_minutes_unless_2012_is_wanted() {
    let tariffs = tariffs();
    let budget = UserBudget { credit: Money::from_units(14), ..budget("minutosu") };
    for (compat, seconds) in [(false, 900), (true, 800)] {
        let rater = Rater::new(&tariffs, compat);
        let found = rater.max_session_time(&asking("minutosu", "0723", 1000), Some(&budget), time(NOW));
        assert_eq!(found, Ok(Quantity::from_units(seconds)), "compat {compat}");
    }
}

#[test]
fn a_session_must_cost_less_than_the_credit_connect_fee_included() {
    let tariffs = tariffs_of(
        r#"[{"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{"Price":1,"BillingUnit":1,"ConnectFee":5}]}]"#,
    );
    let rater = Rater::new(&tariffs, false);
    for (credit, seconds) in [(15_000_001, 10), (15_000_000, 9), (6_000_001, 1), (6_000_000, 0), (-1, 0)] {
        let budget = UserBudget { credit: Money::from_micros(credit), ..UserBudget::default() };
        let found = rater.max_session_time(&asking("s", "0", 10), Some(&budget), time(NOW));
        assert_eq!(found, Ok(Quantity::from_units(seconds)), "{credit}");
    }
}

#[test]
fn nobody_with_a_budget_talks_to_an_unknown_destination_unless_2012_is_wanted() {
    let tariffs = tariffs();
    let (asking, budget) = (asking("minutosu", "0999", 60), budget("minutosu"));
    let refused =
        Rater::new(&tariffs, false).max_session_time(&asking, Some(&budget), time(NOW)).unwrap_err();
    assert_eq!(refused.to_string(), "no rate for vdf:minutosu:0999");
    let old = Rater::new(&tariffs, true).max_session_time(&asking, Some(&budget), time(NOW));
    assert_eq!(old, Ok(Quantity::from_units(60)));
}

#[test]
fn a_negative_or_endless_amount_is_refused() {
    let tariffs = tariffs();
    let rater = Rater::new(&tariffs, false);
    for (amount, refused) in [(-1, RatingError::NegativeAmount), (i32::MAX, RatingError::TooLong)] {
        let asking = asking("minutosu", "0723", amount);
        assert_eq!(rater.max_session_time(&asking, Some(&budget("minutosu")), time(NOW)), Err(refused));
    }
}

#[test]
fn the_hour_of_now_is_read_in_the_offset_given() {
    let tariffs = tariffs();
    // Thursday 2012-02-02 17:00 UTC: 0.2 a second there, 0.1 where it is 19:00.
    let at = Timestamp::from_seconds(1_328_202_000);
    let budget = UserBudget { credit: Money::from_units(150), ..UserBudget::default() };
    for (offset, seconds) in [(0, 700), (7200, 1000)] {
        let now = CallTime::from_timestamp(at, offset);
        let found =
            Rater::new(&tariffs, false).max_session_time(&asking("rif", "0256", 1000), Some(&budget), now);
        assert_eq!(found, Ok(Quantity::from_units(seconds)), "{offset}");
    }
}

#[test]
fn a_debit_takes_bucket_seconds_once_and_their_price_and_the_rest_from_the_credit() {
    let tariffs = tariffs();
    let call = call("minutosu", "0723", "2012-02-08 22:50:00", "2012-02-08 22:52:50");
    let debit = Rater::new(&tariffs, false).debit(&call, Some(&budget("minutosu"))).unwrap();
    assert_eq!(debit.money, Money::from_micros(1_100_000));
    assert_eq!(debit.bucket_seconds, Quantity::from_units(110));
    let after = debit.budget.unwrap();
    assert_eq!(after.credit, Money::from_micros(19_900_000));
    assert!(after.minute_buckets.iter().all(|bucket| bucket.seconds == Quantity::ZERO));
}

#[test]
fn a_debit_without_a_budget_takes_nothing() {
    let tariffs = tariffs();
    let call = call("rif", "0723", "2012-02-08 22:50:00", "2012-02-08 22:51:00");
    let debit = Rater::new(&tariffs, false).debit(&call, None).unwrap();
    assert_eq!((debit.money, debit.budget), (Money::from_units(1), None));
}

#[test]
fn max_debit_debits_the_time_that_the_budget_allows() {
    let tariffs = tariffs();
    let rater = Rater::new(&tariffs, false);
    let broker = CallDescriptor { account: "broker".into(), ..asking("minutosu", "0723", 5400) };
    let debit = rater.max_debit(&broker, Some(&budget("broker")), time(NOW)).unwrap();
    assert_eq!(debit.bucket_seconds, Quantity::from_units(100));
    assert_eq!(debit.cost.timespans[0].time_end, time("2012-02-08 12:01:40"));
    let spent = debit.budget.unwrap();
    assert_eq!(spent.credit, Money::ZERO);
    assert!(matches!(rater.max_debit(&broker, Some(&spent), time(NOW)), Err(RatingError::NoCredit)));
}
