//! The CGRateS dialect of 2012, as softswitches and their scripts speak it: JSON-RPC 1.0 over raw TCP, and plain HTTP.
//!
//! A request is read in place, makes one call of an operation, and its answer is written behind those before it. Questions
//! (GetCost, GetMaxSessionTime) are answered from memory, debits after their commit. An error is answered at once: the
//! balancer of 2012 tried again for ever. Not here: prices and budgets ([`crate::rating`]), and whose money it is.

mod desk;
mod framing;
mod http;
mod method;
mod request;
mod tcp;

pub use http::HttpDoor;
pub use tcp::{REQUEST_OCTETS_MAX, TcpDoor, Times};
