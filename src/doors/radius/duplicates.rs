//! Duplicate requests (RFC 5080 section 2.2.2): the same source, identifier and authenticator within a short time get
//! the answer that was given, or nothing while the first is still in work. The same source and identifier with another
//! authenticator is a new request and takes the place of the old one.
//!
//! A fixed table, shared by all workers, since an accounting answer is given by another thread than the request's.

use crate::radius::codec::Authenticator;
use parking_lot::Mutex;
use std::hash::{BuildHasher, Hash};
use std::net::SocketAddr;
use std::time::Instant;

/// Requests remembered at most; beyond it the oldest of its set is forgotten.
const ENTRIES: usize = 65_536;
/// Places among which a request is looked for.
const WAYS: usize = 4;
const SHARDS: usize = 64;
const SETS_PER_SHARD: usize = ENTRIES / WAYS / SHARDS;
/// NASes repeat after 1 to 5 seconds; beyond this an identifier is used anew.
const KEPT_MS: u32 = 10_000;
/// A buffer that once held more is given back, so that the table stays small.
const ANSWER_KEPT_OCTETS: usize = 1024;

/// What a request is told apart by, before its authenticator is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestKey {
    address: u128,
    port: u16,
    identifier: u8,
    /// Which of our ports it came to: a NAS may use one port of its own for several.
    listener: u8,
}

impl RequestKey {
    pub fn new(peer: SocketAddr, identifier: u8, listener: u8) -> RequestKey {
        let address = match peer.ip() {
            std::net::IpAddr::V4(address) => u128::from(u32::from(address)),
            std::net::IpAddr::V6(address) => u128::from(address),
        };
        RequestKey { address, port: peer.port(), identifier, listener }
    }
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not seen before. The ticket is for its answer.
    New(Ticket),
    /// The first one is still in work: silence.
    InWork,
    /// Answered; the answer is in the caller's buffer.
    Answered,
}

/// The place of a request in the table, as long as nobody else takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    shard: u16,
    slot: u16,
    generation: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    InWork,
    Answered,
}

struct Slot {
    key: RequestKey,
    authenticator: Authenticator,
    at_ms: u32,
    /// Moves with every new request here, so that a late answer to the one before is not kept for it.
    generation: u32,
    state: State,
    answer: Vec<u8>,
}

struct Shard {
    /// Digests of the keys, apart from the slots: a look costs one cache line.
    tags: Box<[[u32; WAYS]]>,
    slots: Box<[Slot]>,
}

pub struct Duplicates {
    shards: Box<[Mutex<Shard>]>,
    hasher: rustc_hash::FxSeededState,
    started: Instant,
}

impl Duplicates {
    pub fn new() -> Duplicates {
        let mut seed = [0u8; 8];
        // The seed only keeps a NAS from choosing ports that collide; without entropy it is 0.
        let _ = getrandom::fill(&mut seed);
        let seed = usize::try_from(u64::from_le_bytes(seed) >> 1).unwrap_or(0);
        Duplicates {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect(),
            hasher: rustc_hash::FxSeededState::with_seed(seed),
            started: Instant::now(),
        }
    }

    /// Looks a request up and, when it is new, takes it in. On [`Seen::Answered`] `answer` holds the answer.
    pub fn begin(
        &self,
        key: RequestKey,
        authenticator: &Authenticator,
        now: Instant,
        answer: &mut Vec<u8>,
    ) -> Seen {
        let now_ms = self.milliseconds(now);
        let hash = self.hasher.hash_one(key);
        let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
        let shard_number = usize::from(a) % SHARDS;
        let set = usize::from(u16::from_be_bytes([b, c])) % SETS_PER_SHARD;
        let Some(shard) = self.shards.get(shard_number) else { return Seen::InWork };
        let mut shard = shard.lock();
        // 0 marks a place that nobody has had.
        let tag = u32::from_be_bytes([d ^ g, e ^ h, f, c]) | 1;
        let way = shard.find(set, tag, &key);
        if let Some(way) = way
            && let Some(slot) = shard.slots.get(set * WAYS + way)
            && now_ms.wrapping_sub(slot.at_ms) < KEPT_MS
            && slot.authenticator == *authenticator
        {
            match slot.state {
                State::InWork => return Seen::InWork,
                State::Answered => {
                    answer.clear();
                    answer.extend_from_slice(&slot.answer);
                    return Seen::Answered;
                }
                State::Empty => {}
            }
        }
        let way = way.unwrap_or_else(|| shard.oldest(set, now_ms));
        let generation = shard.take(set, way, tag, key, *authenticator, now_ms);
        let number = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        Seen::New(Ticket { shard: number(shard_number), slot: number(set * WAYS + way), generation })
    }

    /// Keeps the answer to a request, for its repeats.
    pub fn answered(&self, ticket: Ticket, answer: &[u8]) {
        self.with(ticket, |slot| {
            if slot.answer.capacity() > ANSWER_KEPT_OCTETS {
                slot.answer = Vec::new();
            }
            slot.answer.clear();
            slot.answer.extend_from_slice(answer);
            slot.state = State::Answered;
        });
    }

    /// Forgets a request that will not be answered, so that its repeat is a new one.
    pub fn forget(&self, ticket: Ticket) {
        self.with(ticket, |slot| slot.state = State::Empty);
    }

    fn with(&self, ticket: Ticket, change: impl FnOnce(&mut Slot)) {
        let Some(shard) = self.shards.get(usize::from(ticket.shard)) else { return };
        let mut shard = shard.lock();
        if let Some(slot) = shard.slots.get_mut(usize::from(ticket.slot))
            && slot.generation == ticket.generation
        {
            change(slot);
        }
    }

    fn milliseconds(&self, now: Instant) -> u32 {
        let elapsed = now.saturating_duration_since(self.started).as_millis();
        // The lower 32 bits: ages are differences, and wrap with them.
        u32::try_from(elapsed & u128::from(u32::MAX)).unwrap_or(0)
    }
}

impl Shard {
    fn new() -> Shard {
        let slot = || Slot {
            key: RequestKey { address: 0, port: 0, identifier: 0, listener: 0 },
            authenticator: [0; 16],
            at_ms: 0,
            generation: 0,
            state: State::Empty,
            answer: Vec::new(),
        };
        Shard {
            tags: vec![[0; WAYS]; SETS_PER_SHARD].into(),
            slots: (0..SETS_PER_SHARD * WAYS).map(|_| slot()).collect(),
        }
    }

    fn find(&self, set: usize, tag: u32, key: &RequestKey) -> Option<usize> {
        let tags = self.tags.get(set)?;
        (0..WAYS).find(|way| {
            tags.get(*way) == Some(&tag)
                && self.slots.get(set * WAYS + way).is_some_and(|slot| slot.key == *key)
        })
    }

    /// The place to give up: one that is empty or over, else the oldest, one in work last.
    fn oldest(&self, set: usize, now_ms: u32) -> usize {
        let rank = |way: &usize| {
            let Some(slot) = self.slots.get(set * WAYS + way) else { return (0, 0) };
            let age = now_ms.wrapping_sub(slot.at_ms);
            let worth = match slot.state {
                State::Empty => 0,
                _ if age >= KEPT_MS => 0,
                State::Answered => 1,
                State::InWork => 2,
            };
            (worth, u32::MAX - age)
        };
        (0..WAYS).min_by_key(rank).unwrap_or(0)
    }

    /// Gives a place to a request; its generation.
    fn take(
        &mut self,
        set: usize,
        way: usize,
        tag: u32,
        key: RequestKey,
        authenticator: Authenticator,
        at_ms: u32,
    ) -> u32 {
        if let Some(place) = self.tags.get_mut(set).and_then(|tags| tags.get_mut(way)) {
            *place = tag;
        }
        let Some(slot) = self.slots.get_mut(set * WAYS + way) else { return 0 };
        slot.key = key;
        slot.authenticator = authenticator;
        slot.at_ms = at_ms;
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = State::InWork;
        slot.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(port: u16, identifier: u8) -> RequestKey {
        RequestKey::new(SocketAddr::new([10, 0, 0, 1].into(), port), identifier, 0)
    }

    fn ticket(seen: Seen) -> Ticket {
        match seen {
            Seen::New(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_repeat_is_silent_while_in_work_and_then_gets_the_same_answer() {
        let (table, now, mut answer) = (Duplicates::new(), Instant::now(), Vec::new());
        let first = ticket(table.begin(key(1, 1), &[1; 16], now, &mut answer));
        assert_eq!(table.begin(key(1, 1), &[1; 16], now, &mut answer), Seen::InWork);
        table.answered(first, b"answer");
        assert_eq!(table.begin(key(1, 1), &[1; 16], now, &mut answer), Seen::Answered);
        assert_eq!(answer, b"answer");
        for other in [key(2, 1), key(1, 2), RequestKey { listener: 1, ..key(1, 1) }] {
            ticket(table.begin(other, &[1; 16], now, &mut answer));
        }
    }

    #[test]
    fn another_authenticator_is_a_new_request_and_the_late_answer_of_the_old_one_is_not_its() {
        let (table, now, mut answer) = (Duplicates::new(), Instant::now(), Vec::new());
        let old = ticket(table.begin(key(1, 1), &[1; 16], now, &mut answer));
        let new = ticket(table.begin(key(1, 1), &[2; 16], now, &mut answer));
        table.answered(old, b"old");
        assert_eq!(table.begin(key(1, 1), &[2; 16], now, &mut answer), Seen::InWork);
        table.answered(new, b"new");
        assert_eq!(table.begin(key(1, 1), &[2; 16], now, &mut answer), Seen::Answered);
        assert_eq!(answer, b"new");
        ticket(table.begin(key(1, 1), &[1; 16], now, &mut answer));
    }

    #[test]
    fn what_is_forgotten_or_ten_seconds_old_is_new_again() {
        let (table, now, mut answer) = (Duplicates::new(), Instant::now(), Vec::new());
        let first = ticket(table.begin(key(1, 1), &[1; 16], now, &mut answer));
        table.forget(first);
        let second = ticket(table.begin(key(1, 1), &[1; 16], now, &mut answer));
        table.answered(second, b"answer");
        let later = now + Duration::from_millis(u64::from(KEPT_MS) - 1);
        assert_eq!(table.begin(key(1, 1), &[1; 16], later, &mut answer), Seen::Answered);
        let later = now + Duration::from_millis(u64::from(KEPT_MS) + 1);
        ticket(table.begin(key(1, 1), &[1; 16], later, &mut answer));
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_room_and_keeps_the_newest() {
        let (table, now, mut answer) = (Duplicates::new(), Instant::now(), Vec::new());
        for port in 0..2000 {
            for identifier in 0..=255 {
                let ticket = ticket(table.begin(key(port, identifier), &[1; 16], now, &mut answer));
                table.answered(ticket, b"x");
            }
        }
        assert_eq!(table.begin(key(1999, 255), &[1; 16], now, &mut answer), Seen::Answered);
        let kept = (0..2000u16)
            .flat_map(|port| (0..=255u8).map(move |identifier| (port, identifier)))
            .filter(|(port, identifier)| {
                let found = table.begin(key(*port, *identifier), &[1; 16], now, &mut answer);
                found == Seen::Answered
            })
            .count();
        assert!(kept <= ENTRIES && kept > 0, "{kept}");
    }
}
