//! Rating data from files: spellings, references, refusals that name the place.

use super::fixture::{documents, tariffs};
use crate::model::Money;
use crate::rating::{DocumentKind, Documents, LoadError, Quantity, Tariffs};

const DESTINATION: &str = r#"[{"Id":"d","Prefixes":["07"]}]"#;

fn load(kind: DocumentKind, json: &str) -> Result<Tariffs, LoadError> {
    let mut documents = Documents::default();
    if kind != DocumentKind::Destinations {
        documents.read(DocumentKind::Destinations, DESTINATION)?;
    }
    documents.read(kind, json)?;
    Tariffs::new(&documents)
}

/// One entry of `ap.json` around the members of one interval.
fn entry(interval: &str) -> String {
    format!(
        r#"[{{"CstmId":"t","Subject":"s","DestinationPrefix":"07","ActivationPeriods":[
            {{"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{{}},{{{interval}}}]}}]}}]"#
    )
}

#[test]
fn a_subject_has_its_prefix_with_both_activation_periods() {
    let tariffs = tariffs();
    let (prefix, periods) = tariffs.periods_for("vdf", "rif", "0257308200").unwrap();
    assert_eq!((prefix, periods.count()), ("0257", 2));
    assert_eq!(tariffs.prefixes(), 4);
    assert!(tariffs.periods_for("vdf", "rif", "0999").is_none());
    assert!(tariffs.periods_for("other", "rif", "0257").is_none());
}

#[test]
fn both_spellings_of_the_received_calls_limit_are_read() {
    for name in ["ReceivedCallSecondsLimit", "ReceivedCallsSecondsLimit", "receivedcallssecondslimit"] {
        let tariffs = load(DocumentKind::Plans, &format!(r#"[{{"Id":"p","{name}":100}}]"#)).unwrap();
        let plan = tariffs.plan("p").unwrap();
        assert_eq!(plan.received_call_seconds_limit, Quantity::from_units(100), "{name}");
    }
    for name in ["RecivedCallBonus", "ReceivedCallBonus"] {
        let json = format!(r#"[{{"Id":"p","{name}":{{"Credit":100}}}}]"#);
        let tariffs = load(DocumentKind::Plans, &json).unwrap();
        let bonus = tariffs.plan("p").unwrap().received_call_bonus.clone().unwrap();
        assert_eq!(bonus.credit, Money::from_units(100), "{name}");
    }
}

#[test]
fn documents_come_back_from_their_own_json() {
    let documents = documents();
    let mut again = Documents::default();
    for kind in DocumentKind::ALL {
        again.read(kind, &documents.to_json(kind)).unwrap();
    }
    assert_eq!(again, documents);
    let whole = serde_json::to_string(&documents).unwrap();
    assert_eq!(serde_json::from_str::<Documents>(&whole).unwrap(), documents);
}

#[test]
fn tariffs_give_back_the_documents_they_were_made_of() {
    let mut given = documents();
    let found = Tariffs::new(&given).unwrap().documents();
    given.budgets.clear();
    given.rates.sort_by(|a, b| (&a.subject, &a.prefix).cmp(&(&b.subject, &b.prefix)));
    given.destinations.sort_by(|a, b| a.id.cmp(&b.id));
    given.plans.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found, given);
}

#[test]
fn a_refused_file_is_named_with_element_and_member() {
    use DocumentKind::{Budgets, Destinations, Plans, Rates};
    let two_rates = r#"[{"CstmId":"t","Subject":"s","DestinationPrefix":"07"},
                        {"CstmId":"t","Subject":"s","DestinationPrefix":"07"}]"#;
    for (kind, json, complaint) in [
        (Rates, "{}".to_owned(), "ap.json: invalid type: map, expected an array"),
        (Rates, "[{}".to_owned(), "ap.json: element 2: EOF while parsing a list"),
        (Rates, "[{},[]]".to_owned(), "ap.json: element 2: invalid type: sequence, expected an object"),
        (Rates, "[{}]".to_owned(), "ap.json: element 1: CstmId: is empty or absent"),
        (
            Rates,
            entry(r#""Price":"a""#),
            "ap.json: element 1: ActivationPeriods: element 1: Intervals: element 2: Price: invalid type: string",
        ),
        (
            Rates,
            entry(r#""Month":13"#),
            "ap.json: element 1: ActivationPeriods: element 1: Intervals: element 2: Month: expected 0 to 12, found 13",
        ),
        (
            Rates,
            entry(r#""StartTime":"22:00:00","EndTime":"06:00:00""#),
            "ap.json: element 1: ActivationPeriods: element 1: Intervals: element 2: EndTime: 06:00:00 is not after",
        ),
        (
            Rates,
            entry(r#""EndTime":"6 pm""#),
            "ap.json: element 1: ActivationPeriods: element 1: Intervals: element 2: EndTime: invalid value",
        ),
        (
            Rates,
            entry(r#""Price":-1"#),
            "ap.json: element 1: ActivationPeriods: element 1: Intervals: element 2: Price: is negative",
        ),
        (
            Rates,
            entry(r#""WeekDays":[7]"#),
            "ap.json: element 1: ActivationPeriods: element 1: Intervals: element 2: WeekDays: expected",
        ),
        (
            Rates,
            r#"[{"CstmId":"t","Subject":"s","DestinationPrefix":"07","ActivationPeriods":[{}]}]"#.to_owned(),
            "ap.json: element 1: ActivationPeriods: element 1: ActivationTime: is absent",
        ),
        (
            Rates,
            r#"[{"CstmId":"t","Subject":"s","DestinationPrefix":"seven"}]"#.to_owned(),
            "ap.json: element 1: DestinationPrefix: \"seven\": expected at most 32 of the symbols",
        ),
        (Rates, two_rates.to_owned(), "ap.json: element 2: t:s:07 stands twice"),
        (
            Destinations,
            r#"[{"Id":"a"},{"Id":"a"}]"#.to_owned(),
            "dest.json: element 2: Id: \"a\" stands twice",
        ),
        (
            Destinations,
            r#"[{"Id":"a","Prefixes":["1","x"]}]"#.to_owned(),
            "dest.json: element 1: Prefixes: element 2: \"x\"",
        ),
        (
            Plans,
            r#"[{"Id":"p","MinuteBuckets":[{"DestinationId":"x"}]}]"#.to_owned(),
            "tp.json: element 1: MinuteBuckets: element 1: DestinationId: no destination \"x\"",
        ),
        (
            Plans,
            r#"[{"Id":"p","VolumeDiscountThresholds":[{"Discount":101}]}]"#.to_owned(),
            "tp.json: element 1: VolumeDiscountThresholds: element 1: Discount: expected 0 to 100, found 101",
        ),
        (
            Budgets,
            r#"[{"Id":"b","TariffPlanId":"x"}]"#.to_owned(),
            "ub.json: element 1: TariffPlanId: no tariff plan \"x\"",
        ),
        (
            Budgets,
            r#"[{"Id":"b","ResetDayOfTheMonth":32}]"#.to_owned(),
            "ub.json: element 1: ResetDayOfTheMonth: expected 0 to 31",
        ),
        (
            Budgets,
            r#"[{"Id":"b","MinuteBuckets":[{"Seconds":-1,"DestinationId":"d"}]}]"#.to_owned(),
            "ub.json: element 1: MinuteBuckets: element 1: Seconds: is negative",
        ),
    ] {
        let refused = load(kind, &json).unwrap_err().to_string();
        assert!(refused.starts_with(complaint), "{json}\n{refused}");
    }
}

#[test]
fn a_list_longer_than_its_bound_is_refused() {
    let buckets = vec![r#"{"DestinationId":"d"}"#; crate::rating::BUCKETS_MAX + 1].join(",");
    let refused = load(DocumentKind::Plans, &format!(r#"[{{"Id":"p","MinuteBuckets":[{buckets}]}}]"#));
    assert!(refused.unwrap_err().to_string().contains("MinuteBuckets: more than 256 elements"));
}

#[test]
fn an_unordered_list_of_periods_is_put_in_order_of_time() {
    let tariffs = super::fixture::tariffs_of(
        r#"[{"ActivationTime":"2012-02-01T02:00:00+02:00","Intervals":[]},
            {"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[]}]"#,
    );
    let (_, periods) = tariffs.periods_for("t", "s", "0").unwrap();
    let times: Vec<String> = periods.map(|period| period.activation_time.to_string()).collect();
    assert_eq!(times, ["2012-01-01T00:00:00Z", "2012-02-01T00:00:00Z"]);
}
