//! One sender thread: keeps a window of requests open on several sockets, in a closed loop or at a given rate.

use super::BenchError;
use super::args::{IDS, Mode, RadiusArgs};
use super::net::{Batch, Poller, connect};
use super::reply::{Answer, Checker, Fault, Place};
use super::report::Counts;
use super::request::{Builder, Expected, User};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often requests beyond their timeout are looked for.
const EXPIRY_EVERY: Duration = Duration::from_millis(50);
/// How long replies are waited for after the last request, at most.
const DRAIN_MAX: Duration = Duration::from_secs(2);
const POLL_MS: i32 = 10;
const POLL_PACED_MS: i32 = 1;

/// One identifier of one socket.
#[derive(Clone, Default)]
enum Slot {
    #[default]
    Unused,
    Waiting {
        sent: Instant,
        expected: Box<Expected>,
    },
    Answered,
    Lost,
}

struct Link {
    socket: UdpSocket,
    slots: Vec<Slot>,
    waiting: usize,
    /// The next identifier to try: in order, so that each rests as long as it can.
    cursor: u8,
}

/// Tokens that a paced run spends on requests.
struct Pace {
    per_second: f64,
    tokens: f64,
    tokens_max: f64,
    at: Instant,
}

pub struct Worker {
    args: Arc<RadiusArgs>,
    users: Arc<Vec<User>>,
    builder: Builder,
    checker: Checker,
    links: Vec<Link>,
    poller: Poller,
    counts: Counts,
    pace: Pace,
    /// Requests that may still be sent.
    left: u64,
}

impl Worker {
    /// `number` counts the threads from 0.
    pub fn new(args: Arc<RadiusArgs>, users: Arc<Vec<User>>, number: u8) -> Result<Worker, BenchError> {
        let mut links = Vec::with_capacity(args.sockets);
        for _ in 0..args.sockets {
            let socket = connect(args.server)?;
            links.push(Link { socket, slots: vec![Slot::Unused; IDS], waiting: 0, cursor: 0 });
        }
        let poller = Poller::new(links.iter().map(|link| &link.socket)).map_err(BenchError::system)?;
        let threads = u32::try_from(args.threads).unwrap_or(1).max(1);
        let window = u32::try_from(args.window).unwrap_or(u32::MAX);
        let mut builder = Builder::new(Arc::clone(&args), Arc::clone(&users), number);
        if args.mode == Mode::Acct {
            builder.open_sessions(args.sessions.div_ceil(args.threads));
        }
        Ok(Worker {
            checker: Checker::new(&args),
            builder,
            links,
            poller,
            counts: Counts::default(),
            pace: Pace {
                per_second: args.rate / f64::from(threads),
                tokens: 0.0,
                tokens_max: f64::from(window),
                at: Instant::now(),
            },
            left: if args.count == 0 { u64::MAX } else { args.count.div_ceil(u64::from(threads)) },
            args,
            users,
        })
    }

    /// Runs from `begin`; what happens before the warm-up's end is not counted.
    pub fn run(mut self, begin: Instant) -> Result<Counts, BenchError> {
        let start = begin + Duration::from_secs_f64(self.args.warmup);
        let stop = start + Duration::from_secs_f64(self.args.seconds);
        let give_up = stop + self.args.timeout().min(DRAIN_MAX);
        let mut outgoing = Batch::new(self.args.batch);
        let mut incoming = Batch::new(self.args.batch);
        let mut expiry = begin + EXPIRY_EVERY;
        let mut counted = false;
        let mut now = Instant::now();
        self.pace.at = now;
        loop {
            if !counted && now >= start {
                counted = true;
                self.counts = Counts { refused: self.counts.refused, ..Counts::default() };
            }
            let idle = self.links.iter().all(|link| link.waiting == 0);
            if now >= give_up || idle && (now >= stop || self.left == 0) {
                break;
            }
            if now < stop {
                self.pace.refill(now);
                self.fill(&mut outgoing).map_err(BenchError::system)?;
            }
            self.poller.wait(if self.pace.per_second > 0.0 { POLL_PACED_MS } else { POLL_MS });
            now = Instant::now();
            self.read(&mut incoming, now).map_err(BenchError::system)?;
            if now >= expiry {
                expiry = now + EXPIRY_EVERY;
                self.expire(now);
            }
        }
        for link in &self.links {
            self.counts.lost += u64::try_from(link.waiting).unwrap_or(0);
        }
        Ok(self.counts)
    }

    /// Opens as many requests as window, pace and count allow.
    fn fill(&mut self, batch: &mut Batch) -> std::io::Result<()> {
        let window = self.args.window_per_socket();
        for link in &mut self.links {
            // Each turn but the last fills a batch, so a socket's window bounds the turns.
            while link.waiting < window && self.left > 0 && self.pace.allows() {
                batch.clear();
                while link.waiting < window && self.left > 0 && self.pace.allows() {
                    let Some(packet) = batch.next_packet() else { break };
                    let id = link.free_id();
                    let expected = Box::new(self.builder.build(self.args.mode, id, packet));
                    link.set(id, Slot::Waiting { sent: Instant::now(), expected });
                    link.waiting += 1;
                    self.left -= 1;
                    self.pace.tokens -= 1.0;
                    self.counts.sent += 1;
                    if self.builder.random.percent(self.args.dup_percent) && batch.repeat() {
                        self.counts.dups_sent += 1;
                    }
                }
                self.counts.refused += u64::from(batch.send(&link.socket)?);
            }
        }
        Ok(())
    }

    fn read(&mut self, batch: &mut Batch, now: Instant) -> std::io::Result<()> {
        for number in 0..self.links.len() {
            // A server cannot have more answers under way than a socket has identifiers, copies aside.
            for _ in 0..IDS {
                let Some(link) = self.links.get(number) else { break };
                self.counts.refused += u64::from(batch.receive(&link.socket)?);
                for datagram in batch.packets() {
                    self.take(number, datagram, now);
                }
                if !batch.is_full() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, number: usize, datagram: &[u8], now: Instant) {
        let slot = datagram
            .get(1)
            .and_then(|id| self.links.get_mut(number).and_then(|link| link.slots.get_mut(usize::from(*id))));
        let Some(slot) = slot else {
            self.counts.malformed_or_other += 1;
            return;
        };
        match std::mem::take(slot) {
            Slot::Waiting { sent, expected } => {
                if self.args.no_verify
                    || judge(&mut self.counts, &self.checker, &self.args, &self.users, datagram, &expected)
                {
                    *slot = Slot::Answered;
                    self.counts.replies += 1;
                    let micros = now.saturating_duration_since(sent).as_micros();
                    self.counts.latency.add(u64::try_from(micros).unwrap_or(u64::MAX));
                    if let Some(session) = expected.session {
                        self.builder.session_answered(session);
                    }
                    if let Some(link) = self.links.get_mut(number) {
                        link.waiting -= 1;
                    }
                } else {
                    // Forged or damaged: the true reply may still come.
                    *slot = Slot::Waiting { sent, expected };
                }
            }
            Slot::Answered => {
                *slot = Slot::Answered;
                self.counts.dup_replies += 1;
            }
            other => {
                *slot = other;
                self.counts.late += 1;
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        let timeout = self.args.timeout();
        for link in &mut self.links {
            for slot in &mut link.slots {
                match std::mem::take(slot) {
                    Slot::Waiting { sent, expected } if now.saturating_duration_since(sent) > timeout => {
                        *slot = Slot::Lost;
                        link.waiting -= 1;
                        self.counts.lost += 1;
                        if let Some(session) = expected.session {
                            self.builder.session_unanswered(session);
                        }
                    }
                    other => *slot = other,
                }
            }
        }
    }
}

impl Link {
    /// The window is at most the number of identifiers, so one is free.
    fn free_id(&mut self) -> u8 {
        let mut id = self.cursor;
        for _ in 0..IDS {
            if !matches!(self.slots.get(usize::from(id)), Some(Slot::Waiting { .. })) {
                break;
            }
            id = id.wrapping_add(1);
        }
        self.cursor = id.wrapping_add(1);
        id
    }

    fn set(&mut self, id: u8, value: Slot) {
        if let Some(slot) = self.slots.get_mut(usize::from(id)) {
            *slot = value;
        }
    }
}

impl Pace {
    fn refill(&mut self, now: Instant) {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + earned).min(self.tokens_max);
        self.at = now;
    }

    fn allows(&self) -> bool {
        self.per_second == 0.0 || self.tokens >= 1.0
    }
}

/// Counts what the datagram is. False: it is no reply to this request.
fn judge(
    counts: &mut Counts,
    checker: &Checker,
    args: &RadiusArgs,
    users: &[User],
    datagram: &[u8],
    expected: &Expected,
) -> bool {
    let verified = match checker.check(datagram, expected) {
        Ok(verified) => verified,
        Err(fault) => {
            match fault {
                Fault::Malformed => counts.malformed_or_other += 1,
                Fault::Authenticator => counts.bad_authenticator += 1,
                Fault::MessageAuthenticator => counts.bad_msg_auth += 1,
            }
            return false;
        }
    };
    match verified.message_authenticator {
        Place::First => {}
        Place::Later => counts.msg_auth_not_first += 1,
        Place::Absent => counts.no_msg_auth += u64::from(expected.mode != Mode::Acct),
    }
    match verified.answer {
        Answer::Accept => {
            counts.accept += 1;
            counts.wrong_verdict += u64::from(!expected.accept);
            if expected.mschap.is_some() && counts.replies.is_multiple_of(args.sample) {
                counts.mschap_checked += 1;
                counts.mschap_bad += u64::from(!checker.mschap_holds(datagram, expected, users));
            }
        }
        Answer::Reject => {
            counts.reject += 1;
            counts.wrong_verdict += u64::from(expected.accept);
        }
        Answer::Accounting => counts.acct_ok += 1,
        // None of our logins is a conversation.
        Answer::Challenge => counts.malformed_or_other += 1,
    }
    true
}
