//! The deliveries to one target: a thread that knows what is under way, and a few that are busy with it.
//!
//! The lane's thread alone reads pages of the store and hands results in, one after the other. So a page is never older
//! than the results before it, and nothing that was delivered is read as pending again.

use super::retry::{self, Health};
use super::{Attempt, Parcel, STOP_WAIT, Way};
use crate::model::*;
use crate::operations::Operations;
use crate::storage::OutboxRow;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Items handed to a target's threads at most; their results are written together.
const GIVEN_MAX: usize = 64;
/// Items read at a time; more than can be given.
const PAGE_MAX: usize = 256;
/// Accounts of which something waits for an earlier event; beyond that order is not kept.
const HELD_MAX: usize = 10_000;
/// After so many attempts at an event, later ones of its account no longer wait for it.
const ORDERED_ATTEMPTS_MAX: u32 = 4;
/// And they wait no longer than this after its next attempt was due.
const ORDERED_GRACE: Duration = Duration::from_secs(60);
/// Nothing to wait for: look now and then, because the clock may have been set.
const IDLE: Duration = Duration::from_secs(60);
/// Pause after the store could not be asked or told.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// Longest text of an error that is kept, octets.
const ERROR_OCTETS_MAX: usize = 300;

enum Message {
    /// There may be something new.
    Look,
    Finished(OutboxRow, Attempt),
    Stop,
}

/// A lane that was started.
pub struct Running {
    inbox: SyncSender<Message>,
    thread: JoinHandle<()>,
}

impl Running {
    pub fn look(&self) {
        // A full inbox wakes it as well.
        let _ = self.inbox.try_send(Message::Look);
    }

    /// Begins no further delivery.
    pub fn halt(&self) {
        // Its thread takes messages until it has got this one.
        let _ = self.inbox.send(Message::Stop);
    }

    /// Waits for what is under way, but not for long. [`Running::halt`] comes first.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a lane of the outbox ended badly");
        }
    }
}

pub struct Lane {
    name: String,
    operations: Arc<Operations>,
    inbox: Receiver<Message>,
    work: SyncSender<OutboxRow>,
    /// Set by whoever meets trouble, so that what was given already is not tried in vain.
    halted: Arc<AtomicBool>,
    /// Events under way or with results that are not written yet.
    given: HashMap<i64, Option<AccountId>>,
    results: Vec<Delivery>,
    health: Health,
    /// Events that are tried again soon, by account, and until when others wait for them.
    held: HashMap<AccountId, (i64, Timestamp)>,
    gone: bool,
}

impl Lane {
    /// Starts the lane's thread and `at_once` others.
    pub fn start(
        name: &str,
        at_once: usize,
        way: Arc<dyn Way>,
        operations: Arc<Operations>,
    ) -> io::Result<Running> {
        let (sender, inbox) = sync_channel(GIVEN_MAX + 2);
        let (work, taken) = sync_channel::<OutboxRow>(GIVEN_MAX);
        let taken = Arc::new(Mutex::new(taken));
        let halted = Arc::new(AtomicBool::new(false));
        for _ in 0..at_once {
            let courier = Courier {
                work: Arc::clone(&taken),
                way: Arc::clone(&way),
                clock: Arc::clone(&operations.clock),
                halted: Arc::clone(&halted),
                finished: sender.clone(),
            };
            std::thread::Builder::new().name("courier".into()).spawn(move || courier.run())?;
        }
        let lane = Lane {
            name: name.to_owned(),
            operations,
            inbox,
            work,
            halted,
            given: HashMap::new(),
            results: Vec::new(),
            health: Health::default(),
            held: HashMap::new(),
            gone: false,
        };
        let thread = std::thread::Builder::new().name("outbox".into()).spawn(move || lane.run())?;
        Ok(Running { inbox: sender, thread })
    }

    fn run(mut self) {
        let mut wait = Duration::ZERO;
        loop {
            let mut message = match self.inbox.recv_timeout(wait) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            while let Some(next) = message {
                match next {
                    Message::Look => {}
                    Message::Finished(row, attempt) => self.note(row, attempt),
                    Message::Stop => return self.finish(),
                }
                message = self.inbox.try_recv().ok();
            }
            wait = if self.hand_in() { self.hand_out() } else { STORE_PAUSE };
        }
    }

    /// Writes what has come in, and ends.
    fn finish(mut self) {
        self.halted.store(true, Ordering::Relaxed);
        let until = Instant::now() + STOP_WAIT;
        while self.given.len() > self.results.len() {
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Message::Finished(row, attempt)) => self.note(row, attempt),
                Ok(Message::Look | Message::Stop) => {}
                Err(_) => break,
            }
        }
        self.hand_in();
    }

    /// Takes in what an attempt came to.
    fn note(&mut self, row: OutboxRow, attempt: Attempt) {
        let now = self.operations.clock.now();
        let attempts = row.attempts.saturating_add(1);
        let over = |state, error| Delivery { key: row.key.clone(), state, attempts, at: now, error };
        let result = match attempt {
            Attempt::NotMade => {
                self.given.remove(&row.key.event);
                return;
            }
            Attempt::Done => {
                self.health.succeeded();
                over(DeliveryState::Done, String::new())
            }
            Attempt::Gone => {
                self.gone = true;
                self.halted.store(true, Ordering::Relaxed);
                over(DeliveryState::Failed, "410 Gone: the receiver wants no more".to_owned())
            }
            Attempt::Refused(why) => {
                tracing::warn!(
                    target = self.name,
                    event = row.key.event,
                    why,
                    "an event was refused for good"
                );
                over(DeliveryState::Failed, shortened(&why))
            }
            Attempt::Again { why, trouble, after } => {
                if self.health.failed(trouble, now) {
                    self.halted.store(true, Ordering::Relaxed);
                }
                tracing::warn!(
                    target = self.name,
                    event = row.key.event,
                    attempts,
                    why,
                    "an event was not delivered"
                );
                let error = shortened(&why);
                match retry::wait(row.key.event, attempts, after) {
                    Some(wait) => {
                        Delivery { at: now.saturating_add(wait), ..over(DeliveryState::Pending, error) }
                    }
                    None => over(DeliveryState::Failed, error),
                }
            }
        };
        self.hold(row.account, &result, now);
        self.results.push(result);
    }

    /// Later events of an account wait for one that is tried again soon.
    fn hold(&mut self, account: Option<AccountId>, result: &Delivery, now: Timestamp) {
        let Some(account) = account else { return };
        let event = result.key.event;
        if result.state == DeliveryState::Pending && result.attempts < ORDERED_ATTEMPTS_MAX {
            if self.held.len() >= HELD_MAX {
                self.held.retain(|_, (_, until)| *until > now);
            }
            if self.held.len() < HELD_MAX {
                self.held.insert(account, (event, result.at.saturating_add(ORDERED_GRACE)));
            }
        } else if self.held.get(&account).is_some_and(|(first, _)| *first == event) {
            self.held.remove(&account);
        }
    }

    /// Hands results in to the ledger; false: that was not possible, and they are handed in again.
    fn hand_in(&mut self) -> bool {
        if !self.results.is_empty() {
            let command = Command::Outbox(OutboxCommand::Delivered(self.results.clone()));
            if let Err(error) = self.operations.writer.call_blocking(command, Actor::system()) {
                tracing::warn!(%error, target = self.name, "what became of deliveries is not written yet");
                return false;
            }
            for result in self.results.drain(..) {
                self.given.remove(&result.key.event);
            }
        }
        if self.gone {
            let note = "the receiver answered 410 Gone".to_owned();
            let target = DisabledTarget { name: self.name.clone(), since: self.operations.clock.now(), note };
            tracing::error!(target = self.name, "410 Gone: nothing more is sent there until it is enabled");
            let command = Command::Outbox(OutboxCommand::Disable(target));
            if self.operations.writer.call_blocking(command, Actor::system()).is_err() {
                return false;
            }
            self.gone = false;
        }
        true
    }

    /// Gives what is due to the couriers; how long there is nothing to do here.
    fn hand_out(&mut self) -> Duration {
        let now = self.operations.clock.now();
        if let Some(until) = self.health.paused_until(now) {
            return until.since(now).min(IDLE);
        }
        let most = if self.health.is_probing() { 1 } else { GIVEN_MAX };
        // Half of them, so that a page is not read for each that is finished.
        if self.given.len() > most / 2 {
            return IDLE;
        }
        let page = match self.operations.reader.outbox_pending(&self.name, PAGE_MAX) {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "the outbox cannot be read");
                return STORE_PAUSE;
            }
        };
        self.halted.store(false, Ordering::Relaxed);
        let full = page.len() >= PAGE_MAX;
        let next = page.iter().map(|row| row.next_at).find(|at| *at > now);
        let mut due: Vec<OutboxRow> = page.into_iter().filter(|row| row.next_at <= now).collect();
        // One that comes again was before those that wait for it.
        due.sort_by_key(|row| row.key.event);
        let mut given = self.give(&due, most, |lane, row| lane.waits_for_another(row, now));
        if given == 0 && full && self.given.is_empty() {
            // Nothing but events that wait for one: those behind them are not to wait too.
            given = self.give(&due, most, |_, _| false);
        }
        match next {
            Some(at) if given == 0 => at.since(now).min(IDLE),
            _ => IDLE,
        }
    }

    fn give(&mut self, due: &[OutboxRow], most: usize, waits: impl Fn(&Lane, &OutboxRow) -> bool) -> usize {
        let mut busy: HashSet<AccountId> = self.given.values().copied().flatten().collect();
        let mut given = 0;
        for row in due {
            if self.given.len() >= most {
                break;
            }
            if self.given.contains_key(&row.key.event) {
                continue;
            }
            if row.account.is_some_and(|account| busy.contains(&account)) || waits(self, row) {
                // Those after it of the same account come after it.
                busy.extend(row.account);
                continue;
            }
            busy.extend(row.account);
            if self.work.try_send(row.clone()).is_err() {
                break;
            }
            self.given.insert(row.key.event, row.account);
            given += 1;
        }
        given
    }

    fn waits_for_another(&self, row: &OutboxRow, now: Timestamp) -> bool {
        let held = row.account.and_then(|account| self.held.get(&account));
        held.is_some_and(|(first, until)| *first < row.key.event && now < *until)
    }
}

/// The start of a text, at most so long, cut between characters.
fn shortened(text: &str) -> String {
    let mut end = text.len().min(ERROR_OCTETS_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Takes items from the lane and delivers them.
struct Courier {
    work: Arc<Mutex<Receiver<OutboxRow>>>,
    way: Arc<dyn Way>,
    clock: Arc<dyn Clock>,
    halted: Arc<AtomicBool>,
    finished: SyncSender<Message>,
}

impl Courier {
    fn run(self) {
        loop {
            // The one who waits holds the lock; the others wait for it.
            let row = self.work.lock().recv();
            let Ok(row) = row else { return };
            let attempt =
                if self.halted.load(Ordering::Relaxed) { Attempt::NotMade } else { self.attempt(&row) };
            if matches!(attempt, Attempt::Again { trouble: true, .. }) {
                self.halted.store(true, Ordering::Relaxed);
            }
            if self.finished.send(Message::Finished(row, attempt)).is_err() {
                return;
            }
        }
    }

    fn attempt(&self, row: &OutboxRow) -> Attempt {
        let id = OutboxItem::id(row.key.event, row.at);
        self.way.deliver(&Parcel { id: &id, now: self.clock.now(), body: &row.body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_cut_between_characters() {
        assert_eq!(shortened("no"), "no");
        let long = "ё".repeat(ERROR_OCTETS_MAX);
        assert_eq!(shortened(&format!("x{long}")).len(), ERROR_OCTETS_MAX - 1);
        assert_eq!(shortened(&long).len(), ERROR_OCTETS_MAX);
    }
}
