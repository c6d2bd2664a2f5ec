//! Segment files: their names, header and making.
//!
//! `segment-SEQUENCE` is in use, named by its first sequence; `spare-NUMBER` waits for use. A segment begins with
//! 32 octets: magic, epoch, first sequence (all 8, little-endian), 4 zeros, CRC-32C of what stands before it.

use super::checksum::Crc32c;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub(super) const HEADER_BYTES: u64 = 32;
const MAGIC: [u8; 8] = *b"hgspool\x01";
/// As many as the largest number has, so that names sort as numbers do.
const NUMBER_DIGITS: usize = 20;
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Whose records a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub epoch: u64,
    pub first_sequence: u64,
}

impl Header {
    pub fn write(self, file: &File) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let crc = Crc32c::new().add(&bytes).value();
        bytes.extend_from_slice(&crc.to_le_bytes());
        // The first record's place is wiped with it, so that an unused segment is seen to be one.
        bytes.extend_from_slice(&super::frame::END);
        file.write_all_at(&bytes, 0)
    }

    /// None: there is no whole header.
    pub fn read(file: &File) -> io::Result<Option<Header>> {
        let mut bytes = [0u8; 32];
        match file.read_exact_at(&mut bytes, 0) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let (covered, crc) = bytes.split_at(28);
        let whole = bytes.starts_with(&MAGIC) && crc == Crc32c::new().add(covered).value().to_le_bytes();
        let number = |at: usize| -> Option<u64> {
            covered.get(at..)?.first_chunk::<8>().map(|octets| u64::from_le_bytes(*octets))
        };
        Ok(match (whole, number(8), number(16)) {
            (true, Some(epoch), Some(first_sequence)) => Some(Header { epoch, first_sequence }),
            _ => None,
        })
    }
}

pub(super) fn segment_path(directory: &Path, first_sequence: u64) -> PathBuf {
    directory.join(format!("segment-{first_sequence:0NUMBER_DIGITS$}"))
}

pub(super) fn spare_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("spare-{number:0NUMBER_DIGITS$}"))
}

/// The files of a spool's directory by name, each list in order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub segments: Vec<u64>,
    pub spares: Vec<u64>,
}

pub(super) fn list(directory: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let Some((kind, number)) = name.to_str().and_then(|name| name.split_once('-')) else { continue };
        match (kind, number.len(), number.parse()) {
            ("segment", NUMBER_DIGITS, Ok(first_sequence)) => listing.segments.push(first_sequence),
            ("spare", NUMBER_DIGITS, Ok(number)) => listing.spares.push(number),
            _ => {}
        }
    }
    listing.segments.sort_unstable();
    listing.spares.sort_unstable();
    Ok(listing)
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Makes a file full of zeros, flushed: the cheapest to write over later. Takes tens of milliseconds.
pub(super) fn create_zeroed(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = create(path)?;
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(ZEROS.len()).min(ZEROS.len());
        file.write_all(ZEROS.get(..part).unwrap_or(&ZEROS))?;
        left = left.saturating_sub(u64::try_from(part).unwrap_or(left));
    }
    file.sync_all()?;
    Ok(file)
}

/// Makes a file whose space is taken but not written: quick, for when a new segment is needed at once.
pub(super) fn create_allocated(path: &Path, bytes: u64) -> io::Result<File> {
    let file = create(path)?;
    allocate(&file, bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Takes disk space up to `bytes`, so that a later write cannot find the disk full.
pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for as long as `file` is borrowed; no memory is handed over.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}
