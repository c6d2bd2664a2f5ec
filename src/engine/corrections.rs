//! Money moved by hand (rules.md, Corrections and closing).

use super::{Decision, State};
use crate::model::*;

pub(super) fn decide(
    _state: &State,
    _command: &CorrectionCommand,
    _actor: &Actor,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(Refusal::new("not-served", "this version does not do that"))
}
