//! What is wrong with a file, said so that it can be mended without a manual.

use std::fmt;
use std::sync::Arc;

/// Longest piece of somebody's file that is repeated in an error, in characters.
const FOUND_CHARS_MAX: usize = 40;

/// Where a key or a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub file: Arc<str>,
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
}

impl Origin {
    pub fn whole(file: impl Into<Arc<str>>) -> Origin {
        Origin { file: file.into(), line: 0 }
    }
}

/// One fault of the configuration. Printed as
/// `/etc/headgate/headgate.toml:14: radius.reject-delay-ms: expected a number from 0 to 10000, found "soon"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as its path was given.
    pub file: String,
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
    /// `section.key`, or empty where no key is to blame.
    pub key: String,
    /// What was expected and what was found; never the content of a secret.
    pub text: String,
}

impl ConfigError {
    pub(crate) fn new(at: &Origin, key: impl Into<String>, text: impl Into<String>) -> ConfigError {
        ConfigError { file: at.file.to_string(), line: at.line, key: key.into(), text: text.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.text)
    }
}

impl std::error::Error for ConfigError {}

/// Writes `file:line`, or the file alone.
pub(crate) fn write_place(f: &mut fmt::Formatter<'_>, file: &str, line: usize) -> fmt::Result {
    if line == 0 { f.write_str(file) } else { write!(f, "{file}:{line}") }
}

/// A value that cannot be used, before it is known which key it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub at: Origin,
    pub text: String,
}

/// A text of somebody's file as it is repeated in an error: quoted, escaped and cut.
pub(crate) fn quoted(text: &str) -> String {
    if text.chars().nth(FOUND_CHARS_MAX).is_none() {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(FOUND_CHARS_MAX).collect();
    format!("{start:?}...")
}
