//! Data files become state: all rows of a file or none; loading twice changes nothing.
//!
//! A row names its object (contract, login, name); what it does not say stays as it is. Rows may refer to objects that
//! the same file makes, and their order of kinds is fixed, so nothing needs to be sorted by the operator.

mod network;
mod plans;
mod services;
mod subscribers;

use super::fees;
use super::ledger::Books;
use super::{Decision, State};
use crate::model::*;
use ipnet::IpNet;
use std::collections::HashMap;

/// Rows of one file, all kinds together.
const ROWS_MAX: usize = 2_000_000;

pub(super) fn load(
    state: &State,
    file: &DataFile,
    options: LoadOptions,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let rows = file.group.len()
        + file.plan.len()
        + file.service.len()
        + file.package.len()
        + file.pool.len()
        + file.nas.len()
        + file.account.len()
        + file.subscriber.len();
    if rows > ROWS_MAX {
        return Err(Refusal::new("file-too-large", format!("{rows} rows; at most {ROWS_MAX} in one file")));
    }
    let mut plan = Planner::new(state, options, actor, now);
    for row in &file.group {
        plan.group(row).map_err(in_row("group", &row.name))?;
    }
    for row in &file.plan {
        plan.plan(row).map_err(in_row("plan", &row.name))?;
    }
    for row in &file.service {
        plan.service(row).map_err(in_row("service", &row.name))?;
    }
    for row in &file.package {
        plan.package(row).map_err(in_row("package", &row.name))?;
    }
    for row in &file.pool {
        plan.pool(row).map_err(in_row("pool", &row.name))?;
    }
    for row in &file.nas {
        plan.nas(row).map_err(in_row("nas", &row.name))?;
    }
    for row in &file.account {
        plan.account(row).map_err(in_row("account", &row.contract))?;
    }
    for row in &file.subscriber {
        plan.subscriber(row).map_err(in_row("subscriber", &row.login))?;
    }
    plan.check_contested()?;
    plan.settle();
    let changes = if options.dry_run { Vec::new() } else { plan.books.changes };
    Ok(Decision { outcome: Outcome::Loaded(Loaded { rows: plan.rows }), changes })
}

/// Names the row in a refusal.
fn in_row<'a>(kind: &'a str, name: &'a str) -> impl Fn(Refusal) -> Refusal + 'a {
    move |refusal| Refusal { text: format!("{kind} {name:?}: {}", refusal.text), ..refusal }
}

fn refuse<T>(token: &str, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(token, text))
}

/// An address that two subscribers had when a row was read.
struct Contested {
    address: IpNet,
    before: SubscriberId,
    claimed_by: SubscriberId,
}

/// The state as it will be after the rows so far.
struct Planner<'a> {
    state: &'a State,
    books: Books<'a>,
    options: LoadOptions,
    actor: &'a Actor,
    now: Timestamp,
    rows: Vec<LoadedRow>,
    groups: HashMap<String, Group>,
    plans: HashMap<String, Plan>,
    services: HashMap<String, Service>,
    packages: HashMap<String, Package>,
    pools: HashMap<String, Pool>,
    nases: HashMap<String, Nas>,
    accounts: HashMap<AccountId, Account>,
    contracts: HashMap<String, AccountId>,
    subscribers: HashMap<SubscriberId, Subscriber>,
    logins: HashMap<String, SubscriberId>,
    /// Parent of each group.
    parents: HashMap<GroupId, Option<GroupId>>,
    /// Who has which address or delegated prefix configured.
    configured: HashMap<IpNet, SubscriberId>,
    /// Addresses that a row took while another subscriber had them; a later row may free them.
    contested: Vec<Contested>,
    /// Accounts whose balance this file has set.
    balanced: std::collections::HashSet<AccountId>,
    /// Accounts that were there before, and whose money or terms this file changes.
    affected: std::collections::BTreeSet<AccountId>,
    /// Subscribers that it unblocks.
    unblocked: Vec<SubscriberId>,
    /// Highest account and subscriber ids in use.
    account_last: i64,
    subscriber_last: i64,
}

impl<'a> Planner<'a> {
    fn new(state: &'a State, options: LoadOptions, actor: &'a Actor, now: Timestamp) -> Planner<'a> {
        let by_name = |name: &str| name.to_owned();
        Planner {
            state,
            books: Books::new(state),
            options,
            actor,
            now,
            rows: Vec::new(),
            groups: state.groups.values().map(|g| (by_name(&g.name), g.clone())).collect(),
            plans: state.plans.values().map(|p| (by_name(&p.name), Plan::clone(p))).collect(),
            services: state.billing.services.iter().map(|(n, s)| (by_name(n), Service::clone(s))).collect(),
            packages: state.billing.packages.iter().map(|(n, p)| (by_name(n), Package::clone(p))).collect(),
            pools: state.pools.values().map(|p| (by_name(&p.name), Pool::clone(p))).collect(),
            nases: state.nases.values().map(|n| (by_name(&n.name), Nas::clone(n))).collect(),
            accounts: HashMap::new(),
            contracts: HashMap::new(),
            subscribers: HashMap::new(),
            logins: HashMap::new(),
            configured: state
                .subscribers
                .values()
                .flat_map(|s| subscribers::configured(s).map(|address| (address, s.id)))
                .collect(),
            parents: state.groups.values().map(|group| (group.id, group.parent)).collect(),
            contested: Vec::new(),
            balanced: std::collections::HashSet::new(),
            affected: std::collections::BTreeSet::new(),
            unblocked: Vec::new(),
            account_last: state.accounts.keys().map(|id| id.0).max().unwrap_or(0),
            subscriber_last: state.subscribers.keys().map(|id| id.0).max().unwrap_or(0),
        }
    }

    /// What follows for fees that are due and shortages that were put off.
    fn settle(&mut self) {
        for id in std::mem::take(&mut self.unblocked) {
            fees::begin_today(&mut self.books, id, false, self.now);
        }
        for id in std::mem::take(&mut self.affected) {
            fees::takes_effect(&mut self.books, id, self.now);
            fees::settle(&mut self.books, id, self.now);
        }
    }

    fn note(&mut self, kind: &str, name: &str, effect: RowEffect) {
        self.rows.push(LoadedRow { kind: kind.to_owned(), name: name.to_owned(), effect });
    }

    fn group_id(&self, name: Option<&str>, kept: Option<GroupId>) -> Result<Option<GroupId>, Refusal> {
        match name {
            None => Ok(kept),
            Some("") => Ok(None),
            Some(name) => match self.groups.get(name) {
                Some(group) => Ok(Some(group.id)),
                None => refuse("unknown-group", format!("group: there is no group {name:?}")),
            },
        }
    }

    fn pool_id(&self, name: Option<&str>, kept: Option<PoolId>) -> Result<Option<PoolId>, Refusal> {
        match name {
            None => Ok(kept),
            Some("") => Ok(None),
            Some(name) => match self.pools.get(name) {
                Some(pool) => Ok(Some(pool.id)),
                None => refuse("unknown-pool", format!("pool: there is no pool {name:?}")),
            },
        }
    }

    fn moment(
        &self,
        key: &str,
        text: Option<&str>,
        kept: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, Refusal> {
        match text {
            None => Ok(kept),
            Some(text) => super::moment(text, &self.state.settings.time_zone)
                .map_err(|refusal| Refusal { text: format!("{key}: {}", refusal.text), ..refusal }),
        }
    }
}

/// The effect of putting `new` where `old` was.
fn effect<T: PartialEq>(old: Option<&T>, new: &T) -> RowEffect {
    match old {
        None => RowEffect::Added,
        Some(old) if old == new => RowEffect::Unchanged,
        Some(_) => RowEffect::Changed,
    }
}

/// The id given, the one the object has, or the next free one. An id that is somebody else's is refused.
fn choose_id(
    given: Option<i64>,
    own: Option<i64>,
    last: i64,
    taken: impl Fn(i64) -> bool,
) -> Result<i64, Refusal> {
    match (given, own) {
        (None, Some(own)) => Ok(own),
        (Some(given), Some(own)) if given == own => Ok(own),
        (Some(given), Some(own)) => {
            refuse("other-id", format!("id: it already has the id {own}, {given} was given"))
        }
        (Some(given), None) if given <= 0 => {
            refuse("bad-id", format!("id: {given} is not a positive number"))
        }
        (Some(given), None) if taken(given) => refuse("id-taken", format!("id: {given} is another's")),
        (Some(given), None) => Ok(given),
        (None, None) => match last.checked_add(1) {
            Some(next) => Ok(next),
            None => refuse("no-id-left", format!("id: none is left after {last}; give one")),
        },
    }
}
