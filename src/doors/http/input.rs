//! The reading side of a connection: one bounded buffer between stream and parser.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Room that is made before each read.
const READ_OCTETS: usize = 8 * 1024;
/// A buffer that has grown beyond this for a body is given back afterwards.
const KEPT_OCTETS_MAX: usize = 64 * 1024;

/// What was read and not yet taken. Its users bound it: they never ask for more than their limit.
pub(super) struct Input {
    buffer: Vec<u8>,
    start: usize,
}

impl Input {
    pub fn new() -> Input {
        Input { buffer: Vec::new(), start: 0 }
    }

    pub fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    pub fn skip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
    }

    /// Takes what is there, `count` octets at most.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let unread = self.unread();
        let taken = unread.get(..count).unwrap_or(unread).to_vec();
        self.skip(taken.len());
        taken
    }

    /// Reads some more; 0 at the end of the stream.
    pub async fn fill(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_OCTETS_MAX {
            self.buffer = Vec::new();
        }
        self.buffer.reserve(READ_OCTETS);
        stream.read_buf(&mut self.buffer).await
    }
}
