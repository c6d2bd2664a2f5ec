//! The table in the kernel: made, changed and read back. One value owns the socket that does it.
//!
//! Only table `inet headgate` is touched; of other tables no more than names of chains passes by.

mod aside;
mod look_up;

pub use aside::Aside;
pub use look_up::Holding;

use super::netlink::compare::{holds, same_rule};
pub use super::netlink::elements::Meter;
use super::netlink::elements::{self, ElementDump, Item};
use super::netlink::rules::{Parts, encode};
pub use super::netlink::socket::NetlinkError;
use super::netlink::socket::{Socket, microseconds_since_boot};
use super::netlink::wire::{self, Attributes, Batch, Message};
use super::ranges::{Family, Range};
use super::sightings::{SEEN_MAX, Sighting};
use super::skeleton::{Skeleton, TABLE};
use super::wanted::{Data, Elements, Plan, SetId, Sets};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A set is made for this many elements at least, and for four times what it holds: the kernel sizes its hash once.
const SET_SIZE_MIN: u32 = 65_536;
const SET_ROOM: u32 = 4;

/// What was found of our table.
#[derive(Debug)]
pub enum Finding {
    Absent,
    /// Something else than the skeleton, in words; the table is to be made anew.
    Damaged(String),
    /// The skeleton is whole; these are the sets' elements.
    Whole(Sets),
}

/// What an element of a metered address had counted when it was read, or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub set: SetId,
    /// The first address of the element.
    pub first: u128,
    pub meter: Meter,
    pub octets: u64,
    pub packets: u64,
}

pub struct Kernel {
    socket: Socket,
    /// The last one given to an element.
    generation: u64,
    /// How many elements each set of the table may hold, as far as known.
    capacities: BTreeMap<SetId, u32>,
    /// Sets that have, or had, metered elements.
    metered: BTreeSet<SetId>,
    /// The table's chains, when it is known to be whole.
    chains: Vec<&'static str>,
}

/// How a table is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Within the table that there is.
    InPlace,
    /// In the place of whatever is there.
    FromNothing,
}

impl Kernel {
    /// Opens the socket in the calling thread's network namespace.
    pub fn open() -> Result<Kernel, NetlinkError> {
        Ok(Kernel {
            socket: Socket::open()?,
            generation: 0,
            capacities: BTreeMap::new(),
            metered: BTreeSet::new(),
            chains: Vec::new(),
        })
    }

    /// What notifications of our own changes name as their author.
    pub fn port(&self) -> u32 {
        self.socket.port()
    }

    /// Whether these contents need larger sets than the table has.
    pub fn outgrown(&self, sets: &Sets) -> bool {
        sets.iter().any(|(id, elements)| {
            self.capacities.get(id).is_none_or(|capacity| slots(*id, elements.len()) > *capacity)
        })
    }

    /// Makes the table anew with its elements, in one step: no packet meets half of it. Gives what the elements that
    /// there were had counted.
    ///
    /// While the table is as we left it, its chains stay hooked where they are: of two tables, the old and the new
    /// one, a packet on its way at that moment would meet both, and be counted twice.
    pub fn rebuild(&mut self, skeleton: &Skeleton, sets: &Sets) -> Result<Vec<Reading>, NetlinkError> {
        if !self.chains.is_empty() {
            match self.rebuild_by(Way::InPlace, skeleton, sets) {
                // Not as we left it after all.
                Err(NetlinkError::Refused(_)) => {}
                result => return result,
            }
        }
        self.rebuild_by(Way::FromNothing, skeleton, sets)
    }

    fn rebuild_by(
        &mut self,
        way: Way,
        skeleton: &Skeleton,
        sets: &Sets,
    ) -> Result<Vec<Reading>, NetlinkError> {
        let size = |id: SetId| {
            if matches!(id, SetId::Seen(_)) {
                return SEEN_MAX;
            }
            let wanted = slots(id, sets.get(&id).map_or(0, Elements::len)).saturating_mul(SET_ROOM);
            wanted.max(SET_SIZE_MIN).checked_next_power_of_two().unwrap_or(u32::MAX)
        };
        let parts = encoded(skeleton, size)?;
        let mut batch = self.socket.batch();
        let echoes = match way {
            Way::InPlace => self.empty_table(&mut batch, skeleton),
            Way::FromNothing => {
                // Deleting a missing table is refused, so it is added first.
                for message_type in [wire::NEWTABLE, wire::DELTABLE, wire::NEWTABLE] {
                    batch.table(TABLE, message_type);
                }
                0
            }
        };
        let sets_made = parts.sets.iter().map(|(_, message)| message);
        for message in sets_made.chain(&parts.chains).chain(parts.rules.iter().flat_map(|(_, rules)| rules)) {
            batch.push(message);
        }
        let generation = self.next_generation();
        for id in &skeleton.sets {
            let elements: Vec<(Range, Data)> =
                sets.get(id).into_iter().flatten().map(|(range, data)| (*range, *data)).collect();
            self.put(&mut batch, *id, Cow::Owned(elements), generation);
        }
        let finals = self.commit(batch, echoes)?;
        self.capacities = skeleton.sets.iter().map(|id| (*id, size(*id))).collect();
        self.chains = skeleton.chains.iter().map(|chain| chain.name).collect();
        Ok(finals)
    }

    /// Takes everything out of our table but the chains that stay; elements that count are told. Gives how many that
    /// may be.
    fn empty_table(&self, batch: &mut Batch, skeleton: &Skeleton) -> usize {
        let mut echoes = 0usize;
        for (id, capacity) in self.capacities.iter().filter(|(id, _)| self.metered.contains(id)) {
            batch.remove_all_elements(TABLE, &written_as(*id, &id.name()));
            echoes = echoes.saturating_add(usize::try_from(*capacity).unwrap_or(usize::MAX));
        }
        let table = (wire::ATTR_TABLE, TABLE);
        batch.delete(wire::DELRULE, &[table]);
        for id in self.capacities.keys() {
            batch.delete(wire::DELSET, &[table, (wire::ATTR_SET_NAME, &id.name())]);
        }
        for chain in &self.chains {
            if !skeleton.chains.iter().any(|wanted| wanted.name == *chain) {
                batch.delete(wire::DELCHAIN, &[table, (wire::ATTR_CHAIN_NAME, chain)]);
            }
        }
        echoes
    }

    /// A number that no element of this machine has had since it was started.
    fn next_generation(&mut self) -> u64 {
        self.generation = microseconds_since_boot().max(self.generation + 1);
        self.generation
    }

    fn put(&mut self, batch: &mut Batch, id: SetId, mut elements: Cow<'_, [(Range, Data)]>, generation: u64) {
        if elements.iter().any(|(_, data)| data.is_metered()) {
            self.metered.insert(id);
        }
        if id.is_interval() && id.counts() {
            // In order, so that the same range has the same generation in both directions.
            elements.to_mut().sort_unstable_by_key(|(range, _)| *range);
            let last = generation.saturating_add(u64::try_from(elements.len()).unwrap_or(u64::MAX));
            self.generation = self.generation.max(last);
        }
        batch.add_elements(TABLE, &written_as(id, &id.name()), &elements, generation);
    }

    /// Commits; gives what removed elements had counted.
    fn commit(&mut self, batch: Batch, echoes: usize) -> Result<Vec<Reading>, NetlinkError> {
        let mut finals = Vec::new();
        self.socket.commit(batch, echoes, |message| {
            if message.kind == wire::DELSETELEM && message.attributes().text(wire::ATTR_TABLE) == Some(TABLE)
            {
                finals.extend(readings(message));
            }
        })?;
        Ok(finals)
    }

    /// Whether there is a table of our name.
    pub fn is_there(&mut self) -> Result<bool, NetlinkError> {
        Ok(!matches!(self.inspect_table()?, Some(Finding::Absent)))
    }

    /// Takes the table away; nothing happens where there is none.
    pub fn remove(&mut self) -> Result<(), NetlinkError> {
        let mut batch = self.socket.batch();
        batch.table(TABLE, wire::NEWTABLE);
        batch.table(TABLE, wire::DELTABLE);
        self.capacities.clear();
        self.metered.clear();
        self.chains.clear();
        self.commit(batch, 0).map(drop)
    }

    /// Changes elements in one step; gives what the removed ones had counted, to the last packet. An element that is
    /// to go and is not there refuses the whole ([`NetlinkError::Refused`]): what the plan was made from is no
    /// longer so.
    pub fn apply(&mut self, plan: &Plan) -> Result<Vec<Reading>, NetlinkError> {
        if plan.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = self.socket.batch();
        for (id, ranges) in &plan.remove {
            batch.remove_elements(TABLE, &written_as(*id, &id.name()), ranges, plan.finals.contains(id));
        }
        let generation = self.next_generation();
        for (id, elements) in &plan.add {
            self.put(&mut batch, *id, Cow::Borrowed(elements), generation);
        }
        let echoes =
            plan.remove.iter().filter(|(id, _)| plan.finals.contains(id)).map(|(id, ranges)| {
                if id.is_interval() { ranges.len().saturating_mul(2) } else { ranges.len() }
            });
        self.commit(batch, echoes.sum())
    }

    /// Gives what each metered element has counted to `take`; others' changes meanwhile may hide some. False: there
    /// is no table, or only a part of it.
    pub fn counters(&mut self, mut take: impl FnMut(Reading)) -> Result<bool, NetlinkError> {
        let mut whole = true;
        for id in SetId::counting() {
            let name = id.name();
            let request = |sequence| elements::elements_request(TABLE, &name, sequence);
            let asked = self.socket.ask(request, |message| readings(message).for_each(&mut take));
            match asked {
                Ok(there) => whole &= there,
                Err(NetlinkError::Unclear(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(whole)
    }

    /// Reads the table back and compares it with the skeleton.
    pub fn inspect(&mut self, skeleton: &Skeleton) -> Result<Finding, NetlinkError> {
        let mut sets = match self.inspect_skeleton(skeleton)? {
            Finding::Whole(sets) => sets,
            other => return Ok(other),
        };
        for id in skeleton.sets.iter().filter(|id| !matches!(id, SetId::Seen(_))) {
            match self.elements(*id)? {
                Some(elements) => sets.insert(*id, elements),
                None => return Ok(Finding::Damaged(format!("set {} is gone", id.name()))),
            };
        }
        Ok(Finding::Whole(sets))
    }

    /// As [`Kernel::inspect`], without reading elements.
    pub fn inspect_skeleton(&mut self, skeleton: &Skeleton) -> Result<Finding, NetlinkError> {
        let parts = encoded(skeleton, |_| SET_SIZE_MIN)?;
        self.chains.clear();
        if let Some(finding) = self.inspect_table()? {
            return Ok(finding);
        }
        let damaged = match self.inspect_sets(&parts)? {
            Some(damage) => Some(damage),
            None => match self.inspect_chains(&parts)? {
                Some(damage) => Some(damage),
                None => self.inspect_rules(&parts)?,
            },
        };
        if let Some(damage) = damaged {
            return Ok(Finding::Damaged(damage));
        }
        self.chains = skeleton.chains.iter().map(|chain| chain.name).collect();
        Ok(Finding::Whole(Sets::new()))
    }

    /// None: there and awake.
    fn inspect_table(&mut self) -> Result<Option<Finding>, NetlinkError> {
        let request = |sequence| wire::request(wire::GETTABLE, false, sequence, &[(wire::ATTR_TABLE, TABLE)]);
        let flags = self.socket.ask_consistently(request, |flags: &mut u32, message| {
            *flags = message.attributes().number(wire::ATTR_TABLE_FLAGS).unwrap_or(0);
        })?;
        Ok(match flags {
            None => Some(Finding::Absent),
            Some(0) => None,
            Some(flags) => Some(Finding::Damaged(format!("the table has flags {flags:#x}"))),
        })
    }

    fn inspect_sets(&mut self, parts: &Parts) -> Result<Option<String>, NetlinkError> {
        let mut present = self.objects(wire::GETSET, wire::NEWSET, wire::ATTR_SET_NAME)?;
        self.capacities.clear();
        for (id, sent) in &parts.sets {
            let Some(found) = present.remove(&id.name()) else {
                return Ok(Some(format!("set {} is missing", id.name())));
            };
            let found = Attributes(found.first().map_or(&[], Vec::as_slice));
            // The number in the batch is not kept; the size may be any that suffices, which `outgrown` asks.
            if !holds(sent_attributes(sent), found, &[wire::ATTR_SET_ID, wire::ATTR_SET_DESC]) {
                return Ok(Some(format!("set {} is of another kind", id.name())));
            }
            let size = found
                .find(wire::ATTR_SET_DESC)
                .and_then(|desc| Attributes(desc).number(wire::ATTR_SET_DESC_SIZE));
            self.capacities.insert(*id, size.unwrap_or(0));
        }
        Ok(present.keys().next().map(|name| format!("set {name} is not ours")))
    }

    fn inspect_chains(&mut self, parts: &Parts) -> Result<Option<String>, NetlinkError> {
        let mut present = self.objects(wire::GETCHAIN, wire::NEWCHAIN, wire::ATTR_CHAIN_NAME)?;
        for sent in &parts.chains {
            let sent = sent_attributes(sent);
            let name = sent.text(wire::ATTR_CHAIN_NAME).unwrap_or_default();
            let Some(found) = present.remove(name) else {
                return Ok(Some(format!("chain {name} is missing")));
            };
            if !holds(sent, Attributes(found.first().map_or(&[], Vec::as_slice)), &[]) {
                return Ok(Some(format!("chain {name} is hooked differently")));
            }
        }
        Ok(present.keys().next().map(|name| format!("chain {name} is not ours")))
    }

    fn inspect_rules(&mut self, parts: &Parts) -> Result<Option<String>, NetlinkError> {
        let present = self.objects(wire::GETRULE, wire::NEWRULE, wire::ATTR_RULE_CHAIN)?;
        for (chain, sent) in &parts.rules {
            let found = present.get(*chain).map_or(&[][..], Vec::as_slice);
            if found.len() != sent.len() {
                return Ok(Some(format!(
                    "chain {chain} has {} rules instead of {}",
                    found.len(),
                    sent.len()
                )));
            }
            let differs = sent
                .iter()
                .zip(found)
                .position(|(ours, theirs)| !same_rule(sent_attributes(ours), Attributes(theirs)));
            if let Some(index) = differs {
                return Ok(Some(format!("rule {} of chain {chain} is another", index + 1)));
            }
        }
        Ok(None)
    }

    /// The table's objects of one kind: their attributes, by the name in attribute `name`, in the kernel's order.
    fn objects(
        &mut self,
        get: u16,
        new: u16,
        name: u16,
    ) -> Result<BTreeMap<String, Vec<Vec<u8>>>, NetlinkError> {
        let request = |sequence| wire::request(get, true, sequence, &[(wire::ATTR_TABLE, TABLE)]);
        let take = |objects: &mut BTreeMap<String, Vec<Vec<u8>>>, message: &Message<'_>| {
            let attributes = message.attributes();
            // Chains are dumped of every table of the family.
            if message.kind == new && attributes.text(wire::ATTR_TABLE) == Some(TABLE) {
                let name = attributes.text(name).unwrap_or_default().to_owned();
                objects.entry(name).or_default().push(attributes.0.to_vec());
            }
        };
        Ok(self.socket.ask_consistently(request, take)?.unwrap_or_default())
    }

    /// Sources that were noted lately; others' changes meanwhile may hide some. None: they are not noted here.
    pub fn sightings(&mut self) -> Result<Option<Vec<Sighting>>, NetlinkError> {
        let mut seen = Vec::new();
        for family in Family::BOTH {
            let name = SetId::Seen(family).name();
            let request = |sequence| elements::elements_request(TABLE, &name, sequence);
            let take =
                |message: &Message<'_>| seen.extend(elements::keys(message).filter_map(Sighting::read));
            match self.socket.ask(request, take) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(NetlinkError::Unclear(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(seen))
    }

    /// None: there is no such set.
    fn elements(&mut self, id: SetId) -> Result<Option<Elements>, NetlinkError> {
        let name = id.name();
        let set = written_as(id, &name);
        let request = |sequence| elements::elements_request(TABLE, &name, sequence);
        let take = |dump: &mut ElementDump, message: &Message<'_>| dump.take(message, &set);
        let dump = self.socket.ask_consistently(request, take)?;
        let elements = dump.map(|dump| dump.finish(&set));
        if elements.iter().flatten().any(|(_, data)| data.is_metered()) {
            self.metered.insert(id);
        }
        Ok(elements)
    }
}

/// Elements as the kernel counts them: a range has a beginning and an end.
fn slots(id: SetId, elements: usize) -> u32 {
    let count = u32::try_from(elements).unwrap_or(u32::MAX);
    if id.is_interval() { count.saturating_mul(2) } else { count }
}

fn written_as(id: SetId, name: &str) -> elements::Set<'_> {
    elements::Set { name, family: id.family(), interval: id.is_interval(), data: id.data_kind() }
}

/// What the metered elements of a message have counted.
fn readings<'a>(message: &Message<'a>) -> impl Iterator<Item = Reading> + use<'a> {
    let name = elements::set_name(message).unwrap_or_default();
    let set = SetId::counting().find(|id| id.name() == name);
    let items = elements::items(message);
    items.filter_map(move |item: Item<'_>| {
        let (octets, packets) = item.counter()?;
        Some(Reading { set: set?, first: item.key, meter: item.meter()?, octets, packets })
    })
}

fn encoded(skeleton: &Skeleton, size: impl Fn(SetId) -> u32) -> Result<Parts, NetlinkError> {
    encode(skeleton, size).map_err(|_| NetlinkError::Refused(libc::EINVAL))
}

/// The attributes of a message that we made.
fn sent_attributes(message: &[u8]) -> Attributes<'_> {
    wire::messages(message).next().map_or(Attributes(&[]), |m| m.attributes())
}
