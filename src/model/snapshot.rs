//! What the engine starts from.

use super::{
    Account, Group, LedgerAccount, Money, Nas, Plan, Pool, PoolGrant, Session, SpoolPosition, Subscriber,
};
use std::collections::HashMap;

/// Everything in the store that the engine keeps in memory.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub groups: Vec<Group>,
    pub plans: Vec<Plan>,
    pub pools: Vec<Pool>,
    pub nases: Vec<Nas>,
    pub accounts: Vec<Account>,
    pub subscribers: Vec<Subscriber>,
    /// Every ledger account with its balance.
    pub ledger: Vec<(LedgerAccount, Money)>,
    /// Open sessions only.
    pub sessions: Vec<Session>,
    pub grants: Vec<PoolGrant>,
    pub edge_positions: HashMap<String, SpoolPosition>,
    pub last_transfer: i64,
}
