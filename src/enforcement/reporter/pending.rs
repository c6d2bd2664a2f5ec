//! What is to be told to the server and is not answered yet. Pure: times are arguments.
//!
//! Values are absolute, so a newer one of an element takes the place of an older one, and sending one twice harms nobody.
//! The last values of an element that is gone are kept before all others.

use crate::model::{Counted, Report, Sighting, SubscriberId, Timestamp};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;

/// Elements with unanswered values at most; beyond it those that are still there wait for their next reading.
pub const ELEMENTS_MAX: usize = 262_144;
/// Sources waiting to be told; a flood beyond it is not told.
pub const SIGHTINGS_MAX: usize = 4_096;
/// Of one report at most; below what the server takes.
const BATCH_COUNTED_MAX: usize = 2_000;
const BATCH_SIGHTINGS_MAX: usize = 500;
const BATCH_SILENT_MAX: usize = 2_000;

/// One element of one boot. Earlier boots come first: the server ends what belongs to another boot than the last one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    this_boot: bool,
    boot: String,
    subscriber: SubscriberId,
    address: IpNet,
    generation: u64,
}

/// A reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub counted: Counted,
    pub read: Timestamp,
}

/// One report on its way.
#[derive(Debug)]
pub struct Batch {
    pub report: Report,
    sent: Vec<(Key, Held)>,
}

#[derive(Debug)]
pub struct Pending {
    boot: String,
    nas: Option<IpAddr>,
    unanswered: BTreeMap<Key, Held>,
    /// What the server has of elements that are there: what did not move is not sent again.
    answered: HashMap<Key, (u64, u64)>,
    sightings: VecDeque<(Sighting, Timestamp)>,
    sighted: HashSet<IpAddr>,
    silent: BTreeSet<IpNet>,
    /// Grows with each last value that comes and each that is answered.
    finals_changed: u64,
    /// How many of the unanswered are last ones.
    finals: usize,
    /// Last values that had no room.
    lost: u64,
}

impl Pending {
    pub fn new(boot: String, nas: Option<IpAddr>) -> Pending {
        Pending {
            boot,
            nas,
            unanswered: BTreeMap::new(),
            answered: HashMap::new(),
            sightings: VecDeque::new(),
            sighted: HashSet::new(),
            silent: BTreeSet::new(),
            finals_changed: 0,
            finals: 0,
            lost: 0,
        }
    }

    /// Takes in what an earlier run left. Elements of an earlier boot are no more.
    pub fn restore(&mut self, boot: &str, mut held: Held) {
        held.counted.gone |= boot != self.boot;
        let key = self.key(boot.to_owned(), &held.counted);
        self.hold(key, held);
    }

    /// Takes in a reading of this boot.
    pub fn count(&mut self, counted: &Counted, read: Timestamp) {
        let key = self.key(self.boot.clone(), counted);
        let known = self.answered.get(&key) == Some(&(counted.down_octets, counted.up_octets));
        if counted.gone || !known {
            self.hold(key, Held { counted: *counted, read });
        }
    }

    fn key(&self, boot: String, counted: &Counted) -> Key {
        let (subscriber, address, generation) = (counted.subscriber, counted.address, counted.generation);
        Key { this_boot: boot == self.boot, boot, subscriber, address, generation }
    }

    fn hold(&mut self, key: Key, new: Held) {
        self.finals_changed += u64::from(new.counted.gone);
        if let Some(held) = self.unanswered.get_mut(&key) {
            let old = held.counted;
            self.finals += usize::from(new.counted.gone && !old.gone);
            let larger = new.counted.down_octets > old.down_octets || new.counted.up_octets > old.up_octets;
            if larger {
                held.read = new.read;
            }
            held.counted.down_octets = old.down_octets.max(new.counted.down_octets);
            held.counted.up_octets = old.up_octets.max(new.counted.up_octets);
            held.counted.gone |= new.counted.gone;
            return;
        }
        if self.unanswered.len() >= ELEMENTS_MAX && !(new.counted.gone && self.make_room()) {
            self.lost += u64::from(new.counted.gone);
            return;
        }
        self.finals += usize::from(new.counted.gone);
        self.unanswered.insert(key, new);
    }

    /// Forgets the values of elements that are there: they are read again. False: there are only last ones.
    fn make_room(&mut self) -> bool {
        let there = self.finals < self.unanswered.len();
        if there {
            self.unanswered.retain(|_, held| held.counted.gone);
        }
        there
    }

    /// A source that the feed does not know.
    pub fn see(&mut self, sighting: Sighting, seen: Timestamp) {
        if self.sightings.len() < SIGHTINGS_MAX && self.sighted.insert(sighting.address) {
            self.sightings.push_back((sighting, seen));
        }
    }

    /// Addresses that no longer answer.
    pub fn silent(&mut self, nets: impl IntoIterator<Item = IpNet>) {
        for net in nets {
            if self.silent.len() < ELEMENTS_MAX {
                self.silent.insert(net);
            }
        }
    }

    /// What is urgent is waiting.
    pub fn is_urgent(&self) -> bool {
        !self.sightings.is_empty() || !self.silent.is_empty()
    }

    /// The next report, of one boot; counters only when they are due. None: nothing is to be told.
    pub fn next(&self, counters_due: bool, now: Timestamp) -> Option<Batch> {
        let age = |then: Timestamp| u32::try_from(now.since(then).as_secs()).unwrap_or(u32::MAX);
        let first = self.unanswered.keys().next().filter(|_| counters_due);
        let boot = first.map_or(&self.boot, |key| &key.boot);
        let sent: Vec<(Key, Held)> = self
            .unanswered
            .iter()
            .take_while(|(key, _)| counters_due && key.boot == *boot)
            .take(BATCH_COUNTED_MAX)
            .map(|(key, held)| (key.clone(), *held))
            .collect();
        let counted = sent.iter().map(|(_, held)| Counted { age_seconds: age(held.read), ..held.counted });
        let mut report =
            Report { boot: boot.clone(), nas: self.nas, counted: counted.collect(), ..Report::default() };
        if *boot == self.boot {
            let sightings = self.sightings.iter().take(BATCH_SIGHTINGS_MAX);
            let aged = |(sighting, seen): &(Sighting, Timestamp)| Sighting {
                age_seconds: age(*seen),
                ..sighting.clone()
            };
            report.sightings = sightings.map(aged).collect();
            report.silent = self.silent.iter().take(BATCH_SILENT_MAX).copied().collect();
        }
        (!report.is_empty()).then_some(Batch { report, sent })
    }

    /// The server has the report, or will never take it.
    pub fn done(&mut self, batch: Batch) {
        for (key, held) in batch.sent {
            let value = (held.counted.down_octets, held.counted.up_octets);
            // A newer reading may have come meanwhile.
            if self.unanswered.get(&key) == Some(&held) {
                self.unanswered.remove(&key);
                self.finals -= usize::from(held.counted.gone);
                self.finals_changed += u64::from(held.counted.gone);
            }
            if held.counted.gone {
                self.answered.remove(&key);
            } else if self.answered.len() < ELEMENTS_MAX {
                self.answered.insert(key, value);
            }
        }
        // New ones come behind those that were sent.
        for sighting in &batch.report.sightings {
            if self.sightings.front().is_some_and(|(front, _)| front.address == sighting.address) {
                self.sightings.pop_front();
            }
            self.sighted.remove(&sighting.address);
        }
        for net in &batch.report.silent {
            self.silent.remove(net);
        }
    }

    /// What is to outlive this process: last values, and with `all` the others too. With the boot of each.
    pub fn to_keep(&self, all: bool) -> Vec<(String, Held)> {
        let kept = self.unanswered.iter().filter(|(_, held)| all || held.counted.gone);
        kept.map(|(key, held)| (key.boot.clone(), *held)).collect()
    }

    /// Another number after each change of the last values that are unanswered.
    pub fn finals_changed(&self) -> u64 {
        self.finals_changed
    }

    /// The oldest reading that is unanswered.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.unanswered.values().map(|held| held.read).min()
    }

    /// How many last values were lost for want of room, since the last question.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests;
