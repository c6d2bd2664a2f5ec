//! Doors: each parses what comes in, makes one call of an operation, and renders the answer.
//!
//! A door knows its protocol and nothing else: no rule of money or access, no table of the store, no other door.
//! `http` is the transport that the HTTP doors share, `request_log` what they all write down, `report` what enforcers
//! send to whichever door they come in by.

pub mod cgrates;
pub mod control;
pub mod http;
pub mod metrics;
pub mod radius;
pub mod report;
pub mod request_log;
pub mod system_api;
