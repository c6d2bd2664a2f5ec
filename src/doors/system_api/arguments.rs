//! `arg1`: a JSON object whose values are texts or numbers, as each client happens to write them.

use serde_json::value::RawValue;
use std::collections::HashMap;

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
}
