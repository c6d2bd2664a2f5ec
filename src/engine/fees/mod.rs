//! Fees by the calendar (rules.md, Fees): what is owed for a day, when a shortage shuts the gate, and what a credit
//! opens again. The clock drives it, one bounded step at a time. What subscribers agree to is in [`super::terms`].
//!
//! Every decision that moves money or changes terms ends with one of two calls: [`settle`] after anything that may
//! bring `avail` up, [`takes_effect`] after anything but a fee that brings it down.

mod clock;
mod cuts;
mod day;
mod lines;
mod outlook;
pub(super) mod prorate;
mod settle;

pub(super) use clock::clock;
pub use clock::{FeesHeld, FeesStatus};
pub(super) use cuts::{outage_noticed, shifted};
pub(super) use day::{HeldBack, holds_back};
pub(super) use lines::{covered, covered_new, total_of_day};
pub(super) use outlook::{Outlook, outlook};
use prorate::share;
pub(super) use settle::{begin_today, post_due, settle, takes_effect};

/// Names of our own accounts that fees are booked to.
pub(super) mod revenue {
    pub const FEE: &str = "fee";
    pub const SERVICE: &str = "service";
    pub const PAUSE: &str = "pause";
    pub const PROMISE: &str = "promise";
}
