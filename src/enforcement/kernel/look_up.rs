//! What the kernel holds of one address, and how much each set holds.

use super::{Kernel, NetlinkError, TABLE, written_as};
use crate::enforcement::netlink::elements::{self, ElementDump};
use crate::enforcement::netlink::wire::{self, Message};
use crate::enforcement::ranges::Range;
use crate::enforcement::wanted::{Data, SetId, Sets};

/// The element of a set that an address falls into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub range: Range,
    pub data: Data,
    /// Octets and packets, where the set counts.
    pub counted: Option<(u64, u64)>,
}

impl Kernel {
    /// The element of a set that an address falls into. None: no such element, or no such set.
    pub fn holding(&mut self, id: SetId, address: u128) -> Result<Option<Holding>, NetlinkError> {
        #[derive(Default)]
        struct Dump {
            all: ElementDump,
            /// The last beginning at or before the address, and its counter.
            nearest: Option<(u128, Option<(u64, u64)>)>,
        }
        let name = id.name();
        let set = written_as(id, &name);
        let request = |sequence| elements::elements_request(TABLE, &name, sequence);
        let take = |dump: &mut Dump, message: &Message<'_>| {
            for item in elements::items(message).filter(|item| item.begins && item.key <= address) {
                if dump.nearest.is_none_or(|(key, _)| key < item.key) {
                    dump.nearest = Some((item.key, item.counter()));
                }
            }
            dump.all.take(message, &set);
        };
        let Some(dump) = self.socket.ask_consistently(request, take)? else { return Ok(None) };
        let elements = dump.all.finish(&set);
        let within = |range: &Range| range.first <= address && address <= range.last;
        Ok(elements.into_iter().find(|(range, _)| within(range)).map(|(range, data)| {
            let counted =
                dump.nearest.filter(|(key, _)| *key == range.first).and_then(|(_, counter)| counter);
            Holding { range, data, counted }
        }))
    }

    /// The elements of those sets that are there.
    pub fn contents(&mut self, ids: &[SetId]) -> Result<Sets, NetlinkError> {
        let mut sets = Sets::new();
        for id in ids {
            if let Some(elements) = self.elements(*id)? {
                sets.insert(*id, elements);
            }
        }
        Ok(sets)
    }

    /// How many elements each set of the table holds, by name, in order; a range of a prefix counts as its beginning.
    pub fn sizes(&mut self) -> Result<Vec<(String, usize)>, NetlinkError> {
        let names = self.objects(wire::GETSET, wire::NEWSET, wire::ATTR_SET_NAME)?;
        let mut sizes = Vec::with_capacity(names.len());
        for name in names.into_keys() {
            let request = |sequence| elements::elements_request(TABLE, &name, sequence);
            let take = |count: &mut usize, message: &Message<'_>| {
                *count += elements::items(message).filter(|item| item.begins).count();
            };
            let count = self.socket.ask_consistently(request, take)?.unwrap_or(0);
            sizes.push((name, count));
        }
        Ok(sizes)
    }
}
