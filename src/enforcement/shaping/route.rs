//! rtnetlink messages of traffic control: what we send, and what comes back (include/uapi/linux/rtnetlink.h,
//! pkt_sched.h). Numbers are in the machine's byte order.

use super::class::ClassSpec;
use crate::enforcement::netlink::wire::{
    Attributes, align, attribute, close_message, close_nest, open_nest, text_attribute,
};
use std::net::IpAddr;

pub const NEWLINK: u16 = 16;
pub const DELLINK: u16 = 17;
const GETLINK: u16 = 18;
pub const NEWADDR: u16 = 20;
pub const DELADDR: u16 = 21;
pub const NEWROUTE: u16 = 24;
const GETROUTE: u16 = 26;
pub const NEWQDISC: u16 = 36;
const DELQDISC: u16 = 37;
const GETQDISC: u16 = 38;
pub const NEWTCLASS: u16 = 40;
pub const DELTCLASS: u16 = 41;
const GETTCLASS: u16 = 42;

/// `TC_H_ROOT`.
pub const ROOT: u32 = u32::MAX;

const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const STATS2: u16 = 7;
const STATS_BASIC: u16 = 1;
const STATS_QUEUE: u16 = 3;
const STATS_PACKETS64: u16 = 8;
const HTB_PARMS: u16 = 1;
const HTB_INIT: u16 = 2;
const HTB_DIRECT_QUEUE: u16 = 5;
const HTB_RATE64: u16 = 6;
const HTB_CEIL64: u16 = 7;
const FQ_CODEL_LIMIT: u16 = 2;
const FQ_CODEL_FLOWS: u16 = 5;
const FQ_CODEL_MEMORY: u16 = 9;
const IFLA_IFNAME: u16 = 3;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;

/// `TC_HTB_PROTOVER` 3, the version that the kernel asks for.
const HTB_VERSION: u32 = 3;
/// Only for classes that say no quantum; ours do.
const RATE_TO_QUANTUM: u32 = 10;
/// Packets that belong to no class: to who is not shaped, and the machine's own.
const DIRECT_QUEUE_PACKETS: u32 = 1_000;
/// `TC_LINKLAYER_ETHERNET`: without it the kernel asks for rate tables.
const LINKLAYER_ETHERNET: u8 = 1;
/// Flows of one subscriber that are kept apart. The kernel's 1024 would cost 64 KiB for each class.
const FQ_CODEL_FLOWS_PER_CLASS: u32 = 64;
const FQ_CODEL_PACKETS: u32 = 1_000;
/// fq_codel counts what packets take in memory, about twice what they carry.
const FQ_CODEL_MEMORY_PER_OCTET: u32 = 2;

const REQUEST: u16 = 0x1;
const ACK: u16 = 0x4;
const EXCLUSIVE: u16 = 0x200;
const REPLACE: u16 = 0x100;
const DUMP: u16 = 0x300;
const CREATE: u16 = 0x400;

const MESSAGE_HEADER: usize = 16;
/// `tcmsg`; `ifinfomsg` is 16 octets long and `rtmsg` 12.
const TC_HEADER: usize = 20;
const LINK_HEADER: usize = 16;
const ROUTE_HEADER: usize = 12;

/// What holds a class's packets until it may send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// Flows kept apart, delay kept short.
    FqCodel,
    /// Where the kernel has no fq_codel: a queue limited in octets, because a limit in packets means 40 times as
    /// much once the kernel has put packets together.
    Bfifo,
}

impl LeafKind {
    fn name(self) -> &'static str {
        match self {
            LeafKind::FqCodel => "fq_codel",
            LeafKind::Bfifo => "bfifo",
        }
    }
}

/// A leaf as it is made and as it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub kind: LeafKind,
    /// The limit as the kernel shows it: octets, of memory for fq_codel.
    pub limit: u32,
}

impl Leaf {
    pub fn of(kind: LeafKind, class: &ClassSpec) -> Leaf {
        let octets = class.leaf_octets();
        match kind {
            LeafKind::Bfifo => Leaf { kind, limit: octets },
            LeafKind::FqCodel => Leaf { kind, limit: octets.saturating_mul(FQ_CODEL_MEMORY_PER_OCTET) },
        }
    }
}

/// Messages for the kernel, sent many to a datagram.
#[derive(Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    /// Where each message begins.
    starts: Vec<usize>,
}

impl Messages {
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Our root on a device that has none but the kernel's own.
    pub fn add_root(&mut self, index: i32, handle: u32) {
        self.traffic(NEWQDISC, CREATE | EXCLUSIVE, index, handle, ROOT, |bytes| {
            text_attribute(bytes, KIND, "htb");
            let options = open_nest(bytes, OPTIONS);
            // Class 0 is the default: what belongs to no class is sent at once.
            let init = [HTB_VERSION, RATE_TO_QUANTUM, 0, 0, 0].map(u32::to_ne_bytes).concat();
            attribute(bytes, HTB_INIT, &init);
            attribute(bytes, HTB_DIRECT_QUEUE, &DIRECT_QUEUE_PACKETS.to_ne_bytes());
            close_nest(bytes, options);
        });
    }

    pub fn delete_root(&mut self, index: i32, handle: u32) {
        self.traffic(DELQDISC, 0, index, handle, ROOT, |_| {});
    }

    /// A class made or, where there is one, changed without losing what it holds.
    pub fn put_class(&mut self, index: i32, parent: u32, id: u32, class: &ClassSpec) {
        self.traffic(NEWTCLASS, CREATE, index, id, parent, |bytes| {
            text_attribute(bytes, KIND, "htb");
            let options = open_nest(bytes, OPTIONS);
            attribute(bytes, HTB_PARMS, &htb_parameters(class));
            for (kind, rate) in [(HTB_RATE64, class.rate), (HTB_CEIL64, class.ceil)] {
                if u32::try_from(rate).is_err() {
                    attribute(bytes, kind, &rate.to_ne_bytes());
                }
            }
            close_nest(bytes, options);
        });
    }

    pub fn delete_class(&mut self, index: i32, id: u32) {
        self.traffic(DELTCLASS, 0, index, id, 0, |_| {});
    }

    /// The leaf of a class in place of whatever is there.
    pub fn put_leaf(&mut self, index: i32, class: u32, handle: u32, leaf: &Leaf) {
        self.leaf(index, class, handle, leaf, Some(FQ_CODEL_FLOWS_PER_CLASS));
    }

    /// Another limit for a leaf of the same kind and handle; what it holds stays.
    pub fn change_leaf(&mut self, index: i32, class: u32, handle: u32, leaf: &Leaf) {
        // An fq_codel that has its flows refuses to be told their number again.
        self.leaf(index, class, handle, leaf, None);
    }

    fn leaf(&mut self, index: i32, class: u32, handle: u32, leaf: &Leaf, flows: Option<u32>) {
        self.traffic(NEWQDISC, CREATE | REPLACE, index, handle, class, |bytes| {
            text_attribute(bytes, KIND, leaf.kind.name());
            match leaf.kind {
                LeafKind::Bfifo => attribute(bytes, OPTIONS, &leaf.limit.to_ne_bytes()),
                LeafKind::FqCodel => {
                    let options = open_nest(bytes, OPTIONS);
                    for (kind, value) in [
                        (FQ_CODEL_LIMIT, Some(FQ_CODEL_PACKETS)),
                        (FQ_CODEL_FLOWS, flows),
                        (FQ_CODEL_MEMORY, Some(leaf.limit)),
                    ] {
                        if let Some(value) = value {
                            attribute(bytes, kind, &value.to_ne_bytes());
                        }
                    }
                    close_nest(bytes, options);
                }
            }
        });
    }

    pub fn delete_leaf(&mut self, index: i32, class: u32, handle: u32) {
        self.traffic(DELQDISC, 0, index, handle, class, |_| {});
    }

    fn traffic(
        &mut self,
        kind: u16,
        flags: u16,
        index: i32,
        handle: u32,
        parent: u32,
        attributes: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        self.starts.push(start);
        traffic_message(&mut self.bytes, kind, flags, index, handle, parent);
        attributes(&mut self.bytes);
        close_message(&mut self.bytes, start);
    }

    /// Datagrams of at most `octets` (a longer message stands alone), each with the position of its first message.
    /// Sequence numbers count from `first`; the last message of each datagram asks for the acknowledgement.
    pub fn datagrams(self, first: u32, octets: usize) -> Vec<(usize, Vec<u8>)> {
        let ends: Vec<usize> = self.starts.iter().skip(1).copied().chain([self.bytes.len()]).collect();
        let mut datagrams = Vec::new();
        let mut position = 0;
        while let Some(begin) = self.starts.get(position).copied() {
            let fitting = ends.iter().skip(position).take_while(|end| **end - begin <= octets).count();
            let next = position + fitting.max(1);
            let end = self.starts.get(next).copied().unwrap_or(self.bytes.len());
            let mut bytes = self.bytes.get(begin..end).unwrap_or_default().to_vec();
            for (index, start) in self.starts.iter().enumerate().take(next).skip(position) {
                let sequence = first.wrapping_add(u32::try_from(index).unwrap_or(0));
                number(bytes.get_mut(start - begin..).unwrap_or_default(), sequence, index + 1 == next);
            }
            datagrams.push((position, bytes));
            position = next;
        }
        datagrams
    }
}

fn number(message: &mut [u8], sequence: u32, acknowledged: bool) {
    if let Some(header) = message.get_mut(..MESSAGE_HEADER) {
        let flags = u16::from_ne_bytes([header[6], header[7]]) | if acknowledged { ACK } else { 0 };
        header[6..8].copy_from_slice(&flags.to_ne_bytes());
        header[8..12].copy_from_slice(&sequence.to_ne_bytes());
    }
}

/// `struct tc_htb_opt`.
fn htb_parameters(class: &ClassSpec) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(44);
    for rate in [class.rate, class.ceil] {
        // cell_log, linklayer, overhead, cell_align, mpu.
        bytes.extend_from_slice(&[0, LINKLAYER_ETHERNET, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&u32::try_from(rate).unwrap_or(u32::MAX).to_ne_bytes());
    }
    // Behind the quantum: level and priority.
    for number in [class.buffer, class.cbuffer, class.quantum, 0, 0] {
        bytes.extend_from_slice(&number.to_ne_bytes());
    }
    bytes
}

fn header(bytes: &mut Vec<u8>, kind: u16, flags: u16) {
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
    bytes.extend_from_slice(&[0; 8]);
}

fn traffic_message(bytes: &mut Vec<u8>, kind: u16, flags: u16, index: i32, handle: u32, parent: u32) {
    header(bytes, kind, flags);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&index.to_ne_bytes());
    for number in [handle, parent, 0] {
        bytes.extend_from_slice(&number.to_ne_bytes());
    }
}

fn request(sequence: u32, build: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    build(&mut bytes);
    close_message(&mut bytes, 0);
    number(&mut bytes, sequence, false);
    bytes
}

/// Asks for every qdisc of the namespace.
pub fn qdiscs_request(sequence: u32) -> Vec<u8> {
    request(sequence, |bytes| traffic_message(bytes, GETQDISC, DUMP, 0, 0, 0))
}

/// Asks for the classes of one qdisc.
pub fn classes_request(sequence: u32, index: i32, qdisc: u32) -> Vec<u8> {
    request(sequence, |bytes| traffic_message(bytes, GETTCLASS, DUMP, index, 0, qdisc))
}

/// Asks for one interface. Not for all: thousands of ppp interfaces that come and go would disturb the answer.
pub fn link_request(sequence: u32, name: &str) -> Vec<u8> {
    request(sequence, |bytes| {
        header(bytes, GETLINK, 0);
        bytes.extend_from_slice(&[0; LINK_HEADER]);
        text_attribute(bytes, IFLA_IFNAME, name);
    })
}

/// Asks where an address is routed to.
pub fn route_request(sequence: u32, address: IpAddr) -> Vec<u8> {
    request(sequence, |bytes| {
        header(bytes, GETROUTE, 0);
        let (family, length, octets) = match address {
            IpAddr::V4(address) => (libc::AF_INET, 32, address.octets().to_vec()),
            IpAddr::V6(address) => (libc::AF_INET6, 128, address.octets().to_vec()),
        };
        bytes.extend_from_slice(&[u8::try_from(family).unwrap_or(0), length]);
        bytes.extend_from_slice(&[0; ROUTE_HEADER - 2]);
        attribute(bytes, RTA_DST, &octets);
    })
}

/// A message from the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub kind: u16,
    pub flags: u16,
    pub sequence: u32,
    /// Everything behind `nlmsghdr`.
    pub body: &'a [u8],
}

/// The messages of a datagram; ends at the first that is not whole.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(number_at(datagram, 0)?).ok()?;
        let message = Message {
            kind: u16::from_ne_bytes(datagram.get(4..6)?.try_into().ok()?),
            flags: u16::from_ne_bytes(datagram.get(6..8)?.try_into().ok()?),
            sequence: number_at(datagram, 8)?,
            body: datagram.get(MESSAGE_HEADER..length)?,
        };
        datagram = datagram.get(align(length)..).unwrap_or_default();
        Some(message)
    })
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn signed_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn long_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

impl Message<'_> {
    /// The error of an `NLMSG_ERROR` or a done dump, positive; 0 is an acknowledgement.
    pub fn errno(&self) -> Option<i32> {
        Some(signed_at(self.body, 0)?.saturating_neg())
    }
}

/// A qdisc or class as it is dumped or notified.
#[derive(Clone, Copy, Debug)]
pub struct Traffic<'a> {
    /// The device.
    pub index: i32,
    pub handle: u32,
    pub parent: u32,
    /// A class's leaf.
    pub info: u32,
    attributes: Attributes<'a>,
}

impl<'a> Traffic<'a> {
    /// None: too short.
    pub fn read(message: &Message<'a>) -> Option<Traffic<'a>> {
        let body = message.body;
        Some(Traffic {
            index: signed_at(body, 4)?,
            handle: number_at(body, 8)?,
            parent: number_at(body, 12)?,
            info: number_at(body, 16)?,
            attributes: Attributes(body.get(TC_HEADER..)?),
        })
    }

    pub fn kind(&self) -> &'a str {
        self.attributes.text(KIND).unwrap_or_default()
    }

    /// Minor of the class that HTB gives to packets of no class; 0: none.
    pub fn default_class(&self) -> Option<u32> {
        number_at(Attributes(self.attributes.find(OPTIONS)?).find(HTB_INIT)?, 8)
    }

    /// The parameters of an HTB class.
    pub fn class(&self) -> Option<ClassSpec> {
        let options = Attributes(self.attributes.find(OPTIONS)?);
        let parameters = options.find(HTB_PARMS)?;
        let rate = |kind, at| match options.find(kind) {
            Some(wide) => long_at(wide, 0),
            None => number_at(parameters, at).map(u64::from),
        };
        Some(ClassSpec {
            rate: rate(HTB_RATE64, 8)?,
            ceil: rate(HTB_CEIL64, 20)?,
            buffer: number_at(parameters, 24)?,
            cbuffer: number_at(parameters, 28)?,
            quantum: number_at(parameters, 32)?,
        })
    }

    /// The leaf, if it is of a kind that we make.
    pub fn leaf(&self) -> Option<Leaf> {
        let options = self.attributes.find(OPTIONS)?;
        match self.kind() {
            "bfifo" => Some(Leaf { kind: LeafKind::Bfifo, limit: number_at(options, 0)? }),
            "fq_codel" => {
                let limit = number_at(Attributes(options).find(FQ_CODEL_MEMORY)?, 0)?;
                Some(Leaf { kind: LeafKind::FqCodel, limit })
            }
            _ => None,
        }
    }

    pub fn statistics(&self) -> Statistics {
        let stats = Attributes(self.attributes.find(STATS2).unwrap_or_default());
        let basic = stats.find(STATS_BASIC).unwrap_or_default();
        let queue = stats.find(STATS_QUEUE).unwrap_or_default();
        let packets = stats.find(STATS_PACKETS64).and_then(|wide| long_at(wide, 0));
        Statistics {
            octets: long_at(basic, 0).unwrap_or(0),
            packets: packets.or(number_at(basic, 8).map(u64::from)).unwrap_or(0),
            backlog_octets: number_at(queue, 4).unwrap_or(0),
            dropped: number_at(queue, 8).unwrap_or(0),
        }
    }
}

/// What a class has sent since it was made, and what waits in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub octets: u64,
    pub packets: u64,
    pub backlog_octets: u32,
    pub dropped: u32,
}

/// Index and name of an interface, from a message about a link.
pub fn link<'a>(message: &Message<'a>) -> Option<(i32, &'a str)> {
    let attributes = Attributes(message.body.get(LINK_HEADER..)?);
    Some((signed_at(message.body, 4)?, attributes.text(IFLA_IFNAME)?))
}

/// The interface that an address was given to or taken from (`ifaddrmsg`).
pub fn address_device(message: &Message<'_>) -> Option<i32> {
    signed_at(message.body, 4)
}

/// The interface behind which an address is, from the answer to a [`route_request`].
pub fn route_device(message: &Message<'_>) -> Option<i32> {
    signed_at(Attributes(message.body.get(ROUTE_HEADER..)?).find(RTA_OIF)?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn datagrams_hold_whole_messages_in_order_and_their_last_asks_for_the_acknowledgement() {
        let class = ClassSpec::new(625_000, 625_000, 16_384, 16_384);
        let mut all = Messages::default();
        (0..100).for_each(|id| all.put_class(3, 0x6867_0001, 0x6867_0010 + id, &class));
        let mut count = 0;
        let datagrams = all.datagrams(7, 1_000);
        assert!(datagrams.len() > 9);
        for (position, bytes) in datagrams {
            assert!(bytes.len() <= 1_000);
            assert_eq!(position, count);
            let found: Vec<Message<'_>> = messages(&bytes).collect();
            for (index, message) in found.iter().enumerate() {
                assert_eq!(message.sequence, 7 + u32::try_from(count).unwrap());
                assert_eq!(message.flags & ACK != 0, index + 1 == found.len());
                let traffic = Traffic::read(message).unwrap();
                assert_eq!(traffic.handle, 0x6867_0010 + u32::try_from(count).unwrap());
                assert_eq!(traffic.class(), Some(class));
                count += 1;
            }
        }
        assert_eq!(count, 100);
    }

    #[test]
    fn rates_beyond_32_bits_and_leaves_are_read_as_they_were_written() {
        let class = ClassSpec::new(5_000_000_000, 12_500_000_000, 1 << 20, 1 << 20);
        let mut all = Messages::default();
        all.put_class(3, 1, 2, &class);
        for kind in [LeafKind::FqCodel, LeafKind::Bfifo] {
            all.put_leaf(3, 2, 3, &Leaf::of(kind, &class));
        }
        let datagrams = all.datagrams(1, 4_096);
        let found: Vec<Message<'_>> = messages(&datagrams[0].1).collect();
        assert_eq!(Traffic::read(&found[0]).unwrap().class(), Some(class));
        for (message, kind) in found[1..].iter().zip([LeafKind::FqCodel, LeafKind::Bfifo]) {
            assert_eq!(Traffic::read(message).unwrap().leaf(), Some(Leaf::of(kind, &class)));
        }
    }

    #[test]
    fn a_leaf_with_fair_queues_is_told_the_number_of_its_flows_only_when_it_is_made() {
        let leaf = Leaf { kind: LeafKind::FqCodel, limit: 1 << 20 };
        let mut all = Messages::default();
        all.put_leaf(3, 2, 3, &leaf);
        all.change_leaf(3, 2, 3, &leaf);
        let datagrams = all.datagrams(1, 4_096);
        let flows = |message: Message<'_>| {
            let traffic = Traffic::read(&message).unwrap();
            assert_eq!(traffic.leaf(), Some(leaf));
            Attributes(traffic.attributes.find(OPTIONS).unwrap()).find(FQ_CODEL_FLOWS).is_some()
        };
        assert_eq!(messages(&datagrams[0].1).map(flows).collect::<Vec<_>>(), [true, false]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for message in messages(&bytes) {
                let _ = (message.errno(), link(&message), route_device(&message));
                if let Some(traffic) = Traffic::read(&message) {
                    let _ = (traffic.class(), traffic.leaf(), traffic.statistics(), traffic.default_class());
                }
            }
            let body = Message { kind: 0, flags: 0, sequence: 0, body: &bytes };
            if let Some(traffic) = Traffic::read(&body) {
                let _ = (traffic.class(), traffic.leaf(), traffic.statistics(), traffic.default_class());
            }
        }
    }
}
