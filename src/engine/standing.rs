//! Let through, out of money, paused or blocked (rules.md, States).

use super::billing::Billing;
use super::calendar::day_of;
use super::fees;
use super::rules::Settings;
use crate::model::*;

/// `b + c`, with the credit limit while its term lasts; an open promise comes on top of it.
pub fn available(account: &Account, balance: Money, now: Timestamp) -> Money {
    balance.saturating_add(account.credit_at(now))
}

/// What is short, and when that shuts the gate.
pub(super) struct Shortage {
    /// The fee that is due.
    pub due: Money,
    /// None: nothing is short. Moments that have passed are those that took effect.
    pub cut_at: Option<Timestamp>,
}

impl Shortage {
    pub fn of(billing: &Billing, id: SubscriberId, account: AccountId, available: Money) -> Shortage {
        // What takes effect at once did so from the beginning.
        let moment = |at: Option<Timestamp>| {
            at.map_or(Timestamp::from_micros(i64::MIN), |at| fees::shifted(&billing.books, at))
        };
        let fee = billing.fees.get(&id).filter(|fee| fee.due.is_positive());
        let of_fee = fee.map(|fee| moment(fee.due_cut_at));
        let negative = || moment(billing.accounts.get(&account).and_then(|state| state.negative_cut_at));
        let of_balance = available.is_negative().then(negative);
        Shortage {
            due: fee.map_or(Money::ZERO, |fee| fee.due),
            cut_at: of_fee.into_iter().chain(of_balance).min(),
        }
    }
}

/// What has to be paid so that nothing is below zero and the fee that is due is covered. A fee that is due is posted by
/// a credit, so it takes one, however small.
pub(super) fn missing(available: Money, due: Money, digits: usize) -> Money {
    let least = if due.is_positive() { Money::minor_unit(digits) } else { Money::ZERO };
    due.saturating_sub(available).max(least)
}

/// How a subscriber stands at `now`.
pub(super) fn standing(
    subscriber: &Subscriber,
    account: &Account,
    available: Money,
    shortage: &Shortage,
    now: Timestamp,
    settings: &Settings,
) -> Standing {
    let negbal = shortage.cut_at.is_some_and(|at| now >= at);
    let block = block_reason(subscriber, account, now);
    let pause = subscriber.terms.pause.filter(|pause| pause.holds_on(day_of(now, &settings.time_zone)));
    let paused = pause.is_some() && block.is_none();
    let missing = missing(available, shortage.due, settings.currency_digits);
    let (verdict, reason) = match block {
        Some(reason) => (Verdict::Blocked, Some(reason)),
        None if paused => (Verdict::Paused, Some(Reason::Paused)),
        None if negbal && shortage.due.is_positive() => (Verdict::Negbal, Some(Reason::FeeDue { missing })),
        None if negbal => (Verdict::Negbal, Some(Reason::Shortage { missing })),
        None => (Verdict::LetThrough, None),
    };
    Standing {
        negbal,
        blocked: matches!(verdict, Verdict::Blocked | Verdict::Paused),
        paused,
        verdict,
        reason,
    }
}

/// The same for somebody whose next use costs money that is not there.
pub(super) fn spent(standing: Standing, missing: Money) -> Standing {
    match standing.verdict {
        Verdict::LetThrough => Standing {
            negbal: true,
            verdict: Verdict::Negbal,
            reason: Some(Reason::Shortage { missing }),
            ..standing
        },
        _ => Standing { negbal: true, ..standing },
    }
}

fn block_reason(subscriber: &Subscriber, account: &Account, now: Timestamp) -> Option<Reason> {
    if let Some(block) = &subscriber.block {
        return Some(Reason::Administrator { text: block.reason.clone() });
    }
    if account.closed {
        return Some(Reason::AccountClosed);
    }
    if subscriber.valid_from.is_some_and(|from| now < from) {
        return Some(Reason::NotYetValid);
    }
    if subscriber.valid_until.is_some_and(|until| now >= until) {
        return Some(Reason::Expired);
    }
    None
}
