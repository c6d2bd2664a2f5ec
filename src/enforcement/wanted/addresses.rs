//! Subscribers' addresses and prefixes, in order.

use super::entry::{Entry, Mark, Places};
use crate::enforcement::ranges::{Family, Range, number};
use ipnet::IpNet;
use std::collections::BTreeMap;

/// A prefix with what is done with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Net {
    pub range: Range,
    pub entry: Entry,
    pub places: Places,
}

/// Subscribers' addresses of one family.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Addresses {
    pub hosts: BTreeMap<u128, Entry>,
    /// By first address and length.
    pub nets: BTreeMap<(u128, u8), Net>,
    /// How many captive prefixes there are of each length.
    pub captive_lengths: BTreeMap<u8, usize>,
}

impl Net {
    pub fn is_captive(&self) -> bool {
        self.entry.mark == Mark::Captive
    }
}

impl Addresses {
    pub fn has_captive_around(&self, family: Family, host: u128) -> bool {
        self.captive_lengths.keys().any(|length| {
            let net = family.address(host).and_then(|address| IpNet::new(address, *length).ok());
            net.and_then(|net| self.nets.get(&key(&net))).is_some_and(Net::is_captive)
        })
    }
}

/// First address and length.
pub(super) fn key(net: &IpNet) -> (u128, u8) {
    (number(&net.network()), net.prefix_len())
}

pub(super) fn is_host(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}
