//! Accounting-Responses that wait for the spool's flush.

use super::Listener;
use super::duplicates::Ticket;
use super::udp::{Origin, send_all};
use crate::operations::Counters;
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A signed Accounting-Response. Dropped undelivered, it was not recorded: then its request is forgotten, and
/// the NAS's repeat is taken as new.
pub struct PendingReply {
    listener: Arc<Listener>,
    origin: Origin,
    ticket: Option<Ticket>,
    octets: SmallVec<[u8; 64]>,
}

impl PendingReply {
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn new(
        listener: &Arc<Listener>,
        origin: Origin,
        ticket: Ticket,
        octets: &[u8],
    ) -> PendingReply {
        PendingReply {
            listener: Arc::clone(listener),
            origin,
            ticket: Some(ticket),
            octets: SmallVec::from_slice(octets),
        }
    }
}

impl Drop for PendingReply {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.listener.shared.duplicates.forget(ticket);
        }
    }
}

/// Sends the responses of records that are on disk now; for [`crate::operations::Recorder::run`].
pub fn deliver(mut replies: Vec<PendingReply>) {
    for reply in &mut replies {
        if let Some(ticket) = reply.ticket.take() {
            reply.listener.shared.duplicates.answered(ticket, &reply.octets);
        }
    }
    for group in replies.chunk_by(|a, b| Arc::ptr_eq(&a.listener, &b.listener)) {
        let Some(first) = group.first() else { continue };
        send_all(&first.listener.socket, group.iter().map(|reply| (reply.octets.as_slice(), reply.origin)));
        let counters: &Counters = &first.listener.shared.operations.counters;
        counters.accounting_responses.fetch_add(u64::try_from(group.len()).unwrap_or(0), Ordering::Relaxed);
    }
}
