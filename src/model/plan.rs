//! Tariff plans.

use super::{PlanId, Price, Shape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub id: PlanId,
    pub name: String,
    pub fee: Price,
    pub period: Period,
    pub charge: Charge,
    pub on_shortage: OnShortage,
    pub shape: Shape,
    pub mikrotik_burst: MikrotikBurst,
    pub usage: UsagePrices,
    /// Other speeds by the clock; the first that holds.
    pub timed: Vec<TimedShape>,
    pub quota: Option<Quota>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    #[default]
    Month,
    Day,
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    #[default]
    Daily,
    Period,
}

impl Charge {
    /// Charged for the rest of the month at once: what has no months is charged by the day.
    pub fn is_by_period(self, period: Period) -> bool {
        period == Period::Month && self == Charge::Period
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnShortage {
    #[default]
    Hold,
    Debt,
}

/// A speed at certain times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedShape {
    pub when: TimeTable,
    pub shape: Shape,
}

/// Days of the week and a part of the day, in the server's time zone. With `from` past `to` it runs over midnight and
/// belongs to the day it begins on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeTable {
    /// Monday to Sunday.
    pub days: [bool; 7],
    /// Minutes from midnight.
    pub from: u16,
    /// Minutes from midnight, not included; equal to `from`: the whole day.
    pub to: u16,
}

/// The text is no time table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeTableError(String);

impl fmt::Display for TimeTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no time table; expected one like \"mon-fri 23:00-07:00\"", self.0)
    }
}

impl std::error::Error for TimeTableError {}

const MINUTES_OF_DAY: u16 = 24 * 60;

impl FromStr for TimeTable {
    type Err = TimeTableError;

    /// Days, hours or both: `mon-fri 23:00-07:00`, `sat,sun`, `23:00-07:00`. A range of days may run over the week's
    /// end; `24:00` ends a day.
    fn from_str(text: &str) -> Result<TimeTable, TimeTableError> {
        let error = || TimeTableError(text.to_owned());
        let mut table = TimeTable { days: [true; 7], from: 0, to: 0 };
        let (mut days, mut hours) = (None, None);
        for word in text.split_whitespace() {
            // Hours after days, each once.
            let is_hours = word.starts_with(|first: char| first.is_ascii_digit());
            if hours.is_some() || (!is_hours && days.is_some()) {
                return Err(error());
            }
            *if is_hours { &mut hours } else { &mut days } = Some(word);
        }
        if days.is_none() && hours.is_none() {
            return Err(error());
        }
        if let Some(days) = days {
            table.days = week_days(days).ok_or_else(error)?;
        }
        if let Some(hours) = hours {
            let (from, to) = hours.split_once('-').ok_or_else(error)?;
            (table.from, table.to) = minutes(from).zip(minutes(to)).ok_or_else(error)?;
            if table.from == MINUTES_OF_DAY {
                return Err(error());
            }
            table.to %= MINUTES_OF_DAY;
        }
        Ok(table)
    }
}

/// `mon`, `mon-fri`, `mon,wed,sat-sun`.
fn week_days(text: &str) -> Option<[bool; 7]> {
    let number = |name: &str| {
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        names.iter().position(|known| name.eq_ignore_ascii_case(known))
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        let length = (last + 7 - first) % 7;
        for (day, chosen) in days.iter_mut().enumerate() {
            *chosen |= (day + 7 - first) % 7 <= length;
        }
    }
    Some(days)
}

/// Of `hh:mm`, at most 24:00.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| -> Option<u16> {
        let plain = digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
        if plain { digits.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= MINUTES_OF_DAY).then_some(all)
}

/// A speed for the rest of the month once so much has been used, both directions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub mib: u64,
    pub shape: Shape,
}

/// MikroTik's burst (Mikrotik-Rate-Limit): rates and thresholds in kbit/s, time in seconds. All 0: no burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MikrotikBurst {
    pub rate_in: i32,
    pub threshold_in: i32,
    pub rate_out: i32,
    pub threshold_out: i32,
    pub time: i32,
}

/// Prices beyond the fee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePrices {
    /// Per MiB towards the subscriber beyond what is included.
    pub traffic_in: Price,
    /// MiB included in a period.
    pub included_in: u64,
    pub traffic_out: Price,
    pub included_out: u64,
    /// Per hour online.
    pub session_hour: Price,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_tables_are_days_hours_or_both() {
        let work = [true, true, true, true, true, false, false];
        for (text, days, from, to) in [
            ("mon-fri 23:00-07:00", work, 1380, 420),
            ("Mon,tue,WED-fri 0:00-24:00", work, 0, 0),
            ("fri-mon", [true, false, false, false, true, true, true], 0, 0),
            ("18:30-24:00", [true; 7], 1110, 0),
            ("sun 00:00-00:00", [false, false, false, false, false, false, true], 0, 0),
        ] {
            assert_eq!(text.parse(), Ok(TimeTable { days, from, to }), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_table_is_refused() {
        for text in [
            "",
            "mon-",
            "moon",
            "23:00",
            "23:00-25:00",
            "23:60-01:00",
            "24:00-01:00",
            "mon tue",
            "1:00-2:00 mon",
            "1:00-2:00 3:00-4:00",
            "mon-fri-sat",
            "+1:00-2:00",
            "mon,,tue",
            "1:00-2:00-3:00",
        ] {
            assert!(text.parse::<TimeTable>().is_err(), "{text}");
        }
    }
}
