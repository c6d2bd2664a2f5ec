//! Wanted classes against those in the kernel.
//!
//! On each device there is one root (HTB, handle `6867:`), one inner class `6867:1` that limits nothing and lends to
//! all, and below it a class for each subscriber who is online, with a leaf whose handle is the class's minor. A root
//! that is not ours is left alone, and nothing is shaped on that device until it is gone.

mod device;

use super::assignment::{ROOT_HANDLE, Slot};
use super::class::ClassSpec;
use super::route::{self, LeafKind, Message, Messages, Statistics, Traffic};
use super::socket::RouteSocket;
use crate::enforcement::difference::Part;
use crate::enforcement::kernel::NetlinkError;
use crate::model::Bandwidth;
pub use device::Standing;
use device::{Device, Found, Scan};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Minor of the class that lends to all others.
pub const MINOR_INNER: u16 = 1;
/// Minor of the class with which we ask whether the kernel has fq_codel; there only for that moment.
const MINOR_PROBE: u16 = 2;

/// What was done to the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Roots made.
    pub roots: usize,
    /// Classes made or changed, their leaves with them.
    pub put: usize,
    pub removed: usize,
    /// What the kernel would not do; it is to be looked at again.
    pub refused: usize,
}

impl Done {
    pub fn is_nothing(&self) -> bool {
        *self == Done::default()
    }

    pub fn add(&mut self, other: Done) {
        self.roots += other.roots;
        self.put += other.put;
        self.removed += other.removed;
        self.refused += other.refused;
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} classes put, {} removed", self.put, self.removed)?;
        if self.roots > 0 {
            write!(f, ", {} roots made", self.roots)?;
        }
        if self.refused > 0 {
            write!(f, ", {} refused", self.refused)?;
        }
        Ok(())
    }
}

pub struct Shaper {
    socket: RouteSocket,
    devices: Vec<Device>,
    /// Asked of the kernel with the first root.
    leaf_kind: Option<LeafKind>,
}

impl Shaper {
    /// For devices in the order of [`Slot::device`], in the calling thread's network namespace. Changes nothing yet.
    pub fn open<'a>(devices: impl Iterator<Item = &'a str>) -> Result<Shaper, NetlinkError> {
        let devices = devices.map(Device::new).collect();
        let mut shaper = Shaper { socket: RouteSocket::open()?, devices, leaf_kind: None };
        shaper.find_links()?;
        Ok(shaper)
    }

    /// Whose changes ours are in notifications.
    pub fn port(&self) -> u32 {
        self.socket.port()
    }

    /// How each device stands, as last looked at.
    pub fn standings(&self) -> impl Iterator<Item = (&str, &Standing)> {
        self.devices.iter().map(|device| (device.name.as_str(), &device.standing))
    }

    /// Takes what classes are to be; nothing is done yet. None: the class is to go.
    pub fn want(&mut self, changes: BTreeMap<Slot, Option<Bandwidth>>) {
        for (slot, bandwidth) in changes {
            if let Some(device) = self.devices.get_mut(slot.device) {
                device.want(slot.minor, bandwidth.map(ClassSpec::of));
            }
        }
    }

    /// Classes that wait to be made or changed.
    pub fn to_make(&self) -> usize {
        self.devices.iter().map(Device::to_make).sum()
    }

    /// Classes that nobody wants any more.
    pub fn to_remove(&self) -> usize {
        self.devices.iter().map(Device::to_remove).sum()
    }

    /// Makes and changes at most so many of the classes that wait for it.
    pub fn make(&mut self, classes_max: usize) -> Result<Done, NetlinkError> {
        let mut done = Done::default();
        if self.devices.iter().any(Device::waits_for_root) {
            done = self.look()?;
        }
        let kind = self.leaf_kind.unwrap_or(LeafKind::Bfifo);
        for device in &mut self.devices {
            let room = classes_max.saturating_sub(done.put + done.refused);
            done.add(device.make(&mut self.socket, kind, room)?);
        }
        Ok(done)
    }

    /// Removes at most so many of the classes that nobody wants any more.
    pub fn remove(&mut self, classes_max: usize) -> Result<Done, NetlinkError> {
        let mut done = Done::default();
        for device in &mut self.devices {
            let room = classes_max.saturating_sub(done.removed + done.refused);
            done.add(device.remove(&mut self.socket, room)?);
        }
        Ok(done)
    }

    /// Reads every device back, makes roots where there are none, and notes which classes are to be made and removed.
    /// A device that cannot be had stops no other.
    pub fn look(&mut self) -> Result<Done, NetlinkError> {
        self.find_links()?;
        let mut scan = self.scan()?;
        let mut done = Done::default();
        for device in &mut self.devices {
            let Some(index) = device.link else {
                device.stands(None, Standing::Absent);
                continue;
            };
            let root = scan.roots.remove(&index);
            let leaves = scan.leaves.remove(&index).unwrap_or_default();
            let (ours, looked) = device.take_root(&mut self.socket, index, root)?;
            done.add(looked);
            if !ours {
                continue;
            }
            if self.leaf_kind.is_none() {
                self.leaf_kind = Some(probe_leaf(&mut self.socket, index)?);
            }
            device.read_classes(&mut self.socket, index, &leaves)?;
            device.compare(self.leaf_kind.unwrap_or(LeafKind::Bfifo));
        }
        Ok(done)
    }

    /// What differs between the classes that are wanted and those that are there; changes nothing.
    pub fn differences(&mut self) -> Result<Vec<Part>, NetlinkError> {
        self.find_links()?;
        let mut scan = self.scan()?;
        let mut parts = Vec::new();
        for device in &self.devices {
            let found = device.link.map(|index| {
                let leaves = scan.leaves.remove(&index).unwrap_or_default();
                (index, scan.roots.remove(&index), leaves)
            });
            let part = device.difference(&mut self.socket, found)?;
            parts.extend(Some(part).filter(|part| !part.is_nothing()));
        }
        Ok(parts)
    }

    /// How a class is and what it has sent. None: there is no such class.
    pub fn class(
        &mut self,
        device: &str,
        minor: u16,
    ) -> Result<Option<(ClassSpec, Statistics)>, NetlinkError> {
        let device = self.devices.iter().find(|known| known.name == device);
        let Some(index) = device.and_then(|device| device.link) else { return Ok(None) };
        let found = self.socket.ask(
            |sequence| route::classes_request(sequence, index, ROOT_HANDLE),
            |found: &mut Option<(ClassSpec, Statistics)>, message| {
                if let Some((_, traffic)) = class_of(message).filter(|(there, _)| *there == minor) {
                    *found = traffic.class().map(|class| (class, traffic.statistics()));
                }
            },
        )?;
        Ok(found.flatten())
    }

    /// What the subscribers' classes of a device have sent, by minor. None: there is no such device.
    pub fn statistics(&mut self, device: usize) -> Result<Option<BTreeMap<u16, Statistics>>, NetlinkError> {
        let Some(index) = self.devices.get(device).and_then(|device| device.link) else { return Ok(None) };
        self.socket.ask(
            |sequence| route::classes_request(sequence, index, ROOT_HANDLE),
            |all: &mut BTreeMap<u16, Statistics>, message| {
                if let Some((minor, traffic)) = class_of(message)
                    && minor != MINOR_INNER
                {
                    all.insert(minor, traffic.statistics());
                }
            },
        )
    }

    /// Which of our devices an address is routed to; None: to none of them.
    pub fn device_of(&mut self, address: IpAddr) -> Result<Option<&str>, NetlinkError> {
        let index = self.socket.ask(
            |sequence| route::route_request(sequence, address),
            |index: &mut Option<i32>, message| {
                if message.kind == route::NEWROUTE {
                    *index = route::route_device(message);
                }
            },
        )?;
        let Some(index) = index.flatten() else { return Ok(None) };
        let found = self.devices.iter().find(|device| device.link == Some(index));
        Ok(found.map(|device| device.name.as_str()))
    }

    /// Which interfaces the devices are, as last looked at.
    pub fn links(&self) -> impl Iterator<Item = i32> {
        self.devices.iter().filter_map(|device| device.link)
    }

    fn find_links(&mut self) -> Result<(), NetlinkError> {
        for device in &mut self.devices {
            let found = self.socket.ask(
                |sequence| route::link_request(sequence, &device.name),
                |index: &mut Option<i32>, message| {
                    if message.kind == route::NEWLINK {
                        *index = route::link(message).map(|(index, _)| index);
                    }
                },
            )?;
            device.link = found.flatten();
        }
        Ok(())
    }

    /// Every root, and every leaf below a root of ours.
    fn scan(&mut self) -> Result<Scan, NetlinkError> {
        let scan = self.socket.ask(route::qdiscs_request, |scan: &mut Scan, message| {
            if let Some(traffic) = Traffic::read(message).filter(|_| message.kind == route::NEWQDISC) {
                scan.take(&traffic);
            }
        })?;
        Ok(scan.unwrap_or_default())
    }
}

/// Whether the kernel has fq_codel, by asking for one below a class that lasts no longer than this.
fn probe_leaf(socket: &mut RouteSocket, index: i32) -> Result<LeafKind, NetlinkError> {
    let id = super::assignment::class_id(MINOR_PROBE);
    let class = ClassSpec::new(1_000_000, 1_000_000, 16 << 10, 16 << 10);
    let mut messages = Messages::default();
    messages.put_class(index, ROOT_HANDLE, id, &class);
    messages.put_leaf(index, id, u32::from(MINOR_PROBE) << 16, &route::Leaf::of(LeafKind::FqCodel, &class));
    messages.delete_class(index, id);
    let refused = socket.commit(messages)?;
    let kind = if refused.is_empty() { LeafKind::FqCodel } else { LeafKind::Bfifo };
    tracing::info!(leaf = ?kind, "leaves of shaped classes");
    Ok(kind)
}

/// Minor of a class of ours.
fn class_of<'a>(message: &Message<'a>) -> Option<(u16, Traffic<'a>)> {
    if message.kind != route::NEWTCLASS {
        return None;
    }
    let traffic = Traffic::read(message)?;
    Some((minor_of(traffic.handle)?, traffic))
}

/// None: under another root.
fn minor_of(id: u32) -> Option<u16> {
    if id & 0xffff_0000 != ROOT_HANDLE {
        return None;
    }
    u16::try_from(id & 0xffff).ok()
}

impl Found {
    /// The class that lends to all others and limits nothing.
    fn inner() -> Found {
        // 400 Gbit/s, beyond what a machine forwards; the buckets hold 10 ms of it.
        const OCTETS_PER_SECOND: u64 = 50_000_000_000;
        let bucket = OCTETS_PER_SECOND / 100;
        Found {
            class: ClassSpec::new(OCTETS_PER_SECOND, OCTETS_PER_SECOND, bucket, bucket),
            parent: route::ROOT,
            leaf: None,
        }
    }
}
