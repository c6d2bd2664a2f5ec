//! The reading end.

use super::frame::{self, Frame};
use super::segment;
use super::{SPARES_MAX, Shared, SpoolError, encoding};
use crate::model::{SpoolEntry, SpoolPosition};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Octets read from a file at once; several of the largest records.
const READ_BYTES: usize = 256 * 1024;
/// Entries one call gives at most.
const ENTRIES_MAX: usize = 10_000;

/// Reads what was appended and releases what was taken in. One value, owned by one thread.
pub struct SpoolReader {
    shared: Arc<Shared>,
    cursor: Option<Cursor>,
    records_lost: u64,
    /// Losses before this sequence were reported.
    lost_up_to: u64,
}

/// Where reading goes on.
struct Cursor {
    segment: u64,
    file: File,
    file_bytes: u64,
    offset: u64,
    next_sequence: u64,
    /// No record that can be given lies between this sequence and `next_sequence`.
    answered_from: u64,
    /// Octets of the file from `buffer_start` on.
    buffer: Vec<u8>,
    buffer_start: u64,
}

/// How far the cursor's segment may be read.
struct Bounds {
    /// The segment after it; None where it is the last.
    next_segment: Option<u64>,
    offset: u64,
    /// The sequence after its last record.
    sequence: u64,
}

impl SpoolReader {
    pub(super) fn new(shared: Arc<Shared>) -> SpoolReader {
        SpoolReader { shared, cursor: None, records_lost: 0, lost_up_to: 0 }
    }

    /// The entries after `after` in their order, at most `max_entries`; none when there are no more. A position of
    /// another epoch means from the beginning. Reading on from the last entry given is cheap; another position is
    /// searched for. Damaged records are reported in the log, counted and left out.
    ///
    /// # Errors
    /// [`SpoolError::Behind`] when `after` lies after the spool's end; [`SpoolError::Io`].
    pub fn read(
        &mut self,
        after: SpoolPosition,
        max_entries: usize,
    ) -> Result<Vec<(SpoolPosition, SpoolEntry)>, SpoolError> {
        let known = after.epoch == self.shared.epoch;
        let last_sequence = self.last().sequence;
        if known && after.sequence > last_sequence {
            return Err(SpoolError::Behind { last_sequence });
        }
        let mut wanted = if known { after.sequence.saturating_add(1) } else { 1 };
        let mut entries = Vec::new();
        while entries.len() < max_entries.min(ENTRIES_MAX) {
            match self.next(wanted)? {
                Some((sequence, entry)) => {
                    wanted = sequence.saturating_add(1);
                    entries.push((SpoolPosition { epoch: self.shared.epoch, sequence }, entry));
                }
                None => break,
            }
        }
        Ok(entries)
    }

    /// Releases the segments that lie wholly before or at `position`: all in them was taken in.
    pub fn acknowledge(&mut self, position: SpoolPosition) -> Result<(), SpoolError> {
        if position.epoch != self.shared.epoch {
            return Ok(());
        }
        while let Some(released) = self.release(position.sequence) {
            if self.cursor.as_ref().is_some_and(|cursor| cursor.segment == released) {
                self.cursor = None;
            }
            self.recycle(released)?;
        }
        Ok(())
    }

    /// Position of the last entry that can be read.
    pub fn last(&self) -> SpoolPosition {
        SpoolPosition { epoch: self.shared.epoch, sequence: self.shared.state.lock().last_sequence }
    }

    /// Records that were damaged on the disk and left out since opening.
    pub fn records_lost(&self) -> u64 {
        self.records_lost
    }

    /// Octets that the spool's files take, and the most they may.
    pub fn fill(&self) -> (u64, u64) {
        (self.shared.bytes_used(), self.shared.options.bytes_max)
    }
}

impl SpoolReader {
    /// The next record from sequence `wanted` on.
    fn next(&mut self, wanted: u64) -> Result<Option<(u64, SpoolEntry)>, SpoolError> {
        if !self.cursor.as_ref().is_some_and(|cursor| cursor.serves(wanted)) {
            self.seek(wanted)?;
        }
        let epoch = self.shared.epoch;
        while let Some(cursor) = &mut self.cursor {
            let bounds = bounds(&self.shared, cursor);
            if cursor.next_sequence >= bounds.sequence {
                match bounds.next_segment {
                    Some(next) => self.enter(next, wanted)?,
                    None => break,
                }
                continue;
            }
            let expected = cursor.next_sequence;
            match frame::parse(cursor.octets(bounds.offset)?, epoch) {
                Frame::Record { sequence, entry, bytes } if sequence == expected => {
                    let entry = if sequence < wanted { None } else { Some(encoding::decode(entry)) };
                    cursor.advance(bytes);
                    match entry {
                        None => {}
                        Some(Some(entry)) => {
                            cursor.answered_from = cursor.next_sequence;
                            return Ok(Some((sequence, entry)));
                        }
                        Some(None) => self.lost(sequence, sequence.saturating_add(1), "cannot be decoded"),
                    }
                }
                _ => {
                    cursor.skip_damage(epoch, &bounds)?;
                    let lost_to = cursor.next_sequence;
                    self.lost(expected.max(wanted), lost_to, "are damaged");
                }
            }
        }
        Ok(None)
    }

    /// Places the cursor at the start of the segment that has `wanted`, or of the oldest.
    fn seek(&mut self, wanted: u64) -> Result<(), SpoolError> {
        let first = {
            let state = self.shared.state.lock();
            let after = state.segments.partition_point(|first| *first <= wanted);
            state.segments.get(after.saturating_sub(1)).copied()
        };
        match first {
            Some(first) => self.enter(first, wanted),
            None => Ok(()),
        }
    }

    /// Places the cursor at the start of a segment. One whose file is gone is reported and passed over.
    fn enter(&mut self, mut first: u64, wanted: u64) -> Result<(), SpoolError> {
        let answered_from =
            self.cursor.as_ref().filter(|c| c.serves(wanted)).map_or(wanted, |c| c.answered_from);
        loop {
            match Cursor::open(&self.shared, first, answered_from) {
                Ok(cursor) => {
                    self.cursor = Some(cursor);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let Some(next) = segment_after(&self.shared, first) else { return Err(error.into()) };
                    self.lost(first.max(wanted), next, "are in a file that is gone");
                    first = next;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Each record is reported once, however often it is read over.
    fn lost(&mut self, from: u64, to: u64, why: &str) {
        let from = from.max(self.lost_up_to);
        if from < to {
            self.lost_up_to = to;
            self.records_lost = self.records_lost.saturating_add(to - from);
            let spool = self.shared.directory.display();
            tracing::error!(%spool, from, records = to - from, "records of the spool {why}");
        }
    }

    /// The oldest segment, taken off the list, if nothing in it lies after `sequence`.
    fn release(&self, sequence: u64) -> Option<u64> {
        let mut state = self.shared.state.lock();
        let next = state.segments.get(1).copied()?;
        if next > sequence.saturating_add(1) { None } else { state.segments.pop_front() }
    }

    /// Keeps a released segment's file for use again, or deletes it where enough are kept.
    fn recycle(&self, first_sequence: u64) -> Result<(), SpoolError> {
        let Shared { directory, options, state, .. } = &*self.shared;
        let path = segment::segment_path(directory, first_sequence);
        let wanted = state.lock().spares.len() < SPARES_MAX;
        if wanted && fs::metadata(&path)?.len() == options.segment_bytes {
            // First sequences are never given twice, so neither is the name.
            fs::rename(&path, segment::spare_path(directory, first_sequence))?;
            state.lock().spares.push(first_sequence);
        } else {
            fs::remove_file(&path)?;
            let mut state = state.lock();
            state.files = state.files.saturating_sub(1);
        }
        Ok(())
    }
}

impl Cursor {
    fn open(shared: &Shared, segment: u64, answered_from: u64) -> io::Result<Cursor> {
        let file = File::open(segment::segment_path(&shared.directory, segment))?;
        Ok(Cursor {
            segment,
            file_bytes: file.metadata()?.len(),
            file,
            offset: segment::HEADER_BYTES,
            next_sequence: segment,
            answered_from,
            buffer: Vec::new(),
            buffer_start: 0,
        })
    }

    /// Whether the records from `wanted` on are those from here on.
    fn serves(&self, wanted: u64) -> bool {
        (self.answered_from..=self.next_sequence.max(self.answered_from)).contains(&wanted)
    }

    fn advance(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.next_sequence = self.next_sequence.saturating_add(1);
    }

    /// The octets from here on: at least one whole record where there is one before `limit`.
    fn octets(&mut self, limit: u64) -> io::Result<&[u8]> {
        let left = usize::try_from(limit.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let skip = self.offset.checked_sub(self.buffer_start).and_then(|skip| usize::try_from(skip).ok());
        let held = skip.map_or(0, |skip| self.buffer.len().saturating_sub(skip));
        if held < left.min(frame::HEADER_BYTES + frame::ENTRY_BYTES_MAX) {
            self.buffer =
                read_at(&self.file, self.offset, left.min(READ_BYTES), std::mem::take(&mut self.buffer))?;
            self.buffer_start = self.offset;
            return Ok(&self.buffer);
        }
        Ok(skip.and_then(|skip| self.buffer.get(skip..)).unwrap_or(&[]))
    }

    /// Goes on at the next whole record of the segment, or at its end.
    fn skip_damage(&mut self, epoch: u64, bounds: &Bounds) -> io::Result<()> {
        let left = usize::try_from(bounds.offset.saturating_sub(self.offset)).map_err(io::Error::other)?;
        let rest = read_at(&self.file, self.offset, left, Vec::new())?;
        match frame::find(&rest, epoch, self.next_sequence..bounds.sequence) {
            Some((skipped, sequence)) => {
                self.offset = self.offset.saturating_add(u64::try_from(skipped).unwrap_or(u64::MAX));
                self.next_sequence = sequence;
            }
            None => {
                self.offset = bounds.offset;
                self.next_sequence = bounds.sequence;
            }
        }
        Ok(())
    }
}

fn bounds(shared: &Shared, cursor: &Cursor) -> Bounds {
    let state = shared.state.lock();
    let after = state.segments.partition_point(|first| *first <= cursor.segment);
    match state.segments.get(after) {
        Some(&next) => Bounds { next_segment: Some(next), offset: cursor.file_bytes, sequence: next },
        None => Bounds {
            next_segment: None,
            offset: state.end_offset,
            sequence: state.last_sequence.saturating_add(1),
        },
    }
}

fn segment_after(shared: &Shared, segment: u64) -> Option<u64> {
    let state = shared.state.lock();
    let after = state.segments.partition_point(|first| *first <= segment);
    state.segments.get(after).copied()
}

/// At most `length` octets of the file; fewer at its end.
fn read_at(file: &File, offset: u64, length: usize, mut buffer: Vec<u8>) -> io::Result<Vec<u8>> {
    buffer.resize(length, 0);
    let mut read = 0usize;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(octets) => read = read.saturating_add(octets),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(read);
    Ok(buffer)
}
