//! Money: integers in millionths of the currency unit, never floating point.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Millionths in one currency unit.
const SCALE: i64 = 1_000_000;
const SCALE_DIGITS: usize = 6;

/// An amount in millionths of the currency unit. Range +-9.2e12 units; arithmetic is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// Not digits with at most one dot or comma.
    NotANumber(String),
    /// More fraction digits than the place allows (the number allowed is given).
    TooManyDigits(String, usize),
    /// Outside the range of the ledger.
    OutOfRange(String),
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MoneyError::NotANumber(s) => {
                write!(f, "{s:?} is not an amount; expected digits like 150.00")
            }
            MoneyError::TooManyDigits(s, n) => {
                write!(f, "{s:?} has more than {n} digits after the point")
            }
            MoneyError::OutOfRange(s) => write!(f, "{s:?} is outside the range of the ledger"),
        }
    }
}

impl std::error::Error for MoneyError {}

impl Money {
    pub const ZERO: Money = Money(0);
    pub const MAX: Money = Money(i64::MAX);

    pub const fn from_micros(micros: i64) -> Money {
        Money(micros)
    }

    /// Whole currency units.
    pub const fn from_units(units: i32) -> Money {
        Money(units as i64 * SCALE)
    }

    /// The least amount of a currency with so many digits: 0.01 for 2.
    pub fn minor_unit(fraction_digits: usize) -> Money {
        let zeros = u32::try_from(SCALE_DIGITS - fraction_digits.min(SCALE_DIGITS)).unwrap_or(0);
        Money(10i64.pow(zeros))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.0.checked_sub(other.0).map(Money)
    }

    pub fn checked_neg(self) -> Option<Money> {
        self.0.checked_neg().map(Money)
    }

    /// Without the sign; None out of range.
    pub fn abs(self) -> Option<Money> {
        self.0.checked_abs().map(Money)
    }

    pub fn saturating_add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }

    pub fn saturating_sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Parses an amount with at most `fraction_digits` significant digits after the dot or comma.
    /// Spaces and no-break spaces between digits (1C's thousands separator) are taken out.
    pub fn parse(text: &str, fraction_digits: usize) -> Result<Money, MoneyError> {
        let cleaned: String = text.chars().filter(|c| !matches!(c, '\u{a0}' | '\u{202f}' | ' ')).collect();
        let bad = || MoneyError::NotANumber(text.to_owned());
        let (negative, digits) = match cleaned.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, cleaned.strip_prefix('+').unwrap_or(&cleaned)),
        };
        let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty()
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(bad());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > fraction_digits.min(SCALE_DIGITS) {
            return Err(MoneyError::TooManyDigits(text.to_owned(), fraction_digits));
        }
        let out_of_range = || MoneyError::OutOfRange(text.to_owned());
        let mut micros: i64 = 0;
        let padding = SCALE_DIGITS - fraction.len();
        for digit in whole.bytes().chain(fraction.bytes()).map(|b| i64::from(b - b'0')) {
            micros = micros.checked_mul(10).and_then(|m| m.checked_add(digit)).ok_or_else(out_of_range)?;
        }
        for _ in 0..padding {
            micros = micros.checked_mul(10).ok_or_else(out_of_range)?;
        }
        Ok(Money(if negative { -micros } else { micros }))
    }

    /// Half-even rounding to `fraction_digits` (the currency's exponent).
    pub fn rounded(self, fraction_digits: usize) -> Money {
        let step = 10i64.pow((SCALE_DIGITS - fraction_digits.min(SCALE_DIGITS)) as u32);
        let quotient = self.0.div_euclid(step);
        let remainder = self.0.rem_euclid(step);
        let up = match (remainder * 2).cmp(&step) {
            std::cmp::Ordering::Greater => 1,
            std::cmp::Ordering::Equal => quotient & 1,
            std::cmp::Ordering::Less => 0,
        };
        Money(quotient.saturating_add(up).saturating_mul(step))
    }

    /// Decimal text with exactly `fraction_digits` digits, rounded half to even: `-5.00`.
    pub fn to_decimal(self, fraction_digits: usize) -> String {
        let digits = fraction_digits.min(SCALE_DIGITS);
        let value = self.rounded(digits).0;
        let magnitude = value.unsigned_abs();
        let sign = if value < 0 { "-" } else { "" };
        let whole = magnitude / SCALE.unsigned_abs();
        let fraction = magnitude % SCALE.unsigned_abs() / 10u64.pow((SCALE_DIGITS - digits) as u32);
        if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction:0digits$}") }
    }
}

impl fmt::Display for Money {
    /// Two digits, as for roubles; use [`Money::to_decimal`] where the currency is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_decimal(2))
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(s: &str) -> Result<Money, MoneyError> {
        Money::parse(s, SCALE_DIGITS)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.to_decimal(if self.0 % 10_000 == 0 { 2 } else { 6 }))
    }
}

impl<'de> Deserialize<'de> for Money {
    /// A decimal string or a number, as data files and scripts write both.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Money, D::Error> {
        let text = decimal_text(d)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The text of a decimal given as string, integer or number. A number is taken by its shortest decimal
/// form, so `150.1` is 150.1 and not the nearest binary fraction.
fn decimal_text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an amount such as \"150.00\" or 150.00")
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<String, E> {
            Ok(v.to_owned())
        }
        fn visit_i64<E: de::Error>(self, v: i64) -> Result<String, E> {
            Ok(v.to_string())
        }
        fn visit_u64<E: de::Error>(self, v: u64) -> Result<String, E> {
            Ok(v.to_string())
        }
        fn visit_f64<E: de::Error>(self, v: f64) -> Result<String, E> {
            Ok(v.to_string())
        }
    }
    d.deserialize_any(Visitor)
}

/// Hundredths of a percent of a text such as `12.5` or `12,5%`; None when it is not between 0 and 100 with at most two
/// digits after the point.
pub fn basis_points(text: &str) -> Option<u32> {
    let text = text.trim();
    let percent = Money::parse(text.strip_suffix('%').unwrap_or(text).trim_end(), 2).ok()?;
    let whole = Money::from_units(100);
    let within = (Money::ZERO..=whole).contains(&percent);
    u32::try_from(percent.micros() / (SCALE / 100)).ok().filter(|_| within)
}

/// A price for one unit of quantity (a month, a MiB, an hour) in billionths of the currency unit; it keeps
/// its full precision until a charge rounds once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(i64);

impl Price {
    const DIGITS: usize = 9;
    pub const ZERO: Price = Price(0);

    pub const fn from_nanos(nanos: i64) -> Price {
        Price(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }
}

impl FromStr for Price {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Price, MoneyError> {
        let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits_only = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !digits_only(whole) || !digits_only(fraction) {
            return Err(MoneyError::NotANumber(text.to_owned()));
        }
        if fraction.len() > Price::DIGITS {
            return Err(MoneyError::TooManyDigits(text.to_owned(), Price::DIGITS));
        }
        format!("{whole}{fraction:0<width$}", width = Price::DIGITS)
            .parse()
            .map(Price)
            .map_err(|_| MoneyError::OutOfRange(text.to_owned()))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10i64.pow(Price::DIGITS as u32);
        let fraction = format!("{:09}", self.0 % unit);
        let fraction = fraction.trim_end_matches('0');
        write!(f, "{}.{fraction:0<2}", self.0 / unit)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Price, D::Error> {
        decimal_text(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_dot_comma_and_no_break_spaces() {
        for (text, micros) in [
            ("150.00", 150_000_000),
            ("150,5", 150_500_000),
            ("-5", -5_000_000),
            ("1\u{a0}000,10", 1_000_100_000),
            (".5", 500_000),
            ("0.000001", 1),
        ] {
            assert_eq!(text.parse::<Money>(), Ok(Money::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn bad_amounts_say_why() {
        for text in ["", ".", "1e5", "1.2.3", "--1", "abc", "0x10", "1,2,3", "NaN"] {
            assert!(matches!(text.parse::<Money>(), Err(MoneyError::NotANumber(_))), "{text}");
        }
        assert!(matches!(Money::parse("1.001", 2), Err(MoneyError::TooManyDigits(_, 2))));
        assert_eq!(Money::parse("1.0000", 2), Ok(Money::from_units(1)));
        assert!(matches!("9999999999999999".parse::<Money>(), Err(MoneyError::OutOfRange(_))));
    }

    #[test]
    fn rounding_is_half_to_even_and_decimal_text_keeps_the_sign() {
        assert_eq!(Money::from_micros(5_000).to_decimal(2), "0.00");
        assert_eq!(Money::from_micros(15_000).to_decimal(2), "0.02");
        assert_eq!(Money::from_micros(-15_000).to_decimal(2), "-0.02");
        assert_eq!(Money::from_micros(-4_990_000).to_decimal(2), "-4.99");
        assert_eq!(Money::from_micros(-1).to_decimal(2), "0.00");
        assert_eq!(Money::from_units(7).to_decimal(0), "7");
    }

    #[test]
    fn a_percentage_has_two_digits_after_the_point_and_at_most_a_hundred() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("10", Some(1_000)),
            ("12,5%", Some(1_250)),
            ("0.01", Some(1)),
            ("100", Some(10_000)),
        ] {
            assert_eq!(basis_points(text), wanted, "{text}");
        }
        for text in ["", "-1", "100.01", "0.001", "ten", "5%%", "9223372036854.77"] {
            assert_eq!(basis_points(text), None, "{text}");
        }
    }

    #[test]
    fn prices_keep_nine_digits() {
        assert_eq!("0.000000001".parse::<Price>(), Ok(Price::from_nanos(1)));
        assert_eq!("1,5".parse::<Price>().map(|p| p.to_string()), Ok("1.50".to_owned()));
        assert!("-1".parse::<Price>().is_err());
    }
}
