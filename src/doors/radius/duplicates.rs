//! Duplicate requests (RFC 5080 section 2.2.2): the same source, identifier and authenticator within a short time get
//! the answer that was given, or nothing while the first is still in work. The same source and identifier with another
//! authenticator is a new request and takes the place of the old one.
//!
//! A fixed table, shared by all workers, since an accounting answer is given by another thread than the request's.

use super::prefetch;
use crate::radius::codec::Authenticator;
use parking_lot::Mutex;
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

/// Requests remembered at most; beyond it the oldest of its set is forgotten.
const ENTRIES: usize = 65_536;
/// Places among which a request is looked for.
const WAYS: usize = 4;
const SETS: usize = ENTRIES / WAYS;
/// NASes repeat after 1 to 5 seconds; beyond this an identifier is used anew.
const KEPT_MS: u32 = 10_000;
/// Most answers fit into this; longer ones are kept apart.
const SHORT_OCTETS: usize = 256;

/// What a request is told apart by, before its authenticator is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestKey {
    address: [u8; 16],
    port: u16,
    identifier: u8,
    /// Which of our ports it came to: a NAS may use one port of its own for several.
    listener: u8,
}

impl RequestKey {
    pub fn new(peer: SocketAddr, identifier: u8, listener: u8) -> RequestKey {
        let address = match peer.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        RequestKey { address: address.octets(), port: peer.port(), identifier, listener }
    }

    fn nobody() -> RequestKey {
        RequestKey::new(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), 0, 0)
    }
}

/// Where a key is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    set: u16,
    /// Looked at, and taken, first.
    way: u8,
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not seen before. The ticket is for its answer.
    New(Ticket),
    /// The first one is still in work: silence.
    InWork,
    /// Answered so.
    Answered(Vec<u8>),
}

/// The place of a request in the table, as long as nobody else takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    set: u16,
    way: u8,
    generation: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    InWork,
    Answered,
}

/// One cache line.
#[repr(align(64))]
struct Slot {
    key: RequestKey,
    authenticator: Authenticator,
    at_ms: u32,
    /// Moves with every new request here, so that a late answer to the one before is not kept for it.
    generation: u32,
    state: State,
    short_octets: u16,
    /// Made at the first answer and then used again.
    short: Option<Box<[u8; SHORT_OCTETS]>>,
    #[allow(clippy::box_collection, reason = "rare, and a thin pointer keeps the slot in one cache line")]
    long: Option<Box<Vec<u8>>>,
}

type Set = [Slot; WAYS];

pub struct Duplicates {
    sets: Box<[Mutex<Set>]>,
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
            sets: (0..SETS).map(|_| Mutex::new(std::array::from_fn(|_| Slot::empty()))).collect(),
            hasher: rustc_hash::FxSeededState::with_seed(seed),
            started: Instant::now(),
        }
    }

    /// Where a key is looked for; asks for the memory there.
    pub fn locate(&self, key: &RequestKey) -> Place {
        let [high, low, way, ..] = self.hasher.hash_one(key).to_be_bytes();
        let place = Place { set: u16::from_be_bytes([high, low]) % SETS_U16, way: way % WAYS_U8 };
        if let Some(set) = self.sets.get(usize::from(place.set)) {
            let start: *const Slot = set.data_ptr().cast();
            let slot = start.wrapping_add(usize::from(place.way));
            prefetch::at(slot.cast());
            // The lock stands behind the slots.
            prefetch::at(start.wrapping_add(WAYS).cast());
        }
        place
    }

    /// Looks a request up and, when it is new, takes it in.
    pub fn begin(&self, place: Place, key: &RequestKey, authenticator: &Authenticator, now: Instant) -> Seen {
        let now_ms = self.milliseconds(now);
        let Some(set) = self.sets.get(usize::from(place.set)) else { return Seen::InWork };
        let mut set = set.lock();
        let known = ways_from(place.way).find(|way| {
            set.get(usize::from(*way)).is_some_and(|slot| slot.state != State::Empty && slot.key == *key)
        });
        let way = known.unwrap_or_else(|| way_to_give_up(&set, place.way, now_ms));
        let Some(slot) = set.get_mut(usize::from(way)) else { return Seen::InWork };
        let same = known.is_some()
            && slot.authenticator == *authenticator
            && now_ms.wrapping_sub(slot.at_ms) < KEPT_MS;
        match slot.state {
            State::InWork if same => return Seen::InWork,
            State::Answered if same => return Seen::Answered(slot.answer().to_vec()),
            _ => {}
        }
        slot.key = *key;
        slot.authenticator = *authenticator;
        slot.at_ms = now_ms;
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = State::InWork;
        if let Some(short) = &slot.short {
            prefetch::value(&**short);
        }
        Seen::New(Ticket { set: place.set, way, generation: slot.generation })
    }

    /// Keeps the answer to a request, for its repeats.
    pub fn answered(&self, ticket: Ticket, answer: &[u8]) {
        self.with(ticket, |slot| {
            slot.keep(answer);
            slot.state = State::Answered;
        });
    }

    /// Forgets a request that will not be answered, so that its repeat is a new one.
    pub fn forget(&self, ticket: Ticket) {
        self.with(ticket, |slot| slot.state = State::Empty);
    }

    fn with(&self, ticket: Ticket, change: impl FnOnce(&mut Slot)) {
        let Some(set) = self.sets.get(usize::from(ticket.set)) else { return };
        let mut set = set.lock();
        if let Some(slot) = set.get_mut(usize::from(ticket.way))
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

/// 16,384 and 4, as the hash's octets are taken apart.
const SETS_U16: u16 = 16_384;
const WAYS_U8: u8 = 4;
const _: () = assert!(SETS_U16 as usize == SETS && WAYS_U8 as usize == WAYS);
const _: () = assert!(size_of::<Slot>() == 64);

/// All ways, the first one first.
fn ways_from(first: u8) -> impl Iterator<Item = u8> {
    (0..WAYS_U8).map(move |step| (first + step) % WAYS_U8)
}

/// One that is empty or over, the first choice before others; else the oldest, one in work last.
fn way_to_give_up(set: &Set, first: u8, now_ms: u32) -> u8 {
    let rank = |way: &u8| {
        let Some(slot) = set.get(usize::from(*way)) else { return (2, u32::MAX) };
        let age = now_ms.wrapping_sub(slot.at_ms);
        match slot.state {
            State::Empty => (0, 0),
            _ if age >= KEPT_MS => (0, 0),
            State::Answered => (1, u32::MAX - age),
            State::InWork => (2, u32::MAX - age),
        }
    };
    ways_from(first).min_by_key(rank).unwrap_or(first)
}

impl Slot {
    fn empty() -> Slot {
        Slot {
            key: RequestKey::nobody(),
            authenticator: [0; 16],
            at_ms: 0,
            generation: 0,
            state: State::Empty,
            short_octets: 0,
            short: None,
            long: None,
        }
    }

    fn answer(&self) -> &[u8] {
        match (&self.long, &self.short) {
            (Some(long), _) => long,
            (None, Some(short)) => short.get(..usize::from(self.short_octets)).unwrap_or_default(),
            (None, None) => &[],
        }
    }

    fn keep(&mut self, answer: &[u8]) {
        let short = self.short.get_or_insert_with(|| Box::new([0; SHORT_OCTETS]));
        match (short.get_mut(..answer.len()), u16::try_from(answer.len())) {
            (Some(place), Ok(octets)) => {
                place.copy_from_slice(answer);
                self.short_octets = octets;
                self.long = None;
            }
            _ => self.long = Some(Box::new(answer.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(port: u16, identifier: u8) -> RequestKey {
        RequestKey::new(SocketAddr::new([10, 0, 0, 1].into(), port), identifier, 0)
    }

    fn look(table: &Duplicates, key: RequestKey, authenticator: u8, now: Instant) -> Seen {
        table.begin(table.locate(&key), &key, &[authenticator; 16], now)
    }

    fn ticket(seen: Seen) -> Ticket {
        match seen {
            Seen::New(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_repeat_is_silent_while_in_work_and_then_gets_the_same_answer() {
        let (table, now) = (Duplicates::new(), Instant::now());
        let first = ticket(look(&table, key(1, 1), 1, now));
        assert_eq!(look(&table, key(1, 1), 1, now), Seen::InWork);
        let long = vec![7; 4096];
        table.answered(first, &long);
        assert_eq!(look(&table, key(1, 1), 1, now), Seen::Answered(long));
        table.answered(first, b"answer");
        assert_eq!(look(&table, key(1, 1), 1, now), Seen::Answered(b"answer".to_vec()));
        for other in [key(2, 1), key(1, 2), RequestKey { listener: 1, ..key(1, 1) }] {
            ticket(look(&table, other, 1, now));
        }
    }

    #[test]
    fn another_authenticator_is_a_new_request_and_the_late_answer_of_the_old_one_is_not_its() {
        let (table, now) = (Duplicates::new(), Instant::now());
        let old = ticket(look(&table, key(1, 1), 1, now));
        let new = ticket(look(&table, key(1, 1), 2, now));
        table.answered(old, b"old");
        assert_eq!(look(&table, key(1, 1), 2, now), Seen::InWork);
        table.answered(new, b"new");
        assert_eq!(look(&table, key(1, 1), 2, now), Seen::Answered(b"new".to_vec()));
        ticket(look(&table, key(1, 1), 1, now));
    }

    #[test]
    fn what_is_forgotten_or_ten_seconds_old_is_new_again() {
        let (table, now) = (Duplicates::new(), Instant::now());
        let first = ticket(look(&table, key(1, 1), 1, now));
        table.forget(first);
        let second = ticket(look(&table, key(1, 1), 1, now));
        table.answered(second, b"answer");
        let later = now + Duration::from_millis(u64::from(KEPT_MS) - 1);
        assert_eq!(look(&table, key(1, 1), 1, later), Seen::Answered(b"answer".to_vec()));
        let later = now + Duration::from_millis(u64::from(KEPT_MS) + 1);
        ticket(look(&table, key(1, 1), 1, later));
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_room_and_keeps_the_newest() {
        let (table, now) = (Duplicates::new(), Instant::now());
        for port in 0..2000 {
            for identifier in 0..=255 {
                let ticket = ticket(look(&table, key(port, identifier), 1, now));
                table.answered(ticket, b"x");
            }
        }
        assert_eq!(look(&table, key(1999, 255), 1, now), Seen::Answered(b"x".to_vec()));
        let kept = (0..2000u16)
            .flat_map(|port| (0..=255u8).map(move |identifier| (port, identifier)))
            .filter(|(port, identifier)| {
                let found = look(&table, key(*port, *identifier), 1, now);
                matches!(found, Seen::Answered(_))
            })
            .count();
        assert!(kept <= ENTRIES && kept > 0, "{kept}");
    }
}
