//! A stand-in for a server's feed on a Unix socket, and an enforcer that follows it in a namespace.

use super::table::entry;
use crate::network::{Namespace, enter};
use headgate::enforcement::{EnforceError, Outlets, Settings, run_with};
use headgate::model::{FeedEntry, FeedPage, PortGuard, Verdict};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Default)]
struct State {
    entries: BTreeMap<IpNet, FeedEntry>,
    ports: Vec<PortGuard>,
    /// Change N led to cursor N + 1.
    changes: Vec<(Vec<FeedEntry>, Vec<IpNet>)>,
    /// What was asked for, first lines only.
    asked: Vec<String>,
    down: bool,
}

pub struct Feed {
    pub path: PathBuf,

    state: Arc<(Mutex<State>, Condvar)>,
}

impl Feed {
    pub fn start(path: &Path, epoch: &'static str, verdicts: &[(&str, Verdict)]) -> Feed {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).unwrap();
        let feed = Feed { path: path.to_owned(), state: Arc::default() };
        feed.state.0.lock().unwrap().entries =
            verdicts.iter().map(|(a, v)| entry(a, *v)).map(|e| (e.address, e)).collect();
        let state = Arc::clone(&feed.state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&state);
                if state.0.lock().unwrap().down {
                    return;
                }
                std::thread::spawn(move || serve(stream, epoch, &state));
            }
        });
        feed
    }

    /// These addresses stand so from now on.
    pub fn change(&self, verdicts: &[(&str, Verdict)], gone: &[&str]) {
        self.put(verdicts.iter().map(|(a, v)| entry(a, *v)).collect(), gone);
    }

    /// As [`Feed::change`], with all that the feed says of an address.
    pub fn put(&self, entries: Vec<FeedEntry>, gone: &[&str]) {
        let mut state = self.state.0.lock().unwrap();
        let gone: Vec<IpNet> = gone.iter().map(|g| g.parse().unwrap()).collect();
        for net in &gone {
            state.entries.remove(net);
        }
        state.entries.extend(entries.iter().map(|e| (e.address, e.clone())));
        state.changes.push((entries, gone));
        self.state.1.notify_all();
    }

    pub fn guard(&self, ports: Vec<PortGuard>) {
        self.state.0.lock().unwrap().ports = ports;
        self.change(&[], &[]);
    }

    pub fn asked(&self) -> Vec<String> {
        self.state.0.lock().unwrap().asked.clone()
    }

    /// Breaks every connection off and answers no more.
    pub fn stop(&self) {
        self.state.0.lock().unwrap().down = true;
        self.state.1.notify_all();
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(mut stream: UnixStream, epoch: &str, shared: &(Mutex<State>, Condvar)) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let line = request.lines().next().unwrap_or_default().to_owned();
        let since = line.split(['?', '&', ' ']).find_map(|p| p.strip_prefix("since=")).map(str::to_owned);
        let known = since.and_then(|s| s.strip_prefix(epoch)?.strip_prefix('.')?.parse::<usize>().ok());
        let mut state = shared.0.lock().unwrap();
        state.asked.push(line);
        let known = known.filter(|n| *n <= state.changes.len());
        while known == Some(state.changes.len()) && !state.down {
            state = shared.1.wait(state).unwrap();
        }
        if state.down {
            return;
        }
        let page = FeedPage {
            cursor: format!("{epoch}.{}", state.changes.len()),
            full: known.is_none(),
            entries: match known {
                None => state.entries.values().cloned().collect(),
                Some(n) => state.changes[n..].iter().flat_map(|(entries, _)| entries.clone()).collect(),
            },
            gone: known
                .map_or(&[][..], |n| &state.changes[n..])
                .iter()
                .flat_map(|(_, g)| g.clone())
                .collect(),
            ports: state.ports.clone(),
        };
        drop(state);
        let body = serde_json::to_vec(&page).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

/// An enforcer in a thread; stopped when dropped. The table stays.
pub struct Enforcer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), EnforceError>>>,
}

impl Enforcer {
    pub fn start(namespace: &Namespace, settings: Settings) -> Enforcer {
        Enforcer::start_with(namespace, settings, Outlets::default())
    }

    pub fn start_with(namespace: &Namespace, settings: Settings, outlets: Outlets) -> Enforcer {
        let stop = Arc::new(AtomicBool::new(false));
        let (name, shared) = (namespace.name.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            enter(&name);
            run_with(&settings, outlets, &shared)
        });
        Enforcer { stop, thread: Some(thread) }
    }

    pub fn stop(mut self) -> Result<(), EnforceError> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Enforcer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An enforcer's directory, its feed and what it is told to do.
pub struct Site {
    pub directory: tempfile::TempDir,
    pub feed: Feed,
    pub settings: Settings,
}

impl Site {
    pub fn new(verdicts: &[(&str, Verdict)]) -> Site {
        let directory = tempfile::tempdir().unwrap();
        let feed = Feed::start(&directory.path().join("control.sock"), "e", verdicts);
        let settings = Settings {
            servers: vec![format!("unix:{}", feed.path.display())],
            lan: vec!["lan*".into()],
            state_dir: directory.path().to_owned(),
            ..Settings::default()
        };
        Site { directory, feed, settings }
    }
}

/// Long enough on a busy machine for whatever is to happen at once.
pub const SOON: Duration = Duration::from_secs(5);
