//! The sets and maps of the table, what they hold, and the difference between two states of them.

use crate::enforcement::ranges::{Family, Range};
use crate::model::{PortProtocol, SubscriberId};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// What a set of subscribers' addresses is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Let through towards the subscriber: map to a class.
    Down,
    /// Let through from the subscriber: map to a class.
    Up,
    Captive,
    Blocked,
    /// Let through towards the subscriber, up to a limit.
    PoliceDown,
    /// Let through from the subscriber, up to a limit.
    PoliceUp,
    /// Map to the address that an IPv4 source gets towards the internet.
    Snat,
}

impl Kind {
    pub const ALL: [Kind; 7] =
        [Kind::Down, Kind::Up, Kind::Captive, Kind::Blocked, Kind::PoliceDown, Kind::PoliceUp, Kind::Snat];

    /// Whether there is a set of this kind for a family.
    pub fn is_of(self, family: Family) -> bool {
        self != Kind::Snat || family == Family::V4
    }

    /// Beginning of the sets' names.
    fn as_str(self) -> &'static str {
        match self {
            Kind::Down => "down",
            Kind::Up => "up",
            Kind::Captive => "captive",
            Kind::Blocked => "blocked",
            Kind::PoliceDown => "police_down",
            Kind::PoliceUp => "police_up",
            Kind::Snat => "snat",
        }
    }
}

/// Which set of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetId {
    /// Single addresses of subscribers; looked up first.
    Hosts(Kind, Family),
    /// Prefixes of subscribers, cut so that the most specific decides.
    Nets(Kind, Family),
    /// Addresses let through that lie in a captive prefix: the redirect asks no map that counts.
    Spared(Family),
    /// Sources that are nobody's, with their Ethernet address; filled by packets, never by us.
    Seen(Family),
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
            | SetId::Spared(family)
            | SetId::Seen(family)
            | SetId::Walled(family)
            | SetId::Guard(_, _, family) => family,
        }
    }

    /// Ranges, not single addresses.
    pub fn is_interval(self) -> bool {
        !matches!(self, SetId::Hosts(..) | SetId::Spared(_) | SetId::Seen(_))
    }

    /// The maps whose metered elements are counted.
    pub fn counting() -> impl Iterator<Item = SetId> {
        let kinds = [Kind::Down, Kind::Up].into_iter();
        kinds.flat_map(|kind| {
            let hosts = Family::BOTH.map(|family| SetId::Hosts(kind, family));
            hosts.into_iter().chain(Family::BOTH.map(|family| SetId::Nets(kind, family)))
        })
    }

    /// Octets and packets of metered elements are counted.
    pub fn counts(self) -> bool {
        matches!(self, SetId::Hosts(Kind::Down | Kind::Up, _) | SetId::Nets(Kind::Down | Kind::Up, _))
    }

    pub fn data_kind(self) -> DataKind {
        match self {
            SetId::Hosts(kind, _) | SetId::Nets(kind, _) => match kind {
                Kind::Down | Kind::Up => DataKind::Class,
                Kind::PoliceDown | Kind::PoliceUp => DataKind::Limit,
                Kind::Captive | Kind::Blocked => DataKind::None,
                Kind::Snat => DataKind::Address,
            },
            SetId::Spared(_) | SetId::Seen(_) | SetId::Walled(_) | SetId::Guard(..) => DataKind::None,
        }
    }

    pub fn name(self) -> String {
        let digit = |family| if family == Family::V4 { '4' } else { '6' };
        match self {
            SetId::Hosts(kind, family) => format!("{}{}", kind.as_str(), digit(family)),
            SetId::Nets(kind, family) => format!("{}{}_nets", kind.as_str(), digit(family)),
            SetId::Spared(family) => format!("spared{}", digit(family)),
            SetId::Seen(family) => format!("seen{}", digit(family)),
            SetId::Walled(family) => format!("walled{}", digit(family)),
            SetId::Guard(protocol, port, family) => {
                format!("guard_{}_{port}_{}", protocol_word(protocol), digit(family))
            }
        }
    }

    /// The map of the other direction: its element of a range lives and dies with this one's.
    fn twin(self) -> Option<SetId> {
        let other = |kind| match kind {
            Kind::Down => Some(Kind::Up),
            Kind::Up => Some(Kind::Down),
            _ => None,
        };
        match self {
            SetId::Hosts(kind, family) => other(kind).map(|kind| SetId::Hosts(kind, family)),
            SetId::Nets(kind, family) => other(kind).map(|kind| SetId::Nets(kind, family)),
            _ => None,
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

/// What an element of a set holds beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    None,
    Class,
    Address,
    Limit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Data {
    #[default]
    None,
    /// An HTB class (major and minor); 0: not shaped.
    Class(u32),
    /// A class, and whose octets are counted here: the subscriber's, by an address or prefix of this length. Another
    /// subscriber is another element.
    Metered {
        class: u32,
        subscriber: SubscriberId,
        length: u8,
    },
    /// Of source NAT.
    Address(Ipv4Addr),
    Limit {
        octets_per_second: u64,
        burst_octets: u32,
    },
}

impl Data {
    /// Octets and packets of the element are counted.
    pub fn is_metered(&self) -> bool {
        matches!(self, Data::Metered { .. })
    }
}

/// Elements of a set, with what each holds.
pub type Elements = FxHashMap<Range, Data>;

/// Contents of sets. A set that belongs to the table and is empty stands here empty.
pub type Sets = BTreeMap<SetId, Elements>;

/// What a batch takes out and puts in, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub remove: BTreeMap<SetId, Vec<Range>>,
    /// Sets of which metered elements are taken out: what those had counted is to be told.
    pub finals: BTreeSet<SetId>,
    pub add: BTreeMap<SetId, Vec<(Range, Data)>>,
}

impl Plan {
    /// Elements removed and added.
    pub fn sizes(&self) -> (usize, usize) {
        (self.remove.values().map(Vec::len).sum(), self.add.values().map(Vec::len).sum())
    }

    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }

    fn put(&mut self, id: SetId, range: Range, was: Option<Data>, is: Option<Data>) {
        if was == is {
            return;
        }
        if let Some(was) = was {
            self.take_out(id, range, was);
        }
        if let Some(data) = is {
            self.add.entry(id).or_default().push((range, data));
        }
    }

    fn take_out(&mut self, id: SetId, range: Range, was: Data) {
        self.remove.entry(id).or_default().push(range);
        if was.is_metered() {
            self.finals.insert(id);
        }
    }

    /// Makes both directions of a metered range anew where one is, so that their counters begin together.
    fn pair(&mut self, wanted: &Sets) {
        let ids: Vec<SetId> = self.add.keys().copied().collect();
        for (id, twin) in ids.into_iter().filter_map(|id| Some((id, id.twin()?))) {
            let (Some(added), Some(there)) = (self.add.get(&id), wanted.get(&twin)) else { continue };
            let done: FxHashSet<Range> =
                self.add.get(&twin).into_iter().flatten().map(|(range, _)| *range).collect();
            let alone: Vec<(Range, Data)> = added
                .iter()
                .filter(|(range, data)| data.is_metered() && !done.contains(range))
                .filter_map(|(range, _)| Some((*range, *there.get(range)?)))
                .collect();
            if !alone.is_empty() {
                alone.iter().for_each(|(range, data)| self.take_out(twin, *range, *data));
                self.add.entry(twin).or_default().extend(alone);
            }
        }
    }
}

/// What makes `present` the same as `wanted`. Sets that only `present` has are left alone.
pub fn diff(wanted: &Sets, present: &Sets) -> Plan {
    let mut plan = Plan::default();
    let empty = Elements::default();
    for (id, elements) in wanted {
        let there = present.get(id).unwrap_or(&empty);
        for (range, was) in there {
            plan.put(*id, *range, Some(*was), elements.get(range).copied());
        }
        for (range, is) in elements.iter().filter(|(range, _)| !there.contains_key(range)) {
            plan.put(*id, *range, None, Some(*is));
        }
    }
    plan.pair(wanted);
    plan
}

/// Elements that a page moved, with what they were before it: what came and went within one page is no change, and
/// the kernel would refuse to remove what it never had.
#[derive(Default)]
pub(super) struct Touched(FxHashMap<(SetId, Range), Option<Data>>);

impl Touched {
    /// Makes an element of `sets` hold `data`; None: takes it out.
    pub fn set(&mut self, sets: &mut Sets, id: SetId, range: Range, data: Option<Data>) {
        let elements = sets.entry(id).or_default();
        let was = match data {
            Some(data) => elements.insert(range, data),
            None => elements.remove(&range),
        };
        if was != data {
            self.0.entry((id, range)).or_insert(was);
        }
    }

    pub fn plan(self, sets: &Sets) -> Plan {
        let mut plan = Plan::default();
        for ((id, range), was) in self.0 {
            let Some(elements) = sets.get(&id) else { continue };
            plan.put(id, range, was, elements.get(&range).copied());
        }
        plan.pair(sets);
        plan
    }
}
