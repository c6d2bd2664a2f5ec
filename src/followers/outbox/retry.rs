//! When a failed delivery is tried again, and when a target is left alone for a while.

use crate::model::Timestamp;
use std::time::Duration;

/// Before the second attempt, the third, and so on; the last one holds for all that follow. About three days in all.
const WAITS: [u64; 9] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600];
pub const ATTEMPTS_MAX: u32 = 19;
/// Waits are longer or shorter by up to a fifth, so that many that failed together do not come back together.
const JITTER_PERCENT: u64 = 20;
/// What the receiver asks for is believed up to this.
const ASKED_MAX: Duration = Duration::from_secs(21_600);

const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A receiver that refuses so many items in a row is in trouble too.
const REFUSED_IN_A_ROW_MAX: u32 = 10;

/// The wait after `attempts` of this event; None: that was the last one.
pub fn wait(event: i64, attempts: u32, asked: Option<Duration>) -> Option<Duration> {
    if attempts >= ATTEMPTS_MAX {
        return None;
    }
    let at = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let last = WAITS.last().copied().unwrap_or_default();
    let base = WAITS.get(at).copied().unwrap_or(last).saturating_mul(1_000);
    let spread = base * JITTER_PERCENT / 100;
    // Even over the spread; which event goes early must not be known, only differ.
    let place = mixed(event.cast_unsigned() ^ (u64::from(attempts) << 48)) % (2 * spread + 1);
    let wait = Duration::from_millis(base - spread + place);
    Some(wait.max(asked.unwrap_or_default().min(ASKED_MAX)))
}

/// SplitMix64's last step.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// How a target fares as a whole.
#[derive(Debug, Default)]
pub struct Health {
    /// Troubles since the last success.
    troubles: u32,
    failures_in_a_row: u32,
    until: Option<Timestamp>,
}

impl Health {
    pub fn succeeded(&mut self) {
        *self = Health::default();
    }

    /// An item was not delivered; `trouble`: for no reason of its own. True when the target is paused by it.
    pub fn failed(&mut self, trouble: bool, now: Timestamp) -> bool {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        if !trouble && self.failures_in_a_row < REFUSED_IN_A_ROW_MAX {
            return false;
        }
        let pause = PAUSE_FIRST.saturating_mul(1 << self.troubles.min(16)).min(PAUSE_MAX);
        self.troubles = self.troubles.saturating_add(1);
        self.until = Some(now.saturating_add(pause));
        true
    }

    /// Until when nothing is sent; None: something may be.
    pub fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }

    /// After trouble one item at a time, until one is delivered.
    pub fn is_probing(&self) -> bool {
        self.troubles > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_seconds_to_hours_and_end_after_about_three_days() {
        let mut total = Duration::ZERO;
        for attempts in 1..ATTEMPTS_MAX {
            let wait = wait(7, attempts, None).unwrap();
            let base = WAITS[usize::try_from(attempts - 1).unwrap().min(WAITS.len() - 1)];
            let near = Duration::from_secs(base * 4 / 5)..=Duration::from_secs(base * 6 / 5);
            assert!(near.contains(&wait), "{attempts}: {wait:?}");
            total += wait;
        }
        let days = total.as_secs_f64() / 86_400.0;
        assert!((2.3..3.5).contains(&days), "{days}");
        assert_eq!(wait(7, ATTEMPTS_MAX, None), None);
    }

    #[test]
    fn events_that_failed_together_come_back_apart() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|event| wait(event, 3, None)).collect();
        assert!(waits.len() > 90, "{}", waits.len());
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_ever() {
        let minute = Duration::from_secs(60);
        assert_eq!(wait(1, 1, Some(minute)), Some(minute));
        assert_eq!(wait(1, 1, Some(Duration::from_secs(1 << 40))), Some(ASKED_MAX));
    }

    #[test]
    fn a_target_in_trouble_is_left_alone_for_longer_and_longer() {
        let (mut health, now) = (Health::default(), Timestamp::from_seconds(1_000));
        let pauses: Vec<u64> = (0..9)
            .map(|_| {
                assert!(health.failed(true, now));
                health.paused_until(now).unwrap().since(now).as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        health.succeeded();
        assert_eq!((health.paused_until(now), health.is_probing()), (None, false));
    }

    #[test]
    fn items_that_are_refused_one_by_one_pause_the_target_only_when_they_are_many_in_a_row() {
        let (mut health, now) = (Health::default(), Timestamp::from_seconds(1_000));
        assert!((1..REFUSED_IN_A_ROW_MAX).all(|_| !health.failed(false, now)));
        assert!(health.failed(false, now));
    }
}
