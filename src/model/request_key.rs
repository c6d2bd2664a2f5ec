//! Idempotency of commands other than payments: a key of the caller's choice with a hash of what was asked.

use super::{Outcome, Timestamp};
use serde::{Deserialize, Serialize};

/// What a caller names its request by, so that it can ask again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Unique among the callers' requests of the last 30 days.
    pub key: String,
    /// SHA-256 of the method and its parameters.
    pub payload: [u8; 32],
}

/// The answer that was given to a request with a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RememberedAnswer {
    /// The actor and the key it gave: each actor has keys of its own.
    pub key: String,
    pub payload: [u8; 32],
    pub outcome: Outcome,
    pub at: Timestamp,
}
