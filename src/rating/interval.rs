//! Activation periods and their intervals: which price is in force when.

use super::calltime::{CallTime, DAY_SECONDS, month_and_day, weekday};
use super::fraction::Fraction;
use super::number::{Amount, Decimal, serialize_money};
use super::record::{List, record};
use crate::model::Money;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer, ser};
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;

/// Intervals of one activation period.
pub const INTERVALS_MAX: usize = 128;
/// Days named by one interval; more than there are, since a list may repeat itself.
const WEEKDAYS_MAX: usize = 32;

/// From `activation_time` on, these intervals are in effect, until the next period's time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ActivationPeriod {
    pub activation_time: CallTime,
    pub intervals: Vec<Interval>,
}

record! { ActivationPeriod {
    activation_time: "ActivationTime" as CallTime,
    intervals: "Intervals" as List<Interval, INTERVALS_MAX>,
} }

/// A price and when it applies. A zero or empty condition holds always. Money is in the dialect's unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Interval {
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub month_day: u8,
    /// 0 is Sunday.
    #[serde(serialize_with = "null_when_empty")]
    pub week_days: Vec<u8>,
    pub start_time: ClockTime,
    pub end_time: ClockTime,
    /// Of intervals that apply together the greatest ponder wins, then the lower price, then the one listed first.
    pub ponder: Decimal,
    #[serde(serialize_with = "serialize_money")]
    pub connect_fee: Money,
    /// For one billing unit, in proportion: never rounded up to whole units.
    pub price: Decimal,
    /// Seconds; zero means one second.
    pub billing_unit: Decimal,
}

record! { Interval {
    month: "Month" as u8,
    month_day: "MonthDay" as u8,
    week_days: "WeekDays" as List<u8, WEEKDAYS_MAX>,
    start_time: "StartTime" as ClockTime,
    end_time: "EndTime" as ClockTime,
    ponder: "Ponder" as Decimal,
    connect_fee: "ConnectFee" as Amount,
    price: "Price" as Decimal,
    billing_unit: "BillingUnit" as Decimal,
} }

fn null_when_empty<S: Serializer>(days: &[u8], s: S) -> Result<S::Ok, S::Error> {
    if days.is_empty() { s.serialize_none() } else { days.serialize(s) }
}

impl Interval {
    /// Whether a moment lies in the interval, EndTime included to the second.
    pub fn contains(&self, time: CallTime) -> bool {
        let second = time.second_of_day();
        self.on_day(time.day())
            && self.start_time.0.is_none_or(|start| second >= start)
            && self.end_time.0.is_none_or(|end| second <= end)
    }

    /// Whether time that begins at `second` of `day` is charged by this interval. Between `until 18:00:00` and
    /// `from 18:00:00` lies no second; see [`ClockTime::end_of`].
    fn covers(&self, day: i64, second: i64) -> bool {
        second >= self.start_time.0.unwrap_or(0)
            && second < self.end_time.end_of().unwrap_or(DAY_SECONDS)
            && self.on_day(day)
    }

    /// Whether its right margin is 23:59:59.
    pub(super) fn runs_to_midnight(&self) -> bool {
        self.end_time.0.is_none_or(|end| end == DAY_SECONDS - 1)
    }

    fn on_day(&self, day: i64) -> bool {
        if !self.week_days.is_empty() && !self.week_days.iter().any(|named| i64::from(*named) == weekday(day))
        {
            return false;
        }
        if self.month == 0 && self.month_day == 0 {
            return true;
        }
        let (month, month_day) = month_and_day(day);
        (self.month == 0 || i64::from(self.month) == month)
            && (self.month_day == 0 || i64::from(self.month_day) == month_day)
    }

    /// Whether this one takes the place of `other`, which was listed before it.
    pub(super) fn displaces(&self, other: &Interval) -> bool {
        self.ponder > other.ponder || self.ponder == other.ponder && self.price < other.price
    }

    /// What is wrong with it, or nothing.
    fn check(&self) -> Result<(), String> {
        if self.month > 12 {
            return Err(format!("Month: expected 0 to 12, found {}", self.month));
        }
        if self.month_day > 31 {
            return Err(format!("MonthDay: expected 0 to 31, found {}", self.month_day));
        }
        if let Some(day) = self.week_days.iter().find(|day| **day > 6) {
            return Err(format!("WeekDays: expected 0 (Sunday) to 6, found {day}"));
        }
        if self.start_time.0 == Some(DAY_SECONDS) {
            return Err("StartTime: 24:00:00 can only be an end".to_owned());
        }
        if let (start, Some(end)) = (self.start_time.0.unwrap_or(0), self.end_time.end_of())
            && end <= start
        {
            let (start, end) = (self.start_time, self.end_time);
            return Err(format!(
                "EndTime: {end} is not after StartTime {start}; write two intervals for a night"
            ));
        }
        let negative = [
            ("ConnectFee", self.connect_fee.is_negative()),
            ("Price", self.price.is_negative()),
            ("BillingUnit", self.billing_unit.is_negative()),
        ];
        match negative.iter().find(|(_, negative)| *negative) {
            Some((name, _)) => Err(format!("{name}: is negative")),
            None => Ok(()),
        }
    }
}

/// Seconds since midnight, written `18:00:00`; empty: no bound. `24:00:00` is an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClockTime(pub(super) Option<i64>);

impl ClockTime {
    /// `hh:mm:ss`, one or two digits each, or nothing.
    pub fn parse(text: &str) -> Option<ClockTime> {
        if text.is_empty() {
            return Some(ClockTime(None));
        }
        let mut parts = text.split(':').map(|part| {
            let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<i64>().ok()).flatten()
        });
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        let seconds = hour * 3600 + minute * 60 + second;
        let valid = parts.next().is_none() && minute < 60 && second < 60 && seconds <= DAY_SECONDS;
        valid.then_some(ClockTime(Some(seconds)))
    }

    /// The first second of the day that is not charged any more when this is an EndTime. Price lists write either
    /// `until 18:00:00, from 18:00:00` or `until 17:59:59, from 18:00:00`; in both all of the day is covered once.
    fn end_of(self) -> Option<i64> {
        self.0.map(|end| if end % 60 == 59 { end + 1 } else { end })
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seconds) = self.0 else { return Ok(()) };
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

impl Serialize for ClockTime {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<ClockTime, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = ClockTime;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time of day such as \"18:00:00\", or \"\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ClockTime, E> {
                ClockTime::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        d.deserialize_str(Text)
    }
}

/// An activation period made ready for rating: where prices can change within a day, what a nanosecond costs, and
/// the JSON that every span of a reply repeats.
#[derive(Debug)]
pub(super) struct PricedPeriod {
    period: ActivationPeriod,
    /// Seconds of the day at which another interval may apply, ascending; the last is midnight.
    boundaries: Vec<i64>,
    /// For each interval, millionths of the unit for one nanosecond.
    prices: Vec<Fraction>,
    json: Box<RawValue>,
    interval_json: Vec<Box<RawValue>>,
}

impl PricedPeriod {
    /// The error names the interval and the member.
    pub(super) fn new(period: ActivationPeriod) -> Result<PricedPeriod, String> {
        let mut boundaries = vec![DAY_SECONDS];
        let mut prices = Vec::with_capacity(period.intervals.len());
        let mut interval_json = Vec::with_capacity(period.intervals.len());
        for (number, interval) in (1..).zip(&period.intervals) {
            let at = |why: String| format!("Intervals: element {number}: {why}");
            interval.check().map_err(at)?;
            let price = price_per_nanosecond(interval.price, interval.billing_unit);
            prices.push(price.ok_or_else(|| at("BillingUnit: is outside the range".to_owned()))?);
            interval_json.push(to_raw_value(interval).map_err(|why| at(why.to_string()))?);
            boundaries.extend([interval.start_time.0, interval.end_time.end_of()].into_iter().flatten());
        }
        boundaries.sort_unstable();
        boundaries.dedup();
        let json = to_raw_value(&period).map_err(|why| why.to_string())?;
        Ok(PricedPeriod { period, boundaries, prices, json, interval_json })
    }

    pub(super) fn period(&self) -> &ActivationPeriod {
        &self.period
    }

    pub(super) fn starts(&self) -> CallTime {
        self.period.activation_time
    }

    pub(super) fn interval(&self, index: usize) -> Option<&Interval> {
        self.period.intervals.get(index)
    }

    pub(super) fn price(&self, interval: usize) -> Option<Fraction> {
        self.prices.get(interval).copied()
    }

    /// The interval that charges time beginning at `time`.
    pub(super) fn in_force(&self, time: CallTime) -> Option<usize> {
        let (day, second) = (time.day(), time.second_of_day());
        let mut best: Option<(usize, &Interval)> = None;
        for (index, interval) in self.period.intervals.iter().enumerate() {
            if interval.covers(day, second) && best.is_none_or(|(_, other)| interval.displaces(other)) {
                best = Some((index, interval));
            }
        }
        best.map(|(index, _)| index)
    }

    /// The next moment after `time` at which another interval may apply; at the latest midnight.
    pub(super) fn next_boundary(&self, time: CallTime) -> CallTime {
        let second = time.second_of_day();
        let next = self.boundaries.iter().copied().find(|boundary| *boundary > second);
        time.at_local(time.day(), next.unwrap_or(DAY_SECONDS))
    }
}

/// What one nanosecond costs in millionths of the unit: both prices and units are billionths.
pub(super) fn price_per_nanosecond(price: Decimal, billing_unit: Decimal) -> Option<Fraction> {
    let seconds =
        if billing_unit == Decimal::ZERO { 1_000_000_000 } else { i128::from(billing_unit.nanos()) };
    Fraction::new(i128::from(price.nanos()), seconds * 1_000)
}

impl Serialize for PricedPeriod {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(s)
    }
}

/// One interval of a period, in the words of the reply.
pub(super) struct IntervalJson<'a>(pub(super) &'a PricedPeriod, pub(super) usize);

impl Serialize for IntervalJson<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let IntervalJson(period, index) = self;
        period.interval_json.get(*index).ok_or_else(|| ser::Error::custom("no such interval"))?.serialize(s)
    }
}
