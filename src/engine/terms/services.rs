//! Services, discounts and packages.

use super::super::{Decision, State};
use super::not_served;
use crate::model::*;

/// [`TermsCommand::AddService`], `RemoveService`, `Discount`, `BuyPackage`.
pub(super) fn decide(
    _state: &State,
    _command: &TermsCommand,
    _actor: &Actor,
    _now: Timestamp,
) -> Result<Decision, Refusal> {
    Err(not_served())
}
