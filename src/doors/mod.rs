//! Doors: each parses what comes in, makes one call of an operation, and renders the answer.
//!
//! A door knows its protocol and nothing else: no rule of money or access, no table of the store, no other door.
//! `http` and `tls` are the transport that doors share, `feed`, `report` and `rpc` what two of them answer, `request_log` what
//! they all write down.

pub mod cgrates;
pub mod control;
mod feed;
pub mod http;
pub mod management;
pub mod metrics;
pub mod payments;
pub mod radius;
pub mod report;
pub mod request_log;
mod rpc;
pub mod system_api;
pub mod tls;
