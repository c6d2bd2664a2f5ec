//! Reservations granted at logins that the ledger has not posted yet (rules.md, Usage).
//!
//! What may be reserved is the published `reservable` less what stands here. The ledger's pending transfer takes over
//! with the publication that shows it: under the one lock that readers take, the hold goes and the smaller `reservable`
//! comes. A hold that the ledger never hears of, because the spool was lost, ends by itself.

use super::{Directory, Entry, Inner};
use crate::engine::{Direction, Prepaid};
use crate::model::*;
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Holds at most, of all accounts; beyond it nothing is granted.
const HOLDS_MAX: usize = 1_000_000;
/// From this many on, those that are over are looked for now and then.
const SWEEP_FROM: usize = 1_024;

/// What a login may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The plan has no usage prices.
    Unpriced,
    /// Use costs money, and nothing is left of it.
    NothingLeft,
    Granted {
        /// None: what it could use next is free.
        reservation: Option<Reservation>,
        limits: SessionLimits,
    },
}

/// What the whole of what may be reserved buys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionLimits {
    pub seconds: Option<u64>,
    pub octets: Option<(Direction, u64)>,
}

/// Who asks for a reservation.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    pub nas: NasId,
    pub mac: Option<Mac>,
    pub now: Timestamp,
    /// How long the reservation holds without news of the session.
    pub term: Duration,
}

#[derive(Default)]
pub(super) struct Reservations {
    holds: HashMap<AccountId, SmallVec<[Reservation; 1]>>,
    /// Whose hold a reference names; as many as there are holds.
    accounts: HashMap<String, AccountId>,
    /// Looked through when there are this many.
    sweep_at: usize,
    last: Timestamp,
}

impl Reservations {
    /// Grants what is wanted, or what is left of it.
    fn grant(
        &mut self,
        (subscriber, account): (SubscriberId, AccountId),
        prepaid: &Prepaid,
        asking: Asking,
    ) -> Grant {
        self.drop_of(account, |hold| {
            let same_device = hold.nas == asking.nas && hold.subscriber == subscriber;
            hold.expires <= asking.now || (same_device && asking.mac.is_some() && hold.mac == asking.mac)
        });
        let left = prepaid.reservable.saturating_sub(self.held(account));
        if prepaid.costs_at_once() && left < prepaid.minor_unit {
            return Grant::NothingLeft;
        }
        let limits = SessionLimits { seconds: prepaid.seconds(left), octets: prepaid.octets(left) };
        let amount = prepaid.reservation().min(left);
        if !amount.is_positive() {
            return Grant::Granted { reservation: None, limits };
        }
        let at = asking.now.max(self.last.saturating_add(Duration::from_micros(1)));
        let expires = asking.now.saturating_add(asking.term);
        let reservation =
            Reservation { subscriber, account, nas: asking.nas, mac: asking.mac, amount, at, expires };
        if !self.hold(reservation.clone(), asking.now) {
            return Grant::NothingLeft;
        }
        Grant::Granted { reservation: Some(reservation), limits }
    }

    fn held(&self, account: AccountId) -> Money {
        let holds = self.holds.get(&account).into_iter().flatten();
        holds.fold(Money::ZERO, |sum, hold| sum.saturating_add(hold.amount))
    }

    /// False: the table is full.
    fn hold(&mut self, reservation: Reservation, now: Timestamp) -> bool {
        if self.accounts.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.sweep(now);
        }
        if self.accounts.len() >= HOLDS_MAX {
            return false;
        }
        self.last = self.last.max(reservation.at);
        if self.accounts.insert(reservation.reference(), reservation.account).is_none() {
            self.holds.entry(reservation.account).or_default().push(reservation);
        }
        true
    }

    fn sweep(&mut self, now: Timestamp) {
        let accounts: Vec<AccountId> = self.holds.keys().copied().collect();
        for account in accounts {
            self.drop_of(account, |hold| hold.expires <= now);
        }
        self.sweep_at = self.accounts.len().saturating_mul(2).min(HOLDS_MAX);
    }

    fn drop_of(&mut self, account: AccountId, over: impl Fn(&Reservation) -> bool) {
        let Some(holds) = self.holds.get_mut(&account) else { return };
        let accounts = &mut self.accounts;
        holds.retain(|hold| {
            let over = over(hold);
            if over {
                accounts.remove(&hold.reference());
            }
            !over
        });
        if holds.is_empty() {
            self.holds.remove(&account);
        }
    }

    /// The ledger has these now.
    pub fn posted(&mut self, references: &HashSet<String>) {
        if self.accounts.is_empty() {
            return;
        }
        for reference in references {
            if let Some(account) = self.accounts.get(reference).copied() {
                self.drop_of(account, |hold| hold.reference() == *reference);
            }
        }
    }
}

impl Directory {
    /// Grants a login what it needs to begin, in memory. The reservation is to be written to the spool by the caller.
    pub fn reserve(&self, _inner: &Inner, entry: &Entry, asking: Asking) -> Grant {
        let Some(prepaid) = &entry.view.prepaid else { return Grant::Unpriced };
        let whose = (entry.id(), entry.view.account.id);
        self.reservations.lock().grant(whose, prepaid, asking)
    }

    /// Takes in reservations that the spool holds and the ledger does not know yet.
    pub fn restore_reservations<'a>(
        &self,
        reservations: impl Iterator<Item = &'a Reservation>,
        now: Timestamp,
    ) {
        let mut table = self.reservations.lock();
        for reservation in reservations.filter(|reservation| reservation.expires > now) {
            table.hold(reservation.clone(), now);
        }
    }
}

#[cfg(test)]
#[path = "tests/reservations.rs"]
mod tests;
