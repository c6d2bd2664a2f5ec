//! Rows of groups, pools and NASes.

use super::{Planner, choose_id, effect, refuse};
use crate::model::*;
use ipnet::IpNet;
use std::net::IpAddr;

impl Planner<'_> {
    pub(super) fn group(&mut self, row: &GroupRow) -> Result<(), Refusal> {
        name_given(&row.name)?;
        let old = self.groups.get(&row.name);
        let ids = || self.groups.values().map(|g| g.id.0);
        let id =
            choose_id(row.id, old.map(|g| g.id.0), ids().max().unwrap_or(0), |id| ids().any(|i| i == id))?;
        let parent = match row.parent.as_deref() {
            Some(parent) if parent == row.name => {
                return refuse("group-loop", "parent: a group is not its own parent");
            }
            parent => self.group_id(parent, old.and_then(|g| g.parent))?,
        };
        let group = Group { id: GroupId(id), name: row.name.clone(), parent };
        if self.is_above(group.id, parent) {
            return refuse("group-loop", format!("parent: {:?} is already below it", row.parent));
        }
        self.parents.insert(group.id, parent);
        let effect = effect(old, &group);
        self.keep("group", &row.name, effect, Change::Group(group.clone()));
        self.groups.insert(row.name.clone(), group);
        Ok(())
    }

    /// Whether `group` is `child` or stands above it.
    fn is_above(&self, group: GroupId, child: Option<GroupId>) -> bool {
        let mut above = child;
        // No way up is longer than there are groups.
        for _ in 0..=self.parents.len() {
            match above {
                None => return false,
                Some(id) if id == group => return true,
                Some(id) => above = self.parents.get(&id).copied().flatten(),
            }
        }
        true
    }

    pub(super) fn pool(&mut self, row: &PoolRow) -> Result<(), Refusal> {
        name_given(&row.name)?;
        let old = self.pools.get(&row.name);
        let ids = || self.pools.values().map(|p| p.id.0);
        let id =
            choose_id(row.id, old.map(|p| p.id.0), ids().max().unwrap_or(0), |id| ids().any(|i| i == id))?;
        let prefixes = match (&row.prefixes, old) {
            (Some(texts), _) => {
                texts.iter().map(|text| prefix("prefixes", text)).collect::<Result<_, _>>()?
            }
            (None, Some(old)) => old.prefixes.clone(),
            (None, None) => return refuse("no-prefixes", "prefixes: a pool needs at least one"),
        };
        if let Some(other) =
            self.pools.values().find(|p| p.name != row.name && overlap(&p.prefixes, &prefixes))
        {
            return refuse("pool-overlap", format!("prefixes: they overlap with pool {:?}", other.name));
        }
        let overlaps_itself = |(n, net): (usize, &IpNet)| overlap(&prefixes[..n], std::slice::from_ref(net));
        if prefixes.iter().enumerate().any(overlaps_itself) {
            return refuse("pool-overlap", "prefixes: they overlap with each other");
        }
        let pool = Pool { id: PoolId(id), name: row.name.clone(), prefixes };
        let effect = effect(old, &pool);
        self.keep("pool", &row.name, effect, Change::Pool(pool.clone()));
        self.pools.insert(row.name.clone(), pool);
        Ok(())
    }

    pub(super) fn nas(&mut self, row: &NasRow) -> Result<(), Refusal> {
        name_given(&row.name)?;
        let old = self.nases.get(&row.name);
        let ids = || self.nases.values().map(|n| n.id.0);
        let id =
            choose_id(row.id, old.map(|n| n.id.0), ids().max().unwrap_or(0), |id| ids().any(|i| i == id))?;
        let address = match (&row.address, old) {
            (Some(text), _) => prefix("address", text)?,
            (None, Some(old)) => old.address,
            (None, None) => return refuse("no-address", "address: a NAS needs an address or a prefix"),
        };
        let secret = match (&row.secret, old) {
            (Some(secret), _) => secret.clone(),
            (None, Some(old)) => old.secret.clone(),
            (None, None) => SecretText::default(),
        };
        if secret.is_empty() {
            return refuse("no-secret", "secret: a NAS needs a shared secret");
        }
        if let Some(other) = self.nases.values().find(|n| n.address == address && n.name != row.name) {
            return refuse("address-taken", format!("address: {address} is NAS {:?}'s", other.name));
        }
        let nas = Nas {
            id: NasId(id),
            name: row.name.clone(),
            address,
            secret,
            vendor: row.vendor.or(old.map(|n| n.vendor)).unwrap_or_default(),
            coa_port: row.coa_port.or(old.map(|n| n.coa_port)).unwrap_or(3799),
            pool: self.pool_id(row.pool.as_deref(), old.and_then(|n| n.pool))?,
            sends_message_authenticator: old.is_some_and(|n| n.sends_message_authenticator),
        };
        let effect = effect(old, &nas);
        self.keep("nas", &row.name, effect, Change::Nas(nas.clone()));
        self.nases.insert(row.name.clone(), nas);
        Ok(())
    }

    /// Notes a row and, when it changes something, its change.
    pub(super) fn keep(&mut self, kind: &str, name: &str, effect: RowEffect, change: Change) {
        if effect != RowEffect::Unchanged {
            self.books.changes.push(change);
        }
        self.note(kind, name, effect);
    }
}

pub(super) fn name_given(name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() {
        return refuse("no-name", "name: it may not be empty");
    }
    Ok(())
}

/// Whether a prefix of one list has an address in common with one of the other.
fn overlap(some: &[IpNet], others: &[IpNet]) -> bool {
    some.iter().any(|a| others.iter().any(|b| a.contains(b) || b.contains(a)))
}

/// An address (taken as a host) or a prefix. An IPv4 address written as IPv6 is the IPv4 address.
pub(super) fn prefix(key: &str, text: &str) -> Result<IpNet, Refusal> {
    text.parse::<IpNet>()
        .map(|net| net.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical())))
        .or_else(|_| refuse("bad-address", format!("{key}: {text:?} is not an address or prefix")))
}
