//! Sessions of the cabinet: who has logged in, under a name that cannot be guessed. Kept in memory alone.

use crate::model::{SubscriberId, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

/// Sessions at once; the one that was not used for the longest makes room.
const SESSIONS_MAX: usize = 20_000;
/// Of one subscriber.
const SESSIONS_PER_SUBSCRIBER_MAX: usize = 16;
/// A session that is not used ends.
const IDLE_MAX: Duration = Duration::from_secs(3_600);
/// And so does one that is used for ever.
const AGE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Octets of randomness in a `suid`.
const SUID_OCTETS: usize = 20;

#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Clone, Copy)]
struct Session {
    subscriber: SubscriberId,
    opened: Timestamp,
    used: Timestamp,
}

impl Session {
    fn lives(&self, now: Timestamp) -> bool {
        now.since(self.used) < IDLE_MAX && now.since(self.opened) < AGE_MAX
    }
}

impl Sessions {
    /// Opens a session and gives its `suid`. None: the machine has no random numbers.
    pub fn open(&self, subscriber: SubscriberId, now: Timestamp) -> Option<String> {
        let mut octets = [0u8; SUID_OCTETS];
        getrandom::fill(&mut octets).ok()?;
        let mut suid = String::with_capacity(2 * SUID_OCTETS);
        for octet in octets {
            // Writing to a String cannot fail.
            let _ = write!(suid, "{octet:02x}");
        }
        let mut sessions = self.0.lock();
        make_room(&mut sessions, subscriber, now);
        sessions.insert(suid.clone(), Session { subscriber, opened: now, used: now });
        Some(suid)
    }

    /// Whose session this is; it is used by asking.
    pub fn find(&self, suid: &str, now: Timestamp) -> Option<SubscriberId> {
        let mut sessions = self.0.lock();
        let session = sessions.get_mut(suid)?;
        if !session.lives(now) {
            sessions.remove(suid);
            return None;
        }
        session.used = now;
        Some(session.subscriber)
    }

    pub fn close(&self, suid: &str) {
        self.0.lock().remove(suid);
    }

    /// Ends every session of a subscriber but one: its password has changed.
    pub fn close_others(&self, subscriber: SubscriberId, kept: &str) {
        self.0.lock().retain(|suid, session| session.subscriber != subscriber || suid == kept);
    }
}

fn make_room(sessions: &mut HashMap<String, Session>, subscriber: SubscriberId, now: Timestamp) {
    let own = |session: &Session| session.subscriber == subscriber;
    if sessions.values().filter(|session| own(session)).count() >= SESSIONS_PER_SUBSCRIBER_MAX {
        drop_oldest(sessions, own);
    }
    if sessions.len() >= SESSIONS_MAX {
        sessions.retain(|_, session| session.lives(now));
    }
    if sessions.len() >= SESSIONS_MAX {
        drop_oldest(sessions, |_| true);
    }
}

fn drop_oldest(sessions: &mut HashMap<String, Session>, of: impl Fn(&Session) -> bool) {
    let candidates = sessions.iter().filter(|(_, session)| of(session));
    let oldest = candidates.min_by_key(|(_, session)| session.used).map(|(suid, _)| suid.clone());
    if let Some(suid) = oldest {
        sessions.remove(&suid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp::from_seconds(1_000_000);

    fn after(seconds: u64) -> Timestamp {
        BEGIN.saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_at_the_latest_after_a_day() {
        let sessions = Sessions::default();
        let suid = sessions.open(SubscriberId(7), BEGIN).unwrap();
        assert_eq!(suid.len(), 40);
        for hour in 1..24 {
            assert_eq!(
                sessions.find(&suid, after(hour * 3_600 - 60 * hour)),
                Some(SubscriberId(7)),
                "{hour}"
            );
        }
        assert_eq!(sessions.find(&suid, after(24 * 3_600)), None);
        let idle = sessions.open(SubscriberId(7), BEGIN).unwrap();
        assert_eq!(sessions.find(&idle, after(3_600)), None);
        assert_eq!(sessions.find("", BEGIN), None);
    }

    #[test]
    fn a_subscriber_has_so_many_sessions_and_a_new_password_ends_the_others() {
        let sessions = Sessions::default();
        let suids: Vec<String> = (0..20).map(|n| sessions.open(SubscriberId(7), after(n)).unwrap()).collect();
        let other = sessions.open(SubscriberId(8), BEGIN).unwrap();
        let open = suids.iter().filter(|suid| sessions.find(suid, after(30)).is_some()).count();
        assert_eq!((open, sessions.find(&suids[0], after(30))), (SESSIONS_PER_SUBSCRIBER_MAX, None));
        sessions.close_others(SubscriberId(7), &suids[19]);
        let left: Vec<bool> = suids.iter().map(|suid| sessions.find(suid, after(30)).is_some()).collect();
        assert_eq!(left.iter().filter(|open| **open).count(), 1);
        assert!(left[19] && sessions.find(&other, after(30)).is_some());
        sessions.close(&other);
        assert_eq!(sessions.find(&other, after(30)), None);
    }

    #[test]
    fn the_table_is_bounded_and_the_least_used_session_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.open(SubscriberId(0), BEGIN).unwrap();
        for n in 1..=SESSIONS_MAX {
            sessions.0.lock().insert(
                n.to_string(),
                Session { subscriber: SubscriberId(1), opened: after(1), used: after(1) },
            );
        }
        let last = sessions.open(SubscriberId(2), after(2)).unwrap();
        assert!(sessions.find(&first, after(3)).is_none() && sessions.find(&last, after(3)).is_some());
    }
}
