//! The enforcer's own control socket: `enforce.sock` in the state directory, mode 0600, lines of JSON.
//!
//! One question a line, one [`Reply`] a line. What is asked is answered by the enforcer's thread between two events. A
//! hold lasts as long as the connection that asked for it, and no longer than it was asked for, so whoever dies lets go.
//! Not for subscribers or money: the server has a socket of its own.

mod client;
mod listener;

use super::difference::Difference;
use super::settings::{Settings, WalledEntry};
pub use client::Client;
pub(super) use listener::Listener;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

const FILE_NAME: &str = "enforce.sock";
/// A hold at most, seconds.
pub const HOLD_SECONDS_MAX: u64 = 4_000;

/// Where the enforcer of this state directory listens.
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE_NAME)
}

/// What the enforcer may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Question {
    Status,
    /// Compares what it holds with the kernel.
    Diff,
    /// Looks and mends now.
    Apply,
    /// Touches the kernel no more until the connection ends, this long at most. Counters are read and told first.
    Hold {
        seconds: u64,
    },
    /// Reads the counters and tells them.
    Count,
    /// Stands still until it is started again: its configuration was tried and not confirmed.
    Rest,
    /// Starts again in its own place, which reads the configuration.
    Restart,
}

/// The answer: `error`, or what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
}

impl Reply {
    pub fn refused(text: impl std::fmt::Display) -> Reply {
        Reply { error: Some(text.to_string()), ..Reply::default() }
    }
}

/// What an apply did; None: it was right already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub table: Option<String>,
    pub classes: Option<String>,
}

/// How the enforcer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub pid: u32,
    /// Inode of its network namespace.
    pub namespace: u64,
    /// What it keeps the table by ([`configuration`]).
    pub configuration: BTreeMap<String, String>,
    pub ports_only: bool,
    /// A state is held, from the disk or a server.
    pub known: bool,
    /// It stands still: somebody holds it, or what it was started with was not confirmed.
    pub still: bool,
    pub cursor: String,
    pub addresses: usize,
}

/// Those keys of `[enforcement]` that the table and the classes are made by, as text; absent ones are empty.
pub fn configuration(settings: &Settings) -> BTreeMap<String, String> {
    let lan = if settings.ports_only { String::new() } else { settings.lan.join(" ") };
    let walled = settings.walled_garden.iter().map(|entry| match entry {
        WalledEntry::Net(net) => net.to_string(),
        WalledEntry::Name(name) => name.clone(),
    });
    BTreeMap::from(
        [
            ("nas", settings.nas.map_or_else(String::new, |nas| nas.to_string())),
            ("lan", lan),
            ("shape", settings.shape.join(" ")),
            ("wan", settings.wan.clone().unwrap_or_default()),
            ("captive", settings.captive.map_or_else(String::new, |captive| captive.to_string())),
            ("walled-garden", walled.collect::<Vec<_>>().join(" ")),
            ("protect-ports", settings.protect_ports.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    )
}

/// Inode of the calling thread's network namespace; 0: not known.
pub fn namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/thread-self/ns/net").map_or(0, |file| file.ino())
}

/// A question on its way to the enforcer's thread.
#[derive(Debug)]
pub(super) struct Asked {
    pub question: Question,
    pub reply: SyncSender<Reply>,
}
