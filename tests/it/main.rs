//! The product from outside, over real sockets and a real store. Each directory here tests one door; what several
//! need to set up stands in `fixture`.

// Tests say what they expect by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod captive;
mod fixture;
mod metrics;
mod system_api;
mod wire;
