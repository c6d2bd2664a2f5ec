//! Dates of data files and commands, in the server's time zone.

use crate::model::{Refusal, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

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
            format!("{text:?} is not a date; expected 2026-12-31 or 2026-12-31 18:00"),
        )),
    }
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
}
