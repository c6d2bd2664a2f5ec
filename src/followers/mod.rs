//! Followers: each keeps something outside equal to what the directory says, by comparing wanted with applied.

pub mod coa;
pub mod outbox;
