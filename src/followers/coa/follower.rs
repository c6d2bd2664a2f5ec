//! The follower: from changes to requests, from answers to results. It owns no socket but is lent them.

use super::lane::{Flight, Job, Lane, Order, TRIES_MAX};
use super::packet::write_change;
use super::told::{Applications, Told, Treatment};
use super::{Settings, Sockets};
use crate::directory::{Cursor, Entry, Inner, NasEntry, NasNotice};
use crate::model::{Session, SessionKey, SubscriberId, Vendor};
use crate::operations::{Counters, NasAnswer, NasOrder, NasOrderKind, Operations};
use crate::radius::auth::reaches_captive;
use crate::radius::codec::{ChangeAnswer, Code, PacketView, change_answer, error_cause_name};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::Instant;

/// Idle lanes up to this many are kept, so that their identifiers go on in turn.
const LANES_KEPT: usize = 4096;
/// Error-Cause of a NAS that does not know the session (RFC 5176 section 3.5).
const SESSION_CONTEXT_NOT_FOUND: u32 = 503;
/// Acct-Terminate-Cause Admin-Reset (RFC 2866 section 5.10).
const CAUSE_ADMIN_RESET: u32 = 6;

pub struct Follower {
    settings: Settings,
    operations: Arc<Operations>,
    /// None: everything is to be looked at.
    cursor: Option<Cursor>,
    applications: Applications,
    lanes: HashMap<SocketAddr, Lane>,
    /// When requests on their way are due.
    due: BTreeSet<(Instant, SocketAddr, u8)>,
    /// Sessions with a job of the follower's own that waits in a lane.
    waiting: HashSet<SessionKey>,
    /// Lanes that may have something to send.
    ready: HashSet<SocketAddr>,
}

impl Follower {
    pub fn new(settings: Settings, operations: Arc<Operations>) -> Follower {
        Follower {
            settings,
            operations,
            cursor: None,
            applications: Applications::default(),
            lanes: HashMap::new(),
            due: BTreeSet::new(),
            waiting: HashSet::new(),
            ready: HashSet::new(),
        }
    }

    /// Takes in what changed since the last look.
    pub fn look(&mut self) {
        let operations = Arc::clone(&self.operations);
        let directory = &operations.directory;
        match self.cursor.and_then(|cursor| directory.since(cursor)) {
            Some(delta) => {
                self.cursor = Some(delta.cursor);
                let inner = directory.read();
                delta.subscribers.into_iter().for_each(|subscriber| self.compare(&inner, subscriber));
            }
            None => {
                self.cursor = Some(directory.cursor());
                let inner = directory.read();
                let online: BTreeSet<SubscriberId> =
                    inner.open_sessions().filter_map(|session| session.subscriber).collect();
                online.into_iter().for_each(|subscriber| self.compare(&inner, subscriber));
            }
        }
    }

    /// Compares what the sessions of a subscriber have with what they are to have.
    fn compare(&mut self, inner: &Inner, subscriber: SubscriberId) {
        let Some(entry) = inner.subscriber(subscriber) else { return };
        let wanted = Told::wanted(entry, &self.operations.rules);
        let open = inner.sessions_of(subscriber).map(|session| session.key.clone());
        self.applications.refresh(entry, wanted, open);
        for key in self.applications.different(subscriber, wanted) {
            let Some((session, nas)) = session_at(inner, &key) else { continue };
            let Some(target) = target_of(session, nas) else { continue };
            if self.waiting.contains(&key) {
                continue;
            }
            let lane = self.lanes.entry(target).or_default();
            match lane
                .flying_of(&key)
                .map(|(identifier, flight)| (identifier, flight.told == wanted, flight.due))
            {
                Some((_, true, _)) => continue,
                Some((identifier, false, due)) => {
                    // Superseded: an answer to it would say nothing of the newer state.
                    lane.land(identifier);
                    self.due.remove(&(due, target, identifier));
                }
                None => {}
            }
            self.push(
                target,
                Job { session: key, subscriber: Some(subscriber), order: Order::Follow, reply: None },
            );
        }
    }

    /// Takes an order of a person.
    pub fn order(&mut self, order: NasOrder) {
        let operations = Arc::clone(&self.operations);
        let inner = operations.directory.read();
        let session = session_at(&inner, &order.session);
        let target = session.and_then(|(session, nas)| target_of(session, nas));
        let kind = match order.kind {
            NasOrderKind::Disconnect => Order::Disconnect,
            NasOrderKind::Refresh => Order::Refresh,
        };
        let subscriber = session.and_then(|(session, _)| session.subscriber);
        let job = Job { session: order.session, subscriber, order: kind, reply: Some(order.reply) };
        match (session, target) {
            (None, _) => reply_to(job, "", false, "the session is over".into()),
            (Some((_, nas)), None) => {
                reply_to(job, &nas.nas.name, false, "this NAS takes no CoA (coa-port is 0)".into());
            }
            (Some(_), Some(target)) => self.push(target, job),
        }
    }

    fn push(&mut self, target: SocketAddr, job: Job) {
        let own = (job.order == Order::Follow).then(|| job.session.clone());
        match self.lanes.entry(target).or_default().push(job) {
            Ok(()) => {
                self.waiting.extend(own);
                self.ready.insert(target);
            }
            Err(job) => {
                Counters::count(&self.operations.counters.coa_unanswered);
                tracing::warn!(%target, login = job.session.login, "too many CoA requests wait for this NAS");
                reply_to(job, "", false, "too many requests wait for this NAS".into());
            }
        }
    }

    /// Sends what waits and what is due again; gives up what was tried often enough.
    pub fn send_due(&mut self, sockets: &Sockets) {
        let now = Instant::now();
        while let Some((due, target, identifier)) = self.due.first().copied().filter(|(due, ..)| *due <= now)
        {
            self.due.remove(&(due, target, identifier));
            self.try_again(sockets, target, identifier, now);
        }
        for target in std::mem::take(&mut self.ready) {
            self.pump(sockets, target, now);
        }
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, ..)| *due)
    }

    fn try_again(&mut self, sockets: &Sockets, target: SocketAddr, identifier: u8, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&target) else { return };
        let Some(flight) = lane.flight(identifier) else { return };
        if flight.tries < TRIES_MAX {
            sockets.send(&flight.octets, target);
            flight.due = now + self.settings.first_wait * 2u32.saturating_pow(flight.tries);
            flight.tries += 1;
            self.due.insert((flight.due, target, identifier));
            return;
        }
        if let Some(flight) = lane.land(identifier) {
            Counters::count(&self.operations.counters.coa_unanswered);
            // What the NAS has is not known: the next change of the subscriber tries again.
            self.conclude(flight, false, format!("no answer after {TRIES_MAX} tries"));
        }
        self.ready.insert(target);
    }

    /// Sends what a NAS has room for.
    fn pump(&mut self, sockets: &Sockets, target: SocketAddr, now: Instant) {
        let operations = Arc::clone(&self.operations);
        while let Some(job) = self.lanes.get_mut(&target).and_then(Lane::next) {
            if job.order == Order::Follow {
                self.waiting.remove(&job.session);
            }
            let inner = operations.directory.read();
            self.launch(&inner, sockets, target, job, now);
        }
        if self.lanes.len() > LANES_KEPT && self.lanes.get(&target).is_some_and(Lane::is_idle) {
            self.lanes.remove(&target);
        }
    }

    fn launch(&mut self, inner: &Inner, sockets: &Sockets, target: SocketAddr, job: Job, now: Instant) {
        let Some((session, nas)) = session_at(inner, &job.session) else {
            return reply_to(job, "", false, "the session is over".into());
        };
        let entry = session.subscriber.and_then(|subscriber| inner.subscriber(subscriber));
        let wanted = entry.map(|entry| Told::wanted(entry, &self.operations.rules));
        let (code, told) = match (job.order, wanted) {
            (Order::Disconnect, Some(told)) => (Code::DISCONNECT_REQUEST, told),
            (Order::Follow, Some(told)) if ends_session(told, nas.nas.vendor) => {
                (Code::DISCONNECT_REQUEST, told)
            }
            (Order::Refresh, Some(told)) if told.treatment == Treatment::Cut => {
                let text = "blocked, and blocked-login is \"reject\": use kick";
                return reply_to(job, &nas.nas.name, false, text.into());
            }
            (_, Some(told)) => (Code::COA_REQUEST, told),
            (_, None) => return reply_to(job, &nas.nas.name, false, "the login is unknown".into()),
        };
        if job.order == Order::Follow && !self.is_different(&job, told) {
            // It changed back before it was said.
            return;
        }
        let Some(lane) = self.lanes.get_mut(&target) else { return };
        let identifier = lane.identifier();
        let mut octets = Vec::new();
        let clock = self.operations.clock.now();
        let extras = (self.settings.captive_url.as_str(), clock);
        let authenticator = match write_change(&mut octets, (code, identifier), session, nas, &told, extras) {
            Ok(authenticator) => authenticator,
            Err(error) => return reply_to(job, &nas.nas.name, false, error.to_string()),
        };
        sockets.send(&octets, target);
        if let Some(subscriber) = job.subscriber
            && job.order != Order::Disconnect
        {
            self.applications.note(subscriber, &job.session, None);
        }
        let due = now + self.settings.first_wait;
        if let Some(entry) = entry {
            note(entry, clock, code, session, "sent".into());
        }
        let nas = Arc::clone(nas);
        lane.launch(identifier, Flight { job, told, code, authenticator, octets, tries: 1, due, nas });
        self.due.insert((due, target, identifier));
    }

    fn is_different(&self, job: &Job, wanted: Told) -> bool {
        let subscriber = job.subscriber.into_iter();
        subscriber.flat_map(|id| self.applications.different(id, wanted)).any(|key| key == job.session)
    }

    /// Takes an answer; what is no answer to a request of ours is dropped.
    pub fn answer(&mut self, octets: &[u8], from: SocketAddr) {
        let Ok(packet) = PacketView::parse(octets) else { return };
        let identifier = packet.identifier();
        let Some(lane) = self.lanes.get_mut(&from) else { return };
        let Some(flight) = lane.flight(identifier) else { return };
        let sent = (flight.code, identifier, &flight.authenticator);
        let Ok(answer) = change_answer(&packet, sent, &flight.nas.secret) else {
            tracing::warn!(%from, "an answer to CoA that this NAS did not sign, or to another request");
            return;
        };
        let Some(flight) = lane.land(identifier) else { return };
        self.due.remove(&(flight.due, from, identifier));
        self.ready.insert(from);
        let counters = &self.operations.counters;
        let (acknowledged, result) = match answer {
            ChangeAnswer::Ack => {
                Counters::count(&counters.coa_acknowledged);
                (true, "ACK".to_owned())
            }
            ChangeAnswer::Nak(cause) => {
                Counters::count(&counters.coa_refused);
                (false, nak_text(cause))
            }
        };
        if let Some(subscriber) = flight.job.subscriber
            && let Some(told) = told_after(&flight, acknowledged)
        {
            self.applications.note(subscriber, &flight.job.session, Some(told));
        }
        let unknown_there = answer == ChangeAnswer::Nak(Some(SESSION_CONTEXT_NOT_FOUND));
        if flight.code == Code::DISCONNECT_REQUEST && unknown_there {
            self.operations.close_session(&flight.job.session, CAUSE_ADMIN_RESET);
        }
        self.conclude(flight, acknowledged, result);
    }

    /// Tells everybody how a request ended, and looks whether the session wants something newer.
    fn conclude(&mut self, flight: Flight, acknowledged: bool, result: String) {
        let operations = Arc::clone(&self.operations);
        let inner = operations.directory.read();
        let subscriber = flight.job.subscriber;
        if let Some(entry) = subscriber.and_then(|subscriber| inner.subscriber(subscriber))
            && let Some(session) = inner.session(&flight.job.session)
        {
            note(entry, operations.clock.now(), flight.code, session, result.clone());
            let newer = Told::wanted(entry, &operations.rules) != flight.told;
            if newer && flight.job.order == Order::Follow {
                self.compare(&inner, entry.id());
            }
        }
        let name = flight.nas.nas.name.clone();
        reply_to(flight.job, &name, acknowledged, result);
    }
}

/// What the session has after an answer; None: what it had before.
fn told_after(flight: &Flight, acknowledged: bool) -> Option<Told> {
    match (flight.code, acknowledged) {
        (Code::DISCONNECT_REQUEST, true) => Some(Told { treatment: Treatment::Gone, ..flight.told }),
        _ if flight.job.order == Order::Disconnect => None,
        // A refusal is final for this state: only another one is tried.
        _ => Some(flight.told),
    }
}

fn session_at<'a>(inner: &'a Inner, key: &SessionKey) -> Option<(&'a Session, &'a Arc<NasEntry>)> {
    let session = inner.session(key).filter(|session| session.is_open())?;
    Some((session, inner.nas(session.key.nas)?))
}

/// Blocked, or a debtor on a NAS that cannot redirect (rules, States): the next login is answered as captive.
fn ends_session(told: Told, vendor: Vendor) -> bool {
    match told.treatment {
        Treatment::Cut => true,
        Treatment::Captive => !reaches_captive(vendor),
        Treatment::Open | Treatment::Gone => false,
    }
}

/// None: the NAS takes neither CoA nor Disconnect.
fn target_of(session: &Session, nas: &NasEntry) -> Option<SocketAddr> {
    let port = nas.nas.coa_port;
    (port != 0).then(|| SocketAddr::new(session.nas_address, port))
}

fn nak_text(cause: Option<u32>) -> String {
    match cause {
        Some(cause) => format!("NAK ({cause} {})", error_cause_name(cause)),
        None => "NAK".to_owned(),
    }
}

fn note(entry: &Entry, at: crate::model::Timestamp, code: Code, session: &Session, result: String) {
    let kind = if code == Code::COA_REQUEST { "CoA" } else { "Disconnect" };
    entry.recent.lock().notice = Some(NasNotice { at, kind, nas_address: session.nas_address, result });
}

/// Whoever asked may have gone away.
fn reply_to(job: Job, nas: &str, acknowledged: bool, result: String) {
    let Some(reply) = job.reply else { return };
    let _ = reply.send(NasAnswer {
        login: job.session.login,
        nas: nas.to_owned(),
        session: job.session.acct_session_id,
        acknowledged,
        result,
    });
}
