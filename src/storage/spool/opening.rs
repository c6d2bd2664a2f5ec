//! Opening a spool's directory: whose it is, which files are in use, where the last record ends.

use super::segment::{self, Header};
use super::writer::Spool;
use super::{Shared, SpoolError, SpoolOptions, State, frame};
use parking_lot::Mutex;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

const LOCK_FILE: &str = "lock";
const EPOCH_FILE: &str = "epoch";
/// A segment file larger than this is none of ours; the last one is read whole.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// Entry octets of the smallest record: bounds how far sequences can go within a segment.
const RECORD_BYTES_MIN: u64 = 17;

pub(super) fn open(directory: &Path, options: SpoolOptions) -> Result<Spool, SpoolError> {
    let at = |error: io::Error| match SpoolError::from(error) {
        SpoolError::Io(error) => SpoolError::Unusable(format!("{}: {error}", directory.display())),
        other => other,
    };
    super::super::sqlite::create_private_directory(directory).map_err(at)?;
    let lock = lock(directory)?;
    open_locked(directory, options, lock).map_err(at)
}

fn lock(directory: &Path) -> Result<File, SpoolError> {
    let path = directory.join(LOCK_FILE);
    let unusable = |text: String| SpoolError::Unusable(format!("{}: {text}", path.display()));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|e| unusable(e.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(unusable("another process uses this spool".to_owned())),
        Err(TryLockError::Error(e)) => Err(unusable(e.to_string())),
    }
}

fn open_locked(directory: &Path, options: SpoolOptions, lock: File) -> io::Result<Spool> {
    let mut listing = segment::list(directory)?;
    let epoch = match known_epoch(directory, &listing.segments)? {
        Some(epoch) if !listing.segments.is_empty() => epoch,
        _ => new_epoch(directory)?,
    };
    delete_strangers(directory, epoch, &mut listing)?;
    if listing.segments.is_empty() {
        // Its sequences begin at 1 again, so it is a new stream.
        return begin(directory, options, lock, new_epoch(directory)?, listing.spares);
    }
    let last = listing.segments.last().copied().unwrap_or(1);
    let tail = open_tail(directory, options, epoch, last)?;
    finish(directory, options, lock, epoch, listing, tail)
}

/// The last segment and where its records end.
struct Tail {
    file: File,
    bytes: u64,
    offset: u64,
    next_sequence: u64,
}

fn begin(
    directory: &Path,
    options: SpoolOptions,
    lock: File,
    epoch: u64,
    spares: Vec<u64>,
) -> io::Result<Spool> {
    let file = segment::create_zeroed(&segment::segment_path(directory, 1), options.segment_bytes)?;
    Header { epoch, first_sequence: 1 }.write(&file)?;
    file.sync_data()?;
    let tail = Tail { file, bytes: options.segment_bytes, offset: segment::HEADER_BYTES, next_sequence: 1 };
    finish(directory, options, lock, epoch, segment::Listing { segments: vec![1], spares }, tail)
}

fn finish(
    directory: &Path,
    options: SpoolOptions,
    lock: File,
    epoch: u64,
    listing: segment::Listing,
    tail: Tail,
) -> io::Result<Spool> {
    let spares = usable_spares(directory, options, listing.segments.len(), listing.spares)?;
    segment::sync_directory(directory)?;
    let files = listing.segments.len().saturating_add(spares.len());
    let state = State {
        files: u64::try_from(files).unwrap_or(u64::MAX),
        segments: listing.segments.into(),
        spares,
        end_offset: tail.offset,
        last_sequence: tail.next_sequence.saturating_sub(1),
    };
    let shared = Shared { epoch, directory: directory.to_owned(), options, state: Mutex::new(state) };
    Ok(Spool {
        shared: Arc::new(shared),
        file: tail.file,
        segment_bytes: tail.bytes,
        offset: tail.offset,
        next_sequence: tail.next_sequence,
        unflushed: false,
        broken: false,
        buffer: Vec::new(),
        lock,
    })
}

/// The epoch from its file or, where that is gone, from the newest segment that names one.
fn known_epoch(directory: &Path, segments: &[u64]) -> io::Result<Option<u64>> {
    let text = match fs::read_to_string(directory.join(EPOCH_FILE)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound || e.kind() == io::ErrorKind::InvalidData => {
            String::new()
        }
        other => other?,
    };
    if let Ok(epoch) = u64::from_str_radix(text.trim(), 16) {
        return Ok(Some(epoch));
    }
    for &first in segments.iter().rev() {
        if let Some(header) = Header::read(&segment::open(&segment::segment_path(directory, first))?)? {
            tracing::warn!(spool = %directory.display(), "the spool's epoch was taken from a segment");
            write_epoch(directory, header.epoch)?;
            return Ok(Some(header.epoch));
        }
    }
    Ok(None)
}

fn new_epoch(directory: &Path) -> io::Result<u64> {
    let mut octets = [0u8; 8];
    getrandom::fill(&mut octets).map_err(io::Error::other)?;
    let epoch = u64::from_le_bytes(octets);
    write_epoch(directory, epoch)?;
    Ok(epoch)
}

fn write_epoch(directory: &Path, epoch: u64) -> io::Result<()> {
    let aside = directory.join("epoch.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    writeln!(file, "{epoch:016x}")?;
    file.sync_all()?;
    fs::rename(&aside, directory.join(EPOCH_FILE))?;
    segment::sync_directory(directory)
}

/// A file whose header names another spool or another place was being taken into use when the machine stopped, or
/// was copied here: nothing in it was answered for under this name, and it is deleted. A damaged header is no
/// reason: the records have checksums of their own.
fn delete_strangers(directory: &Path, epoch: u64, listing: &mut segment::Listing) -> io::Result<()> {
    let mut kept = Vec::with_capacity(listing.segments.len());
    for &first_sequence in &listing.segments {
        let path = segment::segment_path(directory, first_sequence);
        match Header::read(&segment::open(&path)?)? {
            Some(header) if header != (Header { epoch, first_sequence }) => {
                tracing::warn!(file = %path.display(), ?header, "a segment that is not of this place was deleted");
                fs::remove_file(&path)?;
            }
            header => {
                if header.is_none() {
                    tracing::warn!(file = %path.display(), "the header of a segment is damaged");
                }
                kept.push(first_sequence);
            }
        }
    }
    listing.segments = kept;
    Ok(())
}

fn open_tail(directory: &Path, options: SpoolOptions, epoch: u64, first_sequence: u64) -> io::Result<Tail> {
    let path = segment::segment_path(directory, first_sequence);
    let file = segment::open(&path)?;
    let length = file.metadata()?.len();
    if length > SEGMENT_BYTES_MAX {
        return Err(io::Error::other(format!("{} is too large for a segment", path.display())));
    }
    let mut contents = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut contents, 0)?;
    let header_bytes = usize::try_from(segment::HEADER_BYTES).map_err(io::Error::other)?;
    let (records, next_sequence) =
        walk(contents.get(header_bytes..).unwrap_or(&[]), epoch, first_sequence, &path);
    let offset = segment::HEADER_BYTES.saturating_add(u64::try_from(records).map_err(io::Error::other)?);
    if length < options.segment_bytes {
        segment::allocate(&file, options.segment_bytes)?;
    }
    let bytes = length.max(options.segment_bytes);
    if offset == segment::HEADER_BYTES {
        Header { epoch, first_sequence }.write(&file)?;
    } else if bytes.saturating_sub(offset) >= segment::HEADER_BYTES {
        file.write_all_at(&frame::END, offset)?;
    }
    // A process that was killed may have left records that only the page cache has; now they may be read.
    file.sync_all()?;
    Ok(Tail { file, bytes, offset, next_sequence })
}

/// The octets of `bytes` up to the end of the last record, and the sequence after it.
fn walk(bytes: &[u8], epoch: u64, first_sequence: u64, path: &Path) -> (usize, u64) {
    let (mut offset, mut next_sequence) = (0, first_sequence);
    loop {
        let rest = bytes.get(offset..).unwrap_or(&[]);
        let torn = match frame::parse(rest, epoch) {
            frame::Frame::Record { sequence, bytes, .. } if sequence == next_sequence => {
                offset = offset.saturating_add(bytes);
                next_sequence = next_sequence.saturating_add(1);
                continue;
            }
            frame::Frame::End => false,
            _ => true,
        };
        let room = u64::try_from(rest.len()).unwrap_or(u64::MAX) / RECORD_BYTES_MIN;
        let sequences = next_sequence..next_sequence.saturating_add(room).saturating_add(1);
        let Some((skipped, sequence)) = frame::find(rest, epoch, sequences) else {
            if torn {
                tracing::warn!(file = %path.display(), offset, "a torn record at the spool's end was cut off");
            }
            return (offset, next_sequence);
        };
        tracing::error!(
            file = %path.display(), offset, octets = skipped, records = sequence.saturating_sub(next_sequence),
            "the spool is damaged; the records after the damage are kept"
        );
        offset = offset.saturating_add(skipped);
        next_sequence = sequence;
    }
}

/// Deletes spares of another size and makes one where there is none, unless that would be too much.
fn usable_spares(
    directory: &Path,
    options: SpoolOptions,
    segments: usize,
    spares: Vec<u64>,
) -> io::Result<Vec<u64>> {
    let mut usable = Vec::new();
    for number in spares {
        let path = segment::spare_path(directory, number);
        if usable.len() < super::SPARES_MAX && fs::metadata(&path)?.len() == options.segment_bytes {
            usable.push(number);
        } else {
            fs::remove_file(&path)?;
        }
    }
    let files = u64::try_from(segments).unwrap_or(u64::MAX).saturating_add(1);
    if usable.is_empty() && files.saturating_mul(options.segment_bytes) <= options.bytes_max {
        segment::create_zeroed(&segment::spare_path(directory, 0), options.segment_bytes)?;
        usable.push(0);
    }
    Ok(usable)
}
