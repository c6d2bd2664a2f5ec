//! Secrets that never print themselves.

use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// A secret text (a shared secret, an API password). `Debug` and `Display` show `***`; it is wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    pub fn new(text: impl Into<String>) -> SecretText {
        SecretText(Zeroizing::new(text.into()))
    }

    /// The secret itself; the one way to it, so that uses can be found.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is known of a subscriber's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Password {
    /// No password: a RADIUS login is refused with that reason.
    None,
    /// Clear text: every method works.
    Clear(SecretText),
    /// MD4 of the UTF-16LE password, 32 hexadecimal digits: PAP and MS-CHAP work, CHAP cannot.
    NtHash(SecretText),
    /// A crypt(3) hash: only PAP works.
    Crypt(SecretText),
}
