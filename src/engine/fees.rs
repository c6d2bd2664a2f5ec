//! Fees by the calendar (rules.md, Fees).

use super::{Decision, State};
use crate::model::*;

/// What the clock brings.
pub(super) fn clock(_state: &State, _synchronised: bool, _now: Timestamp) -> Decision {
    Decision::unchanged(Outcome::Done { changed: false })
}
