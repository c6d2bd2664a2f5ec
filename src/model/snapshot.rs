//! What the engine starts from.

use super::{
    Account, AccountState, ApiKey, BooksState, Budget, DisabledTarget, FeeState, Group, LedgerAccount, Meter,
    Money, Nas, Package, PackageHolding, Pending, Plan, Pool, PoolGrant, RatingDocument, Role, Service,
    Session, SpoolPosition, Staff, StaffSession, Subscriber, Told,
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
    /// The open ones, and some that closed last: a late record finds its session and is not counted again.
    pub sessions: Vec<Session>,
    pub grants: Vec<PoolGrant>,
    pub edge_positions: HashMap<String, SpoolPosition>,
    pub services: Vec<Service>,
    pub packages: Vec<Package>,
    /// Those that have not ended.
    pub holdings: Vec<PackageHolding>,
    pub fee_states: Vec<FeeState>,
    pub account_states: Vec<AccountState>,
    /// Of the newest month that has any, and the one before it.
    pub meters: Vec<Meter>,
    /// Open ones only.
    pub pending: Vec<Pending>,
    pub budgets: Vec<Budget>,
    pub rating_documents: Vec<RatingDocument>,
    pub books: BooksState,
    /// Those that a command has made or changed; the others are [`Role::standard`]'s.
    pub roles: Vec<Role>,
    pub staff: Vec<Staff>,
    pub api_keys: Vec<ApiKey>,
    pub staff_sessions: Vec<StaffSession>,
    pub last_transfer: i64,
    /// Number of the last event of the outbox.
    pub last_event: i64,
    pub disabled_targets: Vec<DisabledTarget>,
    pub told: Vec<Told>,
}
