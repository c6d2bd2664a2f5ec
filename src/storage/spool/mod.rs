//! The spool: an append-only log on the local disk. What it returned `Ok` for survives a kill and a power cut, so
//! an Accounting-Request may be answered after [`Spool::append`], with the store away.
//!
//! A directory of segment files of one size, made in advance and used again: overwriting space that a file already
//! has makes a flush about twice as cheap as growing it (measured, docs/architecture.md). [`Spool`] writes at the
//! end, [`SpoolReader`] reads and releases from the front; they live in two threads. A record carries its sequence
//! and a CRC-32C over the spool's epoch, the sequence and itself, so nothing that an earlier use of a file left
//! there can pass for a record.
//!
//! Not here: what the entries mean, and how far they were taken in; the ledger's store keeps that position.

mod checksum;
mod encoding;
mod frame;
mod opening;
mod reader;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::SpoolReader;
pub use writer::Spool;

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::{fmt, io};

/// Size of a segment file.
const SEGMENT_BYTES: u64 = 8 << 20;
/// All files of the spool together, unless told otherwise.
const SPOOL_BYTES_MAX: u64 = 4 << 30;
/// Released segments kept for use again; further ones are deleted.
const SPARES_MAX: usize = 8;

/// Sizes of a spool.
#[derive(Clone, Copy, Debug)]
pub struct SpoolOptions {
    /// Octets of one segment file. A group that is appended at once must fit into one.
    pub segment_bytes: u64,
    /// Octets of all segment files; beyond it [`SpoolError::Full`].
    pub bytes_max: u64,
}

impl Default for SpoolOptions {
    fn default() -> SpoolOptions {
        SpoolOptions { segment_bytes: SEGMENT_BYTES, bytes_max: SPOOL_BYTES_MAX }
    }
}

/// Kinds of trouble by what the caller does about them.
#[derive(Debug)]
pub enum SpoolError {
    /// No room, nothing was written: do not answer the NAS; try again when the reader has released something.
    Full,
    /// The group is larger than a segment, or an entry than a record can be; nothing was written.
    Oversized,
    /// Not known to be on the disk: do not answer; try again. After a failed flush every call fails until the
    /// spool is opened anew.
    Io(io::Error),
    /// The directory cannot be used: held by another process, or not to be read or written.
    Unusable(String),
    /// The ledger has taken in entries that this spool never had, so it was restored from an older image: see
    /// [`Spool::continue_after`].
    Behind { last_sequence: u64 },
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpoolError::Full => f.write_str("the spool is full"),
            SpoolError::Oversized => f.write_str("too large for the spool"),
            SpoolError::Io(error) => write!(f, "the spool was not written: {error}"),
            SpoolError::Unusable(text) => f.write_str(text),
            SpoolError::Behind { last_sequence } => {
                write!(f, "the spool ends at {last_sequence}, before what the ledger took in from it")
            }
        }
    }
}

impl std::error::Error for SpoolError {}

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> SpoolError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SpoolError::Full,
            _ => SpoolError::Io(error),
        }
    }
}

/// What writer and reader share.
struct Shared {
    epoch: u64,
    directory: PathBuf,
    options: SpoolOptions,
    /// Held for a few instructions; never over a system call.
    state: Mutex<State>,
}

struct State {
    /// First sequences of the segments, oldest first. The last is the one written to; there always is one.
    segments: VecDeque<u64>,
    /// Numbers of the spare files.
    spares: Vec<u64>,
    /// Files, segments and spares, that are there.
    files: u64,
    /// Where the flushed records of the last segment end. Only they may be read: a sequence that the ledger has
    /// seen must never be given again after a power cut.
    end_offset: u64,
    last_sequence: u64,
}

impl Shared {
    fn bytes_used(&self) -> u64 {
        self.state.lock().files.saturating_mul(self.options.segment_bytes)
    }
}
