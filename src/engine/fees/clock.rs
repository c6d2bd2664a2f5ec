//! What the clock brings, in order of time and one bounded step at a time: promises lapse, days are charged.
//!
//! How far the run of a day has come is kept in [`BooksState`] and written with what the step posts, so a crash between
//! two steps neither skips nor doubles anybody.

use super::super::calendar::{day_of, midnight};
use super::super::ledger::Books;
use super::super::{Decision, State, outbox, packages, reservations, terms};
use super::cuts;
use super::day::{self, HeldBack, Moment, holds_back};
use super::lines::covered;
use super::settle::{end_promise, promise_lapses};
use crate::model::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Subscribers charged, or promises ended, by one command: payments go in between.
pub(super) const STEP_MAX: usize = 1_000;
/// How often the ledger notes that it is at work.
const HEARTBEAT: Duration = Duration::from_secs(600);

/// Why fees are not charged although a day has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeesHeld {
    /// The machine's clock does not say that it is right.
    ClockNotSynchronised,
    /// More days are missing than are made up without an operator's word.
    GapTooLong,
}

/// Where the fees of the whole ledger stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeesStatus {
    /// The last day that everybody has been charged for.
    pub through: Option<Day>,
    pub held: Option<FeesHeld>,
    #[serde(skip)]
    pub outage_until: Option<Timestamp>,
    #[serde(skip)]
    pub panic_since: Option<Timestamp>,
}

/// What comes next.
enum Step {
    Lapse(Timestamp),
    Run(Day),
}

/// What the clock brings.
pub fn clock(state: &State, synchronised: bool, now: Timestamp) -> Decision {
    let kept = &state.billing.books;
    let trusted = trusts(state, synchronised);
    let mut books = Books::new(state);
    let mut next = cuts::outage_noticed(kept, &state.settings, now).unwrap_or_else(|| kept.clone());
    if heartbeat_due(kept, now) {
        next.alive = now;
    }
    if next.fees_through.is_none() {
        // The first day of this ledger's fees: it counts as paid.
        next.fees_through = Some(day_of(now, &state.settings.time_zone));
    }
    let run = next_run(state).filter(|(_, at)| *at <= now);
    let held = run.and_then(|(day, _)| held(state, day, trusted, now));
    next.unsynchronised_since = match held {
        Some(FeesHeld::ClockNotSynchronised) => next.unsynchronised_since.or(Some(now)),
        _ => None,
    };
    match next_step(state, run.filter(|_| held.is_none()), now) {
        Some(Step::Lapse(until)) => lapse(&mut books, until),
        Some(Step::Run(day)) => run_step(&mut books, &mut next, day, now),
        None => outbox::notices(&mut books, &mut next, now),
    }
    packages::expire(&mut books, now);
    reservations::expire(&mut books, now);
    if next != *kept {
        books.changes.push(Change::Books(next));
    }
    let changed = !books.changes.is_empty();
    Decision { outcome: Outcome::Done { changed }, changes: books.changes }
}

impl State {
    /// When [`Command::Clock`] has something to do next.
    /// The machine's clock is asked only when a day's fees wait for it.
    pub fn next_clock(&self, synchronised: impl FnOnce() -> bool, now: Timestamp) -> Timestamp {
        let books = &self.billing.books;
        let mut at = books.alive.saturating_add(HEARTBEAT);
        if heartbeat_due(books, now) || books.fees_through.is_none() {
            return now;
        }
        if let Some((until, _)) = self.billing.promises().next() {
            at = at.min(until);
        }
        for end in self.next_package_end().into_iter().chain(self.next_pending_end()) {
            at = at.min(end);
        }
        at = at.min(outbox::next_notices(self, now).unwrap_or(at));
        if let Some((day, begins)) = next_run(self) {
            let held = if begins <= now { held(self, day, trusts(self, synchronised()), now) } else { None };
            let to_be_noted = match held {
                None => true,
                Some(FeesHeld::ClockNotSynchronised) => books.unsynchronised_since.is_none(),
                Some(FeesHeld::GapTooLong) => false,
            };
            if to_be_noted {
                at = at.min(begins);
            }
        }
        at
    }

    /// Where the fees stand, for people.
    pub fn fees_status(&self, now: Timestamp) -> FeesStatus {
        let books = &self.billing.books;
        let run = next_run(self).filter(|(_, at)| *at <= now);
        FeesStatus {
            through: books.fees_through,
            held: run.and_then(|(day, _)| held(self, day, books.unsynchronised_since.is_none(), now)),
            outage_until: books.outage_until.filter(|until| *until > now),
            panic_since: books.panic_since,
        }
    }
}

fn trusts(state: &State, synchronised: bool) -> bool {
    synchronised || !state.settings.billing.require_synchronised_clock
}

/// The clock may have been set back: then the heartbeat is due too.
fn heartbeat_due(books: &BooksState, now: Timestamp) -> bool {
    now < books.alive || now.since(books.alive) >= HEARTBEAT
}

/// The day to be charged next, and when it begins.
fn next_run(state: &State) -> Option<(Day, Timestamp)> {
    let day = state.billing.books.fees_through?.next();
    Some((day, midnight(day, &state.settings.time_zone)))
}

pub(super) fn held(state: &State, day: Day, trusted: bool, now: Timestamp) -> Option<FeesHeld> {
    if !trusted {
        return Some(FeesHeld::ClockNotSynchronised);
    }
    let today = day_of(now, &state.settings.time_zone);
    // Days to be made up, today included.
    let gap = today.since(day).saturating_add(1);
    let allowed = state.billing.books.catch_up_through.is_some_and(|through| day <= through);
    (gap > state.settings.billing.catch_up_days_max && !allowed).then_some(FeesHeld::GapTooLong)
}

fn next_step(state: &State, run: Option<(Day, Timestamp)>, now: Timestamp) -> Option<Step> {
    let lapse = state.billing.promises().next().map(|(until, _)| until).filter(|until| *until <= now);
    match (lapse, run) {
        (Some(until), Some((day, begins))) if begins < until => Some(Step::Run(day)),
        (Some(until), _) => Some(Step::Lapse(until)),
        (None, Some((day, _))) => Some(Step::Run(day)),
        (None, None) => None,
    }
}

/// Ends the promises that lapse at `until`.
fn lapse(books: &mut Books<'_>, until: Timestamp) {
    let at_once = books.state().billing.promises().take_while(|(at, _)| *at == until).take(STEP_MAX);
    for account in at_once.map(|(_, account)| account).collect::<Vec<_>>() {
        promise_lapses(books, account, until);
    }
}

/// Charges the next subscribers of a day's run.
fn run_step(books: &mut Books<'_>, next: &mut BooksState, day: Day, now: Timestamp) {
    let state = books.state();
    let at = midnight(day, &state.settings.time_zone);
    let moment = Moment { day, at, now, cut_at: Some(cuts::of_fee(state, at, now)) };
    let ids: Vec<SubscriberId> = state.subscribers_after(next.fees_after).take(STEP_MAX).collect();
    for id in &ids {
        run_one(books, *id, moment);
    }
    if ids.len() == STEP_MAX {
        next.fees_after = ids.last().copied();
    } else {
        next.fees_after = None;
        next.fees_through = Some(day);
        next.catch_up_through = next.catch_up_through.filter(|through| day < *through);
    }
}

fn run_one(books: &mut Books<'_>, id: SubscriberId, moment: Moment) {
    let Some(mut subscriber) = books.subscriber(id) else { return };
    if subscriber.terms.next_plan.is_some_and(|(_, from)| from <= moment.day) {
        terms::begin_plan(books, id, moment.day, moment.now);
        let Some(changed) = books.subscriber(id) else { return };
        subscriber = changed;
    }
    let Some(account) = books.account(subscriber.account) else { return };
    let fee = books.fee_state(id);
    let mut fee = fee.unwrap_or_else(|| covered(books.state(), &subscriber, moment.day.plus(-1)));
    if fee.decided >= moment.day {
        return;
    }
    match holds_back(&subscriber, &account, moment.at, moment.day) {
        Some(HeldBack::Paused) => day::pause(books, &subscriber, &account, fee, moment),
        Some(HeldBack::Blocked) => {
            // Decided when the block ends.
            if fee.due.is_positive() {
                fee.due = Money::ZERO;
                fee.due_cut_at = None;
                books.put_fee_state(fee);
            }
        }
        None => {
            day::charge(books, &subscriber, &account, fee, moment);
            end_promise(books, &account, moment.day, moment.at);
        }
    }
}
