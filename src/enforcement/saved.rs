//! The wanted state on disk, for a start with no server in reach: `enforce.state`, text, replaced in one step.
//!
//! A line each: the version, whose subscribers and which sets (`for`), the cursor, guarded ports, the walled garden,
//! addresses with their mark, subscriber, access method, source NAT (`-`: none) and speeds (rate, ceil, burst, cburst
//! down and then up), and how many of those there were.

use super::lanes::Assign;
use super::wanted::{ADDRESSES_MAX, Entry, Mark, PORTS_MAX, Scope, Wanted, protocol_word};
use crate::model::{AccessMethod, Bandwidth, PortGuard, PortProtocol, Shape, SubscriberId};
use ipnet::IpNet;
use parking_lot::Mutex;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const VERSION_LINE: &str = "headgate-enforce 2";
const FILE_NAME: &str = "enforce.state";
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Saving takes at most this part of the time.
const INTERVAL_PER_SAVE: u32 = 20;
/// Guards and walled prefixes name many networks in one line.
const LINE_OCTETS_MAX: u64 = 1 << 20;

/// What a saved state was made for; another one is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    pub nas: Option<IpAddr>,
    pub scope: Scope,
}

impl Purpose {
    fn line(&self) -> String {
        let nas = self.nas.map_or_else(|| "all".to_owned(), |nas| nas.to_string());
        format!("for nas={nas} filter={} guard={}", self.scope.filter, self.scope.guard)
    }
}

/// Loads the saved state. None: there is none, or none of use (the log says why).
pub fn load(directory: &Path, purpose: &Purpose, assign: &mut dyn Assign) -> Option<Wanted> {
    read_file(directory, purpose, assign).unwrap_or_else(|reason| {
        let path = directory.join(FILE_NAME);
        tracing::warn!(path = %path.display(), "the saved state is not used: {reason}");
        None
    })
}

/// The saved state. None: there is none. An error says why it is of no use.
pub fn read_file(
    directory: &Path,
    purpose: &Purpose,
    assign: &mut dyn Assign,
) -> Result<Option<Wanted>, String> {
    match File::open(directory.join(FILE_NAME)) {
        Ok(file) => read(BufReader::new(file), purpose, assign).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Writes beside the old state and puts it in its place.
fn save(directory: &Path, purpose: &Purpose, wanted: &Wanted) -> io::Result<()> {
    let path = directory.join(FILE_NAME);
    let new = path.with_extension("state.new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    write(&mut out, purpose, wanted)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
    fs::rename(&new, &path)?;
    File::open(directory)?.sync_all()
}

fn write(out: &mut impl Write, purpose: &Purpose, wanted: &Wanted) -> io::Result<()> {
    writeln!(out, "{VERSION_LINE}\n{}\ncursor {}", purpose.line(), wanted.cursor)?;
    for (protocol, port, sources) in wanted.ports() {
        write!(out, "port {} {port}", protocol_word(protocol))?;
        write_nets(out, sources)?;
    }
    write!(out, "walled")?;
    write_nets(out, wanted.walled())?;
    let mut count = 0usize;
    for (net, entry) in wanted.entries() {
        write_entry(out, &net, entry)?;
        count += 1;
    }
    writeln!(out, "end {count}")
}

fn write_entry(out: &mut impl Write, net: &IpNet, entry: &Entry) -> io::Result<()> {
    write!(out, "{} {net} {} {} ", entry.mark.as_str(), entry.subscriber, access_word(entry.access))?;
    match entry.snat {
        Some(address) => write!(out, "{address}")?,
        None => write!(out, "-")?,
    }
    for Bandwidth { rate, ceil, burst, cburst } in [entry.shape.download, entry.shape.upload] {
        write!(out, " {rate} {ceil} {burst} {cburst}")?;
    }
    writeln!(out)
}

fn access_word(access: AccessMethod) -> &'static str {
    match access {
        AccessMethod::Radius => "radius",
        AccessMethod::Ipoe => "ipoe",
        AccessMethod::Static => "static",
    }
}

fn write_nets(out: &mut impl Write, nets: &[IpNet]) -> io::Result<()> {
    for net in nets {
        write!(out, " {net}")?;
    }
    writeln!(out)
}

/// A state that is being read.
#[derive(Default)]
struct Reading {
    cursor: String,
    entries: Vec<(IpNet, Entry)>,
    ports: Vec<PortGuard>,
    walled: Vec<IpNet>,
    ended: bool,
}

fn read(mut input: impl BufRead, purpose: &Purpose, assign: &mut dyn Assign) -> Result<Wanted, String> {
    let mut reading = Reading::default();
    let mut line = String::new();
    for number in 1usize.. {
        line.clear();
        let read = io::Read::take(&mut input, LINE_OCTETS_MAX).read_line(&mut line);
        if read.map_err(|e| e.to_string())? == 0 {
            break;
        }
        let text = line.trim_end_matches('\n');
        match number {
            1 if text == VERSION_LINE => {}
            1 => return Err(format!("it was written by another version: {text:?}, not {VERSION_LINE:?}")),
            2 if text == purpose.line() => {}
            2 => return Err(format!("it was made {text:?}, now wanted {:?}", purpose.line())),
            _ if reading.ended => return Err(format!("line {number}: behind the end")),
            _ => reading.take(text).ok_or_else(|| format!("line {number} is not understood"))?,
        }
    }
    if !reading.ended {
        return Err("it is cut off".to_owned());
    }
    let Reading { cursor, entries, ports, walled, .. } = reading;
    Ok(Wanted::restored(purpose.scope, cursor, entries, &ports, &walled, assign))
}

impl Reading {
    fn take(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(mark) = Mark::ALL.into_iter().find(|mark| mark.as_str() == word) {
            if self.entries.len() >= ADDRESSES_MAX {
                return None;
            }
            self.entries.push(entry(mark, rest)?);
            return Some(());
        }
        match word {
            "cursor" => self.cursor = rest.to_owned(),
            "walled" => self.walled = nets(rest)?,
            "port" if self.ports.len() < PORTS_MAX => {
                let (protocol, rest) = rest.split_once(' ')?;
                let protocol = [PortProtocol::Tcp, PortProtocol::Udp]
                    .into_iter()
                    .find(|p| protocol_word(*p) == protocol)?;
                let (port, sources) = rest.split_once(' ').unwrap_or((rest, ""));
                self.ports.push(PortGuard { protocol, port: port.parse().ok()?, sources: nets(sources)? });
            }
            "end" if rest.parse() == Ok(self.entries.len()) => self.ended = true,
            _ => return None,
        }
        Some(())
    }
}

fn entry(mark: Mark, text: &str) -> Option<(IpNet, Entry)> {
    let mut words = text.split(' ');
    let net = words.next()?.parse().ok()?;
    let subscriber = SubscriberId(words.next()?.parse().ok()?);
    let access = words.next()?;
    let access = [AccessMethod::Radius, AccessMethod::Ipoe, AccessMethod::Static]
        .into_iter()
        .find(|method| access_word(*method) == access)?;
    let snat = match words.next()? {
        "-" => None,
        address => Some(address.parse().ok()?),
    };
    let mut number = || words.next()?.parse().ok();
    let mut bandwidth =
        || Some(Bandwidth { rate: number()?, ceil: number()?, burst: number()?, cburst: number()? });
    let shape = Shape { download: bandwidth()?, upload: bandwidth()? };
    words.next().is_none().then_some((net, Entry { mark, subscriber, shape, access, snat }))
}

fn nets(text: &str) -> Option<Vec<IpNet>> {
    text.split_ascii_whitespace().map(|net| net.parse().ok()).collect()
}

/// Saves in a thread of its own, at most every second.
pub struct Saver {
    jobs: Option<SyncSender<Wanted>>,
    thread: Option<JoinHandle<()>>,
    due: bool,
    next: Instant,
    took: Arc<Mutex<Duration>>,
}

impl Saver {
    pub fn start(directory: PathBuf, purpose: Purpose) -> io::Result<Saver> {
        let (jobs, queue) = sync_channel(0);
        let took = Arc::default();
        let shared = Arc::clone(&took);
        let thread = std::thread::Builder::new()
            .name("enforce-save".to_owned())
            .spawn(move || save_all(&queue, &directory, &purpose, &shared))?;
        Ok(Saver { jobs: Some(jobs), thread: Some(thread), due: false, next: Instant::now(), took })
    }

    /// The state has changed since it was last saved.
    pub fn note(&mut self) {
        self.due = true;
    }

    /// Saves when something is to be saved and it is time.
    pub fn save_if_due(&mut self, wanted: &Wanted) {
        if !self.due || Instant::now() < self.next {
            return;
        }
        let Some(jobs) = &self.jobs else { return };
        // Refused while the thread is still writing: later then.
        match jobs.try_send(wanted.clone()) {
            Ok(()) => self.due = false,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
        self.next = Instant::now() + INTERVAL_MIN.max(*self.took.lock() * INTERVAL_PER_SAVE);
    }

    /// Saves what is not saved yet, and waits for it.
    pub fn finish(mut self, wanted: &Wanted) {
        if let (true, Some(jobs)) = (self.due, self.jobs.as_ref()) {
            // The thread is gone only if it panicked, which has been reported.
            let _ = jobs.send(wanted.clone());
        }
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn save_all(queue: &Receiver<Wanted>, directory: &Path, purpose: &Purpose, took: &Mutex<Duration>) {
    for wanted in queue {
        let start = Instant::now();
        if let Err(error) = save(directory, purpose, &wanted) {
            tracing::error!(directory = %directory.display(), "the state was not saved: {error}");
        }
        *took.lock() = start.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::lanes::Unshaped;
    use crate::model::{AccessMethod, FeedEntry, FeedPage, Shape, SubscriberId, Verdict};

    const PURPOSE: Purpose = Purpose { nas: None, scope: Scope { filter: true, guard: true } };

    fn some_state() -> Wanted {
        let entry = |address: &str, verdict| FeedEntry {
            address: address.parse().unwrap(),
            verdict,
            subscriber: SubscriberId(1),
            login: "ivanov".into(),
            shape: Shape {
                download: Bandwidth { rate: -1, ceil: i32::MAX, burst: 16, cburst: 0 },
                upload: Bandwidth { rate: 5000, ceil: 20_000, burst: 25, cburst: 26 },
            },
            access: AccessMethod::Static,
            snat: Some([203, 0, 113, 7].into()),
        };
        let sources = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let mut wanted = Wanted::new(PURPOSE.scope);
        let first = FeedPage {
            cursor: "7f3a.17".into(),
            full: true,
            entries: vec![
                entry("10.9.0.2/32", Verdict::LetThrough),
                entry("10.9.0.0/24", Verdict::Paused),
                entry("2001:db8::/56", Verdict::Blocked),
                entry("2001:db8:0:7::/64", Verdict::LetThrough),
                entry("2001:db8::1/128", Verdict::Negbal),
            ],
            gone: Vec::new(),
            ports: vec![PortGuard { protocol: PortProtocol::Udp, port: 1812, sources }],
        };
        wanted.take(&first, &mut Unshaped).unwrap();
        wanted.take_walled(&["198.51.100.10/32".parse().unwrap()]);
        wanted
    }

    #[test]
    fn a_state_is_loaded_as_it_was_saved_and_for_the_same_nas_only() {
        let directory = tempfile::tempdir().unwrap();
        let wanted = some_state();
        let mut saver = Saver::start(directory.path().to_owned(), PURPOSE).unwrap();
        saver.note();
        saver.finish(&wanted);
        assert_eq!(load(directory.path(), &PURPOSE, &mut Unshaped), Some(wanted));
        let other = Purpose { nas: Some("10.0.0.1".parse().unwrap()), ..PURPOSE };
        assert_eq!(load(directory.path(), &other, &mut Unshaped), None, "another NAS's subscribers");
    }

    #[test]
    fn a_state_cut_off_anywhere_or_damaged_is_not_used() {
        let mut bytes = Vec::new();
        write(&mut bytes, &PURPOSE, &some_state()).unwrap();
        for length in 0..bytes.len() - 1 {
            assert!(read(&bytes[..length], &PURPOSE, &mut Unshaped).is_err(), "cut at {length}");
        }
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("end 5", "end 4"),
            ("allow ", "allow x"),
            (" static ", " dynamic "),
            (" 203.0.113.7", " 203.0.113"),
            (" -1 ", " "),
            ("port udp", "port icmp"),
            ("\nend", "\nfoo\nend"),
        ] {
            let damaged = text.replacen(from, to, 1);
            assert_ne!(damaged, text);
            assert!(read(damaged.as_bytes(), &PURPOSE, &mut Unshaped).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn a_state_of_an_older_version_is_not_used() {
        let mut bytes = Vec::new();
        write(&mut bytes, &PURPOSE, &some_state()).unwrap();
        let old = String::from_utf8(bytes).unwrap().replacen("headgate-enforce 2", "headgate-enforce 1", 1);
        let refused = read(old.as_bytes(), &PURPOSE, &mut Unshaped).unwrap_err();
        assert!(refused.contains("another version"), "{refused}");
    }
}
