//! Who follows the feed, and how far: so that an operator sees which NAS is behind.

use super::Operations;
use crate::directory::Cursor;
use crate::model::Timestamp;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Followers remembered. Beyond it the one that has been silent for longest goes.
const FOLLOWERS_MAX: usize = 1024;

/// One that asks for the feed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Follower {
    /// The name of its token, or what it calls itself on the control socket.
    pub name: String,
    /// None: the control socket.
    pub address: Option<IpAddr>,
}

/// What each follower last asked for.
#[derive(Debug, Default)]
pub struct Followers(Mutex<BTreeMap<Follower, Contact>>);

#[derive(Clone, Copy, Debug)]
struct Contact {
    /// None: it asked for everything.
    since: Option<Cursor>,
    at: Timestamp,
}

/// A follower in `status --json`.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct FollowerStatus {
    pub name: String,
    /// Empty: the control socket.
    pub address: String,
    /// What it had when it last asked; empty: nothing.
    pub cursor: String,
    /// Changes published since then. None: it had nothing, or a state of another start of the server.
    pub behind: Option<u64>,
    pub last_contact: String,
    /// Seconds since then. Followers that are well ask at least twice a minute.
    pub silent_seconds: u64,
}

impl Followers {
    /// A follower asks for what came after `since`.
    pub fn note(&self, follower: &Follower, since: Option<Cursor>, at: Timestamp) {
        let mut followers = self.0.lock();
        if let Some(contact) = followers.get_mut(follower) {
            *contact = Contact { since, at };
            return;
        }
        if followers.len() >= FOLLOWERS_MAX {
            let silent = followers.iter().min_by_key(|(_, contact)| contact.at);
            if let Some(silent) = silent.map(|(follower, _)| follower.clone()) {
                followers.remove(&silent);
            }
        }
        followers.insert(follower.clone(), Contact { since, at });
    }
}

impl Operations {
    /// Every follower, by name and address.
    pub fn follower_status(&self) -> Vec<FollowerStatus> {
        let (here, now) = (self.directory.cursor(), self.clock.now());
        let followers = self.followers.0.lock();
        let line = |(follower, contact): (&Follower, &Contact)| FollowerStatus {
            name: follower.name.clone(),
            address: follower.address.map(|address| address.to_string()).unwrap_or_default(),
            cursor: contact.since.map(|cursor| cursor.to_string()).unwrap_or_default(),
            behind: contact
                .since
                .filter(|cursor| cursor.epoch == here.epoch)
                .and_then(|cursor| here.n.checked_sub(cursor.n)),
            last_contact: self.time(contact.at),
            silent_seconds: now.since(contact.at).as_secs(),
        };
        followers.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_followers_the_longest_silent_one_is_forgotten() {
        let followers = Followers::default();
        let named = |n: usize| Follower { name: format!("nas{n}"), address: None };
        for n in 0..FOLLOWERS_MAX {
            followers.note(&named(n), None, Timestamp::from_seconds(n as i64));
        }
        followers.note(&named(0), None, Timestamp::from_seconds(FOLLOWERS_MAX as i64));
        followers.note(&named(FOLLOWERS_MAX), None, Timestamp::from_seconds(FOLLOWERS_MAX as i64));
        let known = followers.0.lock();
        assert_eq!(known.len(), FOLLOWERS_MAX);
        assert!(known.contains_key(&named(0)) && !known.contains_key(&named(1)));
    }
}
