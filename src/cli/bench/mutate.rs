//! Damaged requests: whatever comes back must be signed for what was sent, and the server must go on answering.
//!
//! Half of the damaged packets are signed anew, so that what stands behind the signature check is reached too.
//! After every few of them a sound Status-Server goes out and must be answered; that also keeps the generator from
//! overrunning the server's socket, where packets would be dropped unread.

use super::BenchError;
use super::args::{IDS, Mode, RadiusArgs};
use super::crypto::{Authenticator, HmacMd5};
use super::net::{Batch, Poller, connect};
use super::random::Random;
use super::reply::{Answer, Checker, Fault};
use super::report::rounded;
use super::request::{
    ACCESS_REQUEST, ACCOUNTING_REQUEST, Builder, Expected, STATUS_SERVER, authenticator_of, set_length, sign,
    users,
};
use serde::Serialize;
use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Damaged packets between two probes; they are sent in one system call.
const PROBE_EVERY: usize = 32;
const PROBE_TRIES: usize = 3;
const PROBE_WAIT_MAX: Duration = Duration::from_secs(1);
/// Sockets for each port of the server, used in turn.
const SOCKETS: usize = 16;
/// Requests remembered for each identifier of a socket: a reject may come a second after its request.
const HISTORY_MAX: usize = 64;
const GROWTH_MAX: usize = 64;
const POLL_MS: i32 = 5;
/// Values at which lengths and types go wrong.
const EDGES: [u8; 6] = [0, 1, 2, 3, 26, 255];

/// The result of a mutation run; its JSON keys are stable.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MutationReport {
    pub label: String,
    pub seed: u64,
    pub seconds: f64,
    /// Damaged requests sent.
    pub sent: u64,
    pub truncated: u64,
    pub grown: u64,
    /// Signed again after the damage.
    pub resigned: u64,
    /// Correct replies to damaged requests.
    pub replies: u64,
    pub accept: u64,
    pub reject: u64,
    pub challenge: u64,
    pub acct_ok: u64,
    pub bad_authenticator: u64,
    pub bad_msg_auth: u64,
    pub malformed_or_other: u64,
    /// Datagrams whose identifier belongs to nothing that could be answered.
    pub unasked: u64,
    /// Sound requests in between, each answered.
    pub probes: u64,
    pub probes_repeated: u64,
    pub refused: u64,
}

impl MutationReport {
    /// Replies that broke a check.
    pub fn faults(&self) -> u64 {
        self.bad_authenticator + self.bad_msg_auth + self.malformed_or_other + self.unasked
    }
}

/// Sends `--mutate` damaged requests of every kind.
///
/// # Errors
/// As [`super::radius`], and [`BenchError::Failed`] when the server no longer answers a sound request.
pub fn mutate(args: &RadiusArgs) -> Result<MutationReport, BenchError> {
    args.check()?;
    let mut run = Run::new(args)?;
    let begin = Instant::now();
    let mut left = args.mutate.unwrap_or(0);
    for number in 0.. {
        if left == 0 {
            break;
        }
        let count = usize::try_from(left).unwrap_or(PROBE_EVERY).min(PROBE_EVERY);
        left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        run.volley(number, count)?;
    }
    let end = Instant::now() + args.timeout();
    while Instant::now() < end {
        run.read(None)?;
    }
    run.report.seconds = rounded(begin.elapsed().as_secs_f64());
    Ok(run.report)
}

/// What a reply may answer.
struct Asked {
    authenticator: Authenticator,
    mode: Mode,
    /// Its number where it was sound.
    probe: Option<u64>,
}

struct Link {
    socket: UdpSocket,
    asked: Vec<VecDeque<Asked>>,
    next_id: u8,
}

/// The sockets towards one port of the server and the kinds of requests it takes.
struct Port {
    kinds: Vec<Mode>,
    links: Vec<Link>,
    poller: Poller,
}

struct Run {
    builder: Builder,
    checker: Checker,
    hmac: HmacMd5,
    secret: Vec<u8>,
    random: Random,
    ports: Vec<Port>,
    outgoing: Batch,
    incoming: Batch,
    probe_wait: Duration,
    report: MutationReport,
}

impl Run {
    fn new(args: &RadiusArgs) -> Result<Run, BenchError> {
        let logins = [Mode::Pap, Mode::Chap, Mode::Mschapv2, Mode::Status];
        let ports = match args.acct_server {
            Some(accounting) => vec![
                Port::open(args.server, &logins)?,
                Port::open(accounting, &[Mode::Acct, Mode::Acct, Mode::Acct, Mode::Status])?,
            ],
            None => vec![Port::open(args.server, &[&logins[..], &[Mode::Acct]].concat())?],
        };
        let secret = args.secret.expose().as_bytes().to_vec();
        let mut builder = Builder::new(Arc::new(args.clone()), Arc::new(users(args, true)), 0);
        builder.open_sessions(args.sessions);
        Ok(Run {
            builder,
            checker: Checker::new(args),
            hmac: HmacMd5::new(&secret),
            secret,
            random: Random::for_thread(args.seed, u64::MAX),
            ports,
            outgoing: Batch::new(PROBE_EVERY + 1),
            incoming: Batch::new(args.batch),
            probe_wait: args.timeout().min(PROBE_WAIT_MAX),
            report: MutationReport {
                label: args.label.clone(),
                seed: args.seed,
                ..MutationReport::default()
            },
        })
    }

    /// Sends `count` damaged packets and a probe from one socket, and reads until the probe is answered.
    fn volley(&mut self, number: usize, count: usize) -> Result<(), BenchError> {
        let port = number % self.ports.len().max(1);
        let link = (number / self.ports.len().max(1)) % SOCKETS;
        self.outgoing.clear();
        for turn in 0..count {
            self.queue_damaged(port, link, number.wrapping_mul(PROBE_EVERY).wrapping_add(turn));
        }
        for attempt in 0..PROBE_TRIES {
            self.report.probes_repeated += u64::from(attempt > 0);
            if self.probe(port, link)? {
                self.report.probes += 1;
                return Ok(());
            }
        }
        Err(BenchError::Failed(format!(
            "no answer to a sound Status-Server after {} damaged packets (--seed {})",
            self.report.sent, self.report.seed
        )))
    }

    fn queue_damaged(&mut self, port: usize, link: usize, turn: usize) {
        let Some(port) = self.ports.get_mut(port) else { return };
        let Some(mode) = port.kinds.get(turn % port.kinds.len().max(1)).copied() else { return };
        let (Some(link), Some(packet)) = (port.links.get_mut(link), self.outgoing.next_packet()) else {
            return;
        };
        let id = link.take_id();
        let expected = self.builder.build(mode, id, packet);
        if let Some(session) = expected.session {
            self.builder.session_answered(session);
        }
        let size = packet.len();
        damage(packet, &mut self.random);
        if let Some(octet) = packet.get_mut(1) {
            *octet = id;
        }
        if self.random.percent(50) {
            sign(packet, &self.secret, &self.hmac);
            self.report.resigned += 1;
        }
        self.report.sent += 1;
        self.report.truncated += u64::from(packet.len() < size);
        self.report.grown += u64::from(packet.len() > size);
        if let Some(authenticator) = authenticator_of(packet) {
            let mode = match packet.first() {
                Some(&ACCESS_REQUEST) => Mode::Pap,
                Some(&ACCOUNTING_REQUEST) => Mode::Acct,
                Some(&STATUS_SERVER) => Mode::Status,
                _ => return,
            };
            link.remember(id, Asked { authenticator, mode, probe: None });
        }
    }

    /// True when the probe, sent behind what is queued, was answered in time.
    fn probe(&mut self, port: usize, link: usize) -> Result<bool, BenchError> {
        let number = self.report.probes + self.report.probes_repeated;
        let Some(link) = self.ports.get_mut(port).and_then(|port| port.links.get_mut(link)) else {
            return Ok(false);
        };
        if let Some(packet) = self.outgoing.next_packet() {
            let id = link.take_id();
            let authenticator = self.builder.build(Mode::Status, id, packet).authenticator;
            link.remember(id, Asked { authenticator, mode: Mode::Status, probe: Some(number) });
        }
        self.report.refused += u64::from(self.outgoing.send(&link.socket).map_err(BenchError::system)?);
        self.outgoing.clear();
        let end = Instant::now() + self.probe_wait;
        while Instant::now() < end {
            if self.read(Some(number))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes what has come, waiting a moment when nothing has. True when `probe` was answered.
    fn read(&mut self, probe: Option<u64>) -> Result<bool, BenchError> {
        let mut answered = false;
        for port in &mut self.ports {
            port.poller.wait(if self.report.probes == 0 || probe.is_none() { POLL_MS } else { 1 });
            for link in &mut port.links {
                let refused = self.incoming.receive(&link.socket).map_err(BenchError::system)?;
                self.report.refused += u64::from(refused);
                for datagram in self.incoming.packets() {
                    let number = judge(&self.checker, link, datagram, &mut self.report);
                    answered |= number.is_some() && number == probe;
                }
            }
        }
        Ok(answered)
    }
}

impl Port {
    fn open(to: SocketAddr, kinds: &[Mode]) -> Result<Port, BenchError> {
        let mut links = Vec::with_capacity(SOCKETS);
        for _ in 0..SOCKETS {
            let asked = (0..IDS).map(|_| VecDeque::new()).collect();
            links.push(Link { socket: connect(to)?, asked, next_id: 0 });
        }
        let poller = Poller::new(links.iter().map(|link| &link.socket)).map_err(BenchError::system)?;
        Ok(Port { kinds: kinds.to_vec(), links, poller })
    }
}

impl Link {
    fn take_id(&mut self) -> u8 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }

    fn remember(&mut self, id: u8, asked: Asked) {
        if let Some(history) = self.asked.get_mut(usize::from(id)) {
            if history.len() >= HISTORY_MAX {
                history.pop_front();
            }
            history.push_back(asked);
        }
    }
}

/// Counts a datagram; gives the probe's number where it answers one.
fn judge(checker: &Checker, link: &Link, datagram: &[u8], report: &mut MutationReport) -> Option<u64> {
    let history = datagram.get(1).and_then(|id| link.asked.get(usize::from(*id)));
    let mut fault = None;
    for asked in history.into_iter().flatten().rev() {
        let expected = Expected::bare(asked.mode, asked.authenticator);
        match checker.check(datagram, &expected) {
            Ok(verified) => {
                if asked.probe.is_none() {
                    report.replies += 1;
                    match verified.answer {
                        Answer::Accept => report.accept += 1,
                        Answer::Reject => report.reject += 1,
                        Answer::Challenge => report.challenge += 1,
                        Answer::Accounting => report.acct_ok += 1,
                    }
                }
                return asked.probe;
            }
            // A wrong authenticator says that it answers another request; anything else is a fault of this one.
            Err(Fault::Authenticator) => fault = fault.or(Some(Fault::Authenticator)),
            Err(other) => fault = Some(other),
        }
    }
    match fault {
        Some(Fault::Authenticator) => report.bad_authenticator += 1,
        Some(Fault::MessageAuthenticator) => report.bad_msg_auth += 1,
        Some(Fault::Malformed) => report.malformed_or_other += 1,
        None => report.unasked += 1,
    }
    None
}

/// Changes one to three octets; cuts a quarter of the packets off somewhere, lengthens an eighth; half of those get
/// a length field that fits again.
fn damage(packet: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let place = random.below(packet.len());
        let edge = EDGES.get(random.below(EDGES.len())).copied().unwrap_or(0);
        let choice = random.below(3);
        let any = random.octet();
        if let Some(octet) = packet.get_mut(place) {
            *octet = match choice {
                0 => edge,
                1 => *octet ^ (1 << (any & 7)),
                _ => any,
            };
        }
    }
    match random.below(8) {
        0 | 1 => packet.truncate(random.below(packet.len())),
        2 => {
            for _ in 0..=random.below(GROWTH_MAX) {
                packet.push(random.octet());
            }
        }
        _ => return,
    }
    if random.percent(50) {
        set_length(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_repeatable_and_has_the_promised_shares() {
        let original: Vec<u8> = (0..120).collect();
        let mut random = Random::for_thread(7, 1);
        let mut again = Random::for_thread(7, 1);
        let (mut cut, mut grown, mut same) = (0, 0, 0);
        for _ in 0..8000 {
            let (mut packet, mut twin) = (original.clone(), original.clone());
            damage(&mut packet, &mut random);
            damage(&mut twin, &mut again);
            assert_eq!(packet, twin);
            assert!(packet.len() <= original.len() + GROWTH_MAX);
            match packet.len() {
                120 => {
                    same += 1;
                    assert!(packet.iter().zip(&original).filter(|(a, b)| a != b).count() <= 3);
                }
                length if length < 120 => cut += 1,
                _ => grown += 1,
            }
        }
        assert!((1800..2200).contains(&cut) && (850..1150).contains(&grown), "{cut} {grown} {same}");
    }
}
