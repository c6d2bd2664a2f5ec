//! Packages that were bought: their units on accounts of the ledger, what they cover, and their end.

use super::State;
use super::ledger::{Books, Entry};
use super::speed::MIB;
use super::{day_of, midnight};
use crate::model::*;
use std::collections::{BTreeMap, BTreeSet};

/// Holdings that have not ended, of one account.
pub(super) const HOLDINGS_MAX: usize = 1_000;
/// Holdings that one command of the clock ends: payments go in between.
const EXPIRED_MAX: usize = 1_000;
/// An account counts millionths of its unit.
const MICROS: i64 = 1_000_000;
const SECONDS_OF_MINUTE: u64 = 60;

/// Gives a package's units to an account.
pub(super) fn give(
    books: &mut Books<'_>,
    package: &Package,
    subscriber: &Subscriber,
    account: &Account,
    now: Timestamp,
) -> Result<PackageHolding, Refusal> {
    let state = books.state();
    let number = free_number(state, account.id, &package.name)?;
    let today = day_of(now, &state.settings.time_zone);
    let expires = match i32::try_from(package.days) {
        Ok(0) => None,
        days => Some(midnight(today.plus(days.unwrap_or(i32::MAX)), &state.settings.time_zone)),
    };
    let mut units = |asset, count: u64| -> Result<Option<AccountId>, Refusal> {
        if count == 0 {
            return Ok(None);
        }
        // A contract number has no space in it, so that no two names meet.
        let name = format!("{} {} {number}", account.contract, package.name);
        let holder = books.own_account_of(LedgerKind::Package, asset, &name);
        Units { account, holder, asset, count, package: &package.name }.give(books, now)?;
        Ok(Some(holder))
    };
    let holding = PackageHolding {
        account: account.id,
        package: package.name.clone(),
        number,
        subscriber: subscriber.id,
        bought: now,
        expires,
        destination: package.destination.clone(),
        seconds: units(Asset::Seconds, u64::from(package.minutes) * SECONDS_OF_MINUTE)?,
        sms: units(Asset::Sms, package.sms.into())?,
        octets: units(Asset::Octets, u64::from(package.mib) * MIB)?,
        ended: false,
    };
    books.changes.push(Change::Holding(holding.clone()));
    Ok(holding)
}

/// The lowest number that no holding of the package on the account has.
fn free_number(state: &State, account: AccountId, package: &str) -> Result<u32, Refusal> {
    let mut taken = BTreeSet::new();
    let mut count = 0;
    for (_, name, number) in state.holdings_of(account).map(|(key, _)| key) {
        count += 1;
        if name == package {
            taken.insert(*number);
        }
    }
    if count >= HOLDINGS_MAX {
        return Err(Refusal::new("too-many-packages", format!("the account has {count} packages")));
    }
    Ok((1..).find(|number| !taken.contains(number)).unwrap_or(1))
}

impl State {
    /// Packages of an account that have not ended.
    pub(super) fn holdings_of(
        &self,
        account: AccountId,
    ) -> impl Iterator<Item = (&HoldingKey, &PackageHolding)> {
        let from = (account, String::new(), 0);
        self.billing.holdings.range(from..).take_while(move |((owner, _, _), _)| *owner == account)
    }

    /// When the next package ends.
    pub(super) fn next_package_end(&self) -> Option<Timestamp> {
        self.billing.expiries.first().map(|(at, _)| *at)
    }
}

/// Ends the packages whose time is over: what is left of their units goes back.
pub(super) fn expire(books: &mut Books<'_>, now: Timestamp) {
    let state = books.state();
    let over = state.billing.expiries.iter().take_while(|(at, _)| *at <= now).take(EXPIRED_MAX);
    for holding in over.filter_map(|(_, key)| state.billing.holdings.get(key)) {
        let Some(account) = books.account(holding.account) else { continue };
        for (asset, holder) in holding.units() {
            let count = left(books, holder);
            let units = Units { account: &account, holder, asset, count, package: &holding.package };
            // Out of the ledger's range: units that nobody can use stay where they are.
            let _ = units.take(books, TransferKind::Grant, now);
        }
        books.changes.push(Change::Holding(PackageHolding { ended: true, ..holding.clone() }));
    }
}

/// Units taken for usage in one decision.
#[derive(Default)]
pub(super) struct Covers {
    /// In the order in which they are used up.
    holdings: BTreeMap<SubscriberId, Vec<PackageHolding>>,
}

impl Covers {
    /// Takes up to so many octets from a subscriber's packages, of those that end first, and says how many it took.
    pub fn take(
        &mut self,
        books: &mut Books<'_>,
        subscriber: SubscriberId,
        octets: u64,
        now: Timestamp,
    ) -> u64 {
        let state = books.state();
        let holdings = self.holdings.entry(subscriber).or_insert_with(|| usable(state, subscriber, now));
        let mut taken = 0u64;
        for holding in holdings {
            let (Some(holder), Some(account)) = (holding.octets, books.account(holding.account)) else {
                continue;
            };
            let count = left(books, holder).min(octets.saturating_sub(taken));
            let (asset, package) = (Asset::Octets, holding.package.as_str());
            let units = Units { account: &account, holder, asset, count, package };
            if units.take(books, TransferKind::Usage, now).is_ok() {
                taken = taken.saturating_add(count);
            }
        }
        taken
    }
}

/// Octets left in the packages that a subscriber may use.
pub(super) fn octets_left(state: &State, subscriber: SubscriberId, now: Timestamp) -> u64 {
    let holders = usable(state, subscriber, now).into_iter().filter_map(|holding| holding.octets);
    let left = holders.map(|id| u64::try_from(state.balance(id).micros() / MICROS).unwrap_or(0));
    left.fold(0, u64::saturating_add)
}

/// Whole units on a holding's account.
fn left(books: &Books<'_>, holder: AccountId) -> u64 {
    u64::try_from(books.balance(holder).micros() / MICROS).unwrap_or(0)
}

fn usable(state: &State, subscriber: SubscriberId, now: Timestamp) -> Vec<PackageHolding> {
    let keys = state.billing.traffic_of.get(&subscriber).into_iter().flatten();
    let holdings = keys.filter_map(|key| state.billing.holdings.get(key));
    let mut usable: Vec<_> = holdings.filter(|holding| holding.is_usable_at(now)).cloned().collect();
    usable.sort_by_key(|holding| (holding.expires.unwrap_or(END_OF_TIME), holding.bought, holding.key()));
    usable
}

const END_OF_TIME: Timestamp = Timestamp::from_micros(i64::MAX);

/// Units of one kind on their way.
struct Units<'a> {
    account: &'a Account,
    /// The ledger account of the holding.
    holder: AccountId,
    asset: Asset,
    count: u64,
    package: &'a str,
}

impl Units<'_> {
    /// From the stock to the holding.
    fn give(self, books: &mut Books<'_>, now: Timestamp) -> Result<(), Refusal> {
        let stock = self.stock(books);
        self.transfer(books, [stock, self.holder], TransferKind::Grant, now)
    }

    /// Back to the stock: used up, or over.
    fn take(self, books: &mut Books<'_>, kind: TransferKind, now: Timestamp) -> Result<(), Refusal> {
        let stock = self.stock(books);
        self.transfer(books, [self.holder, stock], kind, now)
    }

    /// Each contract's own: the octets of all of them together would leave the range of an account.
    fn stock(&self, books: &mut Books<'_>) -> AccountId {
        books.own_account_of(LedgerKind::Stock, self.asset, &self.account.contract)
    }

    fn transfer(
        &self,
        books: &mut Books<'_>,
        [debit, credit]: [AccountId; 2],
        kind: TransferKind,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let micros = i64::try_from(self.count).ok().and_then(|count| count.checked_mul(MICROS));
        let amount = micros.map_or(Money::MAX, Money::from_micros);
        if amount == Money::ZERO {
            return Ok(());
        }
        let reference = format!("package:{}", self.account.contract);
        let entry =
            Entry { kind, reference: &reference, text: self.package, by: "system", time: now, day: None };
        books.transfer(debit, credit, self.holder, amount, entry).map(|_| ())
    }
}
