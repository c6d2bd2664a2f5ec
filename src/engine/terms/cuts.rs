//! What an operator decides about cuts: now, later, fees made up, everybody through.

use super::super::{Decision, State};
use super::not_served;
use crate::model::*;

/// [`TermsCommand::CutNow`].
pub(super) fn cut_now(_: &State, _: AccountId, _: &Actor, _: Timestamp) -> Result<Decision, Refusal> {
    Err(not_served())
}

/// [`TermsCommand::DeferCut`].
pub(super) fn defer(
    _: &State,
    _: AccountId,
    _: Timestamp,
    _: &Actor,
    _: Timestamp,
) -> Result<Decision, Refusal> {
    Err(not_served())
}

/// [`TermsCommand::CatchUp`].
pub(super) fn catch_up(_: &State, _: &Actor, _: Timestamp) -> Result<Decision, Refusal> {
    Err(not_served())
}

/// [`TermsCommand::Panic`].
pub(super) fn panic(_: &State, _: bool, _: &Actor, _: Timestamp) -> Result<Decision, Refusal> {
    Err(not_served())
}
