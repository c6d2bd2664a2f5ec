//! What is done with one datagram. One table for all packets:
//!
//! | packet | port | what |
//! | --- | --- | --- |
//! | Access-Request, accepted | auth | Access-Accept at once |
//! | Access-Request, refused | auth | Access-Reject after the delay |
//! | Access-Request, password with a costly hash | auth | the same, after another thread has checked it |
//! | Accounting-Request | acct | Accounting-Response when it is on disk |
//! | Status-Server | auth, acct | Access-Accept, Accounting-Response at once (RFC 5997) |
//! | a repeat of an answered request | both | the same answer again |
//! | a repeat of one in work | both | silence |
//! | everything else ([`Silence`]) | both | silence, a counter, a line in the log now and then |

use super::access::{AccessDesk, Answer};
use super::accounting::record_of;
use super::costly::Costly;
use super::duplicates::{Place, RequestKey, Seen, Ticket};
use super::pending::PendingReply;
use super::prefetch;
use super::rejects::Held;
use super::silence::Silence;
use super::udp::{BATCH, Origin, Outbox, Received};
use super::{Listener, Port, Shared, passwords};
use crate::config::RequireMessageAuthenticator;
use crate::directory::{Entry, Inner, NasEntry};
use crate::model::{SpoolEntry, Timestamp};
use crate::operations::Counters;
use crate::radius::codec::{Code, MessageAuthenticator, PacketView, ReplyWriter};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// How many logins ahead what a subscriber points to is asked for.
const AHEAD: usize = 2;

/// An authentic request.
pub struct Request<'a> {
    pub packet: PacketView<'a>,
    pub nas: &'a NasEntry,
    pub origin: Origin,
    pub signed: MessageAuthenticator,
    pub now: Timestamp,
    pub arrived: Instant,
}

/// A request on its way through the batch.
struct Waiting<'a> {
    request: Request<'a>,
    place: Place,
    /// None: silent, or answered already.
    ticket: Option<Ticket>,
    /// Whose login it is, so that its memory can be asked for.
    entry: Option<&'a Arc<Entry>>,
}

/// One thread's side of the server: takes datagrams, fills its outbox and its list of records.
pub struct Handler {
    shared: Arc<Shared>,
    access: AccessDesk,
    records: Vec<(SpoolEntry, Option<PendingReply>)>,
    pub outbox: Outbox,
    /// An Accounting-Response before it waits for the flush.
    scratch: Vec<u8>,
}

impl Handler {
    pub fn new(shared: &Arc<Shared>) -> Handler {
        Handler {
            access: AccessDesk::new(&shared.settings.captive_url, shared.settings.encryption),
            shared: Arc::clone(shared),
            records: Vec::new(),
            outbox: Outbox::new(),
            scratch: Vec::new(),
        }
    }

    /// Handles a batch and sends what can be answered at once. In three rounds, each of which asks for the memory that
    /// the next one needs: form and look-ups, proofs of who sent it, answers.
    pub fn handle<'a>(&mut self, listener: &Arc<Listener>, batch: impl Iterator<Item = Received<'a>>) {
        let shared = Arc::clone(&self.shared);
        let (now, arrived) = (shared.operations.clock.now(), Instant::now());
        let inner = shared.operations.directory.read();
        let mut waiting: SmallVec<[Waiting<'_>; BATCH]> = SmallVec::new();
        for received in batch {
            match shared.understand(&inner, listener, received, (now, arrived)) {
                Ok(understood) => waiting.push(understood),
                Err(silence) => shared.keep_silent(received.origin, silence, arrived),
            }
        }
        for one in &mut waiting {
            if let Err(silence) = self.admit(listener, one) {
                shared.keep_silent(one.request.origin, silence, arrived);
            }
        }
        for (index, one) in waiting.iter().enumerate() {
            if let Some(ahead) = waiting.get(index + AHEAD).and_then(|ahead| ahead.entry) {
                passwords::prefetch(ahead);
            }
            if let Some(Err(silence)) = one.ticket.map(|ticket| self.answer(&inner, listener, one, ticket)) {
                shared.keep_silent(one.request.origin, silence, arrived);
            }
        }
        drop(waiting);
        drop(inner);
        self.finish(listener);
    }

    /// Hands records to the spool and sends the answers of a batch.
    fn finish(&mut self, listener: &Listener) {
        if !self.records.is_empty() && self.shared.recorder.submit(&mut self.records).is_err() {
            for (_, reply) in self.records.drain(..) {
                if let Some(reply) = reply {
                    self.shared.keep_silent(reply.origin(), Silence::RecorderFull, Instant::now());
                }
            }
        }
        self.outbox.send(&listener.socket);
    }

    /// Proves who sent a request, and tells new ones from repeats, which get their answer here.
    fn admit(&mut self, listener: &Listener, one: &mut Waiting<'_>) -> Result<(), Silence> {
        let shared = &self.shared;
        let request = &mut one.request;
        request.signed = shared.authenticate(listener.port, &request.packet, request.nas)?;
        if request.packet.code() == Code::STATUS_SERVER {
            return self.answer_status(listener, request);
        }
        let (packet, origin) = (&request.packet, request.origin);
        let key = RequestKey::new(origin.peer, packet.identifier(), listener.number);
        let Some(buffer) = self.outbox.buffer() else { return Err(Silence::InWork) };
        match shared.duplicates.begin(one.place, &key, packet.authenticator(), request.arrived, buffer) {
            Seen::InWork => return Err(Silence::InWork),
            Seen::Answered => {
                Counters::count(&shared.operations.counters.duplicate_requests);
                self.outbox.push(origin);
            }
            Seen::New(ticket) => one.ticket = Some(ticket),
        }
        if let Some(entry) = one.entry {
            prefetch::shared(&*entry.view.subscriber);
            prefetch::shared(&*entry.recent);
        }
        Ok(())
    }

    /// Answers a new request, or hands it on.
    fn answer(
        &mut self,
        inner: &Inner,
        listener: &Arc<Listener>,
        one: &Waiting<'_>,
        ticket: Ticket,
    ) -> Result<(), Silence> {
        let handled = match listener.port {
            Port::Auth => self.answer_access(inner, listener, &one.request, ticket, None),
            Port::Acct => self.take_record(inner, listener, &one.request, ticket),
        };
        if handled.is_err() {
            self.shared.duplicates.forget(ticket);
        }
        handled
    }

    /// Answers a login whose costly hash was checked meanwhile.
    pub fn handle_checked(&mut self, inner: &Inner, costly: &Costly, right: bool) -> Result<(), Silence> {
        let nas = inner.nas_of(costly.origin.peer.ip()).ok_or(Silence::UnknownNas)?;
        let packet = PacketView::parse(&costly.octets).map_err(Silence::Malformed)?;
        let signed = self.shared.authenticate(costly.listener.port, &packet, nas)?;
        let (now, arrived) = (self.shared.operations.clock.now(), costly.arrived);
        let request = Request { packet, nas, origin: costly.origin, signed, now, arrived };
        self.answer_access(inner, &costly.listener, &request, costly.ticket, Some(right))
    }

    /// Sends the answers of [`Handler::handle_checked`].
    pub fn finish_checked(&mut self, costly: &Costly) {
        self.finish(&costly.listener);
    }

    fn answer_access(
        &mut self,
        inner: &Inner,
        listener: &Arc<Listener>,
        request: &Request<'_>,
        ticket: Ticket,
        checked: Option<bool>,
    ) -> Result<(), Silence> {
        let shared = &self.shared;
        let counters = &shared.operations.counters;
        if checked.is_none() {
            Counters::count(&counters.access_requests);
        }
        let Some(buffer) = self.outbox.buffer() else { return Err(Silence::InWork) };
        let (answer, grant) =
            self.access.answer(&shared.operations, &shared.known, inner, request, checked, buffer);
        self.records.extend(grant.map(|grant| (SpoolEntry::Grant(grant), None)));
        match answer {
            Answer::Accept => {
                shared.duplicates.answered(ticket, buffer);
                Counters::count(&counters.access_accepts);
                self.outbox.push(request.origin);
                Ok(())
            }
            Answer::Reject => {
                let held = Held {
                    due: request.arrived + shared.settings.reject_delay,
                    listener: Arc::clone(listener),
                    origin: request.origin,
                    ticket,
                    octets: buffer.as_slice().into(),
                };
                shared.rejects.hold(held).map_err(|_| Silence::RejectsFull)?;
                Counters::count(&counters.access_rejects);
                Ok(())
            }
            Answer::Costly => shared.check_elsewhere(listener, request, ticket),
        }
    }

    fn take_record(
        &mut self,
        inner: &Inner,
        listener: &Arc<Listener>,
        request: &Request<'_>,
        ticket: Ticket,
    ) -> Result<(), Silence> {
        Counters::count(&self.shared.operations.counters.accounting_requests);
        let record = record_of(inner, request)?;
        write_accounting_response(request, &mut self.scratch);
        let reply = PendingReply::new(listener, request.origin, ticket, &self.scratch);
        self.records.push((SpoolEntry::Accounting(record), Some(reply)));
        Ok(())
    }

    fn answer_status(&mut self, listener: &Listener, request: &Request<'_>) -> Result<(), Silence> {
        Counters::count(&self.shared.operations.counters.status_server_requests);
        let Some(buffer) = self.outbox.buffer() else { return Err(Silence::InWork) };
        match listener.port {
            Port::Auth => {
                let mut reply = ReplyWriter::new(buffer, Code::ACCESS_ACCEPT, request.packet.identifier());
                // The request came in one packet with them, so they fit.
                let _ = reply.proxy_states(&request.packet);
                reply.finish(request.packet.authenticator(), &request.nas.secret);
            }
            Port::Acct => write_accounting_response(request, buffer),
        }
        self.outbox.push(request.origin);
        Ok(())
    }
}

/// Signed as the request was; the Proxy-States in order.
fn write_accounting_response(request: &Request<'_>, out: &mut Vec<u8>) {
    let mut reply = ReplyWriter::new(out, Code::ACCOUNTING_RESPONSE, request.packet.identifier());
    if request.signed == MessageAuthenticator::Valid {
        // An empty packet has room for it.
        let _ = reply.message_authenticator();
    }
    // The request came in one packet with them, so they fit.
    let _ = reply.proxy_states(&request.packet);
    reply.finish(request.packet.authenticator(), &request.nas.secret);
}

impl Shared {
    /// The form of a datagram and the NAS whose address it has. Asks for the memory of its login and its repeats.
    fn understand<'a>(
        &self,
        inner: &'a Inner,
        listener: &Listener,
        received: Received<'a>,
        (now, arrived): (Timestamp, Instant),
    ) -> Result<Waiting<'a>, Silence> {
        if received.truncated {
            return Err(Silence::Oversized);
        }
        let origin = received.origin;
        let nas = inner.nas_of(origin.peer.ip()).ok_or(Silence::UnknownNas)?;
        let packet = PacketView::parse(received.octets).map_err(Silence::Malformed)?;
        let key = RequestKey::new(origin.peer, packet.identifier(), listener.number);
        let place = self.duplicates.locate(&key);
        let login = packet.user_name().and_then(|name| std::str::from_utf8(name).ok());
        let entry = login.and_then(|login| inner.login(login));
        if let Some(entry) = entry {
            prefetch::shared(&**entry);
        }
        let request = Request { packet, nas, origin, signed: MessageAuthenticator::Absent, now, arrived };
        Ok(Waiting { request, place, ticket: None, entry })
    }

    /// Whether a packet may come to this port and is of the NAS whose address it has.
    fn authenticate(
        &self,
        port: Port,
        packet: &PacketView<'_>,
        nas: &NasEntry,
    ) -> Result<MessageAuthenticator, Silence> {
        match (port, packet.code()) {
            (Port::Auth, Code::ACCESS_REQUEST) => self.authenticate_access(packet, nas),
            (Port::Acct, Code::ACCOUNTING_REQUEST) => {
                if !nas.secret.verify_accounting_authenticator(packet) {
                    return Err(Silence::BadAuthenticator);
                }
                match nas.secret.verify_message_authenticator(packet) {
                    MessageAuthenticator::Invalid => Err(Silence::BadAuthenticator),
                    signed => Ok(signed),
                }
            }
            (_, Code::STATUS_SERVER) => match nas.secret.verify_message_authenticator(packet) {
                MessageAuthenticator::Valid => Ok(MessageAuthenticator::Valid),
                MessageAuthenticator::Absent => Err(Silence::NoMessageAuthenticator),
                MessageAuthenticator::Invalid => Err(Silence::BadAuthenticator),
            },
            _ => Err(Silence::WrongCode),
        }
    }

    /// CVE-2024-3596 and RFC 3579 section 3.2.
    fn authenticate_access(
        &self,
        packet: &PacketView<'_>,
        nas: &NasEntry,
    ) -> Result<MessageAuthenticator, Silence> {
        match nas.secret.verify_message_authenticator(packet) {
            MessageAuthenticator::Invalid => return Err(Silence::BadAuthenticator),
            MessageAuthenticator::Valid => {
                if !nas.sends_message_authenticator.load(Ordering::Relaxed) {
                    nas.sends_message_authenticator.store(true, Ordering::Relaxed);
                }
                return Ok(MessageAuthenticator::Valid);
            }
            MessageAuthenticator::Absent => {}
        }
        let demanded = match self.settings.require_message_authenticator {
            RequireMessageAuthenticator::Yes => true,
            RequireMessageAuthenticator::Auto => nas.sends_message_authenticator.load(Ordering::Relaxed),
            RequireMessageAuthenticator::No => false,
        };
        if demanded || packet.has_eap_message() {
            return Err(Silence::NoMessageAuthenticator);
        }
        let lenient = self.settings.require_message_authenticator == RequireMessageAuthenticator::No;
        if packet.has_proxy_state() && !lenient {
            return Err(Silence::ProxyStateUnsigned);
        }
        Ok(MessageAuthenticator::Absent)
    }

    /// Counts a datagram that gets no answer, and tells of it.
    pub fn keep_silent(&self, origin: Origin, silence: Silence, now: Instant) {
        Counters::count(silence.counter(&self.operations.counters));
        self.complaints.tell(origin.peer.ip(), silence, now);
    }

    fn check_elsewhere(
        &self,
        listener: &Arc<Listener>,
        request: &Request<'_>,
        ticket: Ticket,
    ) -> Result<(), Silence> {
        let costly = Costly {
            listener: Arc::clone(listener),
            origin: request.origin,
            ticket,
            arrived: request.arrived,
            octets: request.packet.as_bytes().into(),
        };
        self.costly.try_send(costly).map_err(|_| Silence::ChecksFull)
    }
}
