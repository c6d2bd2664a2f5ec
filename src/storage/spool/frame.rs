//! A record in a segment: length, CRC-32C, sequence, then the entry.
//!
//! ```text
//! 0       4       8               16
//! +-------+-------+---------------+---------
//! | octets| crc   | sequence      | entry...      all little-endian; `octets` counts the entry alone
//! +-------+-------+---------------+---------
//! ```
//! The CRC covers the spool's epoch, the sequence, the length and the entry. After the last record stand zeros.

use super::checksum::Crc32c;
use std::ops::Range;

pub(super) const HEADER_BYTES: usize = 16;
/// Largest entry. A RADIUS packet has 4096 octets (RFC 2865, section 3); this is several times what its texts need.
pub(super) const ENTRY_BYTES_MAX: usize = 16 * 1024;
/// What is written after the last record.
pub(super) const END: [u8; HEADER_BYTES] = [0; HEADER_BYTES];

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A whole record that takes `bytes` octets.
    Record { sequence: u64, entry: &'a [u8], bytes: usize },
    /// Nothing was written here since the last record.
    End,
    /// Something that is no whole record of this spool.
    Damaged,
}

/// Appends a record, its entry written by `encode`. False, with nothing appended: the entry is too large.
pub(super) fn put(out: &mut Vec<u8>, epoch: u64, sequence: u64, encode: impl FnOnce(&mut Vec<u8>)) -> bool {
    let start = out.len();
    out.extend_from_slice(&END);
    encode(out);
    if let Some((header, entry)) = out.get_mut(start..).and_then(|record| record.split_first_chunk_mut())
        && entry.len() <= ENTRY_BYTES_MAX
        && let Ok(length) = u32::try_from(entry.len())
    {
        *header = header_of(epoch, sequence, length, entry);
        return true;
    }
    out.truncate(start);
    false
}

/// What the first octets are.
pub(super) fn parse(bytes: &[u8], epoch: u64) -> Frame<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Frame::End };
    let &[a, b, c, d, _, _, _, _, sequence @ ..] = header;
    let length = u32::from_le_bytes([a, b, c, d]);
    if *header == END {
        return Frame::End;
    }
    let sequence = u64::from_le_bytes(sequence);
    let entry = usize::try_from(length)
        .ok()
        .filter(|length| (1..=ENTRY_BYTES_MAX).contains(length))
        .and_then(|length| rest.get(..length));
    match entry {
        Some(entry) if header_of(epoch, sequence, length, entry) == *header => {
            Frame::Record { sequence, entry, bytes: HEADER_BYTES + entry.len() }
        }
        _ => Frame::Damaged,
    }
}

/// The first whole record in `bytes` whose sequence is in `sequences`: its place and its sequence.
pub(super) fn find(bytes: &[u8], epoch: u64, sequences: Range<u64>) -> Option<(usize, u64)> {
    bytes.windows(HEADER_BYTES).enumerate().find_map(|(place, header)| {
        // Most places are ruled out by the sequence, before a checksum is made.
        let &[_, _, _, _, _, _, _, _, sequence @ ..] = <&[u8; HEADER_BYTES]>::try_from(header).ok()?;
        let sequence = u64::from_le_bytes(sequence);
        if !sequences.contains(&sequence) {
            return None;
        }
        match parse(bytes.get(place..)?, epoch) {
            Frame::Record { sequence, .. } => Some((place, sequence)),
            _ => None,
        }
    })
}

fn header_of(epoch: u64, sequence: u64, length: u32, entry: &[u8]) -> [u8; HEADER_BYTES] {
    let [l0, l1, l2, l3] = length.to_le_bytes();
    let sequence = sequence.to_le_bytes();
    let crc =
        Crc32c::new().add(&epoch.to_le_bytes()).add(&sequence).add(&[l0, l1, l2, l3]).add(entry).value();
    let [c0, c1, c2, c3] = crc.to_le_bytes();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sequence;
    [l0, l1, l2, l3, c0, c1, c2, c3, s0, s1, s2, s3, s4, s5, s6, s7]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: u64, sequence: u64, entry: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(put(&mut out, epoch, sequence, |out| out.extend_from_slice(entry)));
        out
    }

    #[test]
    fn a_record_is_read_only_whole_unchanged_and_in_its_own_spool() {
        let bytes = record(1, 2, b"entry");
        let expected = Frame::Record { sequence: 2, entry: b"entry", bytes: bytes.len() };
        assert_eq!(parse(&bytes, 1), expected);
        assert_eq!(parse(&bytes, 2), Frame::Damaged);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(parse(&changed, 1), Frame::Damaged, "octet {at}");
            if at >= HEADER_BYTES {
                assert_eq!(parse(&bytes[..at], 1), Frame::Damaged);
            }
        }
    }

    #[test]
    fn zeros_are_the_end() {
        assert_eq!(parse(&[0; 64], 1), Frame::End);
        assert_eq!(parse(&[7; 15], 1), Frame::End, "no record fits here");
        assert_eq!(parse(&[], 1), Frame::End);
    }

    #[test]
    fn an_entry_that_is_too_large_is_not_written() {
        let mut out = vec![1];
        assert!(!put(&mut out, 1, 1, |out| out.extend(vec![0; ENTRY_BYTES_MAX + 1])));
        assert_eq!(out, [1]);
        assert!(put(&mut out, 1, 1, |out| out.extend(vec![0; ENTRY_BYTES_MAX])));
    }

    #[test]
    fn a_record_is_found_behind_damage_but_not_one_of_earlier_use() {
        let mut bytes = vec![0xff; 33];
        bytes.extend(record(1, 4, b"earlier use of the file"));
        let place = bytes.len();
        bytes.extend(record(1, 9, b"entry"));
        assert_eq!(find(&bytes, 1, 5..100), Some((place, 9)));
        assert_eq!(find(&bytes, 1, 5..9), None);
        assert_eq!(find(&bytes, 2, 5..100), None);
    }
}
