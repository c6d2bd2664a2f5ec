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

use super::access::{AccessDesk, Answer, Draft, Known};
use super::accounting::record_of;
use super::authentic::{Signatures, check_code};
use super::costly::Costly;
use super::duplicates::{Place, RequestKey, Seen, Ticket};
use super::pending::PendingReply;
use super::rejects::Held;
use super::silence::Silence;
use super::udp::{BATCH, Origin, Outbox, Received};
use super::{Listener, Port, Shared, passwords, prefetch};
use crate::directory::{Entry, Inner, NasEntry};
use crate::model::{SpoolEntry, Timestamp};
use crate::operations::Counters;
use crate::radius::auth::{NtKeys, mschap};
use crate::radius::codec::{Code, Digests, MessageAuthenticator, PacketView, ReplyWriter, Unsigned};
use smallvec::SmallVec;
use std::sync::Arc;
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
    todo: Todo,
    /// Whose login it is, so that its memory can be asked for.
    entry: Option<&'a Arc<Entry>>,
    /// What its NT-Response has to be, if it is an MS-CHAPv2 login.
    expected: Option<mschap::Expected>,
}

#[derive(Clone, Copy)]
enum Todo {
    /// Silent, or answered already.
    Nothing,
    Status,
    /// A new request, with its place among the duplicates.
    New(Ticket),
}

/// A reply that is written: which request's, in which buffer, and what is done with it once it is signed.
struct Written {
    request: usize,
    buffer: usize,
    draft: Draft,
    then: Then,
}

enum Then {
    Send(Option<Ticket>),
    Hold(Ticket),
    /// With the record of this number.
    Record(Ticket, usize),
}

type Batch<'a> = SmallVec<[Waiting<'a>; BATCH]>;

/// One thread's side of the server: takes datagrams, fills its outbox and its list of records.
pub struct Handler {
    shared: Arc<Shared>,
    access: AccessDesk,
    digests: Digests,
    proofs: mschap::Many,
    expected: Vec<Option<mschap::Expected>>,
    signatures: Vec<MessageAuthenticator>,
    authenticators: Vec<bool>,
    written: Vec<Written>,
    records: Vec<(SpoolEntry, Option<PendingReply>)>,
    outbox: Outbox,
}

impl Handler {
    pub fn new(shared: &Arc<Shared>) -> Handler {
        Handler {
            access: AccessDesk::new(&shared.settings.captive_url, shared.settings.encryption),
            shared: Arc::clone(shared),
            digests: Digests::default(),
            proofs: mschap::Many::default(),
            expected: Vec::with_capacity(BATCH),
            signatures: Vec::with_capacity(BATCH),
            authenticators: Vec::with_capacity(BATCH),
            written: Vec::with_capacity(BATCH),
            records: Vec::with_capacity(BATCH),
            outbox: Outbox::new(),
        }
    }

    /// Handles a batch and sends what can be answered at once. In rounds, each of which asks for the memory that the
    /// next one needs: form and look-ups, proofs of who sent it, answers, signatures.
    pub fn handle<'a>(&mut self, listener: &Arc<Listener>, batch: impl Iterator<Item = Received<'a>>) {
        let shared = Arc::clone(&self.shared);
        let (now, arrived) = (shared.operations.clock.now(), Instant::now());
        let inner = shared.operations.directory.read();
        let mut waiting = Batch::new();
        for received in batch {
            let understood = match received.truncated {
                true => Err(Silence::Oversized),
                false => {
                    shared.understand(&inner, listener, received.octets, received.origin, (now, arrived))
                }
            };
            match understood {
                Ok(understood) => waiting.push(understood),
                Err(silence) => shared.keep_silent(received.origin, silence, arrived),
            }
        }
        self.admit_all(listener, &mut waiting);
        self.expect_all(&mut waiting);
        self.answer_all(&inner, listener, &waiting, None);
        drop(waiting);
        drop(inner);
        self.finish(listener);
    }

    /// Answers a login whose costly hash was checked meanwhile.
    pub fn handle_checked(&mut self, costly: &Costly, right: bool) {
        let shared = Arc::clone(&self.shared);
        let inner = shared.operations.directory.read();
        let times = (shared.operations.clock.now(), costly.arrived);
        let listener = &costly.listener;
        let understood = shared.understand(&inner, listener, &costly.octets, costly.origin, times);
        let admitted = understood.and_then(|mut one| {
            let request = &mut one.request;
            let signatures = Signatures::of(&request.packet, request.nas);
            request.signed = shared.authenticate(&request.packet, request.nas, signatures)?;
            one.todo = Todo::New(costly.ticket);
            Ok(one)
        });
        match admitted {
            Ok(one) => self.answer_all(&inner, listener, &[one], Some(right)),
            Err(silence) => {
                shared.duplicates.forget(costly.ticket);
                shared.keep_silent(costly.origin, silence, Instant::now());
            }
        }
        drop(inner);
        self.finish(listener);
    }

    /// Proves who sent the requests, all digests beside each other.
    fn admit_all(&mut self, listener: &Listener, waiting: &mut Batch<'_>) {
        let shared = Arc::clone(&self.shared);
        let requests = waiting.iter().map(|one| (&one.request.packet, &one.request.nas.secret));
        match listener.port {
            Port::Auth => self.digests.verify_message_authenticators(requests, &mut self.signatures),
            Port::Acct => self.digests.verify_accounting_authenticators(requests, &mut self.authenticators),
        }
        for (index, one) in waiting.iter_mut().enumerate() {
            let (packet, nas) = (&one.request.packet, one.request.nas);
            let signatures = match listener.port {
                Port::Auth => {
                    let found = self.signatures.get(index).copied();
                    let message_authenticator = found.unwrap_or(MessageAuthenticator::Invalid);
                    Signatures { message_authenticator, authenticator: true }
                }
                Port::Acct => Signatures {
                    // Seldom there, and then in one of two forms.
                    message_authenticator: nas.secret.verify_message_authenticator(packet),
                    authenticator: packet.code() == Code::STATUS_SERVER
                        || self.authenticators.get(index).copied().unwrap_or(false),
                },
            };
            let admitted = shared.authenticate(packet, nas, signatures).and_then(|signed| {
                one.request.signed = signed;
                self.admit(listener, one)
            });
            if let Err(silence) = admitted {
                shared.keep_silent(one.request.origin, silence, one.request.arrived);
            }
        }
    }

    /// Tells new requests from repeats, which get their answer here.
    fn admit(&mut self, listener: &Listener, one: &mut Waiting<'_>) -> Result<(), Silence> {
        let shared = &self.shared;
        let request = &one.request;
        let (packet, origin) = (&request.packet, request.origin);
        if packet.code() == Code::STATUS_SERVER {
            one.todo = Todo::Status;
            return Ok(());
        }
        let key = RequestKey::new(origin.peer, packet.identifier(), listener.number);
        match shared.duplicates.begin(one.place, &key, packet.authenticator(), request.arrived) {
            Seen::InWork => return Err(Silence::InWork),
            Seen::Answered(answer) => {
                Counters::count(&shared.operations.counters.duplicate_requests);
                if let Some((number, buffer)) = self.outbox.take() {
                    buffer.clear();
                    buffer.extend_from_slice(&answer);
                    self.outbox.queue(number, origin);
                }
                return Ok(());
            }
            Seen::New(ticket) => one.todo = Todo::New(ticket),
        }
        if let Some(entry) = one.entry {
            prefetch::shared(&*entry.view.subscriber);
            prefetch::shared(&*entry.recent);
            if packet.ms_chap2_response().is_some() {
                prefetch::shared(&*entry.nt_keys);
            }
        }
        Ok(())
    }

    /// Works out what the NT-Responses of new MS-CHAPv2 logins have to be, all of them together.
    fn expect_all(&mut self, waiting: &mut Batch<'_>) {
        let mut asked: SmallVec<[(mschap::V2Response<'_>, &NtKeys); BATCH]> = SmallVec::new();
        let mut askers: SmallVec<[usize; BATCH]> = SmallVec::new();
        for (index, one) in waiting.iter().enumerate() {
            if let (Todo::New(_), Some(entry)) = (one.todo, one.entry)
                && let Some(response) = mschap::V2Response::of(&one.request.packet)
                && let Some(keys) = passwords::nt_keys(entry)
            {
                asked.push((response, keys));
                askers.push(index);
            }
        }
        if asked.is_empty() {
            return;
        }
        self.proofs.expect(&asked, &mut self.expected);
        for (index, expected) in askers.into_iter().zip(self.expected.drain(..)) {
            if let Some(one) = waiting.get_mut(index) {
                one.expected = expected;
            }
        }
    }

    /// Writes the answers, signs them together, and does with each what is to be done.
    fn answer_all(
        &mut self,
        inner: &Inner,
        listener: &Arc<Listener>,
        waiting: &[Waiting<'_>],
        checked: Option<bool>,
    ) {
        for (index, one) in waiting.iter().enumerate() {
            if let Some(ahead) = waiting.get(index + AHEAD).and_then(|ahead| ahead.entry) {
                passwords::prefetch(ahead);
            }
            let written = match (one.todo, listener.port) {
                (Todo::Nothing, _) => continue,
                (Todo::Status, _) => self.answer_status(listener, &one.request),
                (Todo::New(ticket), Port::Auth) => self.answer_access(inner, listener, one, ticket, checked),
                (Todo::New(ticket), Port::Acct) => self.take_record(inner, &one.request, ticket),
            };
            match written {
                Ok(Some((buffer, draft, then))) => {
                    self.written.push(Written { request: index, buffer, draft, then });
                }
                Ok(None) => {}
                Err(silence) => self.give_up(one.todo, one.request.origin, silence),
            }
        }
        self.sign_all(waiting);
        let mut written = std::mem::take(&mut self.written);
        for written in written.drain(..) {
            if let Some(one) = waiting.get(written.request) {
                self.hand_over(listener, one, &written);
            }
        }
        self.written = written;
    }

    /// Fills in what the replies lack, each kind for all of them together.
    fn sign_all(&mut self, waiting: &[Waiting<'_>]) {
        let mut unproved: SmallVec<[mschap::Unproved<'_>; BATCH]> = SmallVec::new();
        for (written, one, octets) in drafts(&self.written, waiting, self.outbox.taken()) {
            if let Some((proof, reserved)) = &written.draft.mschap {
                let (request, secret) = (one.request.packet.authenticator(), &one.request.nas.secret);
                let reserved = *reserved;
                unproved.push(mschap::Unproved { octets, proof, reserved, request, secret });
            }
        }
        if !unproved.is_empty() {
            self.proofs.complete(&mut unproved);
        }
        drop(unproved);
        let mut unsigned: SmallVec<[Unsigned<'_>; BATCH]> = SmallVec::new();
        for (written, one, octets) in drafts(&self.written, waiting, self.outbox.taken()) {
            let (request, secret) = (one.request.packet.authenticator(), &one.request.nas.secret);
            let message_authenticator = written.draft.message_authenticator;
            unsigned.push(Unsigned { octets, message_authenticator, request, secret });
        }
        self.digests.sign(&mut unsigned);
    }

    /// What is done with a signed reply.
    fn hand_over(&mut self, listener: &Arc<Listener>, one: &Waiting<'_>, written: &Written) {
        let shared = &self.shared;
        let origin = one.request.origin;
        let octets = self.outbox.octets(written.buffer);
        match written.then {
            Then::Send(ticket) => {
                if let Some(ticket) = ticket {
                    shared.duplicates.answered(ticket, octets);
                    Counters::count(&shared.operations.counters.access_accepts);
                }
                self.outbox.queue(written.buffer, origin);
            }
            Then::Hold(ticket) => {
                let due = one.request.arrived + shared.settings.reject_delay;
                let listener = Arc::clone(listener);
                match shared.rejects.hold(Held { due, listener, origin, ticket, octets: octets.into() }) {
                    Ok(()) => Counters::count(&shared.operations.counters.access_rejects),
                    Err(_) => self.give_up(one.todo, origin, Silence::RejectsFull),
                }
            }
            Then::Record(ticket, number) => {
                if let Some((_, reply)) = self.records.get_mut(number) {
                    *reply = Some(PendingReply::new(listener, origin, ticket, octets));
                }
            }
        }
    }

    /// A new request that gets no answer: its repeat is a new one.
    fn give_up(&self, todo: Todo, origin: Origin, silence: Silence) {
        if let Todo::New(ticket) = todo {
            self.shared.duplicates.forget(ticket);
        }
        self.shared.keep_silent(origin, silence, Instant::now());
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

    /// The buffer, the place of Message-Authenticator and what follows; None: another thread answers.
    fn answer_access(
        &mut self,
        inner: &Inner,
        listener: &Arc<Listener>,
        one: &Waiting<'_>,
        ticket: Ticket,
        checked: Option<bool>,
    ) -> Result<Option<(usize, Draft, Then)>, Silence> {
        let shared = &self.shared;
        let (request, known) =
            (&one.request, Known { entry: one.entry, checked, expected: one.expected.as_ref() });
        if checked.is_none() {
            Counters::count(&shared.operations.counters.access_requests);
        }
        let Some((number, buffer)) = self.outbox.take() else { return Err(Silence::InWork) };
        match self.access.answer(&shared.operations, &shared.known, inner, request, known, buffer) {
            Answer::Accept(draft, grant, reservation) => {
                let reservation = reservation.map(|reservation| SpoolEntry::Reservation(*reservation));
                let granted = grant.map(SpoolEntry::Grant).into_iter().chain(reservation);
                self.records.extend(granted.map(|entry| (entry, None)));
                Ok(Some((number, draft, Then::Send(Some(ticket)))))
            }
            Answer::Reject(draft) => Ok(Some((number, draft, Then::Hold(ticket)))),
            Answer::Costly => shared.check_elsewhere(listener, request, ticket).map(|()| None),
        }
    }

    fn take_record(
        &mut self,
        inner: &Inner,
        request: &Request<'_>,
        ticket: Ticket,
    ) -> Result<Option<(usize, Draft, Then)>, Silence> {
        Counters::count(&self.shared.operations.counters.accounting_requests);
        let record = record_of(inner, request)?;
        let Some((number, buffer)) = self.outbox.take() else { return Err(Silence::InWork) };
        let draft = write_accounting_response(request, buffer);
        self.records.push((SpoolEntry::Accounting(record), None));
        Ok(Some((number, draft, Then::Record(ticket, self.records.len() - 1))))
    }

    fn answer_status(
        &mut self,
        listener: &Listener,
        request: &Request<'_>,
    ) -> Result<Option<(usize, Draft, Then)>, Silence> {
        Counters::count(&self.shared.operations.counters.status_server_requests);
        let Some((number, buffer)) = self.outbox.take() else { return Err(Silence::InWork) };
        let draft = match listener.port {
            Port::Auth => {
                let mut reply = ReplyWriter::new(buffer, Code::ACCESS_ACCEPT, request.packet.identifier());
                // The request came in one packet with them, so they fit.
                let _ = reply.proxy_states(&request.packet);
                Draft { message_authenticator: reply.unsigned(), mschap: None }
            }
            Port::Acct => write_accounting_response(request, buffer),
        };
        Ok(Some((number, draft, Then::Send(None))))
    }
}

/// The written replies with their requests and buffers. Buffers were taken in the order in which they were written.
fn drafts<'w, 'r, 'b>(
    written: &'w [Written],
    waiting: &'w [Waiting<'r>],
    mut buffers: impl Iterator<Item = &'b mut Vec<u8>>,
) -> impl Iterator<Item = (&'w Written, &'w Waiting<'r>, &'b mut Vec<u8>)> {
    let mut next = 0;
    written.iter().filter_map(move |written| {
        let octets = buffers.nth(written.buffer.checked_sub(next)?)?;
        next = written.buffer + 1;
        Some((written, waiting.get(written.request)?, octets))
    })
}

/// With Message-Authenticator where the request had one; the Proxy-States in order.
fn write_accounting_response(request: &Request<'_>, out: &mut Vec<u8>) -> Draft {
    let mut reply = ReplyWriter::new(out, Code::ACCOUNTING_RESPONSE, request.packet.identifier());
    if request.signed == MessageAuthenticator::Valid {
        // An empty packet has room for it.
        let _ = reply.message_authenticator();
    }
    // The request came in one packet with them, so they fit.
    let _ = reply.proxy_states(&request.packet);
    Draft { message_authenticator: reply.unsigned(), mschap: None }
}

impl Shared {
    /// The form of a datagram and the NAS whose address it has. Asks for the memory of its login and its repeats.
    fn understand<'a>(
        &self,
        inner: &'a Inner,
        listener: &Listener,
        octets: &'a [u8],
        origin: Origin,
        (now, arrived): (Timestamp, Instant),
    ) -> Result<Waiting<'a>, Silence> {
        let nas = inner.nas_of(origin.peer.ip()).ok_or(Silence::UnknownNas)?;
        let packet = PacketView::parse(octets).map_err(Silence::Malformed)?;
        check_code(listener.port, packet.code())?;
        let key = RequestKey::new(origin.peer, packet.identifier(), listener.number);
        let place = self.duplicates.locate(&key);
        let login = packet.user_name().and_then(|name| std::str::from_utf8(name).ok());
        let entry = login.and_then(|login| inner.login(login));
        if let Some(entry) = entry {
            prefetch::shared(&**entry);
        }
        let request = Request { packet, nas, origin, signed: MessageAuthenticator::Absent, now, arrived };
        Ok(Waiting { request, place, todo: Todo::Nothing, entry, expected: None })
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
