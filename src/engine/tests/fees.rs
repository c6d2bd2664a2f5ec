//! Fees by the calendar, promises, pauses and cuts: what rules.md says, as tables of event, result, balance and state.

mod clock;
mod cuts;
mod examples;
mod prorate;
mod refusals;
mod story;

pub(in crate::engine) use story::{Story, refused};
