//! Time is an argument: nothing below `main` reads the clock but through [`Clock`].

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    pub const fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub fn saturating_add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    pub fn saturating_sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to this; zero when the clock went back.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Where the time comes from. The daemon uses [`SystemClock`], tests and simulations [`ManualClock`].
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Whether the clock is known to be right: fees wait for that.
    fn is_synchronised(&self) -> bool;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    /// What NTP told the kernel; a kernel that may not be asked is not trusted.
    fn is_synchronised(&self) -> bool {
        // SAFETY: all zeros is a timex, and with modes 0 the call only fills it in.
        let state = unsafe { libc::adjtimex(&mut std::mem::zeroed::<libc::timex>()) };
        state >= 0 && state != libc::TIME_ERROR
    }
}

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicI64,
    unsynchronised: AtomicBool,
}

impl ManualClock {
    pub fn at(now: Timestamp) -> ManualClock {
        ManualClock { now: AtomicI64::new(now.0), unsynchronised: AtomicBool::new(false) }
    }

    pub fn set(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::SeqCst);
    }

    pub fn set_synchronised(&self, synchronised: bool) {
        self.unsynchronised.store(!synchronised, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn is_synchronised(&self) -> bool {
        !self.unsynchronised.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clock_goes_on() {
        let clock = SystemClock;
        let before = clock.now();
        assert!(clock.now() >= before);
    }

    #[test]
    fn a_manual_clock_is_right_until_it_is_told_otherwise() {
        let clock = ManualClock::at(Timestamp::from_seconds(1));
        assert!(clock.is_synchronised());
        clock.set_synchronised(false);
        assert_eq!((clock.is_synchronised(), clock.now()), (false, Timestamp::from_seconds(1)));
    }
}
