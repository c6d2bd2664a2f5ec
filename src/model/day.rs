//! Days and months of the ledger, in the server's time zone. Which moment a day begins at is the engine's business
//! (`engine::calendar`); here they are only counted.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A day, counted from 1970-01-01; written `2026-04-06`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// A month, counted from January of the year 0; written `2026-04`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// The text is no day or month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayError {
    text: String,
    expected: &'static str,
}

impl fmt::Display for DayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no date; expected {}", self.text, self.expected)
    }
}

impl std::error::Error for DayError {}

impl Day {
    pub const fn from_number(days_since_1970: i32) -> Day {
        Day(days_since_1970)
    }

    pub const fn number(self) -> i32 {
        self.0
    }

    /// The day so many days later; earlier for a negative number.
    pub const fn plus(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }

    pub const fn next(self) -> Day {
        self.plus(1)
    }

    /// Days from `earlier` to this; negative when this one is earlier.
    pub const fn since(self, earlier: Day) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    pub fn month(self) -> Month {
        let (year, month, _) = self.civil();
        Month::of(year, month)
    }

    /// Day of the month, from 1.
    pub fn of_month(self) -> i32 {
        self.civil().2
    }

    /// 0 for Monday to 6 for Sunday.
    pub const fn weekday(self) -> i32 {
        // 1970-01-01 was a Thursday.
        (self.0 % 7 + 7 + 3) % 7
    }

    /// Year, month (1 to 12) and day of the month of the proleptic Gregorian calendar.
    pub fn civil(self) -> (i32, i32, i32) {
        // Years are counted from March, so that the leap day ends one; 400 years have 146,097 days.
        let days = i64::from(self.0) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let small = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
        (small(year), small(month), small(day))
    }

    /// None when there is no such day.
    pub fn from_civil(year: i32, month: i32, day: i32) -> Option<Day> {
        if !(1..=12).contains(&month) || day < 1 {
            return None;
        }
        let first = Month::of(year, month).first_day();
        let found = first.plus(day - 1);
        (found.month() == Month::of(year, month)).then_some(found)
    }
}

impl Month {
    /// `month` from 1 to 12.
    pub const fn of(year: i32, month: i32) -> Month {
        Month(year.saturating_mul(12).saturating_add(month - 1))
    }

    pub const fn number(self) -> i32 {
        self.0
    }

    pub const fn from_number(months: i32) -> Month {
        Month(months)
    }

    pub const fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// 1 to 12.
    pub const fn of_year(self) -> i32 {
        self.0.rem_euclid(12) + 1
    }

    pub const fn next(self) -> Month {
        Month(self.0.saturating_add(1))
    }

    pub fn first_day(self) -> Day {
        let year = i64::from(if self.of_year() <= 2 { self.year() - 1 } else { self.year() });
        let from_march = i64::from((self.of_year() + 9) % 12);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let days = of_era * 365 + of_era / 4 - of_era / 100 + (153 * from_march + 2) / 5;
        Day(i32::try_from(era * 146_097 + days - 719_468).unwrap_or(i32::MAX))
    }

    pub fn last_day(self) -> Day {
        self.next().first_day().plus(-1)
    }

    /// Days of this month: 28 to 31.
    pub fn days(self) -> i32 {
        self.next().first_day().since(self.first_day())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.of_year())
    }
}

/// The numbers of a text like `2026-04-06`; years of four digits.
fn numbers<const N: usize>(text: &str) -> Option<[i32; N]> {
    let mut found = [0; N];
    let mut parts = text.trim().split('-');
    for (at, number) in found.iter_mut().enumerate() {
        let part = parts.next()?;
        let digits = if at == 0 { 4 } else { 2 };
        if part.len() != digits || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        numbers(text)
            .and_then(|[year, month, day]| Day::from_civil(year, month, day))
            .ok_or_else(|| DayError { text: text.to_owned(), expected: "a day like 2026-04-06" })
    }
}

impl FromStr for Month {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Month, DayError> {
        numbers(text)
            .filter(|[_, month]| (1..=12).contains(month))
            .map(|[year, month]| Month::of(year, month))
            .ok_or_else(|| DayError { text: text.to_owned(), expected: "a month like 2026-04" })
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Day, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Month, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_hundred_years_follows_the_one_before_it() {
        let mut day = Day::from_civil(1899, 12, 31).unwrap();
        let last = Day::from_civil(2301, 1, 1).unwrap();
        while day < last {
            let (next, civil) = (day.next(), jiff_date(day.next()));
            assert_eq!(next.civil(), civil);
            assert_eq!(Day::from_civil(civil.0, civil.1, civil.2), Some(next));
            assert_eq!(next.to_string().parse(), Ok(next));
            day = next;
        }
    }

    fn jiff_date(day: Day) -> (i32, i32, i32) {
        let date = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(day.number());
        (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()))
    }

    #[test]
    fn months_have_their_days_and_weeks_begin_on_monday() {
        let february = "2024-02".parse::<Month>().unwrap();
        assert_eq!((february.days(), february.next().to_string()), (29, "2024-03".to_owned()));
        assert_eq!("2023-12".parse::<Month>().unwrap().next().to_string(), "2024-01");
        assert_eq!(Month::of(2026, 4).last_day().to_string(), "2026-04-30");
        assert_eq!("2026-04-06".parse::<Day>().unwrap().weekday(), 0);
        assert_eq!("1969-12-28".parse::<Day>().unwrap().weekday(), 6);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["2026-02-29", "2026-13-01", "2026-00-10", "26-04-06", "2026-4-6", "2026-04", "2026-04-06-1", ""]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        for text in ["2026-13", "2026", "2026-04-01", "x"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
