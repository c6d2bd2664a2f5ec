//! Dates of data files and commands, in the server's time zone.

use crate::model::{Day, Refusal, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

const SECONDS_OF_DAY: i64 = 86_400;

/// The moment a text names: `2026-12-31` (00:00 of that day), `2026-12-31 18:00[:00]`, either with `T`, or RFC 3339.
/// Empty means none.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Option<Timestamp>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Ok(Some(Timestamp::from_micros(exact.as_microsecond())));
    }
    let civil = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|date| date.to_datetime(jiff::civil::Time::midnight())));
    let zoned = civil.and_then(|civil| civil.to_zoned(zone.clone()));
    match zoned {
        Ok(zoned) => Ok(Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))),
        Err(_) => Err(Refusal::new(
            "bad-date",
            format!(
                "{text:?} is not a date; expected 2026-12-31, 2026-12-31 18:00 or 2026-12-31T18:00:00+03:00"
            ),
        )),
    }
}

/// Seconds east of UTC at a moment.
pub(super) fn offset(at: Timestamp, zone: &TimeZone) -> i32 {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    zone.to_offset(at).seconds()
}

/// The day of a moment.
pub fn day_of(at: Timestamp, zone: &TimeZone) -> Day {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    let offset = i64::from(zone.to_offset(at).seconds());
    let days = at.as_second().saturating_add(offset).div_euclid(SECONDS_OF_DAY);
    Day::from_number(i32::try_from(days).unwrap_or_default())
}

/// The moment a day begins at; where the clocks skip midnight, the first moment after it.
pub fn midnight(day: Day, zone: &TimeZone) -> Timestamp {
    moment_of_day(day, 0, zone)
}

/// So many minutes after midnight by the clock on the wall.
pub fn moment_of_day(day: Day, minutes: u16, zone: &TimeZone) -> Timestamp {
    let wall = i64::from(day.number()) * SECONDS_OF_DAY + i64::from(minutes) * 60;
    let civil = jiff::Timestamp::from_second(wall).map(|at| TimeZone::UTC.to_datetime(at));
    let found = civil.and_then(|civil| zone.to_timestamp(civil));
    found.map_or_else(|_| Timestamp::from_seconds(wall), |at| Timestamp::from_micros(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_of_the_server_and_nonsense_is_refused() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let midnight = moment("2026-04-01", &zone).unwrap().unwrap();
        assert_eq!(midnight.seconds(), 1_774_990_800);
        assert_eq!(moment("2026-04-01 00:00", &zone).unwrap(), Some(midnight));
        assert_eq!(moment("2026-03-31T21:00:00Z", &zone).unwrap(), Some(midnight));
        assert_eq!(moment("", &zone), Ok(None));
        for text in ["tomorrow", "2026-02-30", "01.04.2026"] {
            assert_eq!(moment(text, &zone).unwrap_err().token, "bad-date");
        }
    }

    #[test]
    fn days_begin_by_the_clock_on_the_wall_also_when_it_is_changed() {
        for (name, day, begins) in [
            ("Europe/Moscow", "2026-04-01", "2026-03-31T21:00:00Z"),
            ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z"),
            ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00Z"),
            // Here the clocks go from 00:00 to 01:00.
            ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"),
        ] {
            let zone = TimeZone::get(name).unwrap();
            let day: Day = day.parse().unwrap();
            let begins = moment(begins, &zone).unwrap().unwrap();
            assert_eq!(midnight(day, &zone), begins, "{name} {day}");
            assert_eq!(day_of(begins, &zone), day, "{name} {day}");
            let before = Timestamp::from_micros(begins.micros() - 1);
            assert_eq!(day_of(before, &zone), day.plus(-1), "{name} {day}");
        }
    }
}
