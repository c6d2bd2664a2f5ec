//! What is agreed with subscribers: promises, pauses, plans, services, cuts (rules.md).

use super::{Decision, State};
use crate::model::*;

pub(super) fn decide(
    _state: &State,
    _command: &TermsCommand,
    _actor: &Actor,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(Refusal::new("not-served", "this version does not do that"))
}
