//! The server: it decides a batch of commands one upon the other, takes them in, and writes them together, as the writer
//! does; and it is killed.

use super::audit::{Audit, Totals};
use super::chance::Chance;
use super::events::{Events, Group};
use super::kept::Kept;
use super::town::Town;
use crate::engine::testing::{actor, load};
use crate::engine::{Request, Settings, State, Touched, day_of};
use crate::model::*;
use std::collections::BTreeMap;

/// Commands that are written together.
const BATCH_MAX: usize = 40;
/// A repeated payment is one of so many that were made last, or of all.
const LATE_REPEAT: u64 = 20;
/// A crash at one in so many steps of the clock once the day is charged: they note that the ledger is at work.
const HEARTBEATS: u64 = 10;
const STEPS_MAX: usize = 10_000;

/// Crashes, repeats and disorder.
pub struct Chaos {
    chance: Chance,
    /// One crash in so many batches before what was decided is written, and one after it.
    crash_every: u64,
}

impl Chaos {
    pub fn new(seed: u64, crash_every: u64) -> Chaos {
        Chaos { chance: Chance::new(!seed), crash_every }
    }
}

/// What somebody wants of the server.
struct Asked {
    command: Command,
    key: Option<RequestKey>,
    /// It was answered before.
    repeat: bool,
}

type Answer = Result<Outcome, Refusal>;

pub struct Machine {
    pub state: State,
    pub crashes: u32,
    settings: Settings,
    now: Timestamp,
    kept: Kept,
    audit: Audit,
    chaos: Option<Chaos>,
    queue: Vec<Asked>,
    /// What was sent, to be sent again.
    paid: Vec<PaymentRequest>,
    heard: Vec<AccountingRecord>,
    spooled: u64,
    asked: u64,
    refusals: BTreeMap<String, u32>,
}

impl Machine {
    pub fn new(town: &Town, chaos: Option<Chaos>) -> Machine {
        let (settings, now) = (town.settings.clone(), town.eve());
        let mut machine = Machine {
            state: State::new(Snapshot::default(), settings.clone(), now),
            crashes: 0,
            settings,
            now,
            kept: Kept::default(),
            audit: Audit::default(),
            chaos,
            queue: Vec::new(),
            paid: Vec::new(),
            heard: Vec::new(),
            spooled: 0,
            asked: 0,
            refusals: BTreeMap::new(),
        };
        machine.enqueue(load(&town.data(), LoadOptions::default()));
        machine.run_queue();
        assert_eq!(machine.refusals, BTreeMap::new());
        machine.tick();
        machine
    }

    pub fn set_clock(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Everything that the clock has brought, as the writer does it.
    pub fn tick(&mut self) {
        let mut steps = 0;
        while self.state.next_clock(|| true, self.now) <= self.now {
            self.enqueue(Command::Clock { synchronised: true });
            self.run_queue();
            steps += 1;
            assert!(steps < STEPS_MAX, "the clock has no end at {:?}", self.now);
        }
        self.state.take_due(self.now);
    }

    /// What comes in an hour, in batches.
    pub fn run(&mut self, groups: Vec<Group>) {
        for group in groups {
            match group {
                Group::One(command) => self.enqueue(command),
                Group::Reversal(key) => {
                    // Who wants it knows the payment from an answer.
                    self.run_queue();
                    if let Some(transfer) = self.kept.payment(&key).map(|payment| payment.transfer) {
                        let reason = "Ошибочный платёж".into();
                        self.enqueue(Command::Correction(CorrectionCommand::Reverse { transfer, reason }));
                    }
                }
                Group::Payments(payments) => self.enqueue_payments(payments),
                Group::Usage(records) => self.enqueue_usage(records),
            }
        }
        self.run_queue();
    }

    fn enqueue(&mut self, command: Command) {
        self.asked += 1;
        let key = RequestKey { key: self.asked.to_string(), payload: [1; 32] };
        let key = has_key(&command).then_some(key);
        self.queue.push(Asked { command, key, repeat: false });
    }

    /// In another order, and some again.
    fn enqueue_payments(&mut self, mut payments: Vec<PaymentRequest>) {
        if let Some(chaos) = &mut self.chaos {
            chaos.chance.shuffle(&mut payments);
        }
        for payment in payments {
            self.enqueue(Command::Pay(payment.clone()));
            self.paid.push(payment);
            self.repeat_a_payment();
        }
    }

    /// An operator that did not hear the answer, now or long ago.
    fn repeat_a_payment(&mut self) {
        let Some(chaos) = &mut self.chaos else { return };
        if !chaos.chance.once_in(10) {
            return;
        }
        let known = self.paid.len();
        let oldest = if chaos.chance.once_in(LATE_REPEAT) { 0 } else { known.saturating_sub(10) };
        let place = oldest + chaos.chance.index(known - oldest);
        let command = Command::Pay(self.paid[place].clone());
        self.queue.push(Asked { command, key: None, repeat: true });
    }

    /// As a spool brings it; records that a NAS has sent before, now and some time ago, among them.
    fn enqueue_usage(&mut self, mut records: Vec<AccountingRecord>) {
        if let Some(chaos) = &mut self.chaos {
            let new = records.clone();
            records.append(&mut self.heard);
            records.extend(new.iter().filter(|_| chaos.chance.once_in(3)).cloned());
            chaos.chance.shuffle(&mut records);
            self.heard = new;
        }
        let entries = records.into_iter().map(|record| {
            self.spooled += 1;
            let position = SpoolPosition { epoch: 1, sequence: self.spooled };
            (position, SpoolEntry::Accounting(record))
        });
        let entries = entries.collect();
        self.enqueue(Command::Replay { edge: "edge1".into(), entries });
    }

    fn run_queue(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        let mut rest = queue.as_slice();
        while !rest.is_empty() {
            let most = match &mut self.chaos {
                Some(chaos) => chaos.chance.index(BATCH_MAX) + 1,
                None => BATCH_MAX,
            };
            let (batch, later) = rest.split_at(most.min(rest.len()));
            self.run_batch(batch);
            rest = later;
        }
    }

    /// Runs a batch once; killed before it is written, and again before it is answered.
    fn run_batch(&mut self, batch: &[Asked]) {
        if self.is_killed(batch) {
            self.decide_in_vain(batch);
            self.restart();
        }
        let answers = self.step(batch);
        for refusal in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            *self.refusals.entry(refusal.token.clone()).or_default() += 1;
        }
        if self.is_killed(batch) {
            self.restart();
            self.ask_again(batch, answers);
        }
    }

    fn is_killed(&mut self, batch: &[Asked]) -> bool {
        let Some(chaos) = &mut self.chaos else { return false };
        // Most steps of the clock note only that the ledger is at work.
        let heartbeat = matches!(batch, [Asked { command: Command::Clock { .. }, .. }]) && {
            let today = day_of(self.now, &self.settings.time_zone);
            self.state.fees_status(self.now).through == Some(today)
        };
        let seldom = if heartbeat { HEARTBEATS } else { 1 };
        chaos.chance.once_in(chaos.crash_every * seldom)
    }

    /// Killed in the midst of a batch: it was decided and taken in so far, and written nowhere. Whoever asked has no
    /// answer and asks again.
    fn decide_in_vain(&mut self, batch: &[Asked]) {
        let reached = self.chaos.as_mut().map_or(0, |chaos| chaos.chance.index(batch.len()) + 1);
        self.recall(batch);
        let (actor, mut touched) = (actor(), Touched::default());
        for asked in &batch[..reached] {
            let decided = self.state.decide_request(&asked.request(&actor), self.now);
            for change in decided.iter().flat_map(|decision| &decision.changes) {
                self.state.absorb(change, self.now, &mut touched);
            }
        }
    }

    fn restart(&mut self) {
        self.crashes += 1;
        self.state = State::new(self.kept.snapshot(), self.settings.clone(), self.now);
    }

    /// Asks the store for what the state does not remember.
    fn recall(&mut self, batch: &[Asked]) {
        let actor = actor();
        let wanted = self.state.wanted(batch.iter().map(|asked| asked.request(&actor)));
        self.state.remember(self.kept.recalled(&wanted));
    }

    fn step(&mut self, batch: &[Asked]) -> Vec<Answer> {
        self.recall(batch);
        let (actor, mut touched, mut written) = (actor(), Touched::default(), Vec::new());
        let mut decide = |asked: &Asked| {
            let decision = self.state.decide_request(&asked.request(&actor), self.now)?;
            if asked.repeat {
                assert_eq!(decision.changes, [], "{:?} was done twice", asked.command);
                assert!(matches!(decision.outcome, Outcome::Paid { repeat: true, .. }));
            }
            self.audit.note(&self.state, &decision.changes, self.now);
            for change in &decision.changes {
                self.state.absorb(change, self.now, &mut touched);
            }
            written.extend(decision.changes);
            Ok(decision.outcome)
        };
        let answers = batch.iter().map(&mut decide).collect();
        written.iter().for_each(|change| self.kept.write(change));
        answers
    }

    /// It was written and not answered. The same again has the same answer and moves nothing.
    fn ask_again(&mut self, batch: &[Asked], answers: Vec<Answer>) {
        for (place, (asked, first)) in batch.iter().zip(answers).enumerate() {
            // What nobody remembers may be answered otherwise after what came next.
            let is_last = place + 1 == batch.len();
            if matches!(asked.command, Command::Clock { .. }) || !is_last && !asked.is_remembered(&first) {
                continue;
            }
            let moved = self.audit.transfers();
            let again = self.step(std::slice::from_ref(asked)).remove(0);
            assert_eq!(self.audit.transfers(), moved, "{:?} moved money twice", asked.command);
            compare(&asked.command, first, again);
        }
    }

    pub fn audit_month(&mut self, town: &Town, events: &Events, month: Month) {
        self.audit.close(&self.state, town, events, month);
    }

    pub fn totals(&self, town: &Town) -> Totals {
        self.audit.totals(&self.state, town, &self.refusals, self.now)
    }
}

impl Asked {
    fn request<'a>(&'a self, actor: &'a Actor) -> Request<'a> {
        Request { command: &self.command, actor, key: self.key.as_ref() }
    }

    fn is_remembered(&self, answer: &Answer) -> bool {
        let names_itself = matches!(self.command, Command::Pay(_) | Command::Replay { .. });
        answer.is_ok() && (names_itself || self.request(&actor()).stored_key().is_some())
    }
}

/// What is no request of a person, or names itself, has no key.
fn has_key(command: &Command) -> bool {
    !matches!(
        command,
        Command::Pay(_) | Command::Clock { .. } | Command::Replay { .. } | Command::Load { .. }
    )
}

fn compare(command: &Command, first: Answer, again: Answer) {
    match (first, again) {
        (Ok(Outcome::Paid { payment: first, .. }), Ok(Outcome::Paid { payment: again, repeat: true })) => {
            assert_eq!(again, first);
        }
        (Ok(first), Ok(Outcome::Repeat(again))) => assert_eq!(*again, first),
        (Ok(Outcome::Replayed { applied: new, .. }), Ok(again)) => {
            assert_eq!(again, Outcome::Replayed { applied: 0, skipped: new });
        }
        (Ok(Outcome::Loaded(_)), Ok(Outcome::Loaded(again))) => {
            assert!(again.rows.iter().all(|row| row.effect == RowEffect::Unchanged));
        }
        (first, again) => assert_eq!(again, first, "{command:?}"),
    }
}
