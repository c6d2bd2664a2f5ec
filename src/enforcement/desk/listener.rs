//! Takes questions from the socket to the enforcer's thread.

use super::{Asked, Question, Reply, socket_path};
use crate::enforcement::daemon::Event;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Whoever comes beyond them is sent away.
const CONNECTIONS_MAX: usize = 8;
const LINE_OCTETS_MAX: usize = 4096;
/// How often it looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(100);
/// Without a question for this long (and without a hold) a connection ends.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Mending a million elements takes some seconds.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
    events: SyncSender<Event>,
    stop: Arc<AtomicBool>,
}

impl Listener {
    /// Binds the socket; one that nobody answers on is replaced.
    pub fn bind(state_dir: &Path, events: SyncSender<Event>, stop: Arc<AtomicBool>) -> io::Result<Listener> {
        let path = socket_path(state_dir);
        if UnixStream::connect(&path).is_ok() {
            return Err(io::Error::new(ErrorKind::AddrInUse, "another enforcer answers there"));
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Listener { listener, path, events, stop })
    }

    /// Answers until it is to stop; the socket is taken away then.
    pub fn run(self) {
        let connections = Arc::new(AtomicUsize::new(0));
        while !self.stop.load(Ordering::Relaxed) {
            match self.listener.accept() {
                Ok((stream, _)) => self.take(stream, &connections),
                Err(_) => std::thread::sleep(LOOK_UP),
            }
        }
        let _ = std::fs::remove_file(&self.path);
    }

    fn take(&self, stream: UnixStream, connections: &Arc<AtomicUsize>) {
        if connections.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            return;
        }
        connections.fetch_add(1, Ordering::Relaxed);
        let count = Arc::clone(connections);
        let (events, stop) = (self.events.clone(), Arc::clone(&self.stop));
        let thread = std::thread::Builder::new().name("enforce-desk".to_owned()).spawn(move || {
            let mut holds = false;
            // Whoever breaks off has nobody to be told.
            let _ = converse(stream, &events, &stop, &mut holds);
            if holds {
                let _ = events.send(Event::LetGo);
            }
            count.fetch_sub(1, Ordering::Relaxed);
        });
        if thread.is_err() {
            connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn converse(
    mut stream: UnixStream,
    events: &SyncSender<Event>,
    stop: &AtomicBool,
    holds: &mut bool,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(LOOK_UP))?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    let mut line: Vec<u8> = Vec::new();
    let mut heard = Instant::now();
    let mut buffer = [0; 1024];
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => line.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if !*holds && heard.elapsed() > IDLE_MAX {
                    return Ok(());
                }
                continue;
            }
            Err(error) => return Err(error),
        }
        while let Some(end) = line.iter().position(|octet| *octet == b'\n') {
            let rest = line.split_off(end + 1);
            let reply = answer(&std::mem::replace(&mut line, rest), events, holds);
            let mut text = serde_json::to_vec(&reply)?;
            text.push(b'\n');
            stream.write_all(&text)?;
            heard = Instant::now();
        }
        if line.len() > LINE_OCTETS_MAX {
            return Ok(());
        }
    }
    Ok(())
}

fn answer(line: &[u8], events: &SyncSender<Event>, holds: &mut bool) -> Reply {
    let question: Question = match serde_json::from_slice(line) {
        Ok(question) => question,
        Err(error) => return Reply::refused(format!("not understood: {error}")),
    };
    let (reply, answered) = sync_channel(1);
    if events.send(Event::Asked(Asked { question, reply })).is_err() {
        return Reply::refused("the enforcer is stopping");
    }
    let Ok(given) = answered.recv_timeout(ANSWER_PATIENCE) else {
        return Reply::refused("the enforcer did not answer in time");
    };
    *holds |= matches!(question, Question::Hold { .. }) && given.error.is_none();
    given
}
