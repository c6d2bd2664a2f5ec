//! What callers send.

use crate::rating::{CallDescriptor, CallTime, Quantity, Tor};

#[test]
fn names_are_read_in_any_case_and_unknown_ones_are_ignored() {
    for names in [["TOR", "CstmId", "Subject"], ["Tor", "cstmid", "SUBJECT"], ["tor", "CSTMID", "subject"]] {
        let [tor, tenant, subject] = names;
        let text = format!(
            r#"{{"{tor}":3,"{tenant}":"vdf","{subject}":"rif","ActivationPeriods":[{{"x":[1]}}],"More":{{}}}}"#
        );
        let call: CallDescriptor = serde_json::from_str(&text).unwrap();
        assert_eq!((call.tor, &*call.tenant, &*call.subject), (Tor::Number(3), "vdf", "rif"));
    }
}

#[test]
fn the_names_of_september_mean_the_same() {
    let call: CallDescriptor = serde_json::from_str(
        r#"{"Direction":"OUT","TOR":"0","Tenant":"vdf","Subject":"rif","Account":"acc","Destination":"0256",
            "FallbackSubject":"*any","Amount":5400}"#,
    )
    .unwrap();
    assert_eq!((&*call.tenant, &*call.destination, call.budget_id()), ("vdf", "0256", "acc"));
    assert_eq!((&*call.direction, &*call.fallback_subject), ("OUT", "*any"));
    assert_eq!((call.tor, call.amount), (Tor::Text("0".into()), Quantity::from_units(5400)));
}

#[test]
fn what_is_absent_or_null_is_empty() {
    for text in ["{}", r#"{"TOR":null,"Subject":null,"TimeStart":null,"Amount":null}"#] {
        let call: CallDescriptor = serde_json::from_str(text).unwrap();
        assert_eq!(call, CallDescriptor::default());
        assert_eq!(call.time_start, CallTime::parse("0001-01-01T00:00:00Z").unwrap());
    }
}

#[test]
fn a_wrong_type_is_named_with_its_member() {
    for (text, complaint) in [
        (r#"{"Subject":1}"#, "Subject: invalid type: integer `1`, expected a string"),
        (r#"{"tor":1.5}"#, "TOR: invalid type: floating point `1.5`, expected a whole number or a text"),
        (r#"{"Amount":"5"}"#, "Amount: invalid type: string \"5\", expected a number"),
        (r#"{"Amount":1e300}"#, "Amount: 1000"),
        (
            r#"{"TimeStart":"yesterday"}"#,
            "TimeStart: invalid value: string \"yesterday\", expected a time such as \"2012-02-02T17:30:00Z\"",
        ),
        (r#"{"TimeEnd":0}"#, "TimeEnd: invalid type: integer `0`, expected a time"),
        ("[]", "invalid type: sequence, expected an object"),
        ("7", "invalid type: integer `7`, expected an object"),
    ] {
        let refused = serde_json::from_str::<CallDescriptor>(text).unwrap_err().to_string();
        assert!(refused.starts_with(complaint), "{text}: {refused}");
    }
}

#[test]
fn an_amount_is_exact_to_the_millionth() {
    for (text, micros) in [("0.1", 100_000), ("-15", -15_000_000), ("0.30000000000000004", 300_000)] {
        let call: CallDescriptor = serde_json::from_str(&format!(r#"{{"Amount":{text}}}"#)).unwrap();
        assert_eq!(call.amount.micros(), micros);
    }
}
