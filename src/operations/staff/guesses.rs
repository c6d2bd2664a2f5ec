//! Wrong logins, counted by source and by login: who guesses is stopped before the slow hash.

use crate::model::{Refusal, Timestamp};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Wrong logins from one source, and at one login, within [`WINDOW`].
const WRONG_OF_SOURCE_MAX: u32 = 30;
const WRONG_OF_LOGIN_MAX: u32 = 10;
/// After the first of them it is begun anew.
const WINDOW: Duration = Duration::from_secs(600);
/// Sources, and logins, that are remembered; the one whose window began first is forgotten for another.
const REMEMBERED_MAX: usize = 10_000;
/// What is remembered of a login that is longer than any is.
const LOGIN_CHARS_MAX: usize = 64;

#[derive(Default)]
pub(super) struct Guesses {
    sources: Counts<IpAddr>,
    logins: Counts<String>,
}

impl Guesses {
    /// The refusal `too-many-guesses` while there were too many.
    pub fn check(&self, login: &str, source: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
        let of_login = self.logins.count(&short(login), now);
        let of_source = source.map_or(0, |source| self.sources.count(&network(source), now));
        if of_login < WRONG_OF_LOGIN_MAX && of_source < WRONG_OF_SOURCE_MAX {
            return Ok(());
        }
        let minutes = WINDOW.as_secs() / 60;
        let text = format!("too many wrong passwords; come again in {minutes} minutes");
        Err(Refusal::new("too-many-guesses", text))
    }

    pub fn wrong(&mut self, login: &str, source: Option<IpAddr>, now: Timestamp) {
        self.logins.add(short(login), now);
        if let Some(source) = source {
            self.sources.add(network(source), now);
        }
    }

    /// Who knows the password may go on; his source is not cleared, or it could guess at others in between.
    pub fn right(&mut self, login: &str) {
        self.logins.0.remove(&short(login));
    }
}

struct Counts<K>(HashMap<K, Count>);

#[derive(Clone, Copy)]
struct Count {
    wrong: u32,
    since: Timestamp,
}

impl<K> Default for Counts<K> {
    fn default() -> Counts<K> {
        Counts(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn count(&self, key: &K, now: Timestamp) -> u32 {
        self.0.get(key).filter(|count| count.is_open(now)).map_or(0, |count| count.wrong)
    }

    fn add(&mut self, key: K, now: Timestamp) {
        if self.0.len() >= REMEMBERED_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, count| count.is_open(now));
            let oldest = self.0.iter().min_by_key(|(_, count)| count.since).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= REMEMBERED_MAX) {
                self.0.remove(&oldest);
            }
        }
        let count = self.0.entry(key).or_insert(Count { wrong: 0, since: now });
        if !count.is_open(now) {
            *count = Count { wrong: 0, since: now };
        }
        count.wrong = count.wrong.saturating_add(1);
    }
}

impl Count {
    /// A clock that stepped back ends it too.
    fn is_open(&self, now: Timestamp) -> bool {
        self.since <= now && now.since(self.since) < WINDOW
    }
}

fn short(login: &str) -> String {
    login.chars().take(LOGIN_CHARS_MAX).flat_map(char::to_lowercase).collect()
}

/// One customer has a whole /64 of IPv6.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_775_474_400);

    fn allowed(guesses: &Guesses, login: &str, source: &str, now: Timestamp) -> bool {
        guesses.check(login, Some(source.parse().unwrap()), now).is_ok()
    }

    #[test]
    fn a_login_is_shut_after_ten_wrong_passwords_from_anywhere_and_opens_after_ten_minutes() {
        let mut guesses = Guesses::default();
        for n in 1..=WRONG_OF_LOGIN_MAX {
            assert!(allowed(&guesses, "anna", "10.0.0.1", NOW));
            guesses.wrong("Anna", Some(format!("10.0.1.{n}").parse().unwrap()), NOW);
        }
        assert!(!allowed(&guesses, "anna", "10.0.0.1", NOW));
        assert!(allowed(&guesses, "boris", "10.0.0.1", NOW));
        assert!(allowed(&guesses, "anna", "10.0.0.1", NOW.saturating_add(WINDOW)));
        guesses.right("anna");
        assert!(allowed(&guesses, "anna", "10.0.0.1", NOW));
    }

    #[test]
    fn a_source_is_shut_whatever_logins_it_tries() {
        let mut guesses = Guesses::default();
        for n in 0..WRONG_OF_SOURCE_MAX {
            guesses.wrong(&format!("login{n}"), Some(format!("2001:db8::{n}").parse().unwrap()), NOW);
        }
        assert!(!allowed(&guesses, "anna", "2001:db8::ffff", NOW));
        assert!(allowed(&guesses, "anna", "2001:db8:0:1::1", NOW));
        assert!(guesses.check("anna", None, NOW).is_ok(), "the control socket has no source");
    }

    #[test]
    fn a_flood_of_logins_fills_no_memory() {
        let mut guesses = Guesses::default();
        for n in 0..=REMEMBERED_MAX {
            guesses.wrong(&n.to_string(), None, NOW.saturating_add(Duration::from_millis(1)));
        }
        assert_eq!(guesses.logins.0.len(), REMEMBERED_MAX);
    }
}
