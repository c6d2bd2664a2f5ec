//! Fees by the calendar, promises, pauses and cuts: what rules.md says, as tables of event, result, balance and state.

mod clock;
mod cuts;
mod examples;
mod prorate;
mod refusals;
mod story;

pub(super) use story::{Story, refused};
