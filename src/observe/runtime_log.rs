//! `runtime.log`: one line for each request, written by a thread of its own behind a bounded queue.

use crate::doors::request_log::{LoggedRequest, RequestLog};
use crate::model::Timestamp;
use jiff::tz::TimeZone;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Lines waiting for the disk at most; those that come then are dropped and counted.
const LINES_WAITING_MAX: usize = 8_192;
/// Longest context or method that is logged, characters.
const WORD_CHARS_MAX: usize = 64;
/// How often it is looked whether the file was moved away (logrotate) and has to be made anew.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The handle that doors write to; dropping it lets the thread write what waits and end.
pub struct RuntimeLog {
    lines: Option<SyncSender<String>>,
    dropped: Arc<AtomicU64>,
    time_zone: TimeZone,
    thread: Option<JoinHandle<()>>,
}

impl RuntimeLog {
    /// Opens the file for appending (made with mode 0640) and starts the thread. Times are of `time_zone`.
    pub fn open(path: &Path, time_zone: TimeZone) -> io::Result<RuntimeLog> {
        let output = Output::open(path.to_owned())?;
        let (lines, waiting) = sync_channel(LINES_WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        let thread = std::thread::Builder::new()
            .name("runtime-log".into())
            .spawn(move || output.run(&waiting, &counter))?;
        Ok(RuntimeLog { lines: Some(lines), dropped, time_zone, thread: Some(thread) })
    }

    /// Lines dropped so far: the queue was full, or the disk.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl RequestLog for RuntimeLog {
    fn write(&self, request: &LoggedRequest<'_>) {
        let line = line(request, &self.time_zone);
        let sent = self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok());
        if !sent {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for RuntimeLog {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `2026-04-06T14:20:00.000+03:00 10.0.0.1:4711 collector collector_manager.users_logged {"nas_ip":"..."} 200 153us`
fn line(request: &LoggedRequest<'_>, zone: &TimeZone) -> String {
    let mut line = String::with_capacity(160);
    // Writing to a String cannot fail.
    let _ = write!(line, "{} ", moment(request.at, zone));
    let _ = match request.peer {
        Some(peer) => write!(line, "{peer}"),
        None => write!(line, "-"),
    };
    let (context, method) = (word(request.context), word(request.method));
    let _ =
        writeln!(line, " {context} {method} {} {} {}us", request.argument, request.status, request.micros);
    line
}

fn moment(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_microsecond(at.micros()) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        Err(_) => at.micros().to_string(),
    }
}

/// A word from outside as one field: cut, and without anything that could look like another field or line.
fn word(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    let plain = |c: char| if c.is_control() || c.is_whitespace() { '_' } else { c };
    text.chars().map(plain).take(WORD_CHARS_MAX).collect()
}

/// The file, on the thread's side.
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    /// Device and inode of `file`.
    identity: (u64, u64),
    failing: bool,
}

impl Output {
    fn open(path: PathBuf) -> io::Result<Output> {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(&path)?;
        let metadata = file.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        Ok(Output { path, file: BufWriter::new(file), identity, failing: false })
    }

    /// Writes what comes until the handle is gone.
    fn run(mut self, lines: &Receiver<String>, dropped: &AtomicU64) {
        let mut looked = Instant::now();
        let mut told = 0;
        loop {
            let line = lines.recv_timeout(LOOK_INTERVAL);
            if looked.elapsed() >= LOOK_INTERVAL {
                looked = Instant::now();
                self.reopen_if_moved();
            }
            let first = match line {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let result = self.write_batch(first, lines, dropped.load(Ordering::Relaxed).saturating_sub(told));
            self.note(&result, dropped);
            told = dropped.load(Ordering::Relaxed);
        }
    }

    /// Writes all that waits, and how many lines are missing.
    fn write_batch(&mut self, first: String, lines: &Receiver<String>, missing: u64) -> io::Result<()> {
        if missing > 0 {
            writeln!(self.file, "# {missing} lines were dropped")?;
        }
        for line in std::iter::once(first).chain(lines.try_iter().take(LINES_WAITING_MAX)) {
            self.file.write_all(line.as_bytes())?;
        }
        self.file.flush()
    }

    /// Says once that the file cannot be written, and once that it can again.
    fn note(&mut self, result: &io::Result<()>, dropped: &AtomicU64) {
        match result {
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!(path = %self.path.display(), "the request log is written again");
            }
            Ok(()) => {}
            Err(error) => {
                dropped.fetch_add(1, Ordering::Relaxed);
                if !self.failing {
                    self.failing = true;
                    tracing::error!(path = %self.path.display(), %error, "the request log cannot be written");
                }
                // What the buffer holds would be tried for ever.
                if let Ok(anew) = Output::open(self.path.clone()) {
                    let failed = std::mem::replace(&mut self.file, anew.file);
                    drop(failed.into_parts());
                    self.identity = anew.identity;
                }
            }
        }
    }

    fn reopen_if_moved(&mut self) {
        let found = std::fs::metadata(&self.path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
        if found == Some(self.identity) {
            return;
        }
        match Output::open(self.path.clone()) {
            Ok(anew) => {
                self.file = anew.file;
                self.identity = anew.identity;
            }
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::error!(path = %self.path.display(), %error, "the request log cannot be opened anew");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str) -> LoggedRequest<'_> {
        LoggedRequest {
            at: Timestamp::from_micros(1_775_474_400_012_000),
            peer: "10.0.0.1:4711".parse().ok(),
            context: "collector",
            method,
            argument: "{\"nas_ip\":\"10.0.0.1\"}",
            status: 200,
            micros: 153,
        }
    }

    #[test]
    fn a_line_has_its_fields_and_nobody_can_forge_another() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        assert_eq!(
            line(&request("collector_manager.users_logged"), &zone),
            "2026-04-06T14:20:00.012+03:00 10.0.0.1:4711 collector collector_manager.users_logged \
             {\"nas_ip\":\"10.0.0.1\"} 200 153us\n"
        );
        let forged = line(&request("x\n2026 y"), &zone);
        assert_eq!((forged.lines().count(), forged.split(' ').count()), (1, 7));
    }

    #[test]
    fn lines_are_appended_and_follow_the_file_when_it_is_moved_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runtime.log");
        std::fs::write(&path, "old\n").unwrap();
        let log = RuntimeLog::open(&path, TimeZone::UTC).unwrap();
        log.write(&request("first"));
        let moved = directory.path().join("runtime.log.1");
        let until = Instant::now() + Duration::from_secs(5);
        while !std::fs::read_to_string(&path).unwrap().contains("first") {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(10));
        }
        std::fs::rename(&path, &moved).unwrap();
        while !path.exists() {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(10));
        }
        log.write(&request("second"));
        assert_eq!(log.dropped(), 0);
        drop(log);
        assert!(std::fs::read_to_string(&moved).unwrap().starts_with("old\n2026"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(" second ") && !text.contains("first"), "{text}");
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        // No thread takes anything from this queue.
        let (lines, _waiting) = sync_channel(1);
        let log = RuntimeLog {
            lines: Some(lines),
            dropped: Arc::default(),
            time_zone: TimeZone::UTC,
            thread: None,
        };
        for _ in 0..3 {
            log.write(&request("x"));
        }
        assert_eq!(log.dropped(), 2);
    }
}
