//! Writes the state and its changes, in a thread of its own.

use super::lines::{write_garden, write_head, write_page, write_state};
use super::{CHANGES_NAME, Purpose, STATE_NAME, Saved, Stamp};
use crate::enforcement::lanes::Unshaped;
use crate::enforcement::wanted::Wanted;
use crate::model::FeedPage;
use ipnet::IpNet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two whole states.
const WHOLE_GAP: Duration = Duration::from_secs(1);
/// Changes waiting to be written; where more come at once, the state is written as a whole.
const CHANGES_MAX: usize = 256;
/// The changes are brought into the state when they are this large and half as large as it.
const CHANGES_OCTETS_MIN: u64 = 1 << 20;

enum Job {
    /// The files of an earlier run are gone on with.
    TakeOver,
    /// Lines that end with their number.
    Change(Vec<u8>),
    Whole(Box<Wanted>, u64),
}

/// Tells the thread what there is to save.
pub struct Saver {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    purpose: Purpose,
    /// Of the last change told.
    number: u64,
    /// The whole state is to be written.
    due: bool,
    next: Instant,
}

impl Saver {
    pub fn start(directory: PathBuf, purpose: Purpose) -> io::Result<Saver> {
        let disk = Disk { directory, purpose, stamp: Stamp { line: new_line(), number: 0 }, changes: None };
        let (jobs, queue) = sync_channel(CHANGES_MAX);
        let thread = std::thread::Builder::new()
            .name("enforce-save".to_owned())
            .spawn(move || disk.save_all(&queue))?;
        Ok(Saver {
            jobs: Some(jobs),
            thread: Some(thread),
            purpose,
            number: 0,
            due: false,
            next: Instant::now(),
        })
    }

    /// Goes on with what was loaded, whose last change had this number.
    pub fn take_over(&mut self, number: u64) {
        self.number = number;
        self.due |= self.jobs.as_ref().is_none_or(|jobs| jobs.try_send(Job::TakeOver).is_err());
    }

    /// A page of the feed was taken.
    pub fn page(&mut self, page: &FeedPage) {
        self.number += 1;
        if page.full {
            self.due = true;
            return;
        }
        let mut lines = Vec::new();
        let written = write_page(&mut lines, &self.purpose, self.number, page);
        self.change(written, lines);
    }

    /// The walled garden is another.
    pub fn garden(&mut self, nets: &[IpNet], cursor: &str) {
        self.number += 1;
        let mut lines = Vec::new();
        let written = write_garden(&mut lines, self.number, nets, cursor);
        self.change(written, lines);
    }

    fn change(&mut self, written: io::Result<()>, lines: Vec<u8>) {
        let sent = match &self.jobs {
            // The whole state brings it too.
            Some(jobs) if !self.due && written.is_ok() => jobs.try_send(Job::Change(lines)).is_ok(),
            _ => false,
        };
        // A change that is missing ends those that are read back, up to the next whole state.
        self.due |= !sent;
    }

    /// Saves the whole state when that is needed and it is time.
    pub fn save_if_due(&mut self, wanted: &Wanted) {
        if !self.due || Instant::now() < self.next {
            return;
        }
        let Some(jobs) = &self.jobs else { return };
        match jobs.try_send(Job::Whole(Box::new(wanted.clone()), self.number)) {
            Ok(()) => self.due = false,
            // Later then.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
        self.next = Instant::now() + WHOLE_GAP;
    }

    /// Saves what is not saved yet, and waits for it.
    pub fn finish(mut self, wanted: &Wanted) {
        if let (true, Some(jobs)) = (self.due, self.jobs.as_ref()) {
            // The thread is gone only if it panicked, which has been reported.
            let _ = jobs.send(Job::Whole(Box::new(wanted.clone()), self.number));
        }
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The two files.
struct Disk {
    directory: PathBuf,
    purpose: Purpose,
    /// Of the state.
    stamp: Stamp,
    /// Open for appending; with their length in octets, and the state's.
    changes: Option<(File, u64, u64)>,
}

impl Disk {
    fn save_all(mut self, queue: &Receiver<Job>) {
        for job in queue {
            let more = std::iter::once(job).chain(queue.try_iter().take(CHANGES_MAX));
            let mut lines = Vec::new();
            for job in more {
                match job {
                    Job::TakeOver => self.report(Disk::compact),
                    Job::Change(change) => lines.extend(change),
                    Job::Whole(wanted, number) => {
                        lines.clear();
                        self.report(|disk| disk.replace(number, &wanted));
                    }
                }
            }
            if !lines.is_empty() {
                self.report(|disk| disk.append(&lines));
            }
        }
    }

    /// What cannot be written is not read back either: the state on disk stays as it last was.
    fn report(&mut self, work: impl FnOnce(&mut Disk) -> io::Result<()>) {
        if let Err(error) = work(self) {
            self.changes = None;
            tracing::error!(directory = %self.directory.display(), "the state was not saved: {error}");
        }
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some((file, length, state)) = &mut self.changes else { return Ok(()) };
        file.write_all(lines)?;
        file.sync_data()?;
        *length += u64::try_from(lines.len()).unwrap_or(u64::MAX);
        match *length >= CHANGES_OCTETS_MIN && *length >= *state / 2 {
            true => self.compact(),
            false => Ok(()),
        }
    }

    /// Brings the changes into the state.
    fn compact(&mut self) -> io::Result<()> {
        let saved = Saved::read(&self.directory, &self.purpose).map_err(io::Error::other)?;
        let Some(saved) = saved else { return Err(io::Error::other("the state is gone")) };
        self.stamp = saved.stamp;
        let wanted = saved.into_wanted(&self.purpose, &mut Unshaped);
        self.replace(self.stamp.number, &wanted)
    }

    /// Writes beside the old state and puts it in its place.
    fn replace(&mut self, number: u64, wanted: &Wanted) -> io::Result<()> {
        let path = self.directory.join(STATE_NAME);
        let new = path.with_extension("state.new");
        let stamp = Stamp { number, ..self.stamp };
        let mut out = BufWriter::with_capacity(1 << 18, create(&new)?);
        write_state(&mut out, &self.purpose, stamp, wanted)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_data()?;
        let length = file.metadata()?.len();
        fs::rename(&new, &path)?;
        self.stamp = stamp;
        // From here on those that there are have lower numbers.
        let mut changes = create(&self.directory.join(CHANGES_NAME))?;
        write_head(&mut changes, stamp)?;
        changes.sync_data()?;
        self.changes = Some((changes, 0, length));
        sync_directory(&self.directory)
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A number that no other state of this machine has.
fn new_line() -> u64 {
    let mut octets = [0; 8];
    // Without entropy it is 0, as every such state's: changes of another one would have to have the next number too.
    let _ = getrandom::fill(&mut octets);
    u64::from_ne_bytes(octets)
}
