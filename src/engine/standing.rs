//! Let through, out of money, paused or blocked (rules.md, States).

use super::calendar::day_of;
use crate::model::*;
use jiff::tz::TimeZone;

/// `b + c`, with the credit limit while its term lasts; an open promise comes on top of it.
pub fn available(account: &Account, balance: Money, now: Timestamp) -> Money {
    balance.saturating_add(account.credit_at(now))
}

/// How a subscriber stands at `now`.
pub(super) fn standing(
    subscriber: &Subscriber,
    account: &Account,
    available: Money,
    now: Timestamp,
    zone: &TimeZone,
) -> Standing {
    let negbal = available.is_negative();
    let block = block_reason(subscriber, account, now);
    let pause = subscriber.terms.pause.filter(|pause| pause.holds_on(day_of(now, zone)));
    let paused = pause.is_some() && block.is_none();
    let (verdict, reason) = match block {
        Some(reason) => (Verdict::Blocked, Some(reason)),
        None if paused => (Verdict::Paused, Some(Reason::Paused)),
        None if negbal => {
            let missing = available.checked_neg().unwrap_or(Money::MAX);
            (Verdict::Negbal, Some(Reason::Shortage { missing }))
        }
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
