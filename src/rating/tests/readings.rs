//! Where the algorithm of 2012 went wrong: the correct figure and the old one, side by side; and what only the correct
//! reading has to answer.

use super::fixture::{budget, call, spans, tariffs, tariffs_of};
use crate::model::Money;
use crate::rating::{CALL_DAYS_MAX, CallDescriptor, Quantity, Rater, RatingError, Tariffs};

fn costs(tariffs: &Tariffs, call: &CallDescriptor) -> [Result<i64, RatingError>; 2] {
    [false, true]
        .map(|compat| Rater::new(tariffs, compat).cost(call, None).map(|cost| cost.cost.micros() / 1_000_000))
}

fn always(intervals: &str) -> Tariffs {
    tariffs_of(&format!(r#"[{{"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{intervals}]}}]"#))
}

#[test]
fn a_day_inside_a_long_call_is_priced_by_its_own_intervals() {
    let call = call("rif", "0256", "2012-02-02 17:00:00", "2012-02-03 19:00:00");
    assert_eq!(costs(&tariffs(), &call), [Ok(16_200), Ok(9_720)]);
}

#[test]
fn a_call_that_starts_at_an_activation_time_has_the_new_rates() {
    let call = call("rif", "0257", "2012-02-08 00:00:00", "2012-02-08 00:30:00");
    assert_eq!(costs(&tariffs(), &call), [Ok(300), Ok(360)]);
}

#[test]
fn the_dear_interval_begins_where_the_cheap_one_ends() {
    let tariffs = always(r#"{"Price":0.1,"EndTime":"09:00:00"},{"Price":0.3,"StartTime":"09:00:00"}"#);
    let call = call("s", "0", "2012-02-02 08:30:00", "2012-02-02 09:30:00");
    assert_eq!(costs(&tariffs, &call), [Ok(720), Ok(360)]);
}

#[test]
fn an_interval_strictly_inside_the_call_is_cut_out() {
    let tariffs =
        always(r#"{"Price":0.1},{"Price":0.5,"Ponder":10,"StartTime":"12:00:00","EndTime":"13:00:00"}"#);
    let call = call("s", "0", "2012-02-02 11:00:00", "2012-02-02 14:00:00");
    assert_eq!(costs(&tariffs, &call), [Ok(2_520), Ok(1_080)]);
}

#[test]
fn before_the_first_activation_there_is_no_rate() {
    let tariffs = tariffs();
    let early = call("rif", "0256", "2011-12-30 17:00:00", "2011-12-30 17:30:00");
    assert_eq!(costs(&tariffs, &early), [Err(RatingError::NoRate), Ok(360)]);
    let across = call("rif", "0256", "2011-12-31 23:30:00", "2012-01-01 00:30:00");
    assert_eq!(costs(&tariffs, &across), [Ok(180), Ok(360)]);
    let cost = Rater::new(&tariffs, false).cost(&across, None).unwrap();
    assert_eq!(spans(&cost), ["23:30:00-00:00:00 = 0", "00:00:00-00:30:00 = 180"]);
    assert!(cost.timespans[0].activation_period().is_none() && cost.timespans[1].interval().is_some());
}

#[test]
fn an_end_before_the_start_is_refused() {
    let backwards = call("rif", "0723", "2012-02-08 10:01:00", "2012-02-08 10:00:00");
    assert_eq!(costs(&tariffs(), &backwards), [Err(RatingError::EndBeforeStart), Ok(-1)]);
}

#[test]
fn a_call_where_no_interval_applies_has_no_rate() {
    let call = call("s", "0", "2012-02-05 10:00:00", "2012-02-05 11:00:00");
    assert_eq!(costs(&always(r#"{"Price":1,"WeekDays":[1]}"#), &call), [Err(RatingError::NoRate), Ok(0)]);
}

#[test]
fn both_ways_of_writing_an_end_leave_no_second_without_a_price() {
    let call = call("s", "0", "2012-02-02 17:30:00", "2012-02-02 18:30:00");
    for end in ["18:00:00", "17:59:59"] {
        let tariffs =
            always(&format!(r#"{{"Price":0.2,"EndTime":"{end}"}},{{"Price":0.1,"StartTime":"18:00:00"}}"#));
        let cost = Rater::new(&tariffs, false).cost(&call, None).unwrap();
        assert_eq!(spans(&cost), ["17:30:00-18:00:00 = 360", "18:00:00-18:30:00 = 180"], "{end}");
    }
}

#[test]
fn the_last_second_before_midnight_is_charged_at_its_own_day() {
    let call = call("s", "0", "2012-02-03 23:45:00", "2012-02-04 00:10:00");
    for end in ["", "23:59:59", "24:00:00"] {
        let tariffs = always(&format!(r#"{{"Price":1,"WeekDays":[1,2,3,4,5],"EndTime":"{end}"}}"#));
        let cost = Rater::new(&tariffs, false).cost(&call, None).unwrap();
        assert_eq!(cost.cost, Money::from_units(900), "{end}");
        let parts: &[&str] = match end {
            "24:00:00" => &["23:45:00-00:00:00 = 900", "00:00:00-00:10:00 = 0"],
            _ => &["23:45:00-23:59:59 = 899", "00:00:00-00:10:00 = 0", "23:59:59-00:00:00 = 1"],
        };
        assert_eq!(spans(&cost), parts, "{end}");
    }
}

#[test]
fn the_offset_of_the_request_says_what_hour_it_is() {
    let tariffs = tariffs();
    let call = call("rif", "0256", "2012-02-02T17:30:00+02:00", "2012-02-02T18:30:00+02:00");
    let cost = Rater::new(&tariffs, false).cost(&call, None).unwrap();
    assert_eq!(cost.cost, Money::from_units(540));
    assert_eq!(cost.timespans[0].time_end.to_string(), "2012-02-02T18:00:00+02:00");
}

#[test]
fn fractions_of_a_second_count_and_the_spans_add_up_to_the_rounded_sum() {
    let tariffs = always(
        r#"{"Price":1,"BillingUnit":3,"EndTime":"12:00:00"},{"Price":1,"BillingUnit":7,"StartTime":"12:00:00"}"#,
    );
    let call = call("s", "0", "2012-02-02T11:59:59.5Z", "2012-02-02T12:00:01.000000001Z");
    let cost = Rater::new(&tariffs, false).cost(&call, None).unwrap();
    // 1/6 and 1/7: 0.309523(8); the first alone is 0.166667, so the second adds 0.142857.
    assert_eq!(cost.cost, Money::from_micros(309_524));
    assert_eq!(cost.timespans.iter().map(|span| span.cost.micros()).collect::<Vec<_>>(), [166_667, 142_857]);
}

#[test]
fn a_call_of_no_length_costs_nothing_and_is_no_error() {
    let tariffs = tariffs();
    let untimed = CallDescriptor {
        tenant: "vdf".into(),
        subject: "rif".into(),
        destination: "0257".into(),
        ..CallDescriptor::default()
    };
    for compat in [false, true] {
        let cost = Rater::new(&tariffs, compat).cost(&untimed, None).unwrap();
        assert_eq!((cost.cost, cost.timespans.len()), (Money::ZERO, 1));
        let whole = Rater::new(&tariffs, compat)
            .cost(
                &call("minutosu", "0723", "2012-02-08 10:00:00", "2012-02-08 10:00:00"),
                Some(&budget("minutosu")),
            )
            .unwrap();
        assert_eq!(whole.timespans[0].minute_info.as_ref().map(|info| info.quantity), Some(Quantity::ZERO));
    }
}

#[test]
fn a_call_of_years_is_refused_and_one_of_a_year_is_not() {
    let tariffs = tariffs();
    let days = |days: i64| {
        let mut call = call("rif", "0723", "2012-02-02 00:00:00", "2012-02-02 00:00:00");
        call.time_end = call.time_start.plus(i128::from(days) * 86_400_000_000_000).unwrap();
        call
    };
    assert_eq!(costs(&tariffs, &days(CALL_DAYS_MAX)), [Ok(366 * 1440), Ok(366 * 1440)]);
    assert_eq!(
        costs(&tariffs, &days(CALL_DAYS_MAX + 1)),
        [Err(RatingError::TooLong), Err(RatingError::TooLong)]
    );
}

#[test]
fn the_connect_fee_is_the_first_spans_and_stands_apart() {
    let tariffs = always(
        r#"{"Price":1,"ConnectFee":2.5,"EndTime":"12:00:00"},{"Price":1,"ConnectFee":9,"StartTime":"12:00:00"}"#,
    );
    let call = call("s", "0", "2012-02-02 11:59:50", "2012-02-02 12:00:10");
    let cost = Rater::new(&tariffs, false).cost(&call, None).unwrap();
    assert_eq!((cost.cost, cost.connect_fee), (Money::from_units(20), Money::from_micros(2_500_000)));
    assert_eq!(cost.total(), Ok(Money::from_micros(22_500_000)));
}

#[test]
fn what_the_buckets_leave_over_is_rated_from_where_they_end() {
    let tariffs = tariffs();
    let call = call("minutosu", "0723", "2012-02-08 22:50:00", "2012-02-08 22:52:50");
    for compat in [false, true] {
        let cost = Rater::new(&tariffs, compat).cost(&call, Some(&budget("minutosu"))).unwrap();
        assert_eq!(
            spans(&cost),
            ["22:50:00-22:51:40 = 0", "22:51:40-22:51:50 = 0.1", "22:51:50-22:52:50 = 1"],
            "compat {compat}"
        );
    }
}

#[test]
fn an_unknown_destination_or_subject_is_named() {
    let tariffs = tariffs();
    for (subject, number) in [("rif", "0999"), ("nobody", "0723"), ("rif", "")] {
        let call = call(subject, number, "2012-02-02 00:00:00", "2012-02-02 00:01:00");
        for result in costs(&tariffs, &call) {
            assert_eq!(result.unwrap_err().to_string(), format!("no rate for vdf:{subject}:{number}"));
        }
    }
}

#[test]
fn the_fallback_subject_lends_its_rates() {
    let tariffs = tariffs();
    let mut call = call("nobody", "0723", "2012-02-02 00:00:00", "2012-02-02 00:01:00");
    call.fallback_subject = "rif".into();
    assert_eq!(costs(&tariffs, &call), [Ok(1), Ok(1)]);
}

#[test]
fn a_price_beyond_every_ledger_is_refused_not_wrapped() {
    let call = call("s", "0", "2012-02-02 00:00:00", "2012-12-02 00:00:00");
    let refused = Err(RatingError::OutOfRange);
    let tariffs = always(r#"{"Price":9000000000,"BillingUnit":0.000000001}"#);
    assert_eq!(costs(&tariffs, &call), [refused.clone(), refused]);
}
