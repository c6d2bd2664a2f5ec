//! GetCost: the published figures, under both readings, and the wire form.

use super::fixture::{budget, call, spans, tariffs};
use crate::model::Money;
use crate::rating::{CallDescriptor, Quantity, Rater, UserBudget};

fn discounted() -> UserBudget {
    UserBudget {
        id: "rif".into(),
        tariff_plan: "discounted".into(),
        volume_discount_seconds: Quantity::from_units(105),
        ..UserBudget::default()
    }
}

/// Id, subject, number, start, end, budget, prefix, cost in millionths, spans.
type Vector = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<UserBudget>,
    &'static str,
    i64,
    &'static [&'static str],
);

fn vectors() -> Vec<Vector> {
    let evening: &[&str] = &["17:30:00-18:00:00 = 360", "18:00:00-18:30:00 = 180"];
    let (start, end) = ("2012-02-02 17:30:00", "2012-02-02 18:30:00");
    vec![
        ("R1", "rif", "0256", start, end, None, "0256", 540_000_000, evening),
        ("R2", "rif", "0256308200", start, end, None, "0256", 540_000_000, evening),
        ("R3", "rif", "0257", start, end, None, "0257", 540_000_000, evening),
        (
            "R4",
            "rif",
            "0257308200",
            "2012-02-08 17:30:00",
            "2012-02-08 18:30:00",
            None,
            "0257",
            330_000_000,
            &["17:30:00-18:00:00 = 300", "18:00:00-18:30:00 = 30"],
        ),
        (
            "R5",
            "rif",
            "0257308200",
            "2012-02-07 23:50:00",
            "2012-02-08 00:30:00",
            None,
            "0257",
            360_000_000,
            &["23:50:00-23:59:59 = 59.9", "00:00:00-00:30:00 = 300", "23:59:59-00:00:00 = 0.1"],
        ),
        (
            "R6",
            "rif",
            "0257308200",
            "2012-02-08 23:50:00",
            "2012-02-08 23:50:30",
            None,
            "0257",
            500_000,
            &["23:50:00-23:50:30 = 0.5"],
        ),
        (
            "R7",
            "rif",
            "0723045326",
            "2012-02-08 22:50:00",
            "2012-02-08 23:50:21",
            None,
            "0723",
            60_350_000,
            &["22:50:00-23:50:21 = 60.35"],
        ),
        (
            "R8",
            "minutosu",
            "0723",
            "2012-02-08 22:50:00",
            "2012-02-08 22:51:50",
            Some(budget("minutosu")),
            "0723",
            100_000,
            &["22:50:00-22:51:40 = 0", "22:51:40-22:51:50 = 0.1"],
        ),
        (
            "R10",
            "rif",
            "0723",
            start,
            end,
            Some(discounted()),
            "0723",
            54_000_000,
            &["17:30:00-18:30:00 = 54"],
        ),
    ]
}

#[test]
fn published_calls_cost_what_was_published_under_both_readings() {
    let tariffs = tariffs();
    for compat in [false, true] {
        let rater = Rater::new(&tariffs, compat);
        for (id, subject, number, start, end, budget, prefix, micros, expected) in vectors() {
            let cost = rater.cost(&call(subject, number, start, end), budget.as_ref()).unwrap();
            assert_eq!(cost.cost, Money::from_micros(micros), "{id}, compat {compat}");
            assert_eq!(cost.connect_fee, Money::ZERO, "{id}");
            assert_eq!(cost.destination_prefix, prefix, "{id}");
            assert_eq!(spans(&cost), expected, "{id}, compat {compat}");
        }
    }
}

#[test]
fn bucket_spans_name_destination_seconds_and_price() {
    let tariffs = tariffs();
    let call = call("minutosu", "0723", "2012-02-08 22:50:00", "2012-02-08 22:51:50");
    let cost = Rater::new(&tariffs, false).cost(&call, Some(&budget("minutosu"))).unwrap();
    let infos: Vec<String> =
        cost.timespans.iter().map(|span| serde_json::to_string(&span.minute_info).unwrap()).collect();
    assert_eq!(
        infos,
        [
            r#"{"DestinationId":"retea","Quantity":100,"Price":0}"#,
            r#"{"DestinationId":"nationale","Quantity":10,"Price":0.01}"#
        ]
    );
}

#[test]
fn the_documented_request_gets_the_documented_reply() {
    let request = r#"{"Tor":0,"CstmId":"vdf","Subject":"rif","DestinationPrefix":"0256",
        "TimeStart":"2012-02-02T17:30:00Z","TimeEnd":"2012-02-02T18:30:00Z"}"#;
    let call: CallDescriptor = serde_json::from_str(request).unwrap();
    let tariffs = tariffs();
    for compat in [false, true] {
        let cost = Rater::new(&tariffs, compat).cost(&call, None).unwrap();
        let reply = serde_json::to_string(&cost).unwrap();
        let day = r#"{"Month":0,"MonthDay":0,"WeekDays":[1,2,3,4,5],"StartTime":"","EndTime":"18:00:00","Ponder":0,"ConnectFee":0,"Price":0.2,"BillingUnit":1}"#;
        let evening = r#"{"Month":0,"MonthDay":0,"WeekDays":[1,2,3,4,5],"StartTime":"18:00:00","EndTime":"","Ponder":0,"ConnectFee":0,"Price":0.1,"BillingUnit":1}"#;
        let weekend = r#"{"Month":0,"MonthDay":0,"WeekDays":[6,0],"StartTime":"","EndTime":"","Ponder":0,"ConnectFee":0,"Price":0.1,"BillingUnit":1}"#;
        let period =
            format!(r#"{{"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{day},{evening},{weekend}]}}"#);
        let expected = format!(
            r#"{{"TOR":0,"CstmId":"vdf","Subject":"rif","DestinationPrefix":"0256","Cost":540,"ConnectFee":0,"Timespans":[{{"TimeStart":"2012-02-02T17:30:00Z","TimeEnd":"2012-02-02T18:00:00Z","ActivationPeriod":{period},"Interval":{day},"MinuteInfo":null}},{{"TimeStart":"2012-02-02T18:00:00Z","TimeEnd":"2012-02-02T18:30:00Z","ActivationPeriod":{period},"Interval":{evening},"MinuteInfo":null}}]}}"#
        );
        assert_eq!(reply, expected);
        assert!(reply.len() < 4096 - 64, "one read of the documented client takes it: {}", reply.len());
    }
}
