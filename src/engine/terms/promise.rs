//! Promised payments (rules.md, Promised payment).

use super::super::{Decision, State};
use super::not_served;
use crate::model::*;

/// [`TermsCommand::Promise`].
pub(super) fn take(
    _state: &State,
    _account: AccountId,
    _sum: Option<Money>,
    _days: Option<i32>,
    _actor: &Actor,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(not_served())
}
