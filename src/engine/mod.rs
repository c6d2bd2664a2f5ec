//! The rules of money and access, pure: `(state, command, now) -> outcome + changes`.
//!
//! [`State::decide`] reads the state and says what a command does; [`State::absorb`] is the only thing that changes
//! the state, and it does so by the same [`Change`]s that the store writes. So what is in memory is what is on disk.
//! No clock, no I/O, no protocol: a door, a packet or a table never appears here.

mod administer;
mod assignments;
mod billing;
mod calendar;
mod calls;
mod closing;
mod corrections;
mod drafts;
mod exchange;
mod fees;
mod ledger;
mod load;
mod objects;
mod outbox;
mod packages;
mod payment;
mod recall;
mod replay;
mod requests;
mod reservations;
mod rules;
pub mod session;
mod speed;
mod staff;
mod standing;
mod state;
mod terms;
mod usage;

pub use calendar::{day_of, midnight, moment};
pub use calls::{CallBudget, call_time};
pub use closing::{ACTS_OF_A_COMMAND_MAX, open_day, vat_included};
pub use fees::{FeesHeld, FeesStatus};
pub use outbox::ITEMS_OF_A_COMMAND_MAX;
pub use payment::check_payment_sum;
pub use recall::{RECALLED_MIN, Recalled, Wanted};
pub use requests::Request;
pub use reservations::{Direction, Prepaid};
pub use rules::{CallRules, Settings};
pub use session::{SessionEffect, SessionTable};
pub use staff::StaffBook;
pub use standing::available;
pub use state::{State, SubscriberView, Touched};
pub use terms::{PromiseOffer, Promises, promise_offer};

use crate::model::*;

/// What a command leads to. Nothing has changed yet.
#[derive(Debug)]
pub struct Decision {
    pub outcome: Outcome,
    /// To be absorbed and written together; empty when nothing changes.
    pub changes: Vec<Change>,
}

impl Decision {
    fn unchanged(outcome: Outcome) -> Decision {
        Decision { outcome, changes: Vec::new() }
    }
}

impl State {
    /// Decides a command that may have a key: the same key and payload again has the first answer, marked as a repeat
    /// ([`Outcome::Repeat`]). What [`State::wanted`] asked for must have been taken in.
    pub fn decide_request(&self, request: &Request<'_>, now: Timestamp) -> Result<Decision, Refusal> {
        requests::decide(self, request, now)
    }

    /// Decides a command. Repeats are answered as the first time; a refusal changes nothing.
    pub fn decide(&self, command: &Command, actor: &Actor, now: Timestamp) -> Result<Decision, Refusal> {
        let mut decision = self.decide_without_history(command, actor, now)?;
        assignments::follow(self, &mut decision.changes, now);
        outbox::follow(self, &mut decision.changes, now);
        Ok(decision)
    }

    fn decide_without_history(
        &self,
        command: &Command,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        match command {
            Command::Pay(request) => payment::pay(self, request, now),
            Command::Charge { account, sum, text } => payment::charge(self, *account, *sum, text, actor, now),
            Command::Block { subscriber, reason } => administer::block(self, *subscriber, reason, actor, now),
            Command::Unblock { subscriber } => administer::unblock(self, *subscriber, now),
            Command::Load { file, options } => load::load(self, file, *options, actor, now),
            Command::Replay { edge, entries } => Ok(replay::replay(self, edge, entries, now)),
            Command::CloseSession { session, at, terminate_cause } => {
                Ok(administer::close_session(self, session, *at, *terminate_cause))
            }
            Command::NasSignsRequests(nas) => administer::nas_signs_requests(self, *nas),
            Command::Clock { synchronised } => Ok(fees::clock(self, *synchronised, now)),
            Command::Correction(command) => corrections::decide(self, command, actor, now),
            Command::Terms(command) => terms::decide(self, command, actor, now),
            Command::Closing(command) => closing::decide(self, command, actor, now),
            Command::Calls(command) => calls::decide(self, command, actor, now),
            Command::Staff(request) => staff::decide(self, request, actor, now),
            Command::Objects(command) => objects::decide(self, command, actor, now),
            Command::Exchange(command) => exchange::decide(self, command, now),
            Command::Outbox(command) => outbox::decide(self, command, now),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
