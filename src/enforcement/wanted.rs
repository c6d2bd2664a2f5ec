//! The wanted state: what every set of the table has to hold. Pure; built from the feed's pages.

mod addresses;
mod entry;
mod sets;

use super::lanes::{Assign, Lanes};
use super::ranges::{Family, Range, flatten, merge, number};
use crate::model::{FeedPage, PortGuard, PortProtocol, SubscriberId};
use addresses::{Addresses, Net, is_host, key};
pub use entry::{Entry, Mark};
use entry::{NOWHERE, Places, places};
use ipnet::IpNet;
use rustc_hash::FxHashMap;
use sets::Touched;
pub(crate) use sets::protocol_word;
pub use sets::{Data, DataKind, Elements, Kind, Plan, SetId, Sets, diff};
use std::collections::BTreeMap;

/// Addresses and prefixes at most; a feed that gives more is refused.
pub const ADDRESSES_MAX: usize = 4_194_304;
/// Guarded ports at most.
pub const PORTS_MAX: usize = 256;

/// Which sets there are at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Subscribers are filtered.
    pub filter: bool,
    /// Ports are guarded.
    pub guard: bool,
}

/// What came of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub plan: Plan,
    /// The sets themselves are others (a port came or went): the table is made anew.
    pub rebuild: bool,
}

/// A page that cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRefused {
    /// Beyond [`ADDRESSES_MAX`] or [`PORTS_MAX`].
    TooMany,
}

type Ports = BTreeMap<(PortProtocol, u16), Vec<IpNet>>;

/// Everything the kernel has to hold, and where in the feed that was true.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    scope: Scope,
    /// Cursor of the last page taken; empty: everything is to be asked for.
    pub cursor: String,
    v4: Addresses,
    v6: Addresses,
    /// Somebody has, or had, a source NAT address of his own.
    translates: bool,
    /// How many addresses of each subscriber are let through.
    through: FxHashMap<SubscriberId, usize>,
    ports: Ports,
    walled: Vec<IpNet>,
    sets: Sets,
}

impl Wanted {
    pub fn new(scope: Scope) -> Wanted {
        let mut wanted = Wanted {
            scope,
            cursor: String::new(),
            v4: Addresses::default(),
            v6: Addresses::default(),
            translates: false,
            through: FxHashMap::default(),
            ports: Ports::new(),
            walled: Vec::new(),
            sets: Sets::new(),
        };
        if scope.filter {
            for family in Family::BOTH {
                for kind in Kind::ALL.into_iter().filter(|kind| kind.is_of(family)) {
                    wanted.sets.insert(SetId::Hosts(kind, family), Elements::default());
                    wanted.sets.insert(SetId::Nets(kind, family), Elements::default());
                }
                wanted.sets.insert(SetId::Spared(family), Elements::default());
                wanted.sets.insert(SetId::Walled(family), Elements::default());
            }
        }
        wanted
    }

    pub fn scope(&self) -> Scope {
        self.scope
    }

    pub fn sets(&self) -> &Sets {
        &self.sets
    }

    pub fn walled(&self) -> &[IpNet] {
        &self.walled
    }

    /// Whether sources are translated. Once it is so it stays so: without it nobody pays for connection tracking.
    pub fn translates(&self) -> bool {
        self.translates
    }

    /// Guarded ports with their sources, in order.
    pub fn ports(&self) -> impl Iterator<Item = (PortProtocol, u16, &[IpNet])> {
        self.ports.iter().map(|((protocol, port), sources)| (*protocol, *port, sources.as_slice()))
    }

    /// Every address and prefix with what is known of it; single addresses first.
    pub fn entries(&self) -> impl Iterator<Item = (IpNet, &Entry)> {
        Family::BOTH.into_iter().flat_map(|family| {
            let Addresses { hosts, nets, .. } = self.addresses(family);
            let host = move |number: u128| Some(IpNet::from(family.address(number)?));
            let net = move |first, length| IpNet::new(family.address(first)?, length).ok();
            let hosts = hosts.iter().filter_map(move |(number, entry)| Some((host(*number)?, entry)));
            let nets =
                nets.iter().filter_map(move |((f, length), known)| Some((net(*f, *length)?, &known.entry)));
            hosts.chain(nets)
        })
    }

    /// What is known of the address or prefix itself (not of a prefix around it).
    pub fn entry(&self, address: &IpNet) -> Option<&Entry> {
        let known = self.addresses(Family::of(&address.addr()));
        if is_host(address) {
            known.hosts.get(&number(&address.addr()))
        } else {
            known.nets.get(&key(address)).map(|net| &net.entry)
        }
    }

    /// Takes a page of the feed. A refused page changes nothing.
    pub fn take(&mut self, page: &FeedPage, assign: &mut dyn Assign) -> Result<Change, PageRefused> {
        let held = if page.full { 0 } else { self.len() };
        if held.saturating_add(page.entries.len()) > ADDRESSES_MAX || page.ports.len() > PORTS_MAX {
            return Err(PageRefused::TooMany);
        }
        if page.full { Ok(self.replace(page, assign)) } else { Ok(self.patch(page, assign)) }
    }

    /// Takes the walled garden as it is now known.
    pub fn take_walled(&mut self, nets: &[IpNet]) -> Plan {
        let mut touched = Touched::default();
        if self.scope.filter {
            for family in Family::BOTH {
                self.set_contents(SetId::Walled(family), merge(nets, family), &mut touched);
            }
        }
        self.walled = nets.to_vec();
        touched.plan(&self.sets)
    }

    /// A state as it was saved.
    pub(crate) fn restored(
        scope: Scope,
        cursor: String,
        entries: impl IntoIterator<Item = (IpNet, Entry)>,
        ports: &[PortGuard],
        walled: &[IpNet],
        assign: &mut dyn Assign,
    ) -> Wanted {
        let mut wanted = Wanted::new(scope);
        wanted.fill(entries, ports, assign);
        wanted.take_walled(walled);
        wanted.cursor = cursor;
        wanted
    }

    fn addresses(&self, family: Family) -> &Addresses {
        if family == Family::V4 { &self.v4 } else { &self.v6 }
    }

    fn addresses_mut(&mut self, family: Family) -> &mut Addresses {
        if family == Family::V4 { &mut self.v4 } else { &mut self.v6 }
    }

    fn len(&self) -> usize {
        [&self.v4, &self.v6].iter().map(|known| known.hosts.len() + known.nets.len()).sum()
    }

    fn replace(&mut self, page: &FeedPage, assign: &mut dyn Assign) -> Change {
        let entries = page.entries.iter().map(|entry| (entry.address, Entry::from(entry)));
        let cursor = page.cursor.clone();
        let mut fresh = Wanted::restored(self.scope, cursor, entries, &page.ports, &self.walled, assign);
        fresh.translates |= self.translates;
        let rebuild = !fresh.ports.keys().eq(self.ports.keys()) || fresh.translates != self.translates;
        let plan = diff(&fresh.sets, &self.sets);
        for subscriber in self.through.keys().filter(|s| !fresh.through.contains_key(s)) {
            assign.release(*subscriber);
        }
        *self = fresh;
        Change { plan, rebuild }
    }

    /// Fills an empty state.
    fn fill(
        &mut self,
        entries: impl IntoIterator<Item = (IpNet, Entry)>,
        ports: &[PortGuard],
        assign: &mut dyn Assign,
    ) {
        let mut touched = Touched::default();
        if self.scope.filter {
            for (net, entry) in entries {
                let places = self.places(&net, Some(&entry), assign);
                if is_host(&net) {
                    self.put_host(&net, Some(entry), &places, &mut touched);
                    touched = Touched::default();
                } else {
                    self.note_net(&net, Some(entry), places);
                }
            }
        }
        for family in Family::BOTH {
            let everything = Range { first: 0, last: family.last() };
            self.set_flat(family, everything, true, &mut touched);
            let nets: Vec<Range> =
                self.addresses(family).nets.values().filter(|n| n.is_captive()).map(|n| n.range).collect();
            for range in nets {
                self.set_spared(family, range, &mut touched);
            }
        }
        self.take_ports(ports, &mut touched);
        self.note_translation();
    }

    /// True when sources were not translated before and are now.
    fn note_translation(&mut self) -> bool {
        let before = self.translates;
        let filled = |id| self.sets.get(&id).is_some_and(|elements| !elements.is_empty());
        self.translates |=
            filled(SetId::Hosts(Kind::Snat, Family::V4)) || filled(SetId::Nets(Kind::Snat, Family::V4));
        self.translates != before
    }

    fn patch(&mut self, page: &FeedPage, assign: &mut dyn Assign) -> Change {
        let mut touched = Touched::default();
        if self.scope.filter {
            let gone = page.gone.iter().map(|net| (*net, None));
            let came = page.entries.iter().map(|entry| (entry.address, Some(Entry::from(entry))));
            let changes: Vec<(IpNet, Option<Entry>)> = gone.chain(came).collect();
            let allowed = |entry: &&Entry| entry.mark == Mark::Allow;
            let touched_subscribers: Vec<SubscriberId> = changes
                .iter()
                .flat_map(|(net, entry)| [self.entry(net), entry.as_ref()])
                .filter_map(|entry| entry.filter(allowed))
                .map(|entry| entry.subscriber)
                .collect();
            let (hosts, nets): (Vec<_>, Vec<_>) = changes.into_iter().partition(|(net, _)| is_host(net));
            for (net, entry) in hosts {
                let places = self.places(&net, entry.as_ref(), assign);
                self.put_host(&net, entry, &places, &mut touched);
            }
            self.put_nets(&nets, &mut touched, assign);
            for subscriber in touched_subscribers {
                if !self.through.contains_key(&subscriber) {
                    assign.release(subscriber);
                }
            }
        }
        let mut rebuild = self.take_ports(&page.ports, &mut touched);
        rebuild |= self.note_translation();
        self.cursor = page.cursor.clone();
        Change { plan: touched.plan(&self.sets), rebuild }
    }

    fn places(&self, net: &IpNet, entry: Option<&Entry>, assign: &mut dyn Assign) -> Places {
        entry.map_or(NOWHERE, |entry| {
            let through = entry.mark == Mark::Allow;
            let lanes = if through { assign.lanes(*net, entry) } else { Lanes::UNSHAPED };
            places(entry, net, lanes)
        })
    }

    /// Gives prefixes their places, or takes them away. Only the widest prefixes around them are cut anew.
    fn put_nets(
        &mut self,
        changes: &[(IpNet, Option<Entry>)],
        touched: &mut Touched,
        assign: &mut dyn Assign,
    ) {
        for family in Family::BOTH {
            let of_family = |net: &IpNet| Family::of(&net.addr()) == family;
            let around: Vec<IpNet> =
                changes.iter().filter(|(net, _)| of_family(net)).map(|(net, _)| self.widest(net)).collect();
            let regions = merge(&around, family);
            for region in &regions {
                self.set_flat(family, *region, false, touched);
            }
            for (net, entry) in changes.iter().filter(|(net, _)| of_family(net)) {
                let places = self.places(net, entry.as_ref(), assign);
                self.note_net(net, *entry, places);
            }
            for region in &regions {
                self.set_flat(family, *region, true, touched);
                self.set_spared(family, *region, touched);
            }
        }
    }

    fn put_host(&mut self, net: &IpNet, entry: Option<Entry>, places: &Places, touched: &mut Touched) {
        let address = number(&net.addr());
        let family = Family::of(&net.addr());
        let host = Range { first: address, last: address };
        let hosts = &mut self.addresses_mut(family).hosts;
        let was = match entry {
            Some(entry) => hosts.insert(address, entry),
            None => hosts.remove(&address),
        };
        self.count_through(was, entry);
        for (kind, data) in Kind::ALL.into_iter().zip(places).filter(|(kind, _)| kind.is_of(family)) {
            touched.set(&mut self.sets, SetId::Hosts(kind, family), host, *data);
        }
        if !self.addresses(family).captive_lengths.is_empty() {
            self.set_spared(family, host, touched);
        }
    }

    fn note_net(&mut self, net: &IpNet, entry: Option<Entry>, places: Places) {
        let known = self.addresses_mut(Family::of(&net.addr()));
        let was = match entry {
            Some(entry) => known.nets.insert(key(net), Net { range: Range::of(net), entry, places }),
            None => known.nets.remove(&key(net)),
        };
        let was = was.map(|net| net.entry);
        for (entry, came) in [(was, false), (entry, true)] {
            if entry.is_some_and(|e| e.mark == Mark::Captive) {
                let count = known.captive_lengths.entry(net.prefix_len()).or_default();
                *count = if came { *count + 1 } else { count.saturating_sub(1) };
            }
        }
        known.captive_lengths.retain(|_, count| *count > 0);
        self.count_through(was, entry);
    }

    fn count_through(&mut self, was: Option<Entry>, is: Option<Entry>) {
        let through = |entry: Option<Entry>| entry.filter(|e| e.mark == Mark::Allow).map(|e| e.subscriber);
        if let Some(subscriber) = through(is) {
            *self.through.entry(subscriber).or_default() += 1;
        }
        if let Some(subscriber) = through(was)
            && let Some(count) = self.through.get_mut(&subscriber)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.through.remove(&subscriber);
            }
        }
    }

    /// The widest known prefix around `net`, or `net` itself.
    fn widest(&self, net: &IpNet) -> IpNet {
        let nets = &self.addresses(Family::of(&net.addr())).nets;
        (0..net.prefix_len())
            .filter_map(|length| IpNet::new(net.addr(), length).ok())
            .find(|wider| nets.contains_key(&key(wider)))
            .unwrap_or(*net)
    }

    /// Puts the ranges into which the prefixes of a region are cut into their sets, or takes them out.
    fn set_flat(&mut self, family: Family, region: Range, present: bool, touched: &mut Touched) {
        let nets = &self.addresses(family).nets;
        let within = nets.range((region.first, 0)..=(region.last, u8::MAX));
        for (range, places) in flatten(within.map(|(_, net)| (net.range, net.places))) {
            for (kind, data) in Kind::ALL.into_iter().zip(places).filter(|(_, data)| data.is_some()) {
                let data = data.filter(|_| present);
                touched.set(&mut self.sets, SetId::Nets(kind, family), range, data);
            }
        }
    }

    /// Spares those hosts of a region from the redirect that are let through within a captive prefix.
    fn set_spared(&mut self, family: Family, region: Range, touched: &mut Touched) {
        let known = if family == Family::V4 { &self.v4 } else { &self.v6 };
        let mut hosts: Vec<(u128, bool)> = known
            .hosts
            .range(region.first..=region.last)
            .map(|(host, entry)| {
                (*host, entry.mark == Mark::Allow && known.has_captive_around(family, *host))
            })
            .collect();
        if region.first == region.last && hosts.is_empty() {
            hosts.push((region.first, false));
        }
        for (host, spared) in hosts {
            let host = Range { first: host, last: host };
            touched.set(&mut self.sets, SetId::Spared(family), host, spared.then_some(Data::None));
        }
    }

    /// True when the guarded ports themselves are others than before.
    fn take_ports(&mut self, guards: &[PortGuard], touched: &mut Touched) -> bool {
        if !self.scope.guard {
            return false;
        }
        let mut ports = Ports::new();
        for guard in guards {
            ports.entry((guard.protocol, guard.port)).or_default().extend(guard.sources.iter().copied());
        }
        if ports == self.ports {
            return false;
        }
        let same_ports = ports.keys().eq(self.ports.keys());
        if !same_ports {
            self.sets.retain(|id, _| match id {
                SetId::Guard(protocol, port, _) => ports.contains_key(&(*protocol, *port)),
                _ => true,
            });
        }
        for ((protocol, port), sources) in &ports {
            for family in Family::BOTH {
                self.set_contents(SetId::Guard(*protocol, *port, family), merge(sources, family), touched);
            }
        }
        self.ports = ports;
        !same_ports
    }

    fn set_contents(&mut self, id: SetId, ranges: Vec<Range>, touched: &mut Touched) {
        let old: Vec<Range> = self.sets.entry(id).or_default().keys().copied().collect();
        for range in old {
            touched.set(&mut self.sets, id, range, None);
        }
        for range in ranges {
            touched.set(&mut self.sets, id, range, Some(Data::None));
        }
    }
}

#[cfg(test)]
mod tests;
