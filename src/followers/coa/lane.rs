//! The exchanges with one NAS: what waits, what is on its way, and which identifiers are taken.

use super::told::Told;
use crate::directory::NasEntry;
use crate::model::{SessionKey, SubscriberId};
use crate::operations::NasAnswer;
use crate::radius::codec::{Authenticator, Code};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Requests on their way to one NAS at most; small ones drop what comes faster.
const FLYING_MAX: usize = 64;
/// Requests waiting for one NAS at most.
const WAITING_MAX: usize = 50_000;
/// Sent this often in all.
pub const TRIES_MAX: u32 = 5;

/// Something to be said of one session. What exactly is decided when it is sent, so the newest state goes out.
pub struct Job {
    pub session: SessionKey,
    pub subscriber: Option<SubscriberId>,
    pub order: Order,
    /// Who asked; None: the follower itself.
    pub reply: Option<oneshot::Sender<NasAnswer>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What the standing asks for, unless the NAS has it.
    Follow,
    /// CoA, whatever the NAS has.
    Refresh,
    Disconnect,
}

/// A request that was sent and not answered.
pub struct Flight {
    pub job: Job,
    pub told: Told,
    pub code: Code,
    pub authenticator: Authenticator,
    pub octets: Vec<u8>,
    pub tries: u32,
    /// When it is sent again or given up.
    pub due: Instant,
    pub nas: Arc<NasEntry>,
}

/// One NAS's port.
#[derive(Default)]
pub struct Lane {
    waiting: VecDeque<Job>,
    flying: HashMap<u8, Flight>,
    last_identifier: u8,
}

impl Lane {
    /// Queues a job; gives it back when too many wait.
    pub fn push(&mut self, job: Job) -> Result<(), Job> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(job);
        }
        self.waiting.push_back(job);
        Ok(())
    }

    /// The next job that may be sent.
    pub fn next(&mut self) -> Option<Job> {
        if self.flying.len() >= FLYING_MAX { None } else { self.waiting.pop_front() }
    }

    /// An identifier that no request on its way has. Taken in turn, so that a late answer meets no new request.
    pub fn identifier(&mut self) -> u8 {
        for _ in 0..=u8::MAX {
            self.last_identifier = self.last_identifier.wrapping_add(1);
            if !self.flying.contains_key(&self.last_identifier) {
                break;
            }
        }
        self.last_identifier
    }

    pub fn launch(&mut self, identifier: u8, flight: Flight) {
        self.flying.insert(identifier, flight);
    }

    pub fn flight(&mut self, identifier: u8) -> Option<&mut Flight> {
        self.flying.get_mut(&identifier)
    }

    pub fn land(&mut self, identifier: u8) -> Option<Flight> {
        self.flying.remove(&identifier)
    }

    /// The follower's own request of a session that is on its way.
    pub fn flying_of(&self, session: &SessionKey) -> Option<(u8, &Flight)> {
        let own = |flight: &Flight| flight.job.order == Order::Follow && flight.job.session == *session;
        self.flying.iter().find(|(_, flight)| own(flight)).map(|(identifier, flight)| (*identifier, flight))
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty()
    }
}
