//! Values that the server has not answered for, on disk: `reports.kept`, text, replaced in one step.
//!
//! A line each: boot, subscriber, address, generation, octets down and up, `gone` or `there`, when it was read.

use super::pending::{ELEMENTS_MAX, Held};
use crate::model::{Counted, SubscriberId, Timestamp};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const FILE_NAME: &str = "reports.kept";
const LINE_OCTETS_MAX: u64 = 512;

/// What an earlier run kept; lines that are not understood are left out, and the log says how many.
pub fn load(directory: &Path) -> Vec<(String, Held)> {
    let path = directory.join(FILE_NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            tracing::error!(path = %path.display(), "kept counters cannot be read: {error}");
            return Vec::new();
        }
    };
    let (mut kept, mut bad) = (Vec::new(), 0usize);
    let mut input = BufReader::new(file);
    let mut line = String::new();
    while kept.len() < ELEMENTS_MAX {
        line.clear();
        match input.by_ref().take(LINE_OCTETS_MAX).read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => match parse(&line) {
                Some(one) => kept.push(one),
                None => bad += 1,
            },
            Err(error) => {
                tracing::error!(path = %path.display(), "kept counters cannot be read on: {error}");
                break;
            }
        }
    }
    if bad > 0 {
        tracing::error!(path = %path.display(), bad, "kept counters that are not understood are left out");
    }
    kept
}

/// Replaces what is kept; nothing leaves no file.
pub fn save(directory: &Path, kept: &[(String, Held)]) -> io::Result<()> {
    let path = directory.join(FILE_NAME);
    if kept.is_empty() {
        return match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let new = path.with_extension("kept.new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let mut out = BufWriter::with_capacity(1 << 16, file);
    for (boot, Held { counted, read }) in kept {
        let state = if counted.gone { "gone" } else { "there" };
        let Counted { subscriber, address, generation, down_octets, up_octets, .. } = counted;
        let read = read.micros();
        writeln!(out, "{boot} {subscriber} {address} {generation} {down_octets} {up_octets} {state} {read}")?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
    fs::rename(&new, &path)?;
    File::open(directory)?.sync_all()
}

fn parse(line: &str) -> Option<(String, Held)> {
    let mut words = line.strip_suffix('\n')?.split(' ');
    let boot = words.next().filter(|boot| !boot.is_empty())?.to_owned();
    let counted = Counted {
        subscriber: SubscriberId(words.next()?.parse().ok()?),
        address: words.next()?.parse().ok()?,
        generation: words.next()?.parse().ok()?,
        down_octets: words.next()?.parse().ok()?,
        up_octets: words.next()?.parse().ok()?,
        gone: match words.next()? {
            "gone" => true,
            "there" => false,
            _ => return None,
        },
        age_seconds: 0,
    };
    let read = Timestamp::from_micros(words.next()?.parse().ok()?);
    words.next().is_none().then_some((boot, Held { counted, read }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(address: &str, gone: bool) -> (String, Held) {
        let counted = Counted {
            subscriber: SubscriberId(3),
            address: address.parse().unwrap(),
            generation: 17,
            down_octets: u64::MAX,
            up_octets: 0,
            gone,
            age_seconds: 0,
        };
        ("b1.4026531840".to_owned(), Held { counted, read: Timestamp::from_micros(1_775_474_400_123_456) })
    }

    #[test]
    fn what_is_kept_is_read_back_as_it_was_until_it_is_answered() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(load(directory.path()), []);
        let kept = [held("10.0.0.1/32", true), held("2001:db8::/48", false)];
        save(directory.path(), &kept).unwrap();
        assert_eq!(load(directory.path()), kept);
        save(directory.path(), &[]).unwrap();
        save(directory.path(), &[]).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn lines_that_are_not_understood_cost_only_themselves() {
        let directory = tempfile::tempdir().unwrap();
        save(directory.path(), &[held("10.0.0.1/32", true)]).unwrap();
        let path = directory.path().join(FILE_NAME);
        let good = fs::read_to_string(&path).unwrap();
        let long = "x".repeat(2_000);
        fs::write(&path, format!("\n{long}\n{good}b 1 10.0.0.1/32 1 -1 0 gone 5\n{good}b1 3 10.0.0.1"))
            .unwrap();
        assert_eq!(load(directory.path()), [held("10.0.0.1/32", true), held("10.0.0.1/32", true)]);
    }
}
