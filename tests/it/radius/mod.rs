//! The RADIUS servers and CoA over real sockets of loopback. radclient and radtest are of Debian's freeradius-utils.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests say what they expect by failing")]

mod accounting;
mod coa;
mod fixture;
mod guards;
mod logins;
mod prepaid;
