//! How often something was tried under a key, in a table of fixed size.

use crate::model::Timestamp;
use parking_lot::Mutex;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// Places of a table.
const PLACES: usize = 16_384;

/// Counts tries per key in a window. Keys that fall on one place count together, so a flood of made-up keys can make the
/// table stricter for a while and never larger or forgetful; which keys meet is known to nobody outside.
pub(in crate::doors::system_api) struct Throttle {
    tries_max: u32,
    window: Duration,
    hasher: RandomState,
    places: Mutex<Vec<Place>>,
}

#[derive(Clone, Copy)]
struct Place {
    began: Timestamp,
    tries: u32,
}

impl Throttle {
    pub fn new(tries_max: u32, window: Duration) -> Throttle {
        let empty = Place { began: Timestamp::from_micros(i64::MIN), tries: 0 };
        Throttle { tries_max, window, hasher: RandomState::new(), places: Mutex::new(vec![empty; PLACES]) }
    }

    /// Whether one more may be tried now.
    pub fn allows(&self, key: &str, now: Timestamp) -> bool {
        let places = self.places.lock();
        let place = self.at(key).and_then(|at| places.get(at));
        place.is_none_or(|place| !self.runs(place, now) || place.tries < self.tries_max)
    }

    /// Counts a try, of those that are to be few.
    pub fn count(&self, key: &str, now: Timestamp) {
        let mut places = self.places.lock();
        let Some(place) = self.at(key).and_then(|at| places.get_mut(at)) else { return };
        if !self.runs(place, now) {
            *place = Place { began: now, tries: 0 };
        }
        place.tries = place.tries.saturating_add(1);
    }

    fn runs(&self, place: &Place, now: Timestamp) -> bool {
        // A clock that was set back begins a new window.
        place.tries > 0 && place.began <= now && now.since(place.began) < self.window
    }

    fn at(&self, key: &str) -> Option<usize> {
        let places = u64::try_from(PLACES).ok()?;
        usize::try_from(self.hasher.hash_one(key) % places).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_tries_in_a_window_and_others_have_theirs() {
        let throttle = Throttle::new(3, Duration::from_secs(60));
        let begin = Timestamp::from_seconds(1_000);
        for _ in 0..3 {
            assert!(throttle.allows("a", begin));
            throttle.count("a", begin);
        }
        assert!(!throttle.allows("a", begin.saturating_add(Duration::from_secs(59))));
        let others = (0..100).filter(|n| throttle.allows(&format!("other {n}"), begin)).count();
        assert!(others >= 99, "{others}");
        assert!(throttle.allows("a", begin.saturating_add(Duration::from_secs(60))));
        assert!(throttle.allows("a", begin.saturating_sub(Duration::from_secs(1))));
    }
}
