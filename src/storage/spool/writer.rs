//! The writing end.

use super::segment::{self, Header};
use super::{Shared, SpoolError, SpoolOptions, SpoolReader, encoding, frame, opening};
use crate::model::{SpoolEntry, SpoolPosition};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Appends entries. One value, owned by one thread; the directory is locked as long as it lives.
pub struct Spool {
    pub(super) shared: Arc<Shared>,
    /// The last segment, its size, and where the next record goes.
    pub(super) file: File,
    pub(super) segment_bytes: u64,
    pub(super) offset: u64,
    pub(super) next_sequence: u64,
    /// Written but not flushed records.
    pub(super) unflushed: bool,
    /// A flush has failed. What of the file is on the disk is not known, and flushing again would not tell.
    pub(super) broken: bool,
    pub(super) buffer: Vec<u8>,
    /// Other processes find it locked.
    pub(super) lock: File,
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Closing is not enough while a child process, just forked, holds a copy of the descriptor.
        let _ = self.lock.unlock();
    }
}

impl Spool {
    /// Opens the spool in `directory`, makes it (mode 0750) when there is none. A torn record at the end is cut
    /// off. Blocks for up to a second: files are made, the last one is read.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`] when another process holds the directory or it cannot be read and written;
    /// [`SpoolError::Full`] when the disk has no room for the first segments.
    pub fn open(directory: impl AsRef<Path>) -> Result<(Spool, SpoolReader), SpoolError> {
        Spool::open_with(directory, SpoolOptions::default())
    }

    /// As [`Spool::open`], with other sizes.
    pub fn open_with(
        directory: impl AsRef<Path>,
        options: SpoolOptions,
    ) -> Result<(Spool, SpoolReader), SpoolError> {
        let spool = opening::open(directory.as_ref(), options)?;
        let reader = SpoolReader::new(Arc::clone(&spool.shared));
        Ok((spool, reader))
    }

    /// Writes all entries and flushes them to the disk (one fdatasync); on error none of them counts as written.
    /// Entries written lazily before are flushed with them.
    pub fn append(&mut self, entries: &[SpoolEntry]) -> Result<SpoolPosition, SpoolError> {
        self.write(entries)?;
        self.flush()?;
        Ok(self.last())
    }

    /// Writes all entries without waiting for the disk: they survive a kill, after a power cut they may be gone.
    /// The reader sees them after the next [`Spool::append`] or [`Spool::flush`].
    pub fn append_lazily(&mut self, entries: &[SpoolEntry]) -> Result<SpoolPosition, SpoolError> {
        self.write(entries)?;
        Ok(self.last())
    }

    /// Flushes what was written lazily. Does nothing when there is nothing.
    pub fn flush(&mut self) -> Result<(), SpoolError> {
        self.usable()?;
        if !self.unflushed {
            return Ok(());
        }
        if let Err(error) = self.file.sync_data() {
            self.broken = true;
            return Err(SpoolError::Io(error));
        }
        self.unflushed = false;
        let mut state = self.shared.state.lock();
        state.end_offset = self.offset;
        state.last_sequence = self.next_sequence.saturating_sub(1);
        Ok(())
    }

    /// Position of the last entry written; sequence 0 in a new spool.
    pub fn last(&self) -> SpoolPosition {
        SpoolPosition { epoch: self.shared.epoch, sequence: self.next_sequence.saturating_sub(1) }
    }

    /// To be called after opening with the position that the ledger has for this edge. Where the ledger is ahead,
    /// the spool was restored from an older image: sequences go on after the ledger's, so that no new entry is
    /// taken for a known one. True when that was so.
    pub fn continue_after(&mut self, taken_in: SpoolPosition) -> Result<bool, SpoolError> {
        if taken_in.epoch != self.shared.epoch || taken_in.sequence < self.next_sequence {
            return Ok(false);
        }
        self.flush()?;
        let next_sequence = taken_in.sequence.saturating_add(1);
        tracing::error!(
            spool = %self.shared.directory.display(),
            spool_ends_at = self.next_sequence.saturating_sub(1),
            ledger_has = taken_in.sequence,
            "the spool is older than what the ledger took in from it; it goes on after the ledger's position"
        );
        self.start_segment(next_sequence)?;
        Ok(true)
    }

    /// Octets that the spool's files take, and the most they may.
    pub fn fill(&self) -> (u64, u64) {
        (self.shared.bytes_used(), self.shared.options.bytes_max)
    }

    fn usable(&self) -> Result<(), SpoolError> {
        if self.broken {
            let text = "an earlier flush failed; the spool must be opened anew";
            return Err(SpoolError::Io(io::Error::other(text)));
        }
        Ok(())
    }

    fn write(&mut self, entries: &[SpoolEntry]) -> Result<(), SpoolError> {
        self.usable()?;
        if entries.is_empty() {
            return Ok(());
        }
        let next_sequence = self.encode(entries)?;
        let bytes = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        if bytes > self.segment_bytes.saturating_sub(self.offset) {
            if bytes > self.shared.options.segment_bytes.saturating_sub(segment::HEADER_BYTES) {
                return Err(SpoolError::Oversized);
            }
            self.flush()?;
            self.start_segment(self.next_sequence)?;
        }
        let end = self.offset.saturating_add(bytes);
        let room = self.segment_bytes.saturating_sub(end);
        let mark = usize::try_from(room).unwrap_or(usize::MAX).min(frame::END.len());
        self.buffer.extend_from_slice(frame::END.get(..mark).unwrap_or(&[]));
        self.file.write_all_at(&self.buffer, self.offset)?;
        self.offset = end;
        self.next_sequence = next_sequence;
        self.unflushed = true;
        Ok(())
    }

    /// Fills the buffer; the sequence after the last entry.
    fn encode(&mut self, entries: &[SpoolEntry]) -> Result<u64, SpoolError> {
        self.buffer.clear();
        let mut sequence = self.next_sequence;
        for entry in entries {
            if !frame::put(&mut self.buffer, self.shared.epoch, sequence, |out| encoding::encode(entry, out))
            {
                return Err(SpoolError::Oversized);
            }
            sequence = sequence.checked_add(1).ok_or(SpoolError::Full)?;
        }
        Ok(sequence)
    }

    /// Goes on in an empty segment, durably in its place. Everything before is flushed.
    fn start_segment(&mut self, first_sequence: u64) -> Result<(), SpoolError> {
        let Shared { epoch, directory, options, state } = &*self.shared;
        let path = segment::segment_path(directory, first_sequence);
        let prepared = self.take_file(&path).and_then(|taken| {
            let Some(file) = taken else { return Ok(None) };
            Header { epoch: *epoch, first_sequence }.write(&file)?;
            file.sync_data()?;
            segment::sync_directory(directory)?;
            Ok(Some(file))
        });
        let file = match prepared {
            Ok(taken) => taken.ok_or(SpoolError::Full)?,
            Err(error) => {
                // Deleted and counted off, whatever became of it.
                let _ = std::fs::remove_file(&path);
                let mut state = state.lock();
                state.files = state.files.saturating_sub(1);
                return Err(error.into());
            }
        };
        self.segment_bytes = options.segment_bytes;
        self.file = file;
        self.offset = segment::HEADER_BYTES;
        self.next_sequence = first_sequence;
        let mut state = state.lock();
        state.segments.push_back(first_sequence);
        state.end_offset = self.offset;
        state.last_sequence = first_sequence.saturating_sub(1);
        Ok(())
    }

    /// A spare or new file under the name of a segment, counted. None: there may be no more.
    fn take_file(&self, path: &Path) -> io::Result<Option<File>> {
        let Shared { directory, options, state, .. } = &*self.shared;
        let (spare, room) = {
            let mut state = state.lock();
            let spare = state.spares.pop();
            let files = state.files.saturating_add(1);
            let room = files.saturating_mul(options.segment_bytes) <= options.bytes_max;
            if spare.is_none() && room {
                state.files = files;
            }
            (spare, room)
        };
        match spare {
            Some(number) => {
                std::fs::rename(segment::spare_path(directory, number), path)?;
                segment::open(path).map(Some)
            }
            None if room => segment::create_allocated(path, options.segment_bytes).map(Some),
            None => Ok(None),
        }
    }
}
