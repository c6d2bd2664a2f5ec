//! One request of either protocol: the operation that it calls, and its answer as JSON text.

use super::method::Method;
use crate::model::*;
use crate::operations::Operations;
use crate::rating::{CallCost, CallDescriptor, Quantity};
use crate::writer::{Answer, Rejected};
use std::fmt::Display;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A request that was begun.
pub(super) enum Begun {
    Cost(Box<CallCost>),
    Number(Quantity),
    Text(String),
    /// It goes through the ledger; the answer comes after the commit.
    Waiting(oneshot::Receiver<Answer>),
}

/// Calls operations for both doors.
#[derive(Clone)]
pub(super) struct Desk {
    pub operations: Arc<Operations>,
}

impl Desk {
    /// A request whose argument is a call descriptor.
    ///
    /// # Errors
    /// The text for the caller.
    pub fn begin(&self, method: Method, call: &CallDescriptor, actor: &Actor) -> Result<Begun, String> {
        let operations = &self.operations;
        let amount = call.amount.micros();
        let operation = match method {
            Method::Cost => {
                return operations.call_cost(call).map(|cost| Begun::Cost(Box::new(cost))).map_err(text);
            }
            Method::MaxSessionTime => return operations.call_time_max(call).map(Begun::Number).map_err(text),
            Method::Balance => {
                let balance = operations.call_balance(call.budget_id());
                return Ok(Begun::Number(Quantity::from_micros(balance.micros())));
            }
            Method::Status => return Ok(Begun::Text(self.status())),
            // Nothing here is older than the last commit.
            Method::FlushCache => return Ok(Begun::Number(Quantity::ZERO)),
            Method::Debit | Method::MaxDebit => {
                return Err("the call's descriptor is needed as it was sent".to_owned());
            }
            Method::DebitBalance => BudgetOperation::Balance { amount },
            Method::DebitSms => BudgetOperation::Sms { amount },
            Method::DebitSeconds => BudgetOperation::Seconds { amount, dialled: call.destination.clone() },
            Method::AddVolumeSeconds => BudgetOperation::AddVolumeSeconds { amount },
            Method::ResetVolumeSeconds => BudgetOperation::ResetVolumeSeconds,
            Method::AddReceivedSeconds => BudgetOperation::AddReceivedSeconds { amount },
            Method::ResetBudget => BudgetOperation::Reset,
        };
        self.submit(CallCommand::Budget { subject: call.budget_id().to_owned(), operation }, actor)
    }

    /// Debit and MaxDebit, with the descriptor as it came.
    ///
    /// # Errors
    /// The text for the caller.
    pub fn debit(&self, longest: bool, descriptor: &str, actor: &Actor) -> Result<Begun, String> {
        self.submit(CallCommand::Debit { descriptor: descriptor.to_owned(), longest }, actor)
    }

    fn submit(&self, command: CallCommand, actor: &Actor) -> Result<Begun, String> {
        self.operations.submit_call(command, actor.clone()).map(Begun::Waiting).map_err(text)
    }

    /// One line for people.
    pub fn status(&self) -> String {
        let status = self.operations.call_status();
        format!(
            "headgate {}: {} prefixes, {} budgets",
            env!("CARGO_PKG_VERSION"),
            status.prefixes,
            status.budgets
        )
    }
}

impl Begun {
    /// Appends the answer as JSON; gives the receiver back where it has to be waited for.
    pub fn write(self, out: &mut Vec<u8>) -> Result<Option<oneshot::Receiver<Answer>>, String> {
        match self {
            Begun::Cost(cost) => serde_json::to_writer(out, &cost).map_err(text)?,
            Begun::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Begun::Text(words) => serde_json::to_writer(out, &words).map_err(text)?,
            Begun::Waiting(receiver) => return Ok(Some(receiver)),
        }
        Ok(None)
    }
}

/// The ledger's answer as JSON.
///
/// # Errors
/// The text for the caller.
pub(super) fn outcome(answer: Answer) -> Result<String, String> {
    match answer.map_err(text)? {
        Outcome::BudgetLeft(left) => Ok(Quantity::from_micros(left).to_string()),
        Outcome::CallDebited { cost } => Ok(cost),
        _ => Err(Rejected::Unknown.to_string()),
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}
