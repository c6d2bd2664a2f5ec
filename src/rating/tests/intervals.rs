//! Which moments an interval contains, and where it cuts a span.

use super::fixture::{call, tariffs_of, time};
use crate::model::Money;
use crate::rating::compat::{Cut, split_by_interval};
use crate::rating::interval::PricedPeriod;
use crate::rating::{ActivationPeriod, Interval, Rater};

fn interval(members: &str) -> Interval {
    serde_json::from_str(&format!("{{{members}}}")).unwrap()
}

#[test]
fn an_interval_contains_the_published_moments() {
    const WINDOW: &str =
        r#""Month":2,"MonthDay":1,"WeekDays":[3,4],"StartTime":"14:30:00","EndTime":"15:00:00""#;
    for (members, inside, outside) in [
        (r#""Month":2"#, &["2012-02-10 23:00:00"][..], &["2012-01-10 23:00:00"][..]),
        (r#""MonthDay":10"#, &["2012-02-10 23:00:00"], &["2012-02-11 23:00:00"]),
        (
            r#""Month":2,"MonthDay":10"#,
            &["2012-02-10 23:00:00"],
            &["2012-01-10 23:00:00", "2012-02-11 23:00:00"],
        ),
        (r#""WeekDays":[3]"#, &["2012-02-01 23:00:00"], &["2012-02-02 23:00:00"]),
        (r#""WeekDays":[3,4]"#, &["2012-02-01 23:00:00", "2012-02-02 23:00:00"], &[]),
        (r#""Month":2,"MonthDay":1,"WeekDays":[3]"#, &["2012-02-01 23:00:00"], &["2012-02-02 23:00:00"]),
        (r#""Month":2,"MonthDay":2,"WeekDays":[3,4]"#, &["2012-02-02 23:00:00"], &["2012-02-01 23:00:00"]),
        (
            r#""StartTime":"14:30:00","EndTime":"15:00:00""#,
            &["2012-02-10 14:30:01", "2012-02-10 14:59:00"],
            &["2012-02-10 14:29:00", "2012-02-10 15:01:00"],
        ),
        (
            WINDOW,
            &["2012-02-01 14:30:01", "2012-02-01 15:00:00"],
            &["2012-02-01 14:29:01", "2012-02-01 15:00:01"],
        ),
    ] {
        let interval = interval(members);
        for moment in inside {
            assert!(interval.contains(time(moment)), "{members} {moment}");
        }
        for moment in outside {
            assert!(!interval.contains(time(moment)), "{members} {moment}");
        }
    }
}

/// What cutting with one interval gives: seconds of the first part, seconds of the second if any, and which is attached.
fn cut(from: &str, to: &str, members: &str) -> (i128, Option<i128>, &'static str) {
    let period = ActivationPeriod { intervals: vec![interval(members)], ..ActivationPeriod::default() };
    let period = PricedPeriod::new(period).unwrap();
    let mut first = Cut::new(time(from), time(to));
    let second = split_by_interval(&mut first, &period, 0);
    let seconds = |cut: &Cut| cut.end.since(cut.start) / 1_000_000_000;
    let attached = match (first.interval, second.as_ref().and_then(|second| second.interval)) {
        (None, None) => "none",
        (Some(_), None) => "first",
        (None, Some(_)) => "second",
        (Some(_), Some(_)) => "both",
    };
    (seconds(&first), second.as_ref().map(seconds), attached)
}

#[test]
fn an_interval_cuts_the_published_spans() {
    const WEEK: &str = r#""WeekDays":[1,2,3,4,5]"#;
    for (from, to, members, expected) in [
        ("2012-02-03 23:45:00", "2012-02-04 00:10:00", WEEK, (899, Some(601), "first")),
        (
            "2012-02-03 17:30:00",
            "2012-02-03 18:00:00",
            r#""WeekDays":[1,2,3,4,5],"EndTime":"17:59:00""#,
            (1740, Some(60), "first"),
        ),
        ("2012-02-05 23:45:00", "2012-02-06 00:10:00", WEEK, (900, Some(600), "second")),
        (
            "2012-12-01 08:45:00",
            "2012-12-01 09:20:00",
            r#""Month":12,"MonthDay":1,"StartTime":"09:00:00""#,
            (900, Some(1200), "second"),
        ),
        ("2012-02-05 17:45:00", "2012-02-05 18:10:00", r#""WeekDays":[0]"#, (1500, None, "first")),
        ("2012-02-05 17:45:00", "2012-02-05 18:10:00", r#""WeekDays":[1]"#, (1500, None, "none")),
    ] {
        assert_eq!(cut(from, to, members), expected, "{from} {members}");
    }
}

#[test]
fn a_span_contains_neither_of_its_ends() {
    let span = Cut::new(time("2012-02-03 17:45:00"), time("2012-02-03 17:55:00"));
    for (moment, inside) in
        [("2012-02-03 17:50:00", true), ("2012-02-03 17:45:00", false), ("2012-02-03 17:55:00", false)]
    {
        assert_eq!(span.contains(time(moment)), inside);
    }
}

#[test]
fn an_activation_time_cuts_only_strictly_inside_a_call() {
    for (activation, spans) in [("17:50:00", 2), ("17:45:00", 1), ("17:55:00", 1)] {
        let tariffs = tariffs_of(&format!(
            r#"[{{"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{{"Price":1}}]}},
                {{"ActivationTime":"2012-02-03T{activation}Z","Intervals":[{{"Price":1}}]}}]"#
        ));
        let call = call("s", "0", "2012-02-03 17:45:00", "2012-02-03 17:55:00");
        for compat in [false, true] {
            let cost = Rater::new(&tariffs, compat).cost(&call, None).unwrap();
            assert_eq!(cost.timespans.len(), spans, "{activation}, compat {compat}");
            assert_eq!(cost.cost, Money::from_units(600));
        }
    }
}

#[test]
fn a_billing_unit_divides_the_price_and_none_means_a_second() {
    for (members, cost) in [
        (r#""Price":1"#, 600),
        (r#""Price":1,"BillingUnit":0.1"#, 6000),
        (r#""Price":1,"BillingUnit":60"#, 10),
        (r#""BillingUnit":60"#, 0),
    ] {
        let tariffs = tariffs_of(&format!(
            r#"[{{"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{{{members}}}]}}]"#
        ));
        let call = call("s", "0", "2012-02-03 17:45:00", "2012-02-03 17:55:00");
        let found = Rater::new(&tariffs, false).cost(&call, None).unwrap().cost;
        assert_eq!(found, Money::from_units(cost), "{members}");
    }
}

#[test]
fn the_greater_ponder_wins_then_the_lower_price_then_the_first_listed() {
    for (intervals, winner) in [
        (r#"{"Price":1},{"Price":2}"#, 0),
        (r#"{"Price":2},{"Price":1}"#, 1),
        (r#"{"Price":1},{"Price":2,"Ponder":1}"#, 1),
        (r#"{"Price":2,"Ponder":1},{"Price":1}"#, 0),
        (r#"{"Price":1,"ConnectFee":1},{"Price":1,"ConnectFee":2}"#, 0),
    ] {
        let period: ActivationPeriod =
            serde_json::from_str(&format!(r#"{{"Intervals":[{intervals}]}}"#)).unwrap();
        let period = PricedPeriod::new(period).unwrap();
        assert_eq!(period.in_force(time("2012-02-03 17:45:00")), Some(winner), "{intervals}");
    }
}
