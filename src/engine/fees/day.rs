//! The fee of one subscriber for one day.

use super::super::closing::posting_day;
use super::super::ledger::{Books, Entry};
use super::lines::{Line, cover, items, sum, through, uncovered};
use super::revenue;
use crate::model::*;

/// Why a day costs no fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBack {
    Blocked,
    Paused,
}

/// Whether somebody is blocked at `at` or paused on `day`.
pub fn holds_back(subscriber: &Subscriber, account: &Account, at: Timestamp, day: Day) -> Option<HeldBack> {
    let blocked = subscriber.block.as_ref().is_some_and(|block| block.since <= at)
        || account.closed
        || subscriber.valid_from.is_some_and(|from| at < from)
        || subscriber.valid_until.is_some_and(|until| at >= until);
    if blocked {
        return Some(HeldBack::Blocked);
    }
    subscriber.terms.pause.is_some_and(|pause| pause.holds_on(day)).then_some(HeldBack::Paused)
}

/// A day to be decided upon.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub day: Day,
    /// Whose money counts: the day's 00:00, or now.
    pub at: Timestamp,
    pub now: Timestamp,
    /// When a shortage takes effect that this day's fee causes; None: at once.
    pub cut_at: Option<Timestamp>,
}

/// Posts the day's fee where it is covered, or notes that it is due.
pub(super) fn charge(
    books: &mut Books<'_>,
    subscriber: &Subscriber,
    account: &Account,
    mut fee: FeeState,
    moment: Moment,
) {
    let lines = uncovered(books.state(), subscriber, &fee, moment.day);
    let total = sum(&lines);
    // A row a day only where a day makes a difference: a free period is remembered, a free day is not.
    let free = total == Money::ZERO && lines.iter().all(|line| line.through == moment.day);
    if free && fee.due == Money::ZERO {
        return;
    }
    let before = books.available(account, moment.at);
    let covers = match on_shortage(books, subscriber) {
        OnShortage::Hold => before >= total,
        OnShortage::Debt => before.is_positive(),
    };
    let was_due = fee.due.is_positive();
    // Days in negbal are not charged, also where the rest of a period has become small enough: a credit opens.
    let kept = &books.state().billing.books;
    let shut = was_due && fee.due_cut_at.is_none_or(|cut_at| super::shifted(kept, cut_at) <= moment.at);
    fee.decided = moment.day;
    if (total == Money::ZERO || covers && !shut) && post(books, subscriber, account, &mut fee, &lines, moment)
    {
        let mut kept = books.account_state(account.id);
        if !before.is_negative() && books.available(account, moment.at).is_negative() {
            kept.negative_cut_at = moment.cut_at;
            books.put_account_state(kept);
        }
    } else {
        fee.due = total;
        // Whoever is shut, or is to be, gets no new grace.
        if !was_due {
            let negative = before.is_negative();
            fee.due_cut_at =
                if negative { books.account_state(account.id).negative_cut_at } else { moment.cut_at };
        }
    }
    books.put_fee_state(fee);
}

fn on_shortage(books: &Books<'_>, subscriber: &Subscriber) -> OnShortage {
    let plan = subscriber.plan.and_then(|id| books.state().plans.get(&id));
    plan.map_or(OnShortage::Hold, |plan| plan.on_shortage)
}

/// Posts the lines together, or none of them when a balance would leave the range of the ledger.
pub(super) fn post(
    books: &mut Books<'_>,
    subscriber: &Subscriber,
    account: &Account,
    fee: &mut FeeState,
    lines: &[Line],
    moment: Moment,
) -> bool {
    let total = sum(lines);
    let contract = books.contract_account(account);
    let revenues = [revenue::FEE, revenue::SERVICE].map(|name| books.own_account(LedgerKind::Revenue, name));
    if books.balance(contract).checked_sub(total).is_none()
        || revenues.iter().any(|revenue| books.balance(*revenue).checked_add(total).is_none())
    {
        return false;
    }
    let reference = format!("fee:{}:{}", subscriber.id, moment.day);
    for line in lines {
        let (kind, revenue) = match line.service {
            None => (TransferKind::Fee, revenues[0]),
            Some(_) => (TransferKind::Service, revenues[1]),
        };
        let entry = entry(books, kind, &reference, &line.text, moment);
        if line.amount.is_positive()
            && books.transfer(contract, revenue, contract, line.amount, entry).is_err()
        {
            return false;
        }
        cover(fee, line);
    }
    fee.services_through.retain(|(name, through)| {
        *through >= moment.day || subscriber.terms.services.iter().any(|held| held.name == *name)
    });
    fee.due = Money::ZERO;
    fee.due_cut_at = None;
    true
}

/// A day of a pause: its price, by the same rule as a fee, and what was paid ahead for the day is given back.
pub(super) fn pause(
    books: &mut Books<'_>,
    subscriber: &Subscriber,
    account: &Account,
    mut fee: FeeState,
    moment: Moment,
) {
    paid_ahead(books, subscriber, account, &fee, moment, true);
    let price = books.state().settings.billing.pause_fee;
    let before = books.available(account, moment.at);
    let covers = match on_shortage(books, subscriber) {
        OnShortage::Hold => before >= price,
        OnShortage::Debt => before.is_positive(),
    };
    if price.is_positive() && covers {
        let contract = books.contract_account(account);
        let revenue = books.own_account(LedgerKind::Revenue, revenue::PAUSE);
        let reference = format!("pause:{}:{}", subscriber.id, moment.day);
        let text = format!("Pause, {}", moment.day);
        let entry = entry(books, TransferKind::Pause, &reference, &text, moment);
        // Out of the ledger's range: a day of a pause is not worth stopping everybody's fees for.
        let _ = books.transfer(contract, revenue, contract, price, entry);
    }
    fee.decided = moment.day;
    fee.due = Money::ZERO;
    fee.due_cut_at = None;
    books.put_fee_state(fee);
}

/// Gives back the day's part of what is charged by the period and paid for already, or takes it again.
pub(super) fn paid_ahead(
    books: &mut Books<'_>,
    subscriber: &Subscriber,
    account: &Account,
    fee: &FeeState,
    moment: Moment,
    give_back: bool,
) {
    let state = books.state();
    let (day, digits) = (moment.day, state.settings.currency_digits);
    for item in items(state, subscriber, day).iter().filter(|item| item.by_period()) {
        let amount = item.of_day(day, digits);
        if through(fee, item.service).is_none_or(|through| through < day) || !amount.is_positive() {
            continue;
        }
        let (kind, name) = match item.service {
            None => (TransferKind::Fee, revenue::FEE),
            Some(_) => (TransferKind::Service, revenue::SERVICE),
        };
        let contract = books.contract_account(account);
        let revenue = books.own_account(LedgerKind::Revenue, name);
        let reference = format!("fee:{}:{day}", subscriber.id);
        let (text, debit, credit) = match give_back {
            true => (format!("{}, {day}: paused, given back", item.name), revenue, contract),
            false => (format!("{}, {day}: pause ended", item.name), contract, revenue),
        };
        let entry = entry(books, kind, &reference, &text, moment);
        // Out of the ledger's range, as above.
        let _ = books.transfer(debit, credit, contract, amount, entry);
    }
}

fn entry<'a>(
    books: &Books<'_>,
    kind: TransferKind,
    reference: &'a str,
    text: &'a str,
    moment: Moment,
) -> Entry<'a> {
    let day = posting_day(books.state(), moment.day, moment.now);
    Entry { kind, reference, text, by: "system", time: moment.now, day }
}
