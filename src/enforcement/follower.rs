//! Follows the feed of the first server that answers, one long poll after another.
//!
//! There is one cursor, that of the state which is held: a server of another epoch does not know it and sends the whole
//! state, of which the taker applies what differs.

use super::daemon::Event;
use super::http::{Answer, Connection};
use super::lookout::Lookout;
use super::server::Server;
use super::wanted::{ADDRESSES_MAX, PORTS_MAX};
use crate::model::FeedPage;
use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// How long a server is asked to wait for news.
const WAIT_SECONDS: u64 = 25;
/// An answer (or its next octets) later than this never comes.
const PATIENCE: Duration = Duration::from_secs(40);
/// The same for the first question to a server.
const FIRST_WAIT_SECONDS: u64 = 1;
const FIRST_PATIENCE: Duration = Duration::from_secs(10);
/// A feed that breaks off within this time comes and goes.
const BROKE_OFF_SOON: Duration = Duration::from_secs(5);
/// Of what a server says when it refuses.
const SAID_CHARS_MAX: usize = 200;
const BACK_OFF_MIN: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

pub struct Follower {
    pub servers: Vec<Server>,
    pub nas: Option<IpAddr>,
    /// Cursor of what is already known; empty: everything is asked for.
    pub cursor: String,
    pub events: SyncSender<Event>,
    pub stop: Arc<AtomicBool>,
    /// Set by the taker of the pages when it lost its place: everything is asked for again.
    pub start_over: Arc<AtomicBool>,
    /// How often earlier servers are looked for while a later one is followed.
    pub look_back: Duration,
}

/// Why a server is no longer followed.
enum End {
    Broke(io::Error),
    /// The server at this place is preferred, and has been answering for a while.
    Preferred(usize),
}

impl Follower {
    /// Follows until it is to stop.
    pub fn run(mut self) {
        let mut place = 0;
        // Servers in a row that gave no page; whether they have all been reported.
        let (mut failed, mut told) = (0, false);
        let mut back_off = BACK_OFF_MIN;
        while !self.stopping() {
            let Some(server) = self.servers.get(place).cloned() else {
                self.sleep(BACK_OFF_MAX);
                continue;
            };
            let began = Instant::now();
            let mut pages = 0u64;
            let error = match self.follow(place, &server, &mut pages) {
                _ if self.stopping() => return,
                End::Preferred(earlier) => {
                    tracing::info!(%server, "an earlier server has been answering for a while");
                    place = earlier;
                    continue;
                }
                End::Broke(error) => error,
            };
            if pages > 0 {
                tracing::warn!(%server, pages, "the feed broke off: {error}");
                (failed, told) = (0, false);
                let soon = began.elapsed() < BROKE_OFF_SOON;
                back_off = if soon { (back_off * 2).min(BACK_OFF_MAX) } else { BACK_OFF_MIN };
                // One that comes and goes is not tried again before the others.
                place = if soon { self.after(place) } else { 0 };
                self.sleep(back_off);
                continue;
            }
            // Said once; what is in the kernel stays as it is meanwhile.
            if !told {
                tracing::warn!(%server, "no feed: {error}");
            }
            failed += 1;
            place = self.after(place);
            if failed >= self.servers.len() {
                (failed, told) = (0, true);
                back_off = (back_off * 2).min(BACK_OFF_MAX);
                self.sleep(back_off);
            }
        }
    }

    fn after(&self, place: usize) -> usize {
        if place + 1 < self.servers.len() { place + 1 } else { 0 }
    }

    /// Follows one server until it fails or an earlier one is back; gives the reason.
    fn follow(&mut self, place: usize, server: &Server, pages: &mut u64) -> End {
        let stop = Arc::clone(&self.stop);
        let mut connection = match Connection::open(server, &stop) {
            Ok(connection) => connection,
            Err(error) => return End::Broke(error),
        };
        let mut lookout = None;
        loop {
            let answer = match self.ask(&mut connection, server, pages) {
                Ok(answer) => answer,
                Err(error) => return End::Broke(error),
            };
            if *pages == 1 {
                lookout = Lookout::start(self.servers.get(..place).unwrap_or_default(), self.look_back);
            }
            if let Some(earlier) = lookout.as_ref().and_then(Lookout::steady) {
                return End::Preferred(earlier);
            }
            if answer.close {
                match Connection::open(server, &stop) {
                    Ok(next) => connection = next,
                    Err(error) => return End::Broke(error),
                }
            }
        }
    }

    /// Asks for a page and hands it on.
    fn ask(
        &mut self,
        connection: &mut Connection<'_>,
        server: &Server,
        pages: &mut u64,
    ) -> io::Result<Answer> {
        if self.stopping() {
            return Err(io::Error::other("stopping"));
        }
        if self.start_over.swap(false, Ordering::Relaxed) {
            self.cursor.clear();
        }
        // What is asked first is to be answered at once: that tells a server that hangs.
        let first = *pages == 0;
        let (wait, patience) = match first && !self.cursor.is_empty() {
            true => (FIRST_WAIT_SECONDS, FIRST_PATIENCE),
            false => (WAIT_SECONDS, if first { FIRST_PATIENCE } else { PATIENCE }),
        };
        let asked = Instant::now();
        let answer = connection.get(&self.target(wait), patience)?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body);
            let said: String = said.chars().take_while(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
            return Err(io::Error::other(format!("status {}: {said}", answer.status)));
        }
        let page: FeedPage = serde_json::from_slice(&answer.body)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if page.entries.len() > ADDRESSES_MAX || page.ports.len() > PORTS_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the page is too large"));
        }
        if first {
            tracing::info!(%server, full = page.full, "following the feed");
        }
        *pages += 1;
        let nothing_new = !page.full && page.cursor == self.cursor;
        self.cursor.clone_from(&page.cursor);
        if self.events.send(Event::Page(Box::new(page))).is_err() {
            return Err(io::Error::other("stopping"));
        }
        if nothing_new && !first && asked.elapsed() < BACK_OFF_MAX {
            // A server that does not wait is not to be asked without end.
            self.sleep(BACK_OFF_MAX);
        }
        Ok(answer)
    }

    fn target(&self, wait_seconds: u64) -> String {
        let mut target = format!("/feed?wait={wait_seconds}");
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
mod tests;
