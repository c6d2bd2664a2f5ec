//! What the enforcer's thread holds: the assignment, and the shaper that makes the devices so, a step at a time.
//!
//! A class is made before an element of the nft table names it, and removed after the last element that did is gone:
//! [`Keeper::before_elements`], the table, [`Keeper::after_elements`]. Where very many are to be made (a start, a
//! flood of logins after an outage) the elements do not wait, because making classes takes longer the more there are:
//! those subscribers pass unshaped until [`Keeper::turn`] comes to them.

use super::assignment::Assignment;
use super::shaper::{Done, Shaper};
use crate::enforcement::difference::Part;
use crate::enforcement::kernel::NetlinkError;
use crate::enforcement::lanes::{Assign, Lane, Lanes};
use crate::enforcement::wanted::Entry;
use crate::model::SubscriberId;
use ipnet::IpNet;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Classes that elements wait for: some 10 ms.
const BEFORE_ELEMENTS_MAX: usize = 256;
/// Classes of one turn, between which the enforcer looks at what else there is to do.
const TURN_CLASSES_MAX: usize = 64;
/// So long may a turn take: a payment waits for it. A class costs the kernel the more the more there are.
const TURN_TIME: Duration = Duration::from_millis(2);
/// The devices are read back this often though nobody was heard to change them.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Others change a device in several steps; what they leave behind is looked at, not each step.
const MEND_DEBOUNCE: Duration = Duration::from_millis(5);
/// Between two looks at the devices, so that somebody who changes them all the time does not keep us busy.
const MEND_GAP: Duration = Duration::from_millis(100);
const RETRY_GAP: Duration = Duration::from_secs(1);
/// Routes looked up in one turn: some milliseconds.
const TURN_ROUTES_MAX: usize = 256;

/// What the watcher and the keeper share.
#[derive(Clone, Default)]
pub struct Disturbance {
    /// Somebody changed a device of ours.
    pub disturbed: Arc<AtomicBool>,
    /// Interfaces whose qdiscs and classes matter, by index.
    pub watched: Arc<Mutex<Vec<i32>>>,
}

pub struct Keeper {
    assignment: Assignment,
    police: bool,
    /// None: there is no device to make classes on.
    shaper: Option<Shaper>,
    shared: Disturbance,
    /// An address of everybody who has a class, where it matters to which device it is routed.
    homes: FxHashMap<SubscriberId, IpAddr>,
    /// Whose routes are to be looked up again: at boot classes are given before there are routes.
    routes_due: Vec<SubscriberId>,
    /// No element names a class that is to go.
    settled: bool,
    /// Classes of the next turn.
    turn_classes: usize,
    /// None: never.
    looked: Option<Instant>,
    next_look: Instant,
}

impl Keeper {
    /// Opens the devices in the calling thread's network namespace and changes nothing yet.
    /// Without `police`, who can have no class is not limited here.
    pub fn open(shape: &[String], wan: Option<&str>, police: bool) -> Result<Keeper, NetlinkError> {
        let assignment = Assignment::new(shape, wan);
        let shaper = match assignment.devices().next() {
            Some(_) => Some(Shaper::open(assignment.devices())?),
            None => None,
        };
        let keeper = Keeper {
            assignment,
            police,
            shaper,
            shared: Disturbance::default(),
            homes: FxHashMap::default(),
            routes_due: Vec::new(),
            settled: false,
            turn_classes: TURN_CLASSES_MAX,
            looked: None,
            next_look: Instant::now(),
        };
        keeper.watch();
        Ok(keeper)
    }

    /// Names of the devices, and what a watcher of theirs shares with this. None: there are none.
    pub fn watched(&self) -> Option<(u32, Vec<String>, Disturbance)> {
        let shaper = self.shaper.as_ref()?;
        let names = self.assignment.devices().map(str::to_owned).collect();
        Some((shaper.port(), names, self.shared.clone()))
    }

    /// Makes and changes the classes that the next elements will name.
    pub fn before_elements(&mut self) -> Result<(), NetlinkError> {
        self.settled = false;
        let changes = self.assignment.take_changes();
        let Some(shaper) = self.shaper.as_mut() else { return Ok(()) };
        shaper.want(changes);
        if self.looked.is_none() {
            self.look()?;
        }
        let Some(shaper) = self.shaper.as_mut() else { return Ok(()) };
        if shaper.to_make() > BEFORE_ELEMENTS_MAX {
            return Ok(());
        }
        let made = shaper.make(BEFORE_ELEMENTS_MAX);
        self.note(made)
    }

    /// The elements are as wanted: removes classes that none of them names any more.
    pub fn after_elements(&mut self) -> Result<(), NetlinkError> {
        self.settled = true;
        let Some(shaper) = self.shaper.as_mut() else { return Ok(()) };
        let removed = shaper.remove(BEFORE_ELEMENTS_MAX);
        self.note(removed)
    }

    /// Reads the devices back if it is time, and does a part of what waits.
    pub fn turn(&mut self) -> Result<(), NetlinkError> {
        if self.shared.disturbed.swap(false, Ordering::Acquire) {
            let earliest = self.looked.map_or(self.next_look, |looked| looked + MEND_GAP);
            self.next_look = self.next_look.min((Instant::now() + MEND_DEBOUNCE).max(earliest));
        }
        if self.shaper.is_some() && Instant::now() >= self.next_look {
            self.look()?;
        }
        self.follow_routes();
        let Some(shaper) = self.shaper.as_mut() else { return Ok(()) };
        let start = Instant::now();
        let done = if shaper.to_make() > 0 {
            shaper.make(self.turn_classes)
        } else if self.settled && shaper.to_remove() > 0 {
            shaper.remove(self.turn_classes)
        } else {
            return Ok(());
        };
        self.turn_classes = match start.elapsed() {
            took if took > TURN_TIME => (self.turn_classes / 2).max(1),
            took if took < TURN_TIME / 2 => (self.turn_classes * 2).min(TURN_CLASSES_MAX),
            _ => self.turn_classes,
        };
        self.note(done)
    }

    /// What differs between the wanted classes and the devices; changes nothing.
    pub fn differences(&mut self) -> Result<Vec<Part>, NetlinkError> {
        let changes = self.assignment.take_changes();
        let Some(shaper) = self.shaper.as_mut() else { return Ok(Vec::new()) };
        shaper.want(changes);
        shaper.differences()
    }

    /// Reads the devices back and mends them at once, as far as `classes_max` goes. `remove`: those that nobody wants
    /// too. What was done, and how many classes are left for later.
    pub fn mend(&mut self, classes_max: usize, remove: bool) -> Result<(Done, usize), NetlinkError> {
        let changes = self.assignment.take_changes();
        let Some(shaper) = self.shaper.as_mut() else { return Ok((Done::default(), 0)) };
        shaper.want(changes);
        let mut done = shaper.look()?;
        while shaper.to_make() > 0 && done.refused == 0 && done.put < classes_max {
            done.add(shaper.make(TURN_CLASSES_MAX)?);
        }
        while remove && shaper.to_remove() > 0 && done.refused == 0 && done.removed < classes_max {
            done.add(shaper.remove(TURN_CLASSES_MAX)?);
        }
        let left = shaper.to_make() + if remove { shaper.to_remove() } else { 0 };
        self.looked = Some(Instant::now());
        self.next_look = Instant::now() + CHECK_INTERVAL;
        self.watch();
        Ok((done, left))
    }

    /// How long nothing is to be done, if nobody disturbs.
    pub fn patience(&self) -> Duration {
        match &self.shaper {
            None => Duration::MAX,
            Some(_) if !self.routes_due.is_empty() => Duration::ZERO,
            Some(shaper) if shaper.to_make() > 0 => Duration::ZERO,
            Some(shaper) if self.settled && shaper.to_remove() > 0 => Duration::ZERO,
            Some(_) => self.next_look.saturating_duration_since(Instant::now()),
        }
    }

    fn look(&mut self) -> Result<(), NetlinkError> {
        let Some(shaper) = self.shaper.as_mut() else { return Ok(()) };
        let first = self.looked.is_none();
        let result = shaper.look();
        let (make, remove) = (shaper.to_make(), shaper.to_remove());
        let now = Instant::now();
        self.looked = Some(now);
        self.next_look = now + CHECK_INTERVAL;
        self.watch();
        self.routes_due = self.homes.keys().copied().collect();
        if make + remove > 0 && !first {
            tracing::warn!("mending shaping: {make} classes to be made, {remove} to be removed");
        }
        self.note(result)
    }

    fn watch(&self) {
        if let Some(shaper) = &self.shaper {
            *self.shared.watched.lock() = shaper.links().collect();
        }
    }

    /// A failure is tried again later; only the lack of a right ends the enforcer.
    fn note(&mut self, result: Result<Done, NetlinkError>) -> Result<(), NetlinkError> {
        match result {
            Ok(done) => {
                if !done.is_nothing() {
                    tracing::debug!("shaping: {done}");
                }
                if done.refused > 0 {
                    self.look_again_soon();
                }
                Ok(())
            }
            Err(NetlinkError::NotPermitted) => Err(NetlinkError::NotPermitted),
            Err(error) => {
                tracing::error!("shaping: {error}; trying again");
                self.look_again_soon();
                Ok(())
            }
        }
    }

    /// The devices are read back at the next turn.
    pub fn look_soon(&mut self) {
        self.next_look = Instant::now();
    }

    fn look_again_soon(&mut self) {
        self.next_look = self.next_look.min(Instant::now() + RETRY_GAP);
    }

    /// Moves classes to the devices that their addresses are routed to by now; a part of them.
    fn follow_routes(&mut self) {
        for _ in 0..TURN_ROUTES_MAX {
            let Some(subscriber) = self.routes_due.pop() else { break };
            let Some(address) = self.homes.get(&subscriber).copied() else { continue };
            if let Some(device) = self.device_of(address) {
                self.assignment.relocate(subscriber, &device);
            }
        }
        if let Some(shaper) = &mut self.shaper {
            shaper.want(self.assignment.take_changes());
        }
    }

    /// The device that an address is routed to.
    fn device_of(&mut self, address: IpAddr) -> Option<String> {
        let found = self.shaper.as_mut()?.device_of(address);
        // Not known: as if it were none of ours.
        found.ok().flatten().map(str::to_owned)
    }
}

impl Assign for Keeper {
    fn lanes(&mut self, address: IpNet, entry: &Entry) -> Lanes {
        // A prefix's own first address may be anycast of its router; any of its hosts goes the same way.
        let host = address.hosts().nth(1).unwrap_or(address.addr());
        let mut device = None;
        if self.assignment.asks_for_routes() {
            if !self.assignment.holds(entry.subscriber) {
                device = self.device_of(host);
            }
            self.homes.insert(entry.subscriber, host);
        }
        let Lanes { down, up } = self.assignment.take(entry.subscriber, entry.shape, device.as_deref());
        let police = self.police;
        let limited = |lane| match lane {
            Lane::Policed { .. } if !police => Lane::Unshaped,
            lane => lane,
        };
        Lanes { down: limited(down), up: limited(up) }
    }

    fn release(&mut self, subscriber: SubscriberId) {
        self.homes.remove(&subscriber);
        self.assignment.release(subscriber);
    }
}
