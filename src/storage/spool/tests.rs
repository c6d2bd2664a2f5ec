use super::{Spool, SpoolError, SpoolOptions, SpoolReader, encoding, frame, segment};
use crate::model::*;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SMALL: SpoolOptions = SpoolOptions { segment_bytes: 4096, bytes_max: 64 * 4096 };

fn entry(number: u64) -> SpoolEntry {
    SpoolEntry::Accounting(AccountingRecord {
        kind: AccountingKind::Interim,
        nas: NasId(1),
        nas_address: "10.0.0.1".parse().unwrap(),
        login: format!("login{number}"),
        acct_session_id: format!("{number:08x}"),
        subscriber: Some(SubscriberId(1)),
        event_time: Timestamp::from_seconds(1_775_000_000),
        session_seconds: 300,
        terminate_cause: 0,
        framed_ip: Some("100.64.0.1".parse().unwrap()),
        ipv6_prefixes: vec![],
        mac: Some(Mac([2, 0, 0, 0, 0, 1])),
        calling_station_id: "02-00-00-00-00-01".into(),
        nas_port_id: "eth1.100".into(),
        usage: Usage { download_octets: number, upload_octets: 1 << 33 },
        has_usage: true,
    })
}

fn entries(numbers: std::ops::RangeInclusive<u64>) -> Vec<SpoolEntry> {
    numbers.map(entry).collect()
}

fn open(dir: &Path) -> (Spool, SpoolReader) {
    Spool::open_with(dir, SMALL).unwrap()
}

/// Everything after `after`; checks that each entry stands under its own number.
fn numbers(reader: &mut SpoolReader, after: u64) -> Vec<u64> {
    let mut after = SpoolPosition { sequence: after, ..reader.last() };
    let mut numbers = Vec::new();
    loop {
        let page = reader.read(after, 7).unwrap();
        let Some((last, _)) = page.last() else { return numbers };
        after = *last;
        for (position, found) in page {
            assert_eq!(found, entry(position.sequence));
            numbers.push(position.sequence);
        }
    }
}

fn upto(last: u64) -> Vec<u64> {
    (1..=last).collect()
}

fn record_bytes(number: u64) -> usize {
    let mut out = Vec::new();
    assert!(frame::put(&mut out, 1, number, |out| encoding::encode(&entry(number), out)));
    out.len()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    segment::list(dir).unwrap().segments.into_iter().map(|first| segment::segment_path(dir, first)).collect()
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    segment::open(path).unwrap().write_all_at(bytes, at).unwrap();
}

#[test]
fn what_was_appended_is_read_after_opening_anew_and_sequences_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    assert_eq!(spool.last().sequence, 0);
    assert!(numbers(&mut reader, 0).is_empty());
    let first = spool.append(&entries(1..=3)).unwrap();
    assert_eq!(first.sequence, 3);
    assert_eq!(spool.append(&[]).unwrap(), first);
    drop((spool, reader));
    let (mut spool, mut reader) = open(dir.path());
    assert_eq!(spool.last(), first);
    assert_eq!(spool.append(&entries(4..=4)).unwrap(), SpoolPosition { sequence: 4, ..first });
    assert_eq!(numbers(&mut reader, 0), upto(4));
    assert_eq!(numbers(&mut reader, 2), [3, 4]);
}

#[test]
fn a_last_record_torn_at_any_octet_is_cut_off_and_its_place_used_again() {
    let bytes = record_bytes(3);
    let before: u64 = segment::HEADER_BYTES + u64::try_from(record_bytes(1) + record_bytes(2)).unwrap();
    for (torn, fill) in (0..bytes).flat_map(|torn| [(torn, 0u8), (torn, 0xa5)]) {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(dir.path());
        spool.append(&entries(1..=3)).unwrap();
        drop(spool);
        // A record's last octets may be zeros; then nothing is torn by zeros.
        let rest = vec![fill; bytes - torn];
        let place = before + u64::try_from(torn).unwrap();
        let mut was = vec![0; rest.len()];
        let path = &segments(dir.path())[0];
        segment::open(path).unwrap().read_exact_at(&mut was, place).unwrap();
        if was == rest {
            continue;
        }
        overwrite(path, place, &rest);
        let (mut spool, mut reader) = open(dir.path());
        assert_eq!(spool.last().sequence, 2, "torn at {torn} with {fill:#x}");
        spool.append(&entries(3..=4)).unwrap();
        assert_eq!(numbers(&mut reader, 0), upto(4));
        drop((spool, reader));
        assert_eq!(numbers(&mut open(dir.path()).1, 0), upto(4));
    }
}

#[test]
fn a_flipped_octet_anywhere_costs_at_most_its_own_record() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(dir.path());
    spool.append(&entries(1..=5)).unwrap();
    let end = spool.offset;
    drop(spool);
    let path = segments(dir.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    for at in 0..end {
        let mut changed = whole.clone();
        changed[usize::try_from(at).unwrap()] ^= 0x40;
        fs::write(&path, &changed).unwrap();
        let (spool, mut reader) = open(dir.path());
        let found = numbers(&mut reader, 0);
        let last = spool.last().sequence;
        assert!(found.len() >= 4, "octet {at}: {found:?}");
        assert_eq!(last, *found.last().unwrap(), "octet {at}");
        assert_eq!(reader.records_lost(), last - u64::try_from(found.len()).unwrap(), "octet {at}");
        assert!(last >= 4);
    }
}

#[test]
fn damage_in_a_closed_segment_is_counted_once_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    for number in 1..=100 {
        spool.append(&[entry(number)]).unwrap();
    }
    let files = segments(dir.path());
    assert!(files.len() > 2);
    overwrite(&files[0], 0, &[0x5a; 4096]);
    fs::remove_file(&files[1]).unwrap();
    let listing = segment::list(dir.path()).unwrap();
    let kept = listing.segments[1];
    for _ in 0..2 {
        assert_eq!(numbers(&mut reader, 0), (kept..=100).collect::<Vec<_>>());
        assert_eq!(reader.records_lost(), kept - 1);
    }
    drop((spool, reader));
    let (mut spool, mut reader) = open(dir.path());
    assert_eq!(spool.append(&[entry(101)]).unwrap().sequence, 101);
    assert_eq!(numbers(&mut reader, 0), (kept..=101).collect::<Vec<_>>());
}

#[test]
fn a_reader_with_nothing_but_damage_behind_it_does_not_start_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    spool.append(&entries(1..=2)).unwrap();
    let second = segment::HEADER_BYTES + u64::try_from(record_bytes(1)).unwrap();
    overwrite(&segments(dir.path())[0], second + 20, b"ZZZZ");
    assert_eq!(numbers(&mut reader, 0), [1]);
    assert_eq!(reader.records_lost(), 1);
    let after = SpoolPosition { sequence: 1, ..spool.last() };
    assert_eq!(reader.read(after, 9).unwrap(), []);
    spool.append(&[entry(3)]).unwrap();
    let page = reader.read(after, 9).unwrap();
    assert_eq!(page.iter().map(|(position, _)| position.sequence).collect::<Vec<_>>(), [3]);
    assert_eq!(reader.records_lost(), 1);
}

#[test]
fn groups_go_over_segments_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    for start in (1..200).step_by(10) {
        spool.append(&entries(start..=start + 9)).unwrap();
    }
    assert!(segments(dir.path()).len() > 3);
    assert_eq!(numbers(&mut reader, 0), upto(200));
    assert_eq!(numbers(&mut reader, 150), (151..=200).collect::<Vec<_>>());
    drop((spool, reader));
    assert_eq!(numbers(&mut open(dir.path()).1, 0), upto(200));
}

#[test]
fn a_full_spool_writes_nothing_and_goes_on_when_entries_were_taken_in() {
    let dir = tempfile::tempdir().unwrap();
    let options = SpoolOptions { bytes_max: 3 * 4096, ..SMALL };
    let (mut spool, mut reader) = Spool::open_with(dir.path(), options).unwrap();
    let mut last = 0;
    let refused = (0..20).find_map(|_| match spool.append(&entries(last + 1..=last + 10)) {
        Ok(position) => {
            last = position.sequence;
            None
        }
        Err(error) => Some(error),
    });
    assert!(matches!(refused, Some(SpoolError::Full)));
    assert_eq!(spool.fill(), (3 * 4096, 3 * 4096));
    assert_eq!(numbers(&mut reader, 0), upto(last));
    assert!(matches!(spool.append_lazily(&entries(last + 1..=last + 10)), Err(SpoolError::Full)));
    drop((spool, reader));
    let (mut spool, mut reader) = Spool::open_with(dir.path(), options).unwrap();
    assert_eq!(numbers(&mut reader, 0), upto(last), "nothing is half-written");
    reader.acknowledge(spool.last()).unwrap();
    spool.append(&entries(last + 1..=last + 10)).unwrap();
    assert_eq!(numbers(&mut reader, last), (last + 1..=last + 10).collect::<Vec<_>>());
}

#[test]
fn a_group_larger_than_a_segment_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    assert!(matches!(spool.append(&entries(1..=100)), Err(SpoolError::Oversized)));
    spool.append(&entries(1..=1)).unwrap();
    assert_eq!(numbers(&mut reader, 0), [1]);
}

#[test]
fn released_segments_are_used_again_and_their_old_records_never_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    for number in 1..=1000 {
        spool.append(&[entry(number)]).unwrap();
        if number % 50 == 0 {
            assert_eq!(numbers(&mut reader, number - 50), (number - 49..=number).collect::<Vec<_>>());
            reader.acknowledge(spool.last()).unwrap();
        }
    }
    let listing = segment::list(dir.path()).unwrap();
    assert_eq!(listing.segments.len(), 1);
    assert!(listing.spares.len() <= 3, "{listing:?}");
    let files = u64::try_from(listing.segments.len() + listing.spares.len()).unwrap();
    assert_eq!(spool.fill().0, files * SMALL.segment_bytes);
    drop((spool, reader));
    let (spool, mut reader) = open(dir.path());
    assert_eq!(spool.last().sequence, 1000);
    assert_eq!(numbers(&mut reader, 0), (listing.segments[0]..=1000).collect::<Vec<_>>());
    assert_eq!(reader.records_lost(), 0);
}

#[test]
fn only_segments_that_were_taken_in_whole_are_released() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    for number in 1..=100 {
        spool.append(&[entry(number)]).unwrap();
    }
    let second = segment::list(dir.path()).unwrap().segments[1];
    let at = |sequence| SpoolPosition { sequence, ..spool.last() };
    reader.acknowledge(at(second - 2)).unwrap();
    assert_eq!(numbers(&mut reader, 0), upto(100));
    reader.acknowledge(SpoolPosition { epoch: !at(0).epoch, sequence: 100 }).unwrap();
    assert_eq!(numbers(&mut reader, 0), upto(100), "another spool's position releases nothing");
    reader.acknowledge(at(second - 1)).unwrap();
    assert_eq!(numbers(&mut reader, 0), (second..=100).collect::<Vec<_>>());
}

#[test]
fn many_spares_are_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    for number in 1..=1000 {
        spool.append(&[entry(number)]).unwrap();
    }
    reader.acknowledge(spool.last()).unwrap();
    assert_eq!(segment::list(dir.path()).unwrap().spares.len(), super::SPARES_MAX);
    assert_eq!(spool.fill().0, (super::SPARES_MAX as u64 + 1) * SMALL.segment_bytes);
}

#[test]
fn lazy_entries_are_seen_after_the_next_flush_and_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    spool.append_lazily(&entries(1..=2)).unwrap();
    assert!(numbers(&mut reader, 0).is_empty(), "what a power cut could take back is not given");
    spool.append(&entries(3..=3)).unwrap();
    assert_eq!(numbers(&mut reader, 0), upto(3));
    spool.append_lazily(&entries(4..=4)).unwrap();
    spool.flush().unwrap();
    assert_eq!(numbers(&mut reader, 3), [4]);
    spool.append_lazily(&entries(5..=40)).unwrap();
    // So large that it goes to the next segment, the lazy ones before it being flushed.
    spool.append_lazily(&entries(41..=70)).unwrap();
    drop((spool, reader));
    assert_eq!(numbers(&mut open(dir.path()).1, 0), upto(70));
}

#[test]
fn one_process_at_a_time_holds_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let held = open(dir.path());
    assert!(matches!(Spool::open_with(dir.path(), SMALL), Err(SpoolError::Unusable(_))));
    drop(held);
    open(dir.path());
}

#[test]
fn a_lost_epoch_file_is_made_good_and_a_lost_log_is_a_new_stream() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(dir.path());
    let first = spool.append(&entries(1..=3)).unwrap();
    drop(spool);
    for text in [None, Some(""), Some("\u{fffd}not a number")] {
        fs::remove_file(dir.path().join("epoch")).unwrap();
        if let Some(text) = text {
            fs::write(dir.path().join("epoch"), text).unwrap();
        }
        assert_eq!(open(dir.path()).0.last(), first);
    }
    for file in segments(dir.path()) {
        fs::remove_file(file).unwrap();
    }
    let (spool, _) = open(dir.path());
    assert_ne!(spool.last().epoch, first.epoch);
    assert_eq!(spool.last().sequence, 0);
}

#[test]
fn a_segment_of_another_spool_is_not_read() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut spool, _) = open(dir.path());
    spool.append(&entries(1..=3)).unwrap();
    let (mut theirs, _) = open(other.path());
    theirs.append(&entries(1..=3)).unwrap();
    drop((spool, theirs));
    fs::copy(&segments(other.path())[0], segment::segment_path(dir.path(), 9)).unwrap();
    let (spool, mut reader) = open(dir.path());
    assert_eq!(spool.last().sequence, 3);
    assert_eq!(numbers(&mut reader, 0), upto(3));
}

#[test]
fn a_stop_while_a_segment_was_taken_into_use_leaves_a_working_spool() {
    for state in ["old header", "no header"] {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(dir.path());
        spool.append(&entries(1..=3)).unwrap();
        drop(spool);
        let next = segment::segment_path(dir.path(), 4);
        fs::copy(&segments(dir.path())[0], &next).unwrap();
        if state == "no header" {
            overwrite(&next, 0, &[0; 32]);
        }
        let (mut spool, mut reader) = open(dir.path());
        assert_eq!(spool.last().sequence, 3, "{state}");
        spool.append(&entries(4..=5)).unwrap();
        assert_eq!(numbers(&mut reader, 0), upto(5), "{state}");
        assert_eq!(reader.records_lost(), 0);
    }
}

#[test]
fn a_spool_from_an_older_image_goes_on_after_what_the_ledger_has() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    let last = spool.append(&entries(1..=3)).unwrap();
    assert!(!spool.continue_after(last).unwrap());
    assert!(!spool.continue_after(SpoolPosition { epoch: !last.epoch, sequence: 99 }).unwrap());
    let ledger = SpoolPosition { sequence: 50, ..last };
    assert!(matches!(reader.read(ledger, 9), Err(SpoolError::Behind { last_sequence: 3 })));
    assert!(spool.continue_after(ledger).unwrap());
    assert_eq!(reader.read(ledger, 9).unwrap(), []);
    assert_eq!(spool.append(&[entry(51)]).unwrap().sequence, 51);
    assert_eq!(numbers(&mut reader, 50), [51]);
    drop((spool, reader));
    let (spool, mut reader) = open(dir.path());
    assert_eq!(spool.last().sequence, 51);
    assert_eq!(numbers(&mut reader, 50), [51]);
}

#[test]
fn a_position_of_another_epoch_reads_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    spool.append(&entries(1..=3)).unwrap();
    assert_eq!(reader.read(SpoolPosition::default(), 9).unwrap().len(), 3);
    assert_eq!(reader.read(SpoolPosition { epoch: 1, sequence: 99 }, 2).unwrap().len(), 2);
    assert_eq!(reader.read(SpoolPosition::default(), 0).unwrap(), []);
}

#[test]
fn a_reader_in_another_thread_sees_every_entry_once_and_in_order() {
    const LAST: u64 = 5_000;
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, mut reader) = open(dir.path());
    let start = spool.last();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Ends though the other thread has failed.
            let deadline = Instant::now() + Duration::from_secs(60);
            let mut number = 1;
            while number <= LAST && Instant::now() < deadline {
                let group = entries(number..=LAST.min(number + number % 13));
                match spool.append(&group) {
                    Ok(position) => number = position.sequence + 1,
                    Err(SpoolError::Full) => std::thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let mut after = start;
        let deadline = Instant::now() + Duration::from_secs(60);
        while after.sequence < LAST {
            assert!(Instant::now() < deadline);
            for (position, found) in reader.read(after, 100).unwrap() {
                assert_eq!(position.sequence, after.sequence + 1);
                assert_eq!(found, entry(position.sequence));
                after = position;
            }
            reader.acknowledge(after).unwrap();
        }
    });
    assert_eq!(reader.records_lost(), 0);
}

/// Name of the variable that tells this test binary to be the process that is killed.
const VICTIM: &str = "HEADGATE_SPOOL_TEST_DIRECTORY";

#[test]
fn a_killed_process_loses_nothing_that_it_was_told_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..5 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "storage::spool::tests::appends_until_it_is_killed", "--nocapture"])
            .env(VICTIM, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        // Killed after a number of acknowledgements that differs each time.
        let mut told = lines.by_ref().filter_map(|line| line.ok()?.strip_prefix("ok ")?.parse::<u64>().ok());
        acknowledged = told.nth(20 + round * 17).unwrap();
        victim.kill().unwrap();
        acknowledged = told.last().unwrap_or(acknowledged);
        victim.wait().unwrap();
        let (spool, mut reader) = open(dir.path());
        let found = numbers(&mut reader, 0);
        let last = spool.last().sequence;
        assert!(last >= acknowledged);
        // A victim that filled the spool has released its first segments.
        let first = segment::list(dir.path()).unwrap().segments[0];
        assert_eq!(found, (first..=last).collect::<Vec<_>>());
        assert_eq!(reader.records_lost(), 0);
    }
    assert!(acknowledged > 0);
}

/// Does nothing unless the test above starts it.
#[test]
fn appends_until_it_is_killed() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let (mut spool, mut reader) = open(Path::new(&directory));
    let mut out = std::io::stdout().lock();
    for _ in 0..100_000 {
        let first = spool.last().sequence + 1;
        match spool.append(&entries(first..=first + first % 7)) {
            Ok(position) => writeln!(out, "ok {}", position.sequence).unwrap(),
            Err(SpoolError::Full) => reader.acknowledge(spool.last()).unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}
