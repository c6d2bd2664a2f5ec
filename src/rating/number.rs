//! Decimals of the wire as exact integers. The one place where a floating-point number is seen: the JSON reader gives
//! one, and its shortest decimal text is what is taken.

use crate::model::Money;
use serde::de::{self, Deserializer};
use serde::ser::{self, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// Fraction digits of money, seconds, messages and octets.
const AMOUNT_DIGITS: u8 = 6;
/// Fraction digits of prices, billing units, ponders and discounts.
const DECIMAL_DIGITS: u8 = 9;

/// Seconds, messages or octets in millionths. On the wire a JSON number; digits beyond the sixth are rounded half to
/// even, because budgets that were kept in floating point carry its dust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    pub const ZERO: Quantity = Quantity(0);

    pub const fn from_micros(micros: i64) -> Quantity {
        Quantity(micros)
    }

    /// Whole seconds, messages or octets.
    pub fn from_units(units: i32) -> Quantity {
        Quantity(i64::from(units) * 1_000_000)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The same number as money in millionths of the dialect's unit: what `Amount` is for DebitBalance.
    pub const fn as_money(self) -> Money {
        Money::from_micros(self.0)
    }

    pub fn checked_add(self, other: Quantity) -> Option<Quantity> {
        self.0.checked_add(other.0).map(Quantity)
    }

    pub fn checked_sub(self, other: Quantity) -> Option<Quantity> {
        self.0.checked_sub(other.0).map(Quantity)
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// A price, billing unit, ponder or discount in billionths, exact: more than nine fraction digits are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i64);

impl Decimal {
    pub const ZERO: Decimal = Decimal(0);

    pub const fn from_nanos(nanos: i64) -> Decimal {
        Decimal(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for Quantity {
    /// Shortest decimal form: `540`, `60.35`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal_text(self.0, AMOUNT_DIGITS))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal_text(self.0, DECIMAL_DIGITS))
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        serialize_scaled(self.0, AMOUNT_DIGITS, s)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        serialize_scaled(self.0, DECIMAL_DIGITS, s)
    }
}

/// Money as the dialect writes it: a number, not the string that the rest of the product uses.
pub(super) fn serialize_money<S: Serializer>(money: &Money, s: S) -> Result<S::Ok, S::Error> {
    serialize_scaled(money.micros(), AMOUNT_DIGITS, s)
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Quantity, D::Error> {
        d.deserialize_any(Scaled { digits: AMOUNT_DIGITS, rounded: true }).map(Quantity)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Decimal, D::Error> {
        d.deserialize_any(Scaled { digits: DECIMAL_DIGITS, rounded: false }).map(Decimal)
    }
}

/// Money read from the dialect's number; see [`Quantity`] for its rounding.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Amount(Quantity);

impl From<Amount> for Money {
    fn from(amount: Amount) -> Money {
        amount.0.as_money()
    }
}

struct Scaled {
    digits: u8,
    rounded: bool,
}

impl Scaled {
    fn integer<E: de::Error>(&self, value: i128) -> Result<i64, E> {
        i64::try_from(value * power_of_ten(self.digits)).map_err(|_| out_of_range(&value))
    }
}

fn out_of_range<E: de::Error>(value: &dyn fmt::Display) -> E {
    E::custom(format_args!("{value} is outside the range"))
}

impl de::Visitor<'_> for Scaled {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        self.integer(i128::from(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        self.integer(i128::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
        // Display gives the shortest text that means this number, and never an exponent.
        let text = value.to_string();
        match scaled(&text, self.digits) {
            Some((_, false)) if !self.rounded => {
                Err(E::custom(format_args!("{text} has more than {} digits after the point", self.digits)))
            }
            Some((value, _)) => Ok(value),
            None => Err(out_of_range(&text)),
        }
    }
}

/// Decimal text as an integer of `digits` fraction digits, rounded half to even, and whether that was exact.
/// None: not a plain decimal, or outside the range.
fn scaled(text: &str, digits: u8) -> Option<(i64, bool)> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let places = usize::from(digits);
    let (kept, dropped) = fraction.split_at_checked(places).unwrap_or((fraction, ""));
    let mut value: i64 = 0;
    let padding = std::iter::repeat_n(b'0', places - kept.len());
    for byte in whole.bytes().chain(kept.bytes()).chain(padding) {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    let dropped = dropped.trim_end_matches('0');
    let up = match dropped.as_bytes().first() {
        None | Some(b'0'..=b'4') => false,
        Some(b'5') if dropped.len() == 1 => value % 2 == 1,
        Some(_) => true,
    };
    let value = value.checked_add(i64::from(up))?;
    Some((if negative { -value } else { value }, dropped.is_empty()))
}

fn power_of_ten(digits: u8) -> i128 {
    10i128.pow(u32::from(digits))
}

/// Shortest decimal form: no trailing zeros, no point without digits behind it.
fn decimal_text(value: i64, digits: u8) -> String {
    let unit = power_of_ten(digits).unsigned_abs();
    let magnitude = u128::from(value.unsigned_abs());
    let sign = if value < 0 { "-" } else { "" };
    let (whole, fraction) = (magnitude / unit, magnitude % unit);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{fraction:0width$}", width = usize::from(digits));
    text.trim_end_matches('0').to_owned()
}

fn serialize_scaled<S: Serializer>(value: i64, digits: u8, s: S) -> Result<S::Ok, S::Error> {
    let unit = power_of_ten(digits);
    if i128::from(value) % unit == 0 {
        return s.serialize_i64(i64::try_from(i128::from(value) / unit).map_err(ser::Error::custom)?);
    }
    let number = RawValue::from_string(decimal_text(value, digits)).map_err(ser::Error::custom)?;
    number.serialize(s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_by_their_shortest_decimal_text() {
        for (text, micros) in [
            ("0.1", 100_000),
            ("60.35", 60_350_000),
            ("1e2", 100_000_000),
            ("1.5e-3", 1_500),
            ("-6", -6_000_000),
            ("-0.0", 0),
            ("0.30000000000000004", 300_000),
            ("0.0000005", 0),
            ("0.0000015", 2),
            ("-0.00000051", -1),
            ("9223372036854.775", 9_223_372_036_854_775_000),
        ] {
            assert_eq!(serde_json::from_str::<Quantity>(text).unwrap().micros(), micros, "{text}");
        }
        for text in ["1e300", "9223372036855", "\"1\"", "true", "[]", "18446744073709551615"] {
            assert!(serde_json::from_str::<Quantity>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_price_with_more_than_nine_digits_is_refused_not_rounded() {
        assert_eq!(serde_json::from_str::<Decimal>("0.000000001").unwrap(), Decimal::from_nanos(1));
        let refused = serde_json::from_str::<Decimal>("0.0166666666666667").unwrap_err().to_string();
        assert!(refused.starts_with("0.0166666666666667 has more than 9 digits"), "{refused}");
    }

    #[test]
    fn numbers_are_written_in_shortest_decimal_form() {
        for (micros, text) in
            [(540_000_000, "540"), (60_350_000, "60.35"), (100_000, "0.1"), (-1, "-0.000001"), (0, "0")]
        {
            assert_eq!(serde_json::to_string(&Quantity(micros)).unwrap(), text);
            assert_eq!(Quantity(micros).to_string(), text);
        }
        assert_eq!(
            serde_json::to_string(&Quantity(9_223_372_036_854_775_807)).unwrap(),
            "9223372036854.775807"
        );
    }
}
