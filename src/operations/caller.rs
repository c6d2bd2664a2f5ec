//! Who asks for a command, and under which key it may be asked again.

use super::Operations;
use crate::model::*;
use crate::writer::Rejected;
use sha2::{Digest, Sha256};

/// Whoever hands a command in. A door that knows no keys gives the [`Actor`] alone.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub key: Option<RequestKey>,
}

impl From<Actor> for Caller {
    fn from(actor: Actor) -> Caller {
        Caller { actor, key: None }
    }
}

impl Caller {
    /// With an idempotency key: the same key with the same `request` (what is asked and every parameter, in one form)
    /// has the first answer for 30 days, with another the refusal `idempotency-conflict`.
    pub fn keyed(actor: Actor, key: String, request: &[&str]) -> Caller {
        let mut hash = Sha256::new();
        for part in request {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Caller { actor, key: Some(RequestKey { key, payload: hash.finalize().into() }) }
    }
}

/// A text of any length as a key: 64 hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    use std::fmt::Write;
    let mut digits = String::with_capacity(64);
    for octet in Sha256::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{octet:02x}");
    }
    digits
}

impl Operations {
    /// Carries a command out; true when this is the answer to an earlier request with the same key.
    pub(super) async fn carry_out(
        &self,
        command: Command,
        caller: impl Into<Caller>,
    ) -> Result<(Outcome, bool), Rejected> {
        let Caller { actor, key } = caller.into();
        self.writer.call_keyed(command, actor, key).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_of_the_parts_and_not_of_their_joint() {
        let payload = |parts: &[&str]| Caller::keyed(Actor::system(), "k".into(), parts).key.unwrap().payload;
        assert_eq!(payload(&["pay", "{}"]), payload(&["pay", "{}"]));
        assert_ne!(payload(&["pay", "{}"]), payload(&["pay{", "}"]));
        assert_ne!(payload(&["pay", "{}"]), payload(&["charge", "{}"]));
    }
}
