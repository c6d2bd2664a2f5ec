//! The server: it decides, writes, and takes in, as the writer does; and it is killed.

use super::audit::{Audit, Totals};
use super::chance::Chance;
use super::events::{Events, Group};
use super::kept::Kept;
use super::town::Town;
use crate::engine::testing::{actor, load};
use crate::engine::{Request, Settings, State, Touched, day_of};
use crate::model::*;
use std::collections::BTreeMap;

/// A repeated payment is one of so many that were made last, or of all.
const LATE_REPEAT: u64 = 20;
/// A crash at one in so many steps of the clock once the day is charged: they note that the ledger is at work.
const HEARTBEATS: u64 = 10;
const STEPS_MAX: usize = 10_000;

/// Crashes, repeats and disorder.
pub struct Chaos {
    chance: Chance,
    /// One crash in so many steps before what was decided is written, and one after it.
    crash_every: u64,
}

impl Chaos {
    pub fn new(seed: u64, crash_every: u64) -> Chaos {
        Chaos { chance: Chance::new(!seed), crash_every }
    }
}

pub struct Machine {
    pub state: State,
    pub crashes: u32,
    settings: Settings,
    now: Timestamp,
    kept: Kept,
    audit: Audit,
    chaos: Option<Chaos>,
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
            paid: Vec::new(),
            heard: Vec::new(),
            spooled: 0,
            asked: 0,
            refusals: BTreeMap::new(),
        };
        machine.run(&load(&town.data(), LoadOptions::default()));
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
            self.run(&Command::Clock { synchronised: true });
            steps += 1;
            assert!(steps < STEPS_MAX, "the clock has no end at {:?}", self.now);
        }
        self.state.take_due(self.now);
    }

    pub fn run_group(&mut self, group: Group) {
        match group {
            Group::One(command) => self.run(&command),
            Group::Reversal(key) => {
                if let Some(transfer) = self.kept.payment(&key).map(|payment| payment.transfer) {
                    let reason = "Ошибочный платёж".into();
                    self.run(&Command::Correction(CorrectionCommand::Reverse { transfer, reason }));
                }
            }
            Group::Payments(payments) => self.run_payments(payments),
            Group::Usage(records) => self.run_usage(records),
        }
    }

    /// In another order, and some again.
    fn run_payments(&mut self, mut payments: Vec<PaymentRequest>) {
        if let Some(chaos) = &mut self.chaos {
            chaos.chance.shuffle(&mut payments);
        }
        for payment in payments {
            self.run(&Command::Pay(payment.clone()));
            self.paid.push(payment);
            self.repeat_a_payment();
        }
    }

    /// As a spool brings it; records that a NAS has sent before, now and some time ago, among them.
    fn run_usage(&mut self, mut records: Vec<AccountingRecord>) {
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
        let command = Command::Replay { edge: "edge1".into(), entries: entries.collect() };
        self.run(&command);
    }

    /// Runs a command once; killed before it is written, and again before it is answered.
    fn run(&mut self, command: &Command) {
        self.asked += 1;
        let key = RequestKey { key: self.asked.to_string(), payload: [1; 32] };
        let key = has_key(command).then_some(key);
        if self.is_killed(command) {
            // Decided, and written nowhere: whoever asked has no answer and asks again.
            let _ = self.state.decide(command, &actor(), self.now);
            self.restart();
        }
        let answer = self.step(command, key.as_ref());
        if let Err(refusal) = &answer {
            *self.refusals.entry(refusal.token.clone()).or_default() += 1;
        }
        if self.is_killed(command) {
            self.restart();
            if !matches!(command, Command::Clock { .. }) {
                self.ask_again(command, key.as_ref(), answer);
            }
        }
    }

    fn is_killed(&mut self, command: &Command) -> bool {
        let Some(chaos) = &mut self.chaos else { return false };
        // Most steps of the clock note only that the ledger is at work.
        let today = day_of(self.now, &self.settings.time_zone);
        let charged = self.state.fees_status(self.now).through == Some(today);
        let heartbeat = charged && matches!(command, Command::Clock { .. });
        let seldom = if heartbeat { HEARTBEATS } else { 1 };
        chaos.chance.once_in(chaos.crash_every * seldom)
    }

    fn restart(&mut self) {
        self.crashes += 1;
        self.state = State::new(self.kept.snapshot(), self.settings.clone(), self.now);
    }

    fn step(&mut self, command: &Command, key: Option<&RequestKey>) -> Result<Outcome, Refusal> {
        let actor = actor();
        let request = Request { command, actor: &actor, key };
        let wanted = self.state.wanted(std::iter::once(request));
        self.state.remember(self.kept.recalled(&wanted));
        let decision = self.state.decide_request(&request, self.now)?;
        self.audit.note(&self.state, &decision.changes, self.now);
        let mut touched = Touched::default();
        for change in &decision.changes {
            self.state.absorb(change, self.now, &mut touched);
        }
        for change in decision.changes {
            self.kept.write(change);
        }
        Ok(decision.outcome)
    }

    /// It was written and not answered. The same again has the same answer and moves nothing.
    fn ask_again(&mut self, command: &Command, key: Option<&RequestKey>, first: Result<Outcome, Refusal>) {
        let moved = self.audit.transfers();
        let again = self.step(command, key);
        assert_eq!(self.audit.transfers(), moved, "{command:?} moved money twice");
        match (first, again) {
            (
                Ok(Outcome::Paid { payment: first, .. }),
                Ok(Outcome::Paid { payment: again, repeat: true }),
            ) => {
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
        let moved = self.audit.transfers();
        match self.step(&command, None) {
            Ok(Outcome::Paid { repeat: true, .. }) => assert_eq!(self.audit.transfers(), moved),
            other => panic!("{command:?} was repeated and answered with {other:?}"),
        }
    }

    pub fn audit_month(&mut self, town: &Town, events: &Events, month: Month) {
        self.audit.close(&self.state, town, events, month);
    }

    pub fn totals(&self, town: &Town) -> Totals {
        self.audit.totals(&self.state, town, &self.refusals, self.now)
    }
}

/// What is no request of a person, or names itself, has no key.
fn has_key(command: &Command) -> bool {
    !matches!(
        command,
        Command::Pay(_) | Command::Clock { .. } | Command::Replay { .. } | Command::Load { .. }
    )
}
