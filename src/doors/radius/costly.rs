//! Logins whose password is stored as a costly hash: checked by a thread of their own, outside of the directory's
//! lock, so that no worker and no other login waits for them.

use super::duplicates::Ticket;
use super::handle::Handler;
use super::udp::Origin;
use super::{Listener, Shared};
use crate::model::{Password, SecretText, SubscriberId};
use crate::radius::auth::{crypt, pap};
use crate::radius::codec::PacketView;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Logins waiting for the check at most.
pub const WAITING_MAX: usize = 4096;
/// A NAS has given up by then; its next try is worth more than this one.
const AGE_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An Access-Request to be looked at again.
pub struct Costly {
    pub listener: Arc<Listener>,
    pub origin: Origin,
    pub ticket: Ticket,
    pub arrived: Instant,
    pub octets: Box<[u8]>,
}

/// The checking thread's loop.
pub fn run(shared: &Arc<Shared>, waiting: &Receiver<Costly>) {
    let mut handler = Handler::new(shared);
    while !shared.is_stopping() {
        match waiting.recv_timeout(LOOK_EVERY) {
            Ok(costly) if costly.arrived.elapsed() < AGE_MAX => check(shared, &mut handler, &costly),
            Ok(costly) => shared.duplicates.forget(costly.ticket),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn check(shared: &Arc<Shared>, handler: &mut Handler, costly: &Costly) {
    let right = hash_of(shared, costly).is_some_and(|question| {
        let right = crypt::verify(question.password.as_bytes(), question.hash.expose());
        if right {
            shared.known.remember(question.subscriber, question.hash.expose(), question.password.as_bytes());
        }
        right
    });
    handler.handle_checked(costly, right);
}

struct Question {
    subscriber: SubscriberId,
    hash: SecretText,
    password: pap::RevealedPassword,
}

/// The hash and the password to try; None where either has gone meanwhile.
fn hash_of(shared: &Shared, costly: &Costly) -> Option<Question> {
    let packet = PacketView::parse(&costly.octets).ok()?;
    let inner = shared.operations.directory.read();
    let nas = inner.nas_of(costly.origin.peer.ip())?;
    let entry = inner.login(std::str::from_utf8(packet.user_name()?).ok()?)?;
    let Password::Crypt(hash) = &entry.view.subscriber.password else { return None };
    let password = pap::password(&packet, &nas.secret).ok()?;
    Some(Question { subscriber: entry.id(), hash: hash.clone(), password })
}
