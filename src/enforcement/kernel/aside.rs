//! The whole table kept aside, octet for octet, and put back: what somebody else added and what its counters say
//! included.

use super::{Kernel, NetlinkError, TABLE};
use crate::enforcement::netlink::elements;
use crate::enforcement::netlink::wire::{self, Attributes, Message};

/// Attributes that a dump names and a new object takes (`enum nft_*_attributes`); handles and uses are the kernel's.
const TABLE_KEPT: &[u16] = &[1, 2, 6];
const SET_KEPT: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 17, 18];
const CHAIN_KEPT: &[u16] = &[1, 3, 4, 5, 7, 12];
const RULE_KEPT: &[u16] = &[1, 2, 4, 7];
/// `NLM_F_APPEND`: rules come in their order.
const APPEND: u16 = 0x800;

/// Our table as it was found.
#[derive(Debug)]
pub struct Aside {
    /// Messages that make it again, in order.
    messages: Vec<Vec<u8>>,
}

/// Elements of a set as they were dumped: key, whether it begins a range, and the octets.
type Dumped = Vec<(u128, bool, Vec<u8>)>;

impl Kernel {
    /// Reads the table as it is. None: there is none.
    pub fn keep_aside(&mut self) -> Result<Option<Aside>, NetlinkError> {
        let request = |sequence| wire::request(wire::GETTABLE, false, sequence, &[(wire::ATTR_TABLE, TABLE)]);
        let table = self.socket.ask_consistently(request, |found: &mut Vec<u8>, message| {
            *found = message.attributes().0.to_vec();
        })?;
        let Some(table) = table else { return Ok(None) };
        let mut messages = vec![kept(wire::NEWTABLE, 0, &table, TABLE_KEPT)];
        let sets = self.objects(wire::GETSET, wire::NEWSET, wire::ATTR_SET_NAME)?;
        for (found, number) in sets.values().flatten().zip(1u32..) {
            let mut message = kept(wire::NEWSET, 0, found, SET_KEPT);
            wire::attribute(&mut message, wire::ATTR_SET_ID, &number.to_be_bytes());
            wire::close_message(&mut message, 0);
            messages.push(message);
        }
        let chains = self.objects(wire::GETCHAIN, wire::NEWCHAIN, wire::ATTR_CHAIN_NAME)?;
        messages.extend(chains.values().flatten().map(|found| kept(wire::NEWCHAIN, 0, found, CHAIN_KEPT)));
        let rules = self.objects(wire::GETRULE, wire::NEWRULE, wire::ATTR_RULE_CHAIN)?;
        messages.extend(rules.values().flatten().map(|found| kept(wire::NEWRULE, APPEND, found, RULE_KEPT)));
        for name in sets.keys() {
            let request = |sequence| elements::elements_request(TABLE, name, sequence);
            let take = |dumped: &mut Dumped, message: &Message<'_>| {
                dumped.extend(elements::items(message).map(|i| (i.key, i.begins, i.octets().to_vec())));
            };
            let mut dumped = self.socket.ask_consistently(request, take)?.unwrap_or_default();
            // An end sorts before a beginning at the same address.
            dumped.sort_unstable_by_key(|(key, begins, _)| (*key, *begins));
            let octets = dumped.iter().map(|(_, _, octets)| octets.as_slice());
            messages.extend(elements::raw_messages(TABLE, name, octets));
        }
        Ok(Some(Aside { messages }))
    }

    /// Makes the table as it was, in one step; None: takes it away.
    pub fn put_back(&mut self, aside: Option<&Aside>) -> Result<(), NetlinkError> {
        let Some(aside) = aside else { return self.remove() };
        let mut batch = self.socket.batch();
        batch.table(TABLE, wire::NEWTABLE);
        batch.table(TABLE, wire::DELTABLE);
        for message in &aside.messages {
            batch.push(message);
        }
        self.capacities.clear();
        self.commit(batch, 0).map(drop)
    }
}

fn kept(message_type: u16, flags: u16, attributes: &[u8], wanted: &[u16]) -> Vec<u8> {
    let mut bytes = wire::creation(message_type, flags);
    for attribute in Attributes(attributes).filter(|attribute| wanted.contains(&attribute.kind)) {
        attribute.copy_to(&mut bytes);
    }
    wire::close_message(&mut bytes, 0);
    bytes
}
