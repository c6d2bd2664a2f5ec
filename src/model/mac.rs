//! Ethernet addresses as NASes write them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A 48-bit Ethernet address; printed `02:00:00:00:00:01`, the form `arp -s` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// The text is not an Ethernet address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacError(String);

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a MAC address; expected 02:00:00:00:00:01", self.0)
    }
}

impl std::error::Error for MacError {}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = MacError;

    /// Twelve hexadecimal digits, with any of `:`, `-`, `.` between them or none.
    fn from_str(text: &str) -> Result<Mac, MacError> {
        let bad = || MacError(text.to_owned());
        let mut bytes = [0u8; 6];
        let mut digits = 0usize;
        for c in text.trim().chars() {
            if matches!(c, ':' | '-' | '.') {
                continue;
            }
            let value = c.to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or_else(bad)?;
            let byte = bytes.get_mut(digits / 2).ok_or_else(bad)?;
            *byte = (*byte << 4) | value;
            digits += 1;
        }
        if digits == 12 { Ok(Mac(bytes)) } else { Err(bad()) }
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Mac, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_nas_is_read() {
        for text in ["02:00:00:00:0a:01", "02-00-00-00-0A-01", "0200.0000.0a01", "020000000a01"] {
            assert_eq!(text.parse::<Mac>().map(|m| m.to_string()), Ok("02:00:00:00:0a:01".into()));
        }
        for text in ["", "02:00:00:00:0a", "02:00:00:00:0a:01:02", "zz:00:00:00:00:01"] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}
