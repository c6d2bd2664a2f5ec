//! Months that were closed, and the month that a posting counts in (rules.md, Corrections and closing).

use super::{AccountId, Day, Month, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// A month that was closed, with what was frozen then: neither another time zone nor another VAT in the configuration
/// changes its acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedMonth {
    pub month: Month,
    /// The month's first moment.
    pub begins: Timestamp,
    /// The first moment after it.
    pub ends: Timestamp,
    /// The last transfer posted before the month was closed; no later one is of this month.
    pub last_transfer: TransferId,
    pub at: Timestamp,
    /// Hundredths of a percent, included in sums; None: no VAT.
    pub vat_basis_points: Option<u32>,
    /// Acts are made in the order of accounts; those up to this one have theirs.
    pub acts_after: Option<AccountId>,
    /// All acts of the month are made.
    pub acts_complete: bool,
}

/// When a transfer was posted and the day it is for: what its month follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostingDate {
    pub transfer: TransferId,
    pub time: Timestamp,
    /// The day it is for, where that is not the day of `time`.
    pub day: Option<Day>,
}

impl PostingDate {
    /// The place in `closings` (in order of month) of the closed month that the transfer counts in; None for a month
    /// that is open, or that was never closed by itself.
    ///
    /// It counts in the month of its day, else of its time. Nothing enters a month that was closed when it was posted:
    /// a day there is passed over for the time, and a time there (the clock was set back) for the month after it.
    pub fn closed_month(&self, closings: &[ClosedMonth]) -> Option<usize> {
        let place = |month: Month| closings.binary_search_by_key(&month, |closed| closed.month).ok();
        let closed_before = closings.partition_point(|closed| closed.last_transfer < self.transfer);
        let locked = closed_before.checked_sub(1).and_then(|last| closings.get(last));
        if let Some(month) = self.day.map(Day::month)
            && locked.is_none_or(|locked| month > locked.month)
        {
            return place(month);
        }
        if let Some(locked) = locked.filter(|locked| self.time < locked.ends) {
            return place(locked.month.next());
        }
        let at = closings.partition_point(|closed| closed.ends <= self.time);
        closings.get(at).filter(|closed| closed.begins <= self.time).map(|_| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    /// March closed after transfer 100, April after transfer 200, June (May had no postings) after 300.
    fn closings() -> Vec<ClosedMonth> {
        [("2026-03", 100), ("2026-04", 200), ("2026-06", 300)]
            .into_iter()
            .map(|(month, last)| {
                let month: Month = month.parse().unwrap();
                ClosedMonth {
                    month,
                    begins: at(month.first_day()),
                    ends: at(month.next().first_day()),
                    last_transfer: TransferId(last),
                    at: Timestamp::default(),
                    vat_basis_points: None,
                    acts_after: None,
                    acts_complete: false,
                }
            })
            .collect()
    }

    fn at(day: Day) -> Timestamp {
        Timestamp::from_seconds(i64::from(day.number()) * DAY)
    }

    #[test]
    fn a_posting_counts_in_the_month_of_its_day_unless_that_was_closed_before() {
        let closings = closings();
        for (transfer, time, day, month) in [
            // By its time.
            (1, "2026-03-01", None, Some("2026-03")),
            (1, "2026-03-31", None, Some("2026-03")),
            (1, "2026-02-28", None, None),
            (100, "2026-04-05", None, Some("2026-04")),
            (101, "2026-04-06", None, Some("2026-04")),
            (250, "2026-05-06", None, None),
            (301, "2026-07-01", None, None),
            // By its day.
            (90, "2026-04-01", Some("2026-03-31"), Some("2026-03")),
            (90, "2026-03-31", Some("2026-04-01"), Some("2026-04")),
            (90, "2026-03-31", Some("2026-02-28"), None),
            // March was closed when it was posted.
            (101, "2026-04-06", Some("2026-03-31"), Some("2026-04")),
            (201, "2026-06-06", Some("2026-04-30"), Some("2026-06")),
            // The clock was set back into a closed month.
            (101, "2026-03-31", None, Some("2026-04")),
            (101, "2026-03-30", Some("2026-03-31"), Some("2026-04")),
            (201, "2026-04-30", None, None),
            (301, "2026-01-01", None, None),
        ] {
            let date = PostingDate {
                transfer: TransferId(transfer),
                time: at(time.parse().unwrap()),
                day: day.map(|day: &str| day.parse().unwrap()),
            };
            let found = date.closed_month(&closings).map(|place| closings[place].month.to_string());
            assert_eq!(found.as_deref(), month, "{date:?}");
        }
    }
}
