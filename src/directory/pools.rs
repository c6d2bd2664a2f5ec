//! Pool addresses: given in memory at login, the same address to the same subscriber while it can be.

use super::DirectorySettings;
use crate::model::*;
use ipnet::IpNet;
use smallvec::SmallVec;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// Addresses of one pool at most (a /8); what a prefix has beyond is not given out.
const ADDRESSES_MAX: u64 = 1 << 24;

pub(super) struct Pools {
    pools: HashMap<PoolId, Table>,
    grant_hold: Duration,
    quarantine: Duration,
    /// Until then a free address that had an owner goes only to that owner. Set by the first grant of before the start.
    quarantine_until: Option<Timestamp>,
}

#[derive(Default)]
struct Table {
    prefixes: Vec<IpNet>,
    leases: HashMap<Ipv4Addr, Lease>,
    addresses_of: HashMap<SubscriberId, SmallVec<[Ipv4Addr; 1]>>,
    /// Addresses whose session ended or never came, oldest first; may hold some that are in use again.
    released: VecDeque<Ipv4Addr>,
    /// How many addresses of the prefixes have been looked at for the first time.
    fresh: u64,
    /// Addresses that were another's by configuration when they were looked at.
    set_aside: Vec<Ipv4Addr>,
}

struct Lease {
    owner: SubscriberId,
    granted: Timestamp,
    live: bool,
    /// Its session is over: it is free at once, and not after the hold.
    ended: bool,
    /// It stands in `released`.
    queued: bool,
}

impl Pools {
    pub fn new(settings: &DirectorySettings) -> Pools {
        Pools {
            pools: HashMap::new(),
            grant_hold: settings.grant_hold,
            quarantine: settings.pool_quarantine,
            quarantine_until: None,
        }
    }

    pub fn define<'a>(&mut self, pools: impl Iterator<Item = &'a Arc<Pool>>) {
        for pool in pools {
            let table = self.pools.entry(pool.id).or_default();
            if table.prefixes != pool.prefixes {
                table.redefine(&pool.prefixes);
            }
        }
    }

    /// Takes in a grant of before the start. One that is older than what is known here changes nothing: the ledger,
    /// when it is loaded anew, is behind.
    pub fn restore(&mut self, grant: &PoolGrant, now: Timestamp) {
        self.quarantine_until.get_or_insert(now.saturating_add(self.quarantine));
        let IpAddr::V4(address) = grant.address else { return };
        let Some(table) = self.pools.get_mut(&grant.pool).filter(|table| table.contains(address)) else {
            return;
        };
        let known_better = |lease: &Lease| lease.live || lease.granted >= grant.at;
        if !table.leases.get(&address).is_some_and(known_better) {
            table.assign(address, grant.subscriber, grant.at, false);
            table.release(address);
        }
    }

    pub fn session_opened(&mut self, session: &Session) {
        let (Some(address), Some(owner)) = (session.framed_ip, session.subscriber) else { return };
        if let Some(table) = self.table_of(address) {
            table.assign(address, owner, session.started, true);
        }
    }

    /// Frees the live addresses of `owner` that none of its open sessions has: a session ended or changed its address.
    pub fn settle(&mut self, owner: SubscriberId, in_use: &[Ipv4Addr]) {
        for table in self.pools.values_mut() {
            let ended: SmallVec<[Ipv4Addr; 1]> = table
                .addresses_of
                .get(&owner)
                .into_iter()
                .flatten()
                .filter(|address| !in_use.contains(address))
                .filter(|address| table.leases.get(address).is_some_and(|lease| lease.live))
                .copied()
                .collect();
            for address in ended {
                if let Some(lease) = table.leases.get_mut(&address) {
                    lease.live = false;
                    lease.ended = true;
                }
                table.release(address);
            }
        }
    }

    fn table_of(&mut self, address: Ipv4Addr) -> Option<&mut Table> {
        self.pools.values_mut().find(|table| table.contains(address))
    }

    pub fn holds(&self, pool: PoolId, address: Ipv4Addr) -> bool {
        self.pools.get(&pool).is_some_and(|table| table.contains(address))
    }

    /// Gives out an address of which `taken` does not say that it is another's.
    pub fn grant(
        &mut self,
        pool: PoolId,
        subscriber: SubscriberId,
        now: Timestamp,
        taken: impl Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let held_since = now.saturating_sub(self.grant_hold);
        let quarantined = self.quarantine_until.is_some_and(|until| now < until);
        let table = self.pools.get_mut(&pool)?;
        let address = table
            .own_address(subscriber, &taken)
            .or_else(|| table.fresh_address(&taken))
            .or_else(|| if quarantined { None } else { table.released_address(held_since, &taken) })?;
        table.assign(address, subscriber, now, false);
        table.release(address);
        Some(address)
    }
}

impl Table {
    fn contains(&self, address: Ipv4Addr) -> bool {
        self.prefixes.iter().any(|net| net.contains(&IpAddr::V4(address)))
    }

    /// The operator has changed the pool: what lies outside is no longer its own.
    fn redefine(&mut self, prefixes: &[IpNet]) {
        self.prefixes = prefixes.to_vec();
        self.fresh = 0;
        self.set_aside.clear();
        let inside = |address: &Ipv4Addr| prefixes.iter().any(|net| net.contains(&IpAddr::V4(*address)));
        self.leases.retain(|address, _| inside(address));
        self.released.retain(inside);
        self.addresses_of.retain(|_, addresses| {
            addresses.retain(|address| inside(address));
            !addresses.is_empty()
        });
    }

    /// The address the subscriber had last, unless a session of its own still holds it.
    fn own_address(&self, subscriber: SubscriberId, taken: &impl Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
        let free = |address: &Ipv4Addr| {
            self.leases.get(address).is_some_and(|lease| !lease.live) && !taken(*address)
        };
        self.addresses_of.get(&subscriber)?.iter().copied().find(free)
    }

    /// The next address that nobody has had.
    fn fresh_address(&mut self, taken: &impl Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
        while let Some(address) = self.nth_address(self.fresh) {
            self.fresh += 1;
            if self.leases.contains_key(&address) {
                continue;
            }
            if !taken(address) {
                return Some(address);
            }
            self.set_aside.push(address);
        }
        let free = self.set_aside.iter().position(|address| !taken(*address))?;
        Some(self.set_aside.swap_remove(free))
    }

    fn nth_address(&self, n: u64) -> Option<Ipv4Addr> {
        if n >= ADDRESSES_MAX {
            return None;
        }
        let mut n = n;
        for net in &self.prefixes {
            let IpNet::V4(net) = net else { continue };
            // Network and broadcast addresses stay out where the prefix has them.
            let (skip, size) = match net.prefix_len() {
                32 => (0, 1),
                31 => (0, 2),
                length => (1, (1u64 << (32 - u32::from(length))) - 2),
            };
            if n < size {
                let base = u64::from(u32::from(net.network()));
                return u32::try_from(base + skip + n).ok().map(Ipv4Addr::from);
            }
            n -= size;
        }
        None
    }

    /// The address that has been free the longest.
    fn released_address(
        &mut self,
        held_since: Timestamp,
        taken: &impl Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        for _ in 0..self.released.len() {
            let address = self.released.pop_front()?;
            let Some(lease) = self.leases.get_mut(&address) else { continue };
            let held = !lease.ended && lease.granted > held_since;
            if !lease.live && (held || taken(address)) {
                self.released.push_back(address);
                continue;
            }
            lease.queued = false;
            if lease.live {
                continue;
            }
            return Some(address);
        }
        None
    }

    /// Puts an address into the queue of those to be given to others, once.
    fn release(&mut self, address: Ipv4Addr) {
        if let Some(lease) = self.leases.get_mut(&address).filter(|lease| !lease.queued) {
            lease.queued = true;
            self.released.push_back(address);
        }
    }

    fn assign(&mut self, address: Ipv4Addr, owner: SubscriberId, granted: Timestamp, live: bool) {
        let queued = self.leases.get(&address).is_some_and(|lease| lease.queued);
        let lease = Lease { owner, granted, live, ended: false, queued };
        if let Some(old) = self.leases.insert(address, lease)
            && old.owner != owner
            && let Some(addresses) = self.addresses_of.get_mut(&old.owner)
        {
            addresses.retain(|known| *known != address);
        }
        let addresses = self.addresses_of.entry(owner).or_default();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
}
