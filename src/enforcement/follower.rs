//! Follows the feed of the first server that answers, one long poll after another.

use super::daemon::Event;
use super::http::Connection;
use super::wanted::{ADDRESSES_MAX, PORTS_MAX};
use crate::model::FeedPage;
use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// How long a server is asked to wait for news.
const WAIT_SECONDS: u64 = 25;
/// An answer (or its next octets) later than this never comes.
const PATIENCE: Duration = Duration::from_secs(40);
const BACK_OFF_MIN: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// Where a feed is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server(PathBuf);

impl Server {
    /// `unix:/path`.
    pub fn parse(text: &str) -> Result<Server, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Server(PathBuf::from(path))),
            Some(_) => Err(format!(
                "servers: {text:?} needs an absolute path, as in unix:/run/headgate/control.sock"
            )),
            None if text.starts_with("https:") => {
                Err(format!("servers: {text:?}: this version follows unix: servers only"))
            }
            None => Err(format!("servers: {text:?} is not unix:/path")),
        }
    }

    /// Connects; setting `stop` ends every wait of the connection.
    pub(super) fn open<'a>(&self, stop: &'a AtomicBool) -> io::Result<Connection<'a>> {
        Connection::open(&self.0, stop)
    }
}

pub struct Follower {
    pub servers: Vec<Server>,
    pub nas: Option<IpAddr>,
    /// Cursor of what is already known; empty: everything is asked for.
    pub cursor: String,
    pub events: SyncSender<Event>,
    pub stop: Arc<AtomicBool>,
    /// Set by the taker of the pages when it lost its place: everything is asked for again.
    pub start_over: Arc<AtomicBool>,
}

impl Follower {
    /// Follows until it is to stop.
    pub fn run(mut self) {
        let mut back_off = BACK_OFF_MIN;
        let mut silent = false;
        while !self.stopping() {
            let mut answered = false;
            for server in self.servers.clone() {
                let mut pages = 0u64;
                let end = self.follow(&server, &mut pages);
                if self.stopping() {
                    return;
                }
                answered = pages > 0;
                let path = server.0.display();
                if answered {
                    tracing::warn!(server = %path, pages, "the feed broke off: {end}");
                    break;
                }
                if !silent {
                    tracing::warn!(server = %path, "no feed: {end}");
                }
            }
            // Said once; what is in the kernel stays as it is meanwhile.
            silent = !answered;
            back_off = if answered { BACK_OFF_MIN } else { (back_off * 2).min(BACK_OFF_MAX) };
            self.sleep(back_off);
        }
    }

    /// Follows one server until it fails; gives the reason.
    fn follow(&mut self, server: &Server, pages: &mut u64) -> io::Error {
        let stop = Arc::clone(&self.stop);
        let mut connection = match Connection::open(&server.0, &stop) {
            Ok(connection) => connection,
            Err(error) => return error,
        };
        loop {
            if self.start_over.swap(false, Ordering::Relaxed) {
                self.cursor.clear();
            }
            let asked = Instant::now();
            let answer = match connection.get(&self.target(), PATIENCE) {
                Ok(answer) => answer,
                Err(error) => return error,
            };
            if answer.status != 200 {
                return io::Error::other(format!("status {}", answer.status));
            }
            let page: FeedPage = match serde_json::from_slice(&answer.body) {
                Ok(page) => page,
                Err(error) => return io::Error::new(io::ErrorKind::InvalidData, error),
            };
            if page.entries.len() > ADDRESSES_MAX || page.ports.len() > PORTS_MAX {
                return io::Error::new(io::ErrorKind::InvalidData, "the page is too large");
            }
            if *pages == 0 {
                tracing::info!(server = %server.0.display(), full = page.full, "following the feed");
            }
            *pages += 1;
            let nothing_new = !page.full && page.cursor == self.cursor;
            self.cursor.clone_from(&page.cursor);
            if self.events.send(Event::Page(Box::new(page))).is_err() {
                return io::Error::other("stopping");
            }
            if nothing_new && asked.elapsed() < BACK_OFF_MAX {
                // A server that does not wait is not to be asked without end.
                self.sleep(BACK_OFF_MAX);
            }
            if answer.close {
                match Connection::open(&server.0, &stop) {
                    Ok(next) => connection = next,
                    Err(error) => return error,
                }
            }
        }
    }

    fn target(&self) -> String {
        let mut target = format!("/feed?wait={WAIT_SECONDS}");
        if !self.cursor.is_empty() {
            target.push_str("&since=");
            percent_encode(&self.cursor, &mut target);
        }
        if let Some(nas) = self.nas {
            target.push_str("&nas=");
            percent_encode(&nas.to_string(), &mut target);
        }
        target
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn sleep(&self, duration: Duration) {
        let until = Instant::now() + duration;
        while !self.stopping() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50).min(duration));
        }
    }
}

/// RFC 3986, 2.1: everything but the unreserved characters.
fn percent_encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~') {
            to.push(char::from(byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_cannot_be_followed_is_refused_by_name() {
        assert_eq!(Server::parse("unix:/run/x.sock"), Ok(Server("/run/x.sock".into())));
        for text in ["https://billing:8443", "unix:relative", "/run/x.sock", ""] {
            assert!(Server::parse(text).unwrap_err().contains(text), "{text}");
        }
    }

    #[test]
    fn the_cursor_and_the_nas_are_sent_back_encoded() {
        let (events, _keep) = std::sync::mpsc::sync_channel(1);
        let mut follower = Follower {
            servers: Vec::new(),
            nas: Some("2001:db8::1".parse().unwrap()),
            cursor: String::new(),
            events,
            stop: Arc::default(),
            start_over: Arc::default(),
        };
        assert_eq!(follower.target(), "/feed?wait=25&nas=2001%3Adb8%3A%3A1");
        follower.cursor = "7f3a.17&x".into();
        assert_eq!(follower.target(), "/feed?wait=25&since=7f3a.17%26x&nas=2001%3Adb8%3A%3A1");
    }
}
