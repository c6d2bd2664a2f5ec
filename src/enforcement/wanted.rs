//! The wanted state: what every set of the table has to hold. Pure; built from the feed's pages.

use super::ranges::{Family, Range, flatten, merge, number};
use crate::model::{FeedPage, PortGuard, PortProtocol, Verdict};
use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Addresses and prefixes at most; a feed that gives more is refused.
pub const ADDRESSES_MAX: usize = 4_194_304;
/// Guarded ports at most.
pub const PORTS_MAX: usize = 256;

/// What is done with a subscriber's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    Allow,
    Captive,
    Blocked,
}

impl Mark {
    pub const ALL: [Mark; 3] = [Mark::Allow, Mark::Captive, Mark::Blocked];

    pub fn of(verdict: Verdict) -> Mark {
        match verdict {
            Verdict::LetThrough => Mark::Allow,
            Verdict::Negbal | Verdict::Paused => Mark::Captive,
            Verdict::Blocked => Mark::Blocked,
        }
    }

    /// Beginning of the sets' names and of the saved lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::Allow => "allow",
            Mark::Captive => "captive",
            Mark::Blocked => "blocked",
        }
    }
}

/// Which set of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetId {
    /// Single addresses of subscribers; looked up first.
    Hosts(Mark, Family),
    /// Prefixes of subscribers, cut so that the most specific decides.
    Nets(Mark, Family),
    /// What those who must pay may still reach.
    Walled(Family),
    /// Who may use a port of this machine.
    Guard(PortProtocol, u16, Family),
}

impl SetId {
    pub fn family(self) -> Family {
        match self {
            SetId::Hosts(_, family)
            | SetId::Nets(_, family)
            | SetId::Walled(family)
            | SetId::Guard(_, _, family) => family,
        }
    }

    /// Ranges, not single addresses.
    pub fn is_interval(self) -> bool {
        !matches!(self, SetId::Hosts(..))
    }

    pub fn name(self) -> String {
        let digit = |family| if family == Family::V4 { '4' } else { '6' };
        match self {
            SetId::Hosts(mark, family) => format!("{}{}", mark.as_str(), digit(family)),
            SetId::Nets(mark, family) => format!("{}{}_nets", mark.as_str(), digit(family)),
            SetId::Walled(family) => format!("walled{}", digit(family)),
            SetId::Guard(protocol, port, family) => {
                format!("guard_{}_{port}_{}", protocol_word(protocol), digit(family))
            }
        }
    }
}

/// `tcp` or `udp`.
pub(crate) fn protocol_word(protocol: PortProtocol) -> &'static str {
    match protocol {
        PortProtocol::Tcp => "tcp",
        PortProtocol::Udp => "udp",
    }
}

/// Contents of sets. A set that belongs to the table and is empty stands here empty.
pub type Sets = BTreeMap<SetId, FxHashSet<Range>>;

/// What a batch takes out and puts in, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub remove: BTreeMap<SetId, Vec<Range>>,
    pub add: BTreeMap<SetId, Vec<Range>>,
}

impl Plan {
    /// Elements removed and added.
    pub fn sizes(&self) -> (usize, usize) {
        (self.remove.values().map(Vec::len).sum(), self.add.values().map(Vec::len).sum())
    }

    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }
}

/// What makes `present` the same as `wanted`. Sets that only `present` has are left alone.
pub fn diff(wanted: &Sets, present: &Sets) -> Plan {
    let mut plan = Plan::default();
    let empty = FxHashSet::default();
    for (id, elements) in wanted {
        let there = present.get(id).unwrap_or(&empty);
        let remove: Vec<Range> = there.difference(elements).copied().collect();
        let add: Vec<Range> = elements.difference(there).copied().collect();
        if !remove.is_empty() {
            plan.remove.insert(*id, remove);
        }
        if !add.is_empty() {
            plan.add.insert(*id, add);
        }
    }
    plan
}

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

/// Prefixes by first address and length, with what is done with them.
type Nets = BTreeMap<(u128, u8), (Range, Mark)>;
type Ports = BTreeMap<(PortProtocol, u16), Vec<IpNet>>;

/// Everything the kernel has to hold, and where in the feed that was true.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    scope: Scope,
    /// Cursor of the last page taken; empty: everything is to be asked for.
    pub cursor: String,
    nets4: Nets,
    nets6: Nets,
    ports: Ports,
    walled: Vec<IpNet>,
    sets: Sets,
}

impl Wanted {
    pub fn new(scope: Scope) -> Wanted {
        let mut wanted = Wanted {
            scope,
            cursor: String::new(),
            nets4: Nets::new(),
            nets6: Nets::new(),
            ports: Ports::new(),
            walled: Vec::new(),
            sets: Sets::new(),
        };
        if scope.filter {
            for family in Family::BOTH {
                for mark in Mark::ALL {
                    wanted.sets.insert(SetId::Hosts(mark, family), FxHashSet::default());
                    wanted.sets.insert(SetId::Nets(mark, family), FxHashSet::default());
                }
                wanted.sets.insert(SetId::Walled(family), FxHashSet::default());
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

    /// Guarded ports with their sources, in order.
    pub fn ports(&self) -> impl Iterator<Item = (PortProtocol, u16, &[IpNet])> {
        self.ports.iter().map(|((protocol, port), sources)| (*protocol, *port, sources.as_slice()))
    }

    /// Every address and prefix with its mark, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (IpNet, Mark)> {
        let hosts = self.sets.iter().filter_map(|(id, elements)| match id {
            SetId::Hosts(mark, family) => Some((*mark, *family, elements)),
            _ => None,
        });
        let hosts = hosts.flat_map(|(mark, family, elements)| {
            elements.iter().filter_map(move |r| Some((IpNet::from(family.address(r.first)?), mark)))
        });
        let nets = |nets: &Nets, family: Family| -> Vec<(IpNet, Mark)> {
            let net = |first, length| IpNet::new(family.address(first)?, length).ok();
            nets.iter()
                .filter_map(|((first, length), (_, mark))| Some((net(*first, *length)?, *mark)))
                .collect()
        };
        hosts.chain(nets(&self.nets4, Family::V4)).chain(nets(&self.nets6, Family::V6))
    }

    /// Takes a page of the feed. A refused page changes nothing.
    pub fn take(&mut self, page: &FeedPage) -> Result<Change, PageRefused> {
        let held = if page.full { 0 } else { self.len() };
        if held.saturating_add(page.entries.len()) > ADDRESSES_MAX || page.ports.len() > PORTS_MAX {
            return Err(PageRefused::TooMany);
        }
        if page.full { Ok(self.replace(page)) } else { Ok(self.patch(page)) }
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
        entries: impl IntoIterator<Item = (IpNet, Mark)>,
        ports: &[PortGuard],
        walled: &[IpNet],
    ) -> Wanted {
        let mut wanted = Wanted::new(scope);
        wanted.fill(entries, ports);
        wanted.take_walled(walled);
        wanted.cursor = cursor;
        wanted
    }

    fn len(&self) -> usize {
        let hosts: usize =
            self.sets.iter().filter(|(id, _)| matches!(id, SetId::Hosts(..))).map(|(_, s)| s.len()).sum();
        hosts + self.nets4.len() + self.nets6.len()
    }

    fn replace(&mut self, page: &FeedPage) -> Change {
        let entries = page.entries.iter().map(|entry| (entry.address, Mark::of(entry.verdict)));
        let fresh = Wanted::restored(self.scope, page.cursor.clone(), entries, &page.ports, &self.walled);
        let rebuild = !fresh.ports.keys().eq(self.ports.keys());
        let plan = diff(&fresh.sets, &self.sets);
        *self = fresh;
        Change { plan, rebuild }
    }

    /// Fills an empty state.
    fn fill(&mut self, entries: impl IntoIterator<Item = (IpNet, Mark)>, ports: &[PortGuard]) {
        let mut touched = Touched::default();
        if self.scope.filter {
            for (net, mark) in entries {
                if is_host(&net) {
                    self.put_host(&net.addr(), Some(mark), &mut touched);
                    touched.0.clear();
                } else {
                    self.note_net(&net, Some(mark));
                }
            }
        }
        for family in Family::BOTH {
            self.set_flat(family, Range { first: 0, last: family.last() }, true, &mut touched);
        }
        self.take_ports(ports, &mut touched);
    }

    fn patch(&mut self, page: &FeedPage) -> Change {
        let mut touched = Touched::default();
        if self.scope.filter {
            let gone = page.gone.iter().map(|net| (*net, None));
            let came = page.entries.iter().map(|entry| (entry.address, Some(Mark::of(entry.verdict))));
            let (hosts, nets): (Vec<_>, Vec<_>) = gone.chain(came).partition(|(net, _)| is_host(net));
            for (net, mark) in hosts {
                self.put_host(&net.addr(), mark, &mut touched);
            }
            self.put_nets(&nets, &mut touched);
        }
        let rebuild = self.take_ports(&page.ports, &mut touched);
        self.cursor = page.cursor.clone();
        Change { plan: touched.plan(&self.sets), rebuild }
    }

    /// Gives prefixes their marks, or takes them away. Only the widest prefixes around them are cut anew.
    fn put_nets(&mut self, changes: &[(IpNet, Option<Mark>)], touched: &mut Touched) {
        for family in Family::BOTH {
            let of_family = |net: &IpNet| Family::of(&net.addr()) == family;
            let around: Vec<IpNet> =
                changes.iter().filter(|(net, _)| of_family(net)).map(|(net, _)| self.widest(net)).collect();
            let regions = merge(&around, family);
            for region in &regions {
                self.set_flat(family, *region, false, touched);
            }
            for (net, mark) in changes.iter().filter(|(net, _)| of_family(net)) {
                self.note_net(net, *mark);
            }
            for region in &regions {
                self.set_flat(family, *region, true, touched);
            }
        }
    }

    fn put_host(&mut self, address: &IpAddr, mark: Option<Mark>, touched: &mut Touched) {
        let family = Family::of(address);
        let host = Range { first: number(address), last: number(address) };
        for each in Mark::ALL {
            self.set(SetId::Hosts(each, family), host, mark == Some(each), touched);
        }
    }

    fn note_net(&mut self, net: &IpNet, mark: Option<Mark>) {
        let range = Range::of(net);
        let key = (range.first, net.prefix_len());
        let nets = if net.addr().is_ipv4() { &mut self.nets4 } else { &mut self.nets6 };
        match mark {
            Some(mark) => nets.insert(key, (range, mark)),
            None => nets.remove(&key),
        };
    }

    fn nets(&self, family: Family) -> &Nets {
        if family == Family::V4 { &self.nets4 } else { &self.nets6 }
    }

    /// The widest known prefix around `net`, or `net` itself.
    fn widest(&self, net: &IpNet) -> IpNet {
        let nets = self.nets(Family::of(&net.addr()));
        (0..net.prefix_len())
            .filter_map(|length| IpNet::new(net.addr(), length).ok())
            .find(|wider| nets.contains_key(&(number(&wider.network()), wider.prefix_len())))
            .unwrap_or(*net)
    }

    /// Puts the ranges into which the prefixes of a region are cut into their sets, or takes them out.
    fn set_flat(&mut self, family: Family, region: Range, present: bool, touched: &mut Touched) {
        let within = self.nets(family).range((region.first, 0)..=(region.last, u8::MAX));
        for (range, mark) in flatten(within.map(|(_, net)| *net)) {
            self.set(SetId::Nets(mark, family), range, present, touched);
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
        let old: Vec<Range> = self.sets.entry(id).or_default().iter().copied().collect();
        for range in old {
            self.set(id, range, false, touched);
        }
        for range in ranges {
            self.set(id, range, true, touched);
        }
    }

    fn set(&mut self, id: SetId, range: Range, present: bool, touched: &mut Touched) {
        let elements = self.sets.entry(id).or_default();
        let was = if present { !elements.insert(range) } else { elements.remove(&range) };
        if was != present {
            touched.0.entry((id, range)).or_insert(was);
        }
    }
}

/// Elements that a page moved, with whether they were there before it: what came and went within one page is no
/// change, and the kernel would refuse to remove what it never had.
#[derive(Default)]
struct Touched(FxHashMap<(SetId, Range), bool>);

impl Touched {
    fn plan(self, sets: &Sets) -> Plan {
        let mut plan = Plan::default();
        for ((id, range), was) in self.0 {
            let Some(elements) = sets.get(&id) else { continue };
            match (was, elements.contains(&range)) {
                (true, false) => plan.remove.entry(id).or_default().push(range),
                (false, true) => plan.add.entry(id).or_default().push(range),
                _ => {}
            }
        }
        plan
    }
}

fn is_host(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

#[cfg(test)]
mod tests;
