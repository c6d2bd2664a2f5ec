//! The product from outside, over real sockets and a real store. Each directory here tests one door; what several
//! need to set up stands in `fixture`.

mod captive;
mod fixture;
mod metrics;
mod system_api;
mod wire;
