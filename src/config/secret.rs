//! Secrets of the configuration: a text, `{ file = "PATH" }` or `{ credential = "NAME" }`.
//!
//! An error names the place a secret was looked for, never what was found there.

use super::error::Fault;
use super::section::{ABSOLUTE_PATH, absolute_path};
use super::tree::{Node, Table, Value};
use crate::model::SecretText;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Longest secret, in octets, wherever it stands.
const SECRET_BYTES_MAX: usize = 4096;
/// Passwords of one context: the one in use and the one it is being changed to.
const PASSWORDS_MAX: usize = 2;

/// What a token looks like, in words.
pub(super) const TOKEN: &str = "a token of printed ASCII characters without spaces: \"text\", { file = \"PATH\" } or { credential = \"NAME\" }";

const SECRET: &str = "a secret: \"text\", { file = \"PATH\" } or { credential = \"NAME\" }";

/// Whether secrets that stand in files are read, and where systemd put a unit's credentials (systemd.exec(5),
/// LoadCredential=).
#[derive(Clone, Debug)]
pub(super) enum SecretFiles {
    Read {
        credentials: Option<PathBuf>,
    },
    /// For commands that need no secret and may not be allowed to see one.
    Unread,
}

impl SecretFiles {
    pub fn of_this_process() -> SecretFiles {
        SecretFiles::Read { credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from) }
    }
}

/// One or two passwords, each of which is right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passwords(Vec<SecretText>);

impl Passwords {
    pub fn new(passwords: Vec<SecretText>) -> Passwords {
        Passwords(passwords)
    }

    /// Whether `given` is one of them, in time that tells nothing of them but their length. None: never.
    pub fn accept(&self, given: &str) -> bool {
        let equal = |password: &SecretText| password.expose().as_bytes().ct_eq(given.as_bytes());
        self.0.iter().fold(Choice::from(0), |found, password| found | equal(password)).into()
    }

    /// For secrets that are compared otherwise than as texts.
    pub fn iter(&self) -> impl Iterator<Item = &SecretText> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A secret or a list of two while one is being changed.
pub(super) fn read_passwords(node: &Node, files: &SecretFiles) -> Result<Passwords, Fault> {
    let Value::List(items) = &node.value else {
        return read_secret(node, files).map(|secret| Passwords(secret.into_iter().collect()));
    };
    if items.is_empty() || items.len() > PASSWORDS_MAX {
        return Err(
            node.fault(format!("expected a secret or a list of two, found a list of {}", items.len()))
        );
    }
    let secrets: Result<Vec<_>, _> = items.iter().map(|item| read_secret(item, files)).collect();
    secrets.map(|secrets| Passwords(secrets.into_iter().flatten().collect()))
}

/// The same, to be used and not only compared with. Empty: it stands in a file that is not to be read.
pub(super) fn read_secrets(node: &Node, files: &SecretFiles) -> Result<Vec<SecretText>, Fault> {
    read_passwords(node, files).map(|passwords| passwords.0)
}

/// The same for tokens, which travel in a header of HTTP.
pub(super) fn read_tokens(node: &Node, files: &SecretFiles) -> Result<Passwords, Fault> {
    let tokens = read_passwords(node, files)?;
    if tokens.0.iter().all(fits_header) { Ok(tokens) } else { Err(node.expected_secret(TOKEN)) }
}

/// One token. None: it stands in a file that is not to be read.
pub(super) fn read_token(node: &Node, files: &SecretFiles) -> Result<Option<SecretText>, Fault> {
    let token = read_secret(node, files)?;
    if token.iter().all(fits_header) { Ok(token) } else { Err(node.expected_secret(TOKEN)) }
}

fn fits_header(token: &SecretText) -> bool {
    token.expose().bytes().all(|octet| octet.is_ascii_graphic())
}

/// None: it stands in a file that is not to be read.
fn read_secret(node: &Node, files: &SecretFiles) -> Result<Option<SecretText>, Fault> {
    let secret = match &node.value {
        Value::Text(text) => SecretText::new(text.as_str()),
        Value::Table(table) | Value::InlineTable(table) => {
            let Some(path) = secret_path(node, table, files)? else { return Ok(None) };
            read_file(&path).map_err(|why| node.fault(format!("{}: {why}", path.display())))?
        }
        _ => return Err(node.expected_secret(SECRET)),
    };
    if secret.is_empty() {
        return Err(node.fault("expected a secret, found an empty one"));
    }
    if secret.expose().len() > SECRET_BYTES_MAX {
        return Err(node.fault(format!("expected a secret of at most {SECRET_BYTES_MAX} octets")));
    }
    Ok(Some(secret))
}

fn secret_path(node: &Node, table: &Table, files: &SecretFiles) -> Result<Option<PathBuf>, Fault> {
    let mut entries = table.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        return Err(node.fault(format!("expected {SECRET}, found a table of {} keys", table.len())));
    };
    match key.as_str() {
        "file" => {
            let path =
                absolute_path(value.text(ABSOLUTE_PATH)?).ok_or_else(|| value.expected(ABSOLUTE_PATH))?;
            Ok(matches!(files, SecretFiles::Read { .. }).then_some(path))
        }
        "credential" => {
            const NAME: &str = "the name of a credential, without a slash";
            let name = value.text(NAME)?;
            if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
                return Err(value.expected(NAME));
            }
            match files {
                SecretFiles::Unread => Ok(None),
                SecretFiles::Read { credentials: Some(directory) } => Ok(Some(directory.join(name))),
                SecretFiles::Read { credentials: None } => Err(value.fault(format!(
                    "credential {name:?}: systemd gave none (CREDENTIALS_DIRECTORY is not set)"
                ))),
            }
        }
        other => Err(value.fault(format!("unknown key {other:?}; expected {SECRET}"))),
    }
}

/// The content without the line end that editors add.
fn read_file(path: &Path) -> Result<SecretText, String> {
    let limit = u64::try_from(SECRET_BYTES_MAX + 2).unwrap_or(u64::MAX);
    let mut content = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 2));
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(limit).read_to_end(&mut content).map_err(|e| e.to_string())?;
    let text = std::str::from_utf8(&content).map_err(|_| "is not UTF-8 text".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(SecretText::new(text.strip_suffix('\r').unwrap_or(text)))
}
