//! One device: its root, its classes as wanted and as found, and what is left to do.

use super::super::assignment::{ROOT_HANDLE, class_id};
use super::super::class::ClassSpec;
use super::super::route::{self, Leaf, LeafKind, Messages, Traffic};
use super::super::socket::{Refused, RouteSocket};
use super::{Done, MINOR_INNER, class_of, minor_of};
use crate::enforcement::difference::Part;
use crate::enforcement::kernel::NetlinkError;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// How a device stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not looked at yet.
    Unknown,
    /// There is no such interface.
    Absent,
    /// No class is wanted there yet, and there is no root of ours.
    Idle,
    /// Somebody else's root qdisc (kind and handle as `tc` shows them), or one that could not be made (why).
    Foreign(String),
    Ours,
}

/// A class as it is found, or as it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub class: ClassSpec,
    pub parent: u32,
    /// Handle, and what it is; None within: of a kind that we do not make.
    pub leaf: Option<(u32, Option<Leaf>)>,
}

impl Found {
    fn expected(minor: u16, class: ClassSpec, kind: LeafKind) -> Found {
        let leaf = (leaf_handle(minor), Some(Leaf::of(kind, &class)));
        Found { class, parent: class_id(MINOR_INNER), leaf: Some(leaf) }
    }
}

fn leaf_handle(minor: u16) -> u32 {
    u32::from(minor) << 16
}

/// Leaves by the minor of their class.
type Leaves = FxHashMap<u16, (u32, Option<Leaf>)>;

/// The qdiscs of a namespace, by interface.
#[derive(Default)]
pub struct Scan {
    pub roots: FxHashMap<i32, Root>,
    pub leaves: FxHashMap<i32, Leaves>,
}

#[derive(Clone, Debug)]
pub struct Root {
    kind: String,
    handle: u32,
    default_class: Option<u32>,
}

impl Scan {
    pub fn take(&mut self, traffic: &Traffic<'_>) {
        if traffic.parent == route::ROOT {
            let (kind, default_class) = (traffic.kind().to_owned(), traffic.default_class());
            self.roots.insert(traffic.index, Root { kind, handle: traffic.handle, default_class });
        } else if let Some(minor) = minor_of(traffic.parent) {
            let leaf = (traffic.handle, traffic.leaf());
            self.leaves.entry(traffic.index).or_default().insert(minor, leaf);
        }
    }
}

pub struct Device {
    pub name: String,
    /// The interface, while there is one.
    pub link: Option<i32>,
    /// The same, while its root is ours.
    pub index: Option<i32>,
    pub standing: Standing,
    wanted: FxHashMap<u16, ClassSpec>,
    /// As last seen or made; what is not known is not here.
    present: FxHashMap<u16, Found>,
    to_make: BTreeSet<u16>,
    to_remove: BTreeSet<u16>,
}

impl Device {
    pub fn new(name: &str) -> Device {
        Device {
            name: name.to_owned(),
            link: None,
            index: None,
            standing: Standing::Unknown,
            wanted: FxHashMap::default(),
            present: FxHashMap::default(),
            to_make: BTreeSet::new(),
            to_remove: BTreeSet::new(),
        }
    }

    pub fn want(&mut self, minor: u16, class: Option<ClassSpec>) {
        match class {
            Some(class) => {
                self.wanted.insert(minor, class);
                self.to_remove.remove(&minor);
                self.to_make.insert(minor);
            }
            None => {
                self.wanted.remove(&minor);
                self.to_make.remove(&minor);
                if self.present.contains_key(&minor) {
                    self.to_remove.insert(minor);
                }
            }
        }
    }

    /// Classes are wanted on a device that was of no interest so far.
    pub fn waits_for_root(&self) -> bool {
        matches!(self.standing, Standing::Unknown | Standing::Idle) && !self.wanted.is_empty()
    }

    /// How many could be made now, or once the device has been looked at.
    pub fn to_make(&self) -> usize {
        if self.index.is_some() || self.waits_for_root() { self.to_make.len() } else { 0 }
    }

    pub fn to_remove(&self) -> usize {
        if self.index.is_some() { self.to_remove.len() } else { 0 }
    }

    /// Notes how the device stands; a change is told.
    pub fn stands(&mut self, index: Option<i32>, standing: Standing) {
        if index != self.index {
            self.present.clear();
        }
        self.index = index;
        if self.standing == standing {
            return;
        }
        let device = &self.name;
        match &standing {
            Standing::Absent => {
                tracing::warn!("{device}: no such interface; shaping begins there once it appears");
            }
            Standing::Foreign(what) => tracing::error!(
                "{device}: {what} is in the way; nothing is shaped there until it is removed: \
                 tc qdisc del dev {device} root"
            ),
            Standing::Ours => tracing::info!("{device}: shaping, root 6867:"),
            Standing::Unknown | Standing::Idle => {}
        }
        self.standing = standing;
    }

    /// Sees to it that the root is ours. False: it is not to be had.
    pub fn take_root(
        &mut self,
        socket: &mut RouteSocket,
        index: i32,
        root: Option<Root>,
    ) -> Result<(bool, Done), NetlinkError> {
        let mut messages = Messages::default();
        match root {
            Some(root) if root.handle == ROOT_HANDLE && root.kind == "htb" => {
                if root.default_class == Some(0) {
                    self.stands(Some(index), Standing::Ours);
                    return Ok((true, Done::default()));
                }
                // Ours by its handle, but what belongs to no class would go through one.
                messages.delete_root(index, ROOT_HANDLE);
            }
            Some(root) if root.handle != 0 => {
                let what = format!("root qdisc {} {:x}:", root.kind, root.handle >> 16);
                self.stands(None, Standing::Foreign(what));
                return Ok((false, Done::default()));
            }
            // None, or what the kernel gives by itself.
            _ if self.wanted.is_empty() => {
                self.stands(None, Standing::Idle);
                return Ok((false, Done::default()));
            }
            _ => {}
        }
        messages.add_root(index, ROOT_HANDLE);
        let refused = socket.commit(messages)?;
        self.present.clear();
        match refused.last() {
            None => {
                self.stands(Some(index), Standing::Ours);
                Ok((true, Done { roots: 1, ..Done::default() }))
            }
            Some(Refused { errno: libc::ENODEV, .. }) => {
                self.stands(None, Standing::Absent);
                Ok((false, Done::default()))
            }
            Some(Refused { errno, .. }) => {
                let why = std::io::Error::from_raw_os_error(*errno);
                self.stands(
                    None,
                    Standing::Foreign(format!("the kernel makes no root qdisc ({why}): something")),
                );
                Ok((false, Done { refused: 1, ..Done::default() }))
            }
        }
    }

    /// Reads the classes back.
    pub fn read_classes(
        &mut self,
        socket: &mut RouteSocket,
        index: i32,
        leaves: &Leaves,
    ) -> Result<(), NetlinkError> {
        self.present = classes_of(socket, index, leaves)?;
        Ok(())
    }

    /// Notes what is to be done so that the classes are as wanted.
    pub fn compare(&mut self, kind: LeafKind) {
        let differs = |(minor, class): (&u16, &ClassSpec)| {
            let right = self.present.get(minor) == Some(&Found::expected(*minor, *class, kind));
            (!right).then_some(*minor)
        };
        self.to_make = self.wanted.iter().filter_map(differs).collect();
        if !self.wanted.is_empty() && self.present.get(&MINOR_INNER) != Some(&Found::inner()) {
            self.to_make.insert(MINOR_INNER);
        }
        let nobodys = |minor: &&u16| **minor != MINOR_INNER && !self.wanted.contains_key(*minor);
        self.to_remove = self.present.keys().filter(nobodys).copied().collect();
    }

    /// What differs; nothing is noted and nothing changed. `found`: the interface, its root and its leaves.
    pub fn difference(
        &self,
        socket: &mut RouteSocket,
        found: Option<(i32, Option<Root>, Leaves)>,
    ) -> Result<Part, NetlinkError> {
        let mut part = Part::named(&self.name);
        let mut there = FxHashMap::default();
        match found {
            None => part.trouble = Some("no such interface".to_owned()).filter(|_| !self.wanted.is_empty()),
            Some((index, Some(root), leaves)) if root.handle == ROOT_HANDLE && root.kind == "htb" => {
                there = classes_of(socket, index, &leaves)?;
            }
            Some(_) if self.wanted.is_empty() => return Ok(part),
            Some((_, Some(root), _)) if root.handle != 0 => {
                part.trouble =
                    Some(format!("root qdisc {} {:x}: is in the way", root.kind, root.handle >> 16));
            }
            Some(_) => part.trouble = Some("no root 6867:".to_owned()),
        }
        let mut minors: Vec<u16> = self.wanted.keys().chain(there.keys()).copied().collect();
        minors.sort_unstable();
        minors.dedup();
        for minor in minors {
            let text = || format!("6867:{minor:x}");
            match (self.wanted.get(&minor), there.get(&minor)) {
                (Some(_), None) => part.missing.add(text),
                (None, Some(_)) if minor != MINOR_INNER => part.foreign.add(text),
                // Which leaf the kernel has is asked only where classes are made.
                (Some(class), Some(found)) => {
                    let right = |kind| *found == Found::expected(minor, *class, kind);
                    if !right(LeafKind::FqCodel) && !right(LeafKind::Bfifo) {
                        part.different.add(text);
                    }
                }
                _ => {}
            }
        }
        Ok(part)
    }

    /// Makes and changes at most so many classes.
    pub fn make(
        &mut self,
        socket: &mut RouteSocket,
        kind: LeafKind,
        classes_max: usize,
    ) -> Result<Done, NetlinkError> {
        let Some(index) = self.index else { return Ok(Done::default()) };
        let minors: Vec<u16> = self.to_make.iter().take(classes_max).copied().collect();
        if minors.is_empty() {
            return Ok(Done::default());
        }
        let mut done = Done::default();
        let mut messages = Messages::default();
        // Whose each message is.
        let mut owners = Vec::with_capacity(minors.len() * 2);
        if self.present.get(&MINOR_INNER) != Some(&Found::inner()) {
            messages.put_class(index, ROOT_HANDLE, class_id(MINOR_INNER), &Found::inner().class);
            owners.push(MINOR_INNER);
            self.present.insert(MINOR_INNER, Found::inner());
        }
        for minor in minors {
            self.to_make.remove(&minor);
            let Some(class) = self.wanted.get(&minor) else { continue };
            let expected = Found::expected(minor, *class, kind);
            let before = self.present.insert(minor, expected);
            put(&mut messages, index, minor, &expected, before.as_ref());
            done.put += usize::from(messages.len() > owners.len());
            owners.resize(messages.len(), minor);
        }
        let refused = socket.commit(messages)?;
        done.refused = self.take_refusals(&refused, &owners, "put");
        done.put = done.put.saturating_sub(done.refused);
        Ok(done)
    }

    /// Removes at most so many classes.
    pub fn remove(&mut self, socket: &mut RouteSocket, classes_max: usize) -> Result<Done, NetlinkError> {
        let Some(index) = self.index else { return Ok(Done::default()) };
        let minors: Vec<u16> = self.to_remove.iter().take(classes_max).copied().collect();
        if minors.is_empty() {
            return Ok(Done::default());
        }
        let mut messages = Messages::default();
        for minor in &minors {
            self.to_remove.remove(minor);
            self.present.remove(minor);
            messages.delete_class(index, class_id(*minor));
        }
        let mut refused = socket.commit(messages)?;
        // Somebody was quicker.
        refused.retain(|refused| refused.errno != libc::ENOENT);
        let refusals = self.take_refusals(&refused, &minors, "removed");
        Ok(Done { removed: minors.len() - refusals, refused: refusals, ..Done::default() })
    }

    /// Forgets what is no longer known of the classes that were refused; how many those are.
    fn take_refusals(&mut self, refused: &[Refused], owners: &[u16], what: &str) -> usize {
        let Some(first) = refused.first() else { return 0 };
        let minors: BTreeSet<u16> = refused.iter().filter_map(|r| owners.get(r.position)).copied().collect();
        for minor in &minors {
            self.present.remove(minor);
        }
        if refused.iter().any(|refused| refused.errno == libc::ENODEV) {
            self.stands(None, Standing::Absent);
            return minors.len();
        }
        let why = std::io::Error::from_raw_os_error(first.errno);
        let class = owners.get(first.position).copied().unwrap_or(0);
        tracing::warn!(
            "{}: {} classes were not {what}, 6867:{class:x} first: {why}",
            self.name,
            minors.len()
        );
        minors.len()
    }
}

/// The classes below our root on an interface, by minor.
fn classes_of(
    socket: &mut RouteSocket,
    index: i32,
    leaves: &Leaves,
) -> Result<FxHashMap<u16, Found>, NetlinkError> {
    let classes = socket.ask(
        |sequence| route::classes_request(sequence, index, ROOT_HANDLE),
        |classes: &mut FxHashMap<u16, Found>, message| {
            if let Some((minor, traffic)) = class_of(message)
                && let Some(class) = traffic.class()
            {
                let leaf = leaves.get(&minor).copied();
                classes.insert(minor, Found { class, parent: traffic.parent, leaf });
            }
        },
    )?;
    Ok(classes.unwrap_or_default())
}

/// The messages that make a class as expected.
fn put(messages: &mut Messages, index: i32, minor: u16, expected: &Found, before: Option<&Found>) {
    let id = class_id(minor);
    let before = match before {
        // A class cannot be moved under another parent.
        Some(found) if found.parent != expected.parent => {
            messages.delete_class(index, id);
            None
        }
        other => other,
    };
    if before.map(|found| found.class) != Some(expected.class) {
        messages.put_class(index, expected.parent, id, &expected.class);
    }
    let there = before.and_then(|found| found.leaf);
    if there == expected.leaf {
        return;
    }
    if let Some((handle, Some(leaf))) = expected.leaf {
        let same_handle = there.filter(|(there, _)| *there == handle).map(|(_, leaf)| leaf.map(|l| l.kind));
        if same_handle == Some(Some(leaf.kind)) {
            messages.change_leaf(index, id, handle, &leaf);
            return;
        }
        if same_handle.is_some() {
            // A leaf of this handle and another kind would be neither changed nor replaced.
            messages.delete_leaf(index, id, handle);
        }
        messages.put_leaf(index, id, handle, &leaf);
    }
}
