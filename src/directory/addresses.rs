//! Whose address is it: live sessions go before configuration.

use crate::model::SubscriberId;
use ipnet::IpNet;
use smallvec::SmallVec;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    subscriber: SubscriberId,
    live: bool,
}

/// Every address and delegated prefix that somebody has or is to have, in order.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    owners: BTreeMap<IpNet, SmallVec<[Owner; 1]>>,
}

impl Addresses {
    pub fn add(&mut self, address: IpNet, subscriber: SubscriberId, live: bool) {
        let owners = self.owners.entry(address).or_default();
        owners.retain(|owner| owner.subscriber != subscriber);
        // The newest live owner stands last and wins; among configured ones the first.
        owners.push(Owner { subscriber, live });
    }

    pub fn remove(&mut self, address: IpNet, subscriber: SubscriberId) {
        if let Some(owners) = self.owners.get_mut(&address) {
            owners.retain(|owner| owner.subscriber != subscriber);
            if owners.is_empty() {
                self.owners.remove(&address);
            }
        }
    }

    pub fn owner(&self, address: &IpNet) -> Option<SubscriberId> {
        self.owners.get(address).and_then(|owners| winner(owners))
    }

    pub fn iter(&self) -> impl Iterator<Item = (IpNet, SubscriberId)> + '_ {
        self.owners.iter().filter_map(|(address, owners)| Some((*address, winner(owners)?)))
    }

    pub fn len(&self) -> usize {
        self.owners.len()
    }
}

fn winner(owners: &[Owner]) -> Option<SubscriberId> {
    owners.iter().rev().find(|owner| owner.live).or(owners.first()).map(|owner| owner.subscriber)
}
