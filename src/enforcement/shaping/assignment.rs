//! Who has which class on which device. Pure.
//!
//! A subscriber has one class for each direction however many addresses and prefixes are his, and keeps it until he
//! is released. Its minor is wished for by the subscriber's id, so that a restarted enforcer finds everybody where the
//! last one had put him; only where two wish for the same does the second get the next one free.

pub use crate::enforcement::lanes::{Lane, Lanes};
use crate::model::{Bandwidth, Shape, SubscriberId};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Handle of the HTB root on every device, `6867:` ("hg"). A root with another one is not ours.
pub const ROOT_HANDLE: u32 = 0x6867_0000;
/// Lower minors are the shaper's own.
pub const MINOR_FIRST: u16 = 0x10;
/// `ffff` as a leaf's major is the kernel's.
pub const MINOR_LAST: u16 = 0xfffe;
/// A leaf's handle has the class's minor for its major, so the root's own major is not given away.
const MINOR_TAKEN: u16 = 0x6867;
/// Minors from the first to the last, both included.
const MINORS: u16 = MINOR_LAST - MINOR_FIRST + 1;
/// Devices at most: every one costs a table of minors.
pub const DEVICES_MAX: usize = 256;
/// A policer drops what a queue would have held; less than this stops TCP long before its rate.
const POLICER_MILLISECONDS: u64 = 100;

/// A class: position of its device in [`Assignment::devices`], and its minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub device: usize,
    pub minor: u16,
}

impl Slot {
    pub fn class_id(self) -> u32 {
        class_id(self.minor)
    }
}

/// The id of a class under our root.
pub fn class_id(minor: u16) -> u32 {
    ROOT_HANDLE | u32::from(minor)
}

/// Which classes there have to be, and whose they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    devices: Vec<Device>,
    /// Where download classes are made; empty: nowhere.
    down: Vec<usize>,
    /// Where upload classes are made.
    up: Option<usize>,
    held: FxHashMap<SubscriberId, Held>,
    /// Since they were last asked for: what each touched class is to be; None: to go.
    changes: BTreeMap<Slot, Option<Bandwidth>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Device {
    name: String,
    minors: Minors,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Held {
    down: Option<Slot>,
    up: Option<Slot>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

impl Assignment {
    /// Classes for download on `shape`, for upload on `wan`. One device may be both. More devices than
    /// [`DEVICES_MAX`] are left out.
    pub fn new(shape: &[String], wan: Option<&str>) -> Assignment {
        let mut assignment = Assignment {
            devices: Vec::new(),
            down: Vec::new(),
            up: None,
            held: FxHashMap::default(),
            changes: BTreeMap::new(),
        };
        assignment.up = wan.and_then(|name| assignment.device_of(name));
        for name in shape {
            if let Some(device) = assignment.device_of(name)
                && !assignment.down.contains(&device)
            {
                assignment.down.push(device);
            }
        }
        assignment
    }

    /// Names of all devices that may have classes, in the order of [`Slot::device`].
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().map(|device| device.name.as_str())
    }

    /// Whether download classes may be made on more than one device, so that it matters where an address is routed.
    pub fn asks_for_routes(&self) -> bool {
        self.down.len() > 1
    }

    /// The subscriber's lanes at this speed. `device`: where his address is routed to; when it is none of ours, the
    /// first one. It counts for who has no class yet; a class moves only by [`Assignment::relocate`].
    pub fn take(&mut self, subscriber: SubscriberId, shape: Shape, device: Option<&str>) -> Lanes {
        let mut held = self.held.get(&subscriber).copied().unwrap_or_default();
        let down = self.take_one(subscriber, Direction::Down, shape.download, device, &mut held.down);
        let up = self.take_one(subscriber, Direction::Up, shape.upload, device, &mut held.up);
        held.shape = shape;
        if held.down.is_some() || held.up.is_some() {
            self.held.insert(subscriber, held);
        } else {
            self.held.remove(&subscriber);
        }
        Lanes { down, up }
    }

    /// Nothing of the subscriber's is online any more: his classes go and their minors are free.
    pub fn release(&mut self, subscriber: SubscriberId) {
        if let Some(held) = self.held.remove(&subscriber) {
            for slot in [held.down, held.up].into_iter().flatten() {
                self.give_back(slot);
            }
        }
    }

    /// Whether the subscriber has a class.
    pub fn holds(&self, subscriber: SubscriberId) -> bool {
        self.held.contains_key(&subscriber)
    }

    /// The subscriber's addresses are routed to `device` now: his download class moves there, if it is one of ours. It
    /// keeps its minor, so that whatever names the class is right on both; where the minor is another's there, it
    /// stays. True: it moved.
    pub fn relocate(&mut self, subscriber: SubscriberId, device: &str) -> bool {
        let Some(held) = self.held.get_mut(&subscriber) else { return false };
        let named = |index: &&usize| self.devices.get(**index).is_some_and(|d| d.name == device);
        let (Some(old), Some(index)) = (held.down, self.down.iter().find(named).copied()) else {
            return false;
        };
        let Some(there) = self.devices.get_mut(index).filter(|_| index != old.device) else { return false };
        if !there.minors.take_exactly(old.minor) {
            return false;
        }
        let new = Slot { device: index, ..old };
        held.down = Some(new);
        let bandwidth = held.shape.download;
        self.changes.insert(new, Some(bandwidth));
        self.give_back(old);
        true
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.held.values().map(|held| usize::from(held.down.is_some()) + usize::from(held.up.is_some())).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Every class that was touched since the last time, as it is to be; None: it is to go.
    pub fn take_changes(&mut self) -> BTreeMap<Slot, Option<Bandwidth>> {
        std::mem::take(&mut self.changes)
    }

    fn take_one(
        &mut self,
        subscriber: SubscriberId,
        direction: Direction,
        bandwidth: Bandwidth,
        device: Option<&str>,
        slot: &mut Option<Slot>,
    ) -> Lane {
        if bandwidth.rate <= 0 && bandwidth.ceil <= 0 {
            if let Some(slot) = slot.take() {
                self.give_back(slot);
            }
            return Lane::Unshaped;
        }
        let before = match (*slot, direction) {
            (None, _) => None,
            (Some(_), Direction::Down) => self.held.get(&subscriber).map(|held| held.shape.download),
            (Some(_), Direction::Up) => self.held.get(&subscriber).map(|held| held.shape.upload),
        };
        *slot = slot.or_else(|| self.free_slot(subscriber, direction, device));
        let Some(slot) = *slot else { return policed(bandwidth) };
        if before != Some(bandwidth) {
            self.changes.insert(slot, Some(bandwidth));
        }
        Lane::Class(slot.class_id())
    }

    fn free_slot(
        &mut self,
        subscriber: SubscriberId,
        direction: Direction,
        device: Option<&str>,
    ) -> Option<Slot> {
        let index = match direction {
            Direction::Up => self.up?,
            Direction::Down => {
                let routed = self.down.iter().find(|index| {
                    device.is_some() && self.devices.get(**index).map(|d| d.name.as_str()) == device
                });
                *routed.or(self.down.first())?
            }
        };
        let both_here = direction == Direction::Up && self.down.contains(&index);
        let apart = if both_here { MINORS / 2 } else { 0 };
        let wish = (subscriber.0.rem_euclid(MINORS.into()) + i64::from(apart)) % i64::from(MINORS);
        let wish = MINOR_FIRST + u16::try_from(wish).unwrap_or(0);
        let minor = self.devices.get_mut(index)?.minors.take(wish)?;
        Some(Slot { device: index, minor })
    }

    fn give_back(&mut self, slot: Slot) {
        if let Some(device) = self.devices.get_mut(slot.device) {
            device.minors.give_back(slot.minor);
        }
        self.changes.insert(slot, None);
    }

    fn device_of(&mut self, name: &str) -> Option<usize> {
        let known = self.devices.iter().position(|device| device.name == name);
        if known.is_none() && self.devices.len() < DEVICES_MAX {
            self.devices.push(Device { name: name.to_owned(), minors: Minors::new() });
            return Some(self.devices.len() - 1);
        }
        known
    }
}

/// The limit for who gets no class: the ceil, because a policer lends nothing.
fn policed(bandwidth: Bandwidth) -> Lane {
    let kbit = u64::try_from(bandwidth.ceil.max(bandwidth.rate)).unwrap_or(0);
    let octets_per_second = kbit * 125;
    let bucket = u64::try_from(bandwidth.cburst).unwrap_or(0) * 1024;
    let bucket = bucket.max(octets_per_second * POLICER_MILLISECONDS / 1000);
    Lane::Policed { octets_per_second, burst_octets: u32::try_from(bucket).unwrap_or(u32::MAX) }
}

/// Which minors of a device are given away: a bit each.
#[derive(Clone, Debug, PartialEq)]
struct Minors(Vec<u64>);

const WORD_BITS: u16 = 64;

impl Minors {
    fn new() -> Minors {
        let mut minors = Minors(vec![0; usize::from(u16::MAX / WORD_BITS) + 1]);
        (0..MINOR_FIRST).chain([MINOR_TAKEN, u16::MAX]).for_each(|minor| minors.mark(minor, true));
        minors
    }

    /// The wished one or the next that is free, from the end round to the beginning.
    fn take(&mut self, wish: u16) -> Option<u16> {
        let (word, bit) = place(wish);
        let words = self.0.len();
        // The wish's own word twice: at first from its bit on, at last the whole.
        let free = (0..=words).find_map(|step| {
            let index = (word + step) % words;
            let skipped = if step == 0 { (1u64 << bit) - 1 } else { 0 };
            let taken = self.0.get(index)? | skipped;
            let bit = taken.trailing_ones();
            (bit < u32::from(WORD_BITS)).then_some((index, bit))
        });
        let (index, bit) = free?;
        let minor = u16::try_from(index * usize::from(WORD_BITS)).ok()? + u16::try_from(bit).ok()?;
        self.mark(minor, true);
        Some(minor)
    }

    /// False: it is taken.
    fn take_exactly(&mut self, minor: u16) -> bool {
        let (word, bit) = place(minor);
        let free = self.0.get(word).is_some_and(|word| word & (1 << bit) == 0);
        if free {
            self.mark(minor, true);
        }
        free
    }

    fn give_back(&mut self, minor: u16) {
        self.mark(minor, false);
    }

    fn mark(&mut self, minor: u16, taken: bool) {
        let (word, bit) = place(minor);
        if let Some(word) = self.0.get_mut(word) {
            *word = if taken { *word | (1 << bit) } else { *word & !(1 << bit) };
        }
    }
}

fn place(minor: u16) -> (usize, u32) {
    (usize::from(minor / WORD_BITS), u32::from(minor % WORD_BITS))
}

#[cfg(test)]
mod tests;
