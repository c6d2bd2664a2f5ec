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
    /// Until then a free address that had an owner goes only to that owner.
    quarantine_until: Timestamp,
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
}

struct Lease {
    owner: SubscriberId,
    granted: Timestamp,
    live: bool,
    /// It stands in `released`.
    queued: bool,
}

impl Pools {
    pub fn new(settings: &DirectorySettings) -> Pools {
        Pools {
            pools: HashMap::new(),
            grant_hold: settings.grant_hold,
            quarantine: settings.pool_quarantine,
            quarantine_until: Timestamp::default(),
        }
    }

    pub fn define<'a>(&mut self, pools: impl Iterator<Item = &'a Arc<Pool>>) {
        for pool in pools {
            let table = self.pools.entry(pool.id).or_default();
            if table.prefixes != pool.prefixes {
                table.prefixes.clone_from(&pool.prefixes);
                table.fresh = 0;
            }
        }
    }

    /// Takes in a grant of before the start.
    pub fn restore(&mut self, grant: &PoolGrant, now: Timestamp) {
        self.quarantine_until = now.saturating_add(self.quarantine);
        let IpAddr::V4(address) = grant.address else { return };
        let Some(table) = self.pools.get_mut(&grant.pool) else { return };
        table.assign(address, grant.subscriber, grant.at, false);
        table.release(address);
    }

    pub fn session_opened(&mut self, session: &Session) {
        let (Some(address), Some(owner)) = (session.framed_ip, session.subscriber) else { return };
        if let Some(table) = self.table_of(address) {
            table.assign(address, owner, session.started, true);
        }
    }

    pub fn session_closed(&mut self, session: &Session) {
        let Some(address) = session.framed_ip else { return };
        let Some(table) = self.table_of(address) else { return };
        if let Some(lease) = table.leases.get_mut(&address)
            && Some(lease.owner) == session.subscriber
        {
            lease.live = false;
            // Free at once: the session that held it is over.
            lease.granted = Timestamp::default();
            table.release(address);
        }
    }

    fn table_of(&mut self, address: Ipv4Addr) -> Option<&mut Table> {
        let address = IpAddr::V4(address);
        self.pools.values_mut().find(|table| table.prefixes.iter().any(|net| net.contains(&address)))
    }

    pub fn grant(&mut self, pool: PoolId, subscriber: SubscriberId, now: Timestamp) -> Option<Ipv4Addr> {
        let held_since = now.saturating_sub(self.grant_hold);
        let quarantined = now < self.quarantine_until;
        let table = self.pools.get_mut(&pool)?;
        let address = table
            .own_address(subscriber)
            .or_else(|| table.fresh_address())
            .or_else(|| if quarantined { None } else { table.released_address(held_since) })?;
        table.assign(address, subscriber, now, false);
        table.release(address);
        Some(address)
    }
}

impl Table {
    /// The address the subscriber had last, unless a session of its own still holds it.
    fn own_address(&self, subscriber: SubscriberId) -> Option<Ipv4Addr> {
        let own = self.addresses_of.get(&subscriber)?;
        own.iter().copied().find(|address| self.leases.get(address).is_some_and(|lease| !lease.live))
    }

    /// The next address that nobody has had.
    fn fresh_address(&mut self) -> Option<Ipv4Addr> {
        while let Some(address) = self.nth_address(self.fresh) {
            self.fresh += 1;
            if !self.leases.contains_key(&address) {
                return Some(address);
            }
        }
        None
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
    fn released_address(&mut self, held_since: Timestamp) -> Option<Ipv4Addr> {
        for _ in 0..self.released.len() {
            let address = self.released.pop_front()?;
            let Some(lease) = self.leases.get_mut(&address) else { continue };
            if !lease.live && lease.granted > held_since {
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
        if let Some(old) = self.leases.insert(address, Lease { owner, granted, live, queued })
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
