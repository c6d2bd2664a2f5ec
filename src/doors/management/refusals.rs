//! What a wrong token costs whoever tries it: time. And what it costs us: little, in the log too.
//!
//! Nobody is locked out: behind one address a box with a wrong token may stand beside others with right ones.

use parking_lot::Mutex;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// An answer to a wrong token is held back for so long.
const HELD_BACK: Duration = Duration::from_secs(1);
/// Answers that are held back at the same time; the others wait for theirs.
const AT_ONCE_MAX: usize = 32;
/// Between two lines of the log.
const LOG_GAP: Duration = Duration::from_secs(10);

pub(super) struct Refusals {
    places: Semaphore,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    last: Option<Instant>,
    /// Since then, without a line.
    untold: u64,
}

impl Refusals {
    pub fn new() -> Refusals {
        Refusals { places: Semaphore::new(AT_ONCE_MAX), log: Mutex::default() }
    }

    /// Returns when the refusal may be said.
    pub async fn refuse(&self, source: IpAddr, path: &str, named_itself: bool) {
        if let Some(untold) = self.to_tell(Instant::now()) {
            let what = if named_itself { "a wrong key or password" } else { "no key or password" };
            tracing::warn!(%source, untold, "{path} was asked for with {what}");
        }
        // Never closed.
        let _place = self.places.acquire().await;
        sleep(HELD_BACK).await;
    }

    /// How many were not told before this one; None: this one is not told either.
    fn to_tell(&self, now: Instant) -> Option<u64> {
        let mut log = self.log.lock();
        if log.last.is_some_and(|last| now.duration_since(last) < LOG_GAP) {
            log.untold += 1;
            return None;
        }
        log.last = Some(now);
        Some(std::mem::take(&mut log.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_wrong_tokens_is_one_line_with_a_number_now_and_then() {
        let refusals = Refusals::new();
        let start = Instant::now();
        assert_eq!(refusals.to_tell(start), Some(0));
        for _ in 0..1_000 {
            assert_eq!(refusals.to_tell(start), None);
        }
        assert_eq!(refusals.to_tell(start + LOG_GAP), Some(1_000));
    }
}
