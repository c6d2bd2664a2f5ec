//! `arg1`: a JSON object whose values are texts or numbers, as each client happens to write them.

use super::table::{Argument, Kind};
use crate::model::{Day, Refusal};
use serde_json::value::RawValue;
use std::collections::HashMap;

/// Longest text of a field, octets.
const TEXT_OCTETS_MAX: usize = 1_000;

/// Fields of an argument by name, as they were written: a sum of `150.10` is not taken through binary fractions.
#[derive(Debug, Default)]
pub(super) struct Arguments(HashMap<String, Box<RawValue>>);

impl Arguments {
    /// Reads an argument; an empty text and `[]` (PHP's empty object) are one without fields.
    pub fn parse(text: &str) -> Result<Arguments, String> {
        if matches!(text, "" | "[]") {
            return Ok(Arguments::default());
        }
        serde_json::from_str(text)
            .map(Arguments)
            .map_err(|error| format!("arg1 is not a JSON object such as {{\"name\":\"value\"}}: {error}"))
    }

    /// A text or number, trimmed; None when absent, null or empty.
    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        let Some(raw) = self.0.get(name) else { return Ok(None) };
        let raw = raw.get();
        let text = match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(raw).map_err(|error| format!("{name}: {error}"))?,
            Some(b'-' | b'0'..=b'9') => raw.to_owned(),
            Some(b'n') => return Ok(None),
            _ => return Err(format!("{name}: expected a text or a number")),
        };
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Names of all fields, in the order of the alphabet.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Checks the fields that a method names, in its order.
    ///
    /// # Errors
    /// `bad-argument` says what was expected, `missing-argument` what is missing.
    pub fn checked(&self, wanted: &[Argument]) -> Result<Fields, Refusal> {
        let mut fields = HashMap::new();
        for argument in wanted {
            if let Some(text) = self.of_kind(argument)? {
                fields.insert(argument.name, text);
            } else if argument.needed {
                let text = format!("{}: is missing; expected {}", argument.name, argument.kind.expected());
                return Err(Refusal::new("missing-argument", text));
            }
        }
        Ok(Fields(fields))
    }

    fn of_kind(&self, argument: &Argument) -> Result<Option<String>, Refusal> {
        let bad = |text: String| Refusal::new("bad-argument", text);
        if argument.kind == Kind::Flag
            && let Some(flag) = self.0.get(argument.name).and_then(|raw| match raw.get() {
                "true" => Some("1"),
                "false" => Some("0"),
                _ => None,
            })
        {
            return Ok(Some(flag.to_owned()));
        }
        let Some(text) = self.text(argument.name).map_err(bad)? else { return Ok(None) };
        if text.len() > TEXT_OCTETS_MAX {
            return Err(bad(format!("{}: longer than {TEXT_OCTETS_MAX} octets", argument.name)));
        }
        match argument.kind.read(&text) {
            Some(text) => Ok(Some(text)),
            None => Err(bad(format!("{}: expected {}", argument.name, argument.kind.expected()))),
        }
    }
}

impl Kind {
    fn expected(self) -> &'static str {
        match self {
            Kind::Text => "a text or a number",
            Kind::Integer => "a whole number",
            Kind::Sum => "an amount such as 150.00",
            Kind::Day => "a date such as 06.04.2026",
            Kind::Flag => "1 or 0",
        }
    }

    /// The text in the form that [`Fields`] reads; None when it is not of this kind.
    fn read(self, text: &str) -> Option<String> {
        match self {
            // What is wrong with a sum is said where sums are read.
            Kind::Text | Kind::Sum => Some(text.to_owned()),
            Kind::Integer => whole_number(text).map(|number| number.to_string()),
            Kind::Day => day(text).map(|day| day.to_string()),
            Kind::Flag => match text.to_ascii_lowercase().as_str() {
                "1" | "true" => Some("1".to_owned()),
                "0" | "false" => Some("0".to_owned()),
                _ => None,
            },
        }
    }
}

/// 1C separates thousands with no-break spaces.
fn whole_number(text: &str) -> Option<i64> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    digits.parse().ok()
}

fn day(text: &str) -> Option<Day> {
    let date = text.split([' ', 'T', '_']).next().unwrap_or_default();
    if let Ok(day) = date.parse() {
        return Some(day);
    }
    let number = |part: Option<&str>| {
        part.filter(|part| part.bytes().all(|b| b.is_ascii_digit())).and_then(|part| part.parse::<i32>().ok())
    };
    let mut parts = date.split('.');
    if let (Some(day), Some(month), Some(year), None) =
        (number(parts.next()), number(parts.next()), number(parts.next()), parts.next())
    {
        return Day::from_civil(year, month, day);
    }
    let compact = date.get(..8).filter(|_| matches!(date.len(), 8 | 14))?;
    Day::from_civil(number(compact.get(..4))?, number(compact.get(4..6))?, number(compact.get(6..))?)
}

/// Checked fields of one call.
#[derive(Debug, Default)]
pub(super) struct Fields(HashMap<&'static str, String>);

impl Fields {
    /// None when absent or empty.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Empty when absent.
    pub fn text(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        self.find(name)?.parse().ok()
    }

    pub fn day(&self, name: &str) -> Option<Day> {
        self.find(name)?.parse().ok()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.find(name).map(|text| text == "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_the_same_and_keep_their_digits() {
        let read =
            Arguments::parse(r#"{"a":"12","b":12,"c":150.10,"d":null,"e":" ","f":[1],"g":"И"}"#).unwrap();
        for (name, value) in [
            ("a", Ok(Some("12"))),
            ("b", Ok(Some("12"))),
            ("c", Ok(Some("150.10"))),
            ("d", Ok(None)),
            ("e", Ok(None)),
            ("f", Err("f: expected a text or a number")),
            ("g", Ok(Some("И"))),
            ("z", Ok(None)),
        ] {
            let value = value.map(|v| v.map(str::to_owned)).map_err(str::to_owned);
            assert_eq!(read.text(name), value, "{name}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(Arguments::parse("").is_ok() && Arguments::parse("[]").is_ok());
        let deep = "[".repeat(100_000);
        for text in ["1", "[1]", "{", "{\"a\":}", "'a'", &deep, &format!("{{\"a\":{deep}")] {
            assert!(Arguments::parse(text).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn fields_are_checked_by_their_kinds_and_the_first_that_is_wrong_is_named() {
        const WANTED: &[Argument] = &[
            Argument { name: "n", kind: Kind::Integer, needed: true },
            Argument { name: "d", kind: Kind::Day, needed: false },
            Argument { name: "f", kind: Kind::Flag, needed: false },
        ];
        let checked = |text: &str| Arguments::parse(text).unwrap().checked(WANTED);
        let fields =
            checked("{\"n\":\"1\u{a0}234 567\",\"d\":\"06.04.2026 14:20\",\"f\":true,\"x\":[]}").unwrap();
        assert_eq!((fields.integer("n"), fields.flag("f")), (Some(1_234_567), Some(true)));
        for date in ["06.04.2026", "2026-04-06", "20260406", "20260406142000", "6.4.2026"] {
            let fields = checked(&format!("{{\"n\":1,\"d\":\"{date}\"}}")).unwrap();
            assert_eq!(fields.day("d").unwrap().to_string(), "2026-04-06", "{date}");
        }
        for (text, token, said) in [
            ("{}", "missing-argument", "n: is missing; expected a whole number"),
            (r#"{"n":""}"#, "missing-argument", "n: is missing; expected a whole number"),
            (r#"{"n":"x"}"#, "bad-argument", "n: expected a whole number"),
            (r#"{"n":{}}"#, "bad-argument", "n: expected a text or a number"),
            (r#"{"n":1,"d":"31.02.2026"}"#, "bad-argument", "d: expected a date such as 06.04.2026"),
            (r#"{"n":1,"f":"yes"}"#, "bad-argument", "f: expected 1 or 0"),
        ] {
            let refusal = checked(text).unwrap_err();
            assert_eq!((refusal.token.as_str(), refusal.text.as_str()), (token, said), "{text}");
        }
    }
}
