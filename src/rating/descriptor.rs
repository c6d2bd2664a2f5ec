//! What the caller asks about.

use super::calltime::CallTime;
use super::number::Quantity;
use super::record::record;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

/// The one argument of every method. Member names in any case, unknown ones ignored, absent ones empty, zero or
/// 0001-01-01T00:00:00Z; the names of September 2012 mean the same as those of March.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallDescriptor {
    /// Type of record; echoed, not looked at.
    pub tor: Tor,
    /// `OUT` or `IN` in September 2012; not looked at.
    pub direction: String,
    /// `CstmId`, later `Tenant`.
    pub tenant: String,
    /// Whose rates.
    pub subject: String,
    /// Whose budget; empty: the subject's. See [`CallDescriptor::budget_id`].
    pub account: String,
    /// Whose rates, when the subject has none for the number.
    pub fallback_subject: String,
    /// `DestinationPrefix`, later `Destination`: the number dialled or a prefix of it.
    pub destination: String,
    pub time_start: CallTime,
    pub time_end: CallTime,
    /// Units of money, messages or seconds, by method.
    pub amount: Quantity,
}

impl CallDescriptor {
    /// The key of the user budget; the tenant is no part of it.
    pub fn budget_id(&self) -> &str {
        if self.account.is_empty() { &self.subject } else { &self.account }
    }
}

record! { CallDescriptor {
    tor: "TOR" as Tor,
    direction: "Direction" as String,
    tenant: "CstmId" | "Tenant" as String,
    subject: "Subject" as String,
    account: "Account" as String,
    fallback_subject: "FallbackSubject" as String,
    destination: "DestinationPrefix" | "Destination" as String,
    time_start: "TimeStart" as CallTime,
    time_end: "TimeEnd" as CallTime,
    amount: "Amount" as Quantity,
} }

/// Type of record: a number in March 2012, a text in September.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tor {
    Number(i64),
    Text(String),
}

impl Default for Tor {
    fn default() -> Tor {
        Tor::Number(0)
    }
}

impl Serialize for Tor {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Tor::Number(number) => s.serialize_i64(*number),
            Tor::Text(text) => s.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Tor {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Tor, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Tor;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a text")
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Tor, E> {
                Ok(Tor::Number(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Tor, E> {
                let too_big = |_| E::invalid_value(de::Unexpected::Unsigned(number), &self);
                i64::try_from(number).map(Tor::Number).map_err(too_big)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Tor, E> {
                Ok(Tor::Text(text.to_owned()))
            }
        }
        d.deserialize_any(NumberOrText)
    }
}
