//! Doors: each parses what comes in, makes ONE call of an operation, and renders the answer.
//!
//! A door knows its protocol and nothing of another door. What several share stands beside them: [`http`] (the server
//! under every HTTP dialect) and [`RequestLog`] (the lines of `runtime.log`). No rule of money or access belongs here.

pub mod http;
pub mod metrics;
mod request_log;
pub mod system_api;

pub use request_log::{LoggedRequest, RequestLog, masked};
