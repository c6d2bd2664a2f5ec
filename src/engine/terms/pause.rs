//! Pauses at own wish (rules.md, Pause).

use super::super::{Decision, State};
use super::not_served;
use crate::model::*;

/// [`TermsCommand::Pause`].
pub(super) fn plan(
    _state: &State,
    _subscriber: SubscriberId,
    _from: Day,
    _to: Day,
    _actor: &Actor,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(not_served())
}

/// [`TermsCommand::Resume`].
pub(super) fn resume(
    _state: &State,
    _subscriber: SubscriberId,
    _actor: &Actor,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(not_served())
}
