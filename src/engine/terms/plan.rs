//! A change of plan, now or on a day to come (rules.md, Plan change).

use super::super::{Decision, State};
use super::not_served;
use crate::model::*;

/// [`TermsCommand::Plan`].
pub(super) fn decide(
    _state: &State,
    _command: &TermsCommand,
    _actor: &Actor,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(not_served())
}
