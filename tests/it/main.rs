//! The one integration-test binary: what needs the whole crate, its sources, or a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests say what they expect by failing")]

mod layers;
mod source;
mod tidy;
