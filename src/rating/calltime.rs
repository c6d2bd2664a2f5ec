//! Times of the dialect: RFC 3339 with the offset they were written in, which decides what day and hour it is.

use crate::model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

pub(super) const NANOS: i128 = 1_000_000_000;
pub(super) const DAY_SECONDS: i64 = 86_400;
/// 0001-01-01T00:00:00Z, what an absent time means in this dialect.
const YEAR_ONE: i64 = -62_135_596_800;
/// Days from 0000-03-01 to 1970-01-01, and in 400 years.
const EPOCH_DAYS: i64 = 719_468;
const ERA_DAYS: i64 = 146_097;

/// A moment to the nanosecond and the offset from UTC that it is read in. Equal only with equal offsets; which of two
/// is earlier is asked with [`CallTime::is_before`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallTime {
    seconds: i64,
    nanos: u32,
    offset: i32,
}

impl Default for CallTime {
    /// 0001-01-01T00:00:00Z: an absent time.
    fn default() -> CallTime {
        CallTime { seconds: YEAR_ONE, nanos: 0, offset: 0 }
    }
}

impl CallTime {
    /// A time of the product, read at `offset` seconds east of UTC.
    pub fn from_timestamp(at: Timestamp, offset: i32) -> CallTime {
        let nanos = u32::try_from(at.micros().rem_euclid(1_000_000)).unwrap_or(0) * 1_000;
        CallTime { seconds: at.seconds(), nanos, offset }
    }

    /// Seconds east of UTC.
    pub fn offset(self) -> i32 {
        self.offset
    }

    /// RFC 3339, section 5.6, with any number of fraction digits up to nine. `None` for anything else.
    pub fn parse(text: &str) -> Option<CallTime> {
        let bytes = text.as_bytes();
        let (date, rest) = bytes.split_at_checked(19)?;
        let field = |from: usize, to: usize| number(date.get(from..to)?);
        let marks = [(4, b"-"), (7, b"-"), (10, b"Tt"), (13, b":"), (16, b":")] as [(usize, &[u8]); 5];
        if !marks.iter().all(|(at, mark)| date.get(*at).is_some_and(|byte| mark.contains(byte))) {
            return None;
        }
        let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
        let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
        if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (nanos, zone) = fraction(rest)?;
        let offset = zone_offset(zone)?;
        let local = days_from_civil(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
        Some(CallTime { seconds: local - i64::from(offset), nanos, offset })
    }

    /// What orders moments, whatever their offsets.
    pub(super) fn moment(self) -> (i64, u32) {
        (self.seconds, self.nanos)
    }

    /// Whether this moment is earlier, whatever the offsets.
    pub fn is_before(self, other: CallTime) -> bool {
        self.moment() < other.moment()
    }

    /// Nanoseconds from `earlier` to this.
    pub(super) fn since(self, earlier: CallTime) -> i128 {
        i128::from(self.seconds - earlier.seconds) * NANOS + i128::from(self.nanos)
            - i128::from(earlier.nanos)
    }

    /// This moment and `nanos` more, in the same offset. `None` outside the years 0 to 9999.
    pub(super) fn plus(self, nanos: i128) -> Option<CallTime> {
        let total = i128::from(self.nanos).checked_add(nanos)?;
        let seconds = i128::from(self.seconds) + total.div_euclid(NANOS);
        let nanos = u32::try_from(total.rem_euclid(NANOS)).ok()?;
        let moved = CallTime { seconds: i64::try_from(seconds).ok()?, nanos, ..self };
        let years = days_from_civil(0, 1, 1)..days_from_civil(10_000, 1, 1);
        years.contains(&moved.day()).then_some(moved)
    }

    /// The same moment in another offset.
    pub(super) fn at_offset(self, offset: i32) -> CallTime {
        CallTime { offset, ..self }
    }

    /// The moment at `second` of local day `day`, in this time's offset.
    pub(super) fn at_local(self, day: i64, second: i64) -> CallTime {
        CallTime { seconds: day * DAY_SECONDS + second - i64::from(self.offset), nanos: 0, ..self }
    }

    fn local(self) -> i64 {
        self.seconds + i64::from(self.offset)
    }

    /// Local days since 1970-01-01.
    pub(super) fn day(self) -> i64 {
        self.local().div_euclid(DAY_SECONDS)
    }

    /// Whole seconds since local midnight.
    pub(super) fn second_of_day(self) -> i64 {
        self.local().rem_euclid(DAY_SECONDS)
    }

    pub(super) fn is_midnight(self) -> bool {
        self.second_of_day() == 0 && self.nanos == 0
    }
}

/// 0 is Sunday.
pub(super) fn weekday(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

/// Month and day of the month of a day since 1970-01-01.
pub(super) fn month_and_day(day: i64) -> (i64, i64) {
    let (_, month, day) = civil_from_days(day);
    (month, day)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// Nanoseconds of `.123`, and what follows.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else { return Some((0, text)) };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, zone) = rest.split_at_checked(digits)?;
    let scale = 10u32.checked_pow(9u32.checked_sub(u32::try_from(digits).ok()?)?)?;
    if digits == 0 {
        return None;
    }
    Some((u32::try_from(number(fraction)?).ok()? * scale, zone))
}

/// Seconds east of UTC of `Z` or `+02:00`.
fn zone_offset(zone: &[u8]) -> Option<i32> {
    if matches!(zone, b"Z" | b"z") {
        return Some(0);
    }
    let [sign, h1, h0, b':', m1, m0] = zone else { return None };
    let (hours, minutes) = (number(&[*h1, *h0])?, number(&[*m1, *m0])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that the leap day is
/// the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - EPOCH_DAYS
}

/// Year, month and day of a day since 1970-01-01.
fn civil_from_days(day: i64) -> (i64, i64, i64) {
    let days = day + EPOCH_DAYS;
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    // Leap days passed within the era: one in 4 years, less one in 100, and the era's last day.
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

impl CallTime {
    /// RFC 3339 with as many fraction digits as needed; `Z` for no offset. Put together digit by digit, because a reply
    /// has four of these and the formatting machinery would take most of its time.
    fn text(self) -> String {
        let mut text = String::with_capacity("2012-02-02T17:30:00.123456789+02:00".len());
        let (year, month, day) = civil_from_days(self.day());
        let second = self.second_of_day();
        if (0..10_000).contains(&year) {
            push_two_digits(&mut text, year / 100);
            push_two_digits(&mut text, year % 100);
        } else {
            text.push_str(&year.to_string());
        }
        let rest = [month, day, second / 3600, second / 60 % 60, second % 60];
        for (mark, value) in ['-', '-', 'T', ':', ':'].into_iter().zip(rest) {
            text.push(mark);
            push_two_digits(&mut text, value);
        }
        if self.nanos != 0 {
            let digits = format!(".{:09}", self.nanos);
            text.push_str(digits.trim_end_matches('0'));
        }
        if self.offset == 0 {
            text.push('Z');
            return text;
        }
        let minutes = i64::from(self.offset.unsigned_abs() / 60);
        text.push(if self.offset < 0 { '-' } else { '+' });
        push_two_digits(&mut text, minutes / 60);
        text.push(':');
        push_two_digits(&mut text, minutes % 60);
        text
    }
}

fn push_two_digits(text: &mut String, value: i64) {
    for digit in [value / 10 % 10, value % 10] {
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

impl fmt::Display for CallTime {
    /// RFC 3339, in the offset that the time has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for CallTime {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for CallTime {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<CallTime, D::Error> {
        d.deserialize_str(Rfc3339)
    }
}

struct Rfc3339;

impl de::Visitor<'_> for Rfc3339 {
    type Value = CallTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"2012-02-02T17:30:00Z\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<CallTime, E> {
        CallTime::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_agree_with_the_calendar_of_jiff_over_ten_thousand_years() {
        let epoch = jiff::civil::date(1970, 1, 1);
        for year in 0..10_000 {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
                let date = jiff::civil::date(year, month, day);
                let days = days_from_civil(i64::from(year), i64::from(month), i64::from(day));
                assert_eq!(days, i64::from(date.since(epoch).unwrap().get_days()));
                assert_eq!(civil_from_days(days), (i64::from(year), i64::from(month), i64::from(day)));
                assert_eq!(weekday(days), i64::from(date.weekday().to_sunday_zero_offset()));
            }
        }
        assert_eq!(civil_from_days(days_from_civil(2012, 2, 29)), (2012, 2, 29));
    }

    #[test]
    fn times_come_back_as_they_were_written() {
        for text in [
            "2012-02-02T17:30:00Z",
            "2012-02-02T17:30:00.5Z",
            "2012-02-29T23:59:59.000000001+02:00",
            "2012-01-01T00:00:00-05:30",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(CallTime::parse(text).map(|time| time.to_string()).as_deref(), Some(text));
        }
        assert_eq!(CallTime::default().to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(CallTime::parse("2012-02-02T17:30:00+00:00").unwrap().to_string(), "2012-02-02T17:30:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2012-02-02",
            "2012-02-02T17:30:00",
            "2012-02-30T17:30:00Z",
            "2012-13-01T17:30:00Z",
            "2012-02-02T24:00:00Z",
            "2012-02-02T17:30:60Z",
            "2012-02-02 17:30:00Z",
            "2012-02-02T17:30:00.Z",
            "2012-02-02T17:30:00.1234567890Z",
            "2012-02-02T17:30:00+2:00",
            "2012-02-02T17:30:00+02:00x",
            "2012-02-0\u{e9}T17:30:00Z",
        ] {
            assert_eq!(CallTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_before_another_is_so_in_every_offset() {
        let utc = CallTime::parse("2012-02-02T12:00:00Z").unwrap();
        let west = CallTime::parse("2012-02-02T07:00:00-05:00").unwrap();
        assert!(!utc.is_before(west) && !west.is_before(utc));
        assert_eq!(west.since(utc), 0);
        assert_eq!(utc.plus(-1).unwrap().to_string(), "2012-02-02T11:59:59.999999999Z");
        assert_eq!(utc.plus(i128::MAX), None);
    }
}
