//! What the product says of itself while it runs: the log of requests. Metrics are a door (`doors/metrics.rs`); the
//! journal is set up by the commands.

mod runtime_log;

pub use runtime_log::RuntimeLog;
