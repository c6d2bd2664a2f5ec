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
use super::duplicates::{RequestKey, Seen, Ticket};
use super::pending::PendingReply;
use super::rejects::Held;
use super::silence::Silence;
use super::udp::{Origin, Outbox, Received};
use super::{Listener, Port, Shared};
use crate::config::RequireMessageAuthenticator;
use crate::directory::{Inner, NasEntry};
use crate::model::{SpoolEntry, Timestamp};
use crate::operations::Counters;
use crate::radius::codec::{Code, MessageAuthenticator, PacketView, ReplyWriter};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// An authentic request.
pub struct Request<'a> {
    pub packet: PacketView<'a>,
    pub nas: &'a NasEntry,
    pub origin: Origin,
    pub signed: MessageAuthenticator,
    pub now: Timestamp,
    pub arrived: Instant,
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

    /// Handles a batch and sends what can be answered at once.
    pub fn handle<'a>(&mut self, listener: &Arc<Listener>, batch: impl Iterator<Item = Received<'a>>) {
        let shared = Arc::clone(&self.shared);
        let (now, arrived) = (shared.operations.clock.now(), Instant::now());
        let inner = shared.operations.directory.read();
        for received in batch {
            if let Err(silence) = self.handle_one(&inner, listener, received, (now, arrived)) {
                shared.keep_silent(received.origin, silence, arrived);
            }
        }
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

    fn handle_one(
        &mut self,
        inner: &Inner,
        listener: &Arc<Listener>,
        received: Received<'_>,
        (now, arrived): (Timestamp, Instant),
    ) -> Result<(), Silence> {
        let origin = received.origin;
        if received.truncated {
            return Err(Silence::Oversized);
        }
        let nas = inner.nas_of(origin.peer.ip()).ok_or(Silence::UnknownNas)?;
        let packet = PacketView::parse(received.octets).map_err(Silence::Malformed)?;
        let signed = self.shared.authenticate(listener.port, &packet, nas)?;
        let request = Request { packet, nas, origin, signed, now, arrived };
        if request.packet.code() == Code::STATUS_SERVER {
            return self.answer_status(listener, &request);
        }
        let key = RequestKey::new(origin.peer, request.packet.identifier(), listener.number);
        let Some(buffer) = self.outbox.buffer() else { return Err(Silence::InWork) };
        match self.shared.duplicates.begin(key, request.packet.authenticator(), arrived, buffer) {
            Seen::InWork => Err(Silence::InWork),
            Seen::Answered => {
                Counters::count(&self.shared.operations.counters.duplicate_requests);
                self.outbox.push(origin);
                Ok(())
            }
            Seen::New(ticket) => {
                let handled = match listener.port {
                    Port::Auth => self.answer_access(inner, listener, &request, ticket, None),
                    Port::Acct => self.take_record(inner, listener, &request, ticket),
                };
                if handled.is_err() {
                    self.shared.duplicates.forget(ticket);
                }
                handled
            }
        }
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
