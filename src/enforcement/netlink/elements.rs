//! Elements of sets and maps: as messages of a batch, and from dumps.

use super::wire::{
    ATTR_TABLE, Attribute, Attributes, Batch, CREATE, DELSETELEM, ECHO, GETSETELEM, Message, NEWSETELEM,
    attribute, close_message, close_nest, creation, open_nest, request, text_attribute,
};
use crate::enforcement::ranges::{Family, Range};
use crate::enforcement::wanted::{self, Data, DataKind};
use crate::model::SubscriberId;

const ATTR_ELEMENTS_SET: u16 = 2;
const ATTR_ELEMENTS: u16 = 3;
const ATTR_LIST_ELEMENT: u16 = 1;
const ATTR_ELEMENT_KEY: u16 = 1;
const ATTR_ELEMENT_DATA: u16 = 2;
const ATTR_ELEMENT_FLAGS: u16 = 3;
const ATTR_ELEMENT_USERDATA: u16 = 6;
const ATTR_ELEMENT_EXPRESSION: u16 = 7;
const ATTR_DATA_VALUE: u16 = 1;
const ELEMENT_INTERVAL_END: u32 = 1;

const ATTR_EXPRESSION_NAME: u16 = 1;
const ATTR_EXPRESSION_DATA: u16 = 2;

const ATTR_COUNTER_OCTETS: u16 = 1;
const ATTR_COUNTER_PACKETS: u16 = 2;

const ATTR_LIMIT_RATE: u16 = 1;
const ATTR_LIMIT_UNIT: u16 = 2;
const ATTR_LIMIT_BURST: u16 = 3;
const ATTR_LIMIT_TYPE: u16 = 4;
const ATTR_LIMIT_FLAGS: u16 = 5;
const LIMIT_UNIT_SECOND: u64 = 1;
const LIMIT_OCTETS: u32 = 1;
/// Matches what is beyond the limit.
const LIMIT_OVER: u32 = 1;

/// A nest's length is 16 bits; one message's elements stay below it with room for the headers.
const ELEMENTS_OCTETS_MAX: usize = 60_000;

/// What we write beside an element that is metered: kind, length, generation, subscriber, length of the prefix. nft
/// skips kinds of user data that it does not know.
const METER_KIND: u8 = 0x68;
const METER_OCTETS: u8 = 17;

/// How the elements of a set are written.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    pub name: &'a str,
    pub family: Family,
    pub interval: bool,
    pub data: DataKind,
}

/// The set that a message about elements is of.
pub fn set_name<'a>(message: &Message<'a>) -> Option<&'a str> {
    message.attributes().text(ATTR_ELEMENTS_SET)
}

/// The request for a set's elements.
pub fn elements_request(table: &str, set: &str, sequence: u32) -> Vec<u8> {
    request(GETSETELEM, true, sequence, &[(ATTR_TABLE, table), (ATTR_ELEMENTS_SET, set)])
}

impl Batch {
    /// Puts elements into a set, in as many messages as they need. Those that are metered are of this generation, in
    /// sets of ranges of this and the next ones, one each.
    pub fn add_elements(&mut self, table: &str, set: &Set<'_>, elements: &[(Range, Data)], generation: u64) {
        let elements = elements
            .iter()
            .zip(generation..)
            .map(|((range, data), next)| (*range, *data, if set.interval { next } else { generation }));
        self.elements((NEWSETELEM, CREATE), table, set, elements);
    }

    /// Takes elements out of a set; with `told` the kernel tells of each, with its counter.
    pub fn remove_elements(&mut self, table: &str, set: &Set<'_>, ranges: &[Range], told: bool) {
        let flags = if told { ECHO } else { 0 };
        self.elements((DELSETELEM, flags), table, set, ranges.iter().map(|range| (*range, Data::None, 0)));
    }

    /// Takes all elements out of a set; the kernel tells of each, with its counter.
    pub fn remove_all_elements(&mut self, table: &str, set: &Set<'_>) {
        let start = self.begin(DELSETELEM, ECHO);
        text_attribute(&mut self.bytes, ATTR_TABLE, table);
        text_attribute(&mut self.bytes, ATTR_ELEMENTS_SET, set.name);
        self.end(start);
    }

    fn elements(
        &mut self,
        (message_type, flags): (u16, u16),
        table: &str,
        set: &Set<'_>,
        elements: impl Iterator<Item = (Range, Data, u64)>,
    ) {
        let mut elements = elements.peekable();
        while elements.peek().is_some() {
            let start = self.begin(message_type, flags);
            text_attribute(&mut self.bytes, ATTR_TABLE, table);
            text_attribute(&mut self.bytes, ATTR_ELEMENTS_SET, set.name);
            let list = open_nest(&mut self.bytes, ATTR_ELEMENTS);
            while self.bytes.len() - list < ELEMENTS_OCTETS_MAX {
                let Some((range, data, generation)) = elements.next() else { break };
                element(&mut self.bytes, set.family, range.first, 0, data, generation);
                // A range up to the last address has no end element: there is no address behind it.
                if set.interval && range.last < set.family.last() {
                    let behind = range.last + 1;
                    element(&mut self.bytes, set.family, behind, ELEMENT_INTERVAL_END, Data::None, 0);
                }
            }
            close_nest(&mut self.bytes, list);
            self.end(start);
        }
    }
}

/// Messages that put elements into a set as they were dumped ([`Item::octets`]); a range's beginning stands before its
/// end.
pub fn raw_messages<'a>(table: &str, set: &str, elements: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut elements = elements.peekable();
    while elements.peek().is_some() {
        let mut bytes = creation(NEWSETELEM, 0);
        text_attribute(&mut bytes, ATTR_TABLE, table);
        text_attribute(&mut bytes, ATTR_ELEMENTS_SET, set);
        let list = open_nest(&mut bytes, ATTR_ELEMENTS);
        while bytes.len() - list < ELEMENTS_OCTETS_MAX {
            let Some(octets) = elements.next() else { break };
            let nest = open_nest(&mut bytes, ATTR_LIST_ELEMENT);
            bytes.extend_from_slice(octets);
            close_nest(&mut bytes, nest);
        }
        close_nest(&mut bytes, list);
        close_message(&mut bytes, 0);
        messages.push(bytes);
    }
    messages
}

fn element(bytes: &mut Vec<u8>, family: Family, key: u128, flags: u32, data: Data, generation: u64) {
    let nest = open_nest(bytes, ATTR_LIST_ELEMENT);
    if flags != 0 {
        attribute(bytes, ATTR_ELEMENT_FLAGS, &flags.to_be_bytes());
    }
    let octets = key.to_be_bytes();
    value(bytes, ATTR_ELEMENT_KEY, octets.get(16 - family.octets()..).unwrap_or_default());
    match data {
        Data::None => {}
        // A packet's priority is a number of the machine's own order.
        Data::Class(class) => value(bytes, ATTR_ELEMENT_DATA, &class.to_ne_bytes()),
        Data::Metered { class, subscriber, length } => {
            value(bytes, ATTR_ELEMENT_DATA, &class.to_ne_bytes());
            meter(bytes, generation, subscriber, length);
            counter(bytes);
        }
        Data::Address(address) => value(bytes, ATTR_ELEMENT_DATA, &address.octets()),
        Data::Limit { octets_per_second, burst_octets } => limit(bytes, octets_per_second, burst_octets),
    }
    close_nest(bytes, nest);
}

fn meter(bytes: &mut Vec<u8>, generation: u64, subscriber: SubscriberId, length: u8) {
    let mut octets = vec![METER_KIND, METER_OCTETS];
    octets.extend_from_slice(&generation.to_be_bytes());
    octets.extend_from_slice(&subscriber.0.to_be_bytes());
    octets.push(length);
    attribute(bytes, ATTR_ELEMENT_USERDATA, &octets);
}

/// A counter of its own, from zero.
fn counter(bytes: &mut Vec<u8>) {
    let nest = open_nest(bytes, ATTR_ELEMENT_EXPRESSION);
    text_attribute(bytes, ATTR_EXPRESSION_NAME, "counter");
    close_nest(bytes, nest);
}

fn value(bytes: &mut Vec<u8>, kind: u16, octets: &[u8]) {
    let nest = open_nest(bytes, kind);
    attribute(bytes, ATTR_DATA_VALUE, octets);
    close_nest(bytes, nest);
}

fn limit(bytes: &mut Vec<u8>, octets_per_second: u64, burst_octets: u32) {
    let nest = open_nest(bytes, ATTR_ELEMENT_EXPRESSION);
    text_attribute(bytes, ATTR_EXPRESSION_NAME, "limit");
    let inner = open_nest(bytes, ATTR_EXPRESSION_DATA);
    attribute(bytes, ATTR_LIMIT_RATE, &octets_per_second.to_be_bytes());
    attribute(bytes, ATTR_LIMIT_UNIT, &LIMIT_UNIT_SECOND.to_be_bytes());
    attribute(bytes, ATTR_LIMIT_BURST, &burst_octets.to_be_bytes());
    attribute(bytes, ATTR_LIMIT_TYPE, &LIMIT_OCTETS.to_be_bytes());
    attribute(bytes, ATTR_LIMIT_FLAGS, &LIMIT_OVER.to_be_bytes());
    close_nest(bytes, inner);
    close_nest(bytes, nest);
}

/// An element of a dump; of a range its beginning or what is behind its end.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    pub key: u128,
    /// False: it is the first address behind a range.
    pub begins: bool,
    attributes: Attributes<'a>,
}

/// The keys of one message's elements, as they are.
pub fn keys<'a>(message: &Message<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let lists = message.attributes().filter(|a| a.kind == ATTR_ELEMENTS);
    let key = |item: Attribute<'a>| {
        Attributes(Attributes(item.payload).find(ATTR_ELEMENT_KEY)?).find(ATTR_DATA_VALUE)
    };
    lists.flat_map(|list| Attributes(list.payload)).filter_map(key)
}

/// The elements of one message.
pub fn items<'a>(message: &Message<'a>) -> impl Iterator<Item = Item<'a>> + use<'a> {
    let lists = message.attributes().filter(|a| a.kind == ATTR_ELEMENTS);
    lists.flat_map(|list| Attributes(list.payload)).filter_map(|item| {
        let attributes = Attributes(item.payload);
        let octets = Attributes(attributes.find(ATTR_ELEMENT_KEY)?).find(ATTR_DATA_VALUE)?;
        let key = (octets.len() <= 16)
            .then(|| octets.iter().fold(0u128, |number, octet| (number << 8) | u128::from(*octet)))?;
        let flags = attributes.number(ATTR_ELEMENT_FLAGS).unwrap_or(0);
        Some(Item { key, begins: flags & ELEMENT_INTERVAL_END == 0, attributes })
    })
}

impl Item<'_> {
    /// All of it, as the kernel wrote it.
    pub fn octets(&self) -> &[u8] {
        self.attributes.0
    }

    /// What it holds; [`Data::None`] where that is not of the kind, so that the difference is seen.
    fn data(&self, kind: DataKind) -> Data {
        let data = match kind {
            DataKind::None => None,
            DataKind::Class => self.class(),
            DataKind::Address => self.address(),
            DataKind::Limit => self.limit(),
        };
        data.unwrap_or_default()
    }

    fn mapped(&self) -> Option<[u8; 4]> {
        Attributes(self.attributes.find(ATTR_ELEMENT_DATA)?).find(ATTR_DATA_VALUE)?.try_into().ok()
    }

    fn address(&self) -> Option<Data> {
        self.mapped().map(|octets| Data::Address(octets.into()))
    }

    fn class(&self) -> Option<Data> {
        let class = u32::from_ne_bytes(self.mapped()?);
        Some(match self.meter().filter(|_| self.expression_is("counter")) {
            None => Data::Class(class),
            Some(Meter { subscriber, length, .. }) => Data::Metered { class, subscriber, length },
        })
    }

    /// Whose octets the element counts.
    pub fn meter(&self) -> Option<Meter> {
        let octets = self.attributes.find(ATTR_ELEMENT_USERDATA)?;
        let octets = octets.strip_prefix(&[METER_KIND, METER_OCTETS])?;
        let (generation, octets) = octets.split_first_chunk()?;
        let (subscriber, octets) = octets.split_first_chunk()?;
        Some(Meter {
            generation: u64::from_be_bytes(*generation),
            subscriber: SubscriberId(i64::from_be_bytes(*subscriber)),
            length: *octets.first()?,
        })
    }

    /// Octets and packets of its counter.
    pub fn counter(&self) -> Option<(u64, u64)> {
        let counter = self.expression("counter")?;
        let number = |kind| Some(u64::from_be_bytes(counter.find(kind)?.try_into().ok()?));
        Some((number(ATTR_COUNTER_OCTETS)?, number(ATTR_COUNTER_PACKETS)?))
    }

    fn limit(&self) -> Option<Data> {
        let limit = self.expression("limit")?;
        let long = |kind| Some(u64::from_be_bytes(limit.find(kind)?.try_into().ok()?));
        let ours = long(ATTR_LIMIT_UNIT) == Some(LIMIT_UNIT_SECOND)
            && limit.number(ATTR_LIMIT_TYPE) == Some(LIMIT_OCTETS)
            && limit.number(ATTR_LIMIT_FLAGS) == Some(LIMIT_OVER);
        let octets_per_second = ours.then(|| long(ATTR_LIMIT_RATE))??;
        Some(Data::Limit { octets_per_second, burst_octets: limit.number(ATTR_LIMIT_BURST)? })
    }

    fn expression_is(&self, name: &str) -> bool {
        let expression = self.attributes.find(ATTR_ELEMENT_EXPRESSION).map(Attributes);
        expression.is_some_and(|expression| expression.text(ATTR_EXPRESSION_NAME) == Some(name))
    }

    /// The inner attributes of the element's expression of this name.
    fn expression(&self, name: &str) -> Option<Attributes<'_>> {
        let expression = Attributes(self.attributes.find(ATTR_ELEMENT_EXPRESSION)?);
        self.expression_is(name).then(|| expression.find(ATTR_EXPRESSION_DATA).map(Attributes))?
    }
}

/// What stands beside a metered element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Another one each time that an element is made for the same address.
    pub generation: u64,
    pub subscriber: SubscriberId,
    /// Length of the prefix that it is of; a range may be a part of it.
    pub length: u8,
}

/// Collects a set's elements from its dump.
#[derive(Debug, Default)]
pub struct ElementDump {
    /// Key, whether it begins a range, and what it holds.
    keys: Vec<(u128, bool, Data)>,
}

impl ElementDump {
    /// Takes one message of the dump.
    pub fn take(&mut self, message: &Message<'_>, set: &Set<'_>) {
        self.keys.extend(items(message).map(|item| (item.key, item.begins, item.data(set.data))));
    }

    /// The set's elements.
    pub fn finish(mut self, set: &Set<'_>) -> wanted::Elements {
        if !set.interval {
            return self
                .keys
                .iter()
                .map(|(key, _, data)| (Range { first: *key, last: *key }, *data))
                .collect();
        }
        // An end sorts before a beginning at the same address.
        self.keys.sort_unstable_by_key(|(key, begins, _)| (*key, *begins));
        let mut ranges = wanted::Elements::default();
        let mut open: Option<(u128, Data)> = None;
        for (key, begins, data) in self.keys {
            if let Some((first, data)) = open.take()
                && key > first
            {
                ranges.insert(Range { first, last: key - 1 }, data);
            }
            open = begins.then_some((key, data));
        }
        if let Some((first, data)) = open {
            ranges.insert(Range { first, last: set.family.last() }, data);
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{ACK, NEWTABLE, messages};
    use super::*;
    use proptest::prelude::*;

    const HOSTS: Set<'static> =
        Set { name: "blocked4", family: Family::V4, interval: false, data: DataKind::None };

    fn read_back(set: &Set<'_>, elements: &[(Range, Data)]) -> wanted::Elements {
        let mut batch = Batch::new(7);
        batch.add_elements("headgate", set, elements, 7);
        let (bytes, first, end) = batch.finish();
        let all: Vec<Message<'_>> = messages(&bytes).collect();
        assert_eq!(all.len(), usize::try_from(end - first).unwrap());
        let mut dump = ElementDump::default();
        for message in all.iter().filter(|m| m.is_nftables) {
            assert_eq!(message.kind, NEWSETELEM);
            dump.take(message, set);
        }
        dump.finish(set)
    }

    #[test]
    fn many_elements_are_cut_into_messages_whose_nests_fit_sixteen_bits() {
        let elements: Vec<(Range, Data)> =
            (0..100_000u128).map(|n| (Range { first: n, last: n }, Data::None)).collect();
        assert_eq!(read_back(&HOSTS, &elements), elements.iter().copied().collect());
        let v6 = Set { name: "up6_nets", family: Family::V6, interval: true, data: DataKind::Class };
        let elements: Vec<(Range, Data)> = (0..10_000u32)
            .map(|n| (Range { first: u128::from(n) << 64, last: (u128::from(n) << 64) + 9 }, Data::Class(n)))
            .collect();
        assert_eq!(read_back(&v6, &elements), elements.iter().copied().collect());
    }

    #[test]
    fn a_meter_comes_back_as_it_went_and_every_range_has_a_generation_of_its_own() {
        let set = Set { name: "up6_nets", family: Family::V6, interval: true, data: DataKind::Class };
        let metered = Data::Metered { class: 0x1_0002, subscriber: SubscriberId(-9), length: 56 };
        let elements =
            [(Range { first: 0, last: 9 }, metered), (Range { first: 256, last: u128::MAX }, metered)];
        assert_eq!(read_back(&set, &elements), elements.into_iter().collect());
        let mut batch = Batch::new(1);
        batch.add_elements("headgate", &set, &elements, 700);
        let (bytes, ..) = batch.finish();
        let meters: Vec<Meter> = messages(&bytes)
            .filter(|m| m.is_nftables)
            .flat_map(|m| items(&m).filter_map(|item| item.meter()).collect::<Vec<_>>())
            .collect();
        let meter = |generation| Meter { generation, subscriber: SubscriberId(-9), length: 56 };
        assert_eq!(meters, [meter(700), meter(701)]);
    }

    #[test]
    fn an_address_of_source_nat_comes_back_as_it_went() {
        let set = Set { name: "snat4", family: Family::V4, interval: false, data: DataKind::Address };
        let elements = [(Range { first: 1, last: 1 }, Data::Address([203, 0, 113, 200].into()))];
        assert_eq!(read_back(&set, &elements), elements.into_iter().collect());
    }

    #[test]
    fn a_limit_comes_back_as_it_went() {
        let set = Set { name: "police_up4", family: Family::V4, interval: false, data: DataKind::Limit };
        let limit = |octets_per_second, burst_octets| Data::Limit { octets_per_second, burst_octets };
        let elements = [
            (Range { first: 1, last: 1 }, limit(625_000, 65_536)),
            (Range { first: 2, last: 2 }, limit(u64::MAX, u32::MAX)),
        ];
        assert_eq!(read_back(&set, &elements), elements.into_iter().collect());
    }

    #[test]
    fn adjacent_ranges_and_everything_come_back_as_they_went() {
        let set = Set { name: "walled4", family: Family::V4, interval: true, data: DataKind::None };
        let adjacent =
            [(Range { first: 0, last: 9 }, Data::None), (Range { first: 10, last: 19 }, Data::None)];
        assert_eq!(read_back(&set, &adjacent), adjacent.into_iter().collect());
        let everything = [(Range { first: 0, last: u128::from(u32::MAX) }, Data::None)];
        assert_eq!(read_back(&set, &everything), everything.into_iter().collect());
    }

    #[test]
    fn only_the_last_message_before_the_end_asks_for_an_acknowledgement() {
        let mut batch = Batch::new(1);
        batch.table("headgate", NEWTABLE);
        batch.add_elements("headgate", &HOSTS, &[(Range { first: 1, last: 1 }, Data::None)], 0);
        let (bytes, ..) = batch.finish();
        let acks: Vec<bool> = messages(&bytes).map(|m| m.flags & ACK != 0).collect();
        assert_eq!(acks, [false, false, true, false]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for kind in [DataKind::None, DataKind::Class, DataKind::Address, DataKind::Limit] {
                let mut dump = ElementDump::default();
                for message in messages(&bytes) {
                    dump.take(&message, &Set { data: kind, ..HOSTS });
                    let _ = message.errno();
                    for item in items(&message) {
                        let _ = (item.meter(), item.counter());
                    }
                }
                for attribute in Attributes(&bytes) {
                    let _ = Attributes(attribute.payload).number(1);
                }
                dump.finish(&HOSTS);
            }
        }
    }
}
