//! Calls: what one costs, how long one may last, and what is taken for it.
//!
//! Questions are answered from published state in memory; what takes or gives goes through the writer.

use super::{Caller, Operations};
use crate::engine::call_time;
use crate::model::*;
use crate::rating::{CallCost, CallDescriptor, Quantity, Rater, RatingError};
use crate::writer::{Answer, Rejected};
use tokio::sync::oneshot;

/// What the call door is loaded with, for `Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallStatus {
    pub prefixes: usize,
    pub budgets: usize,
}

impl Operations {
    /// GetCost, in the dialect's unit. Takes nothing.
    ///
    /// # Errors
    /// The rating's reason; nothing was asked of the store.
    pub fn call_cost(&self, call: &CallDescriptor) -> Result<CallCost, RatingError> {
        let book = self.directory.calls();
        let budget = book.budget(call.budget_id());
        let rater = Rater::new(&book.tariffs, self.settings.calls.compat_2012);
        rater.cost(call, budget.map(|budget| &budget.budget))
    }

    /// GetMaxSessionTime, in seconds, for a call that begins now.
    ///
    /// # Errors
    /// The rating's reason.
    pub fn call_time_max(&self, call: &CallDescriptor) -> Result<Quantity, RatingError> {
        let now = self.clock.now();
        let book = self.directory.calls();
        let budget = book.budget(call.budget_id()).map(|budget| budget.spendable(now));
        let rater = Rater::new(&book.tariffs, self.settings.calls.compat_2012);
        rater.max_session_time(call, budget.as_deref(), call_time(now, &self.settings.time_zone))
    }

    /// The balance of a subject in the dialect's unit; zero for one that nobody pays for.
    pub fn call_balance(&self, subject: &str) -> Money {
        self.directory.calls().budget(subject).map_or(Money::ZERO, |budget| budget.budget.credit)
    }

    pub fn call_status(&self) -> CallStatus {
        let book = self.directory.calls();
        CallStatus { prefixes: book.tariffs.prefixes(), budgets: book.budget_count() }
    }

    /// Hands in what takes or gives; the answer comes after the commit.
    ///
    /// # Errors
    /// [`Rejected::Later`]: the queue is full, nothing was done.
    pub fn submit_call(
        &self,
        command: CallCommand,
        actor: Actor,
    ) -> Result<oneshot::Receiver<Answer>, Rejected> {
        self.writer.submit(Command::Calls(command), actor)
    }

    /// Loads rating data, all or nothing.
    pub async fn load_rating(
        &self,
        files: RatingFiles,
        options: LoadOptions,
        caller: impl Into<Caller>,
    ) -> Result<Loaded, Rejected> {
        let command = CallCommand::Load { files: Box::new(files), options };
        match self.carry_out(Command::Calls(command), caller).await?.0 {
            Outcome::Loaded(loaded) => Ok(loaded),
            _ => Err(Rejected::Unknown),
        }
    }
}
