//! JSON-RPC 1.0 over raw TCP, as Go's `net/rpc/jsonrpc` spoke it in 2012.
//!
//! Answers go out in the order of the requests, as many as are ready in one write, and each whole: the client in the
//! dialect's document reads once.

use super::desk::{Desk, outcome};
use super::framing::{Split, Splitter};
use super::method::Method;
use super::request::{Malformed, Request};
use crate::config::AllowList;
use crate::model::Actor;
use crate::operations::Operations;
use crate::writer::{Answer, Rejected};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// Longest request, octets.
pub const REQUEST_OCTETS_MAX: usize = 64 * 1024;
/// Read at once.
const READ_OCTETS: usize = 64 * 1024;
/// Answers of this many octets are sent before more requests are looked at: the client reads while the server works.
const SEND_OCTETS: usize = 32 * 1024;
/// Requests of one connection that wait for the ledger at most.
const WAITING_MAX: usize = 256;
/// Connections of all listeners together; a further one is closed at once.
const CONNECTIONS_MAX: usize = 1024;
/// How long requests in work may go on once the door is to close.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client may take its time for.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Between requests. Long: a softswitch keeps its connection over a quiet night.
    pub idle: Duration,
    /// From the first octet of a request to its last.
    pub request: Duration,
    /// To take what is sent to it at once.
    pub write: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            idle: Duration::from_secs(24 * 3600),
            request: Duration::from_secs(30),
            write: Duration::from_secs(30),
        }
    }
}

/// The door.
pub struct TcpDoor {
    desk: Desk,
    allow: AllowList,
    times: Times,
    room: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl TcpDoor {
    /// `stop` closes the door when its value becomes true or its sender is gone.
    pub fn new(
        operations: Arc<Operations>,
        allow: AllowList,
        times: Times,
        stop: watch::Receiver<bool>,
    ) -> Arc<TcpDoor> {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Arc::new(TcpDoor { desk: Desk { operations }, allow, times, room, stop })
    }

    /// Accepts and serves until the door closes.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut stop = self.stop.clone();
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = listener.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, peer)) if self.allow.allows(peer.ip()) => {
                    let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
                        tracing::warn!(%peer, "no room for another connection of the call door");
                        continue;
                    };
                    let door = Arc::clone(&self);
                    connections.spawn(async move {
                        door.connection(stream, peer).await;
                        drop(place);
                    });
                }
                Ok((_, peer)) => tracing::warn!(%peer, "not in cgrates.allow"),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(CLOSING_TIME, ended).await;
    }

    async fn connection(&self, stream: TcpStream, peer: SocketAddr) {
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let actor = Actor(format!("cgrates:{}", peer.ip().to_canonical()));
        let mut connection =
            Connection { desk: &self.desk, times: self.times, stream, out: Replies::default(), actor };
        // However it ended, there is nobody left to tell.
        let _ = connection.run(self.stop.clone()).await;
        let _ = timeout(self.times.write, connection.stream.shutdown()).await;
    }
}

struct Connection<'a> {
    desk: &'a Desk,
    times: Times,
    stream: TcpStream,
    out: Replies,
    actor: Actor,
}

/// Answers in order: octets, and places where one is still missing.
#[derive(Default)]
struct Replies {
    octets: Vec<u8>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    /// Octets that go before it.
    after: usize,
    id: Box<[u8]>,
    answer: oneshot::Receiver<Answer>,
}

impl Connection<'_> {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(READ_OCTETS);
        let mut splitter = Splitter::default();
        let mut begun_at = None;
        loop {
            let held = buffer.len();
            let good = self.answer_all(&mut buffer, &mut splitter).await;
            if buffer.len() < held {
                // What is left began later than what was answered.
                begun_at = None;
            }
            // What was asked before the nonsense is answered all the same.
            self.send().await?;
            if good.is_err() || buffer.len() > REQUEST_OCTETS_MAX {
                return Ok(());
            }
            let deadline = if buffer.is_empty() {
                Instant::now() + self.times.idle
            } else {
                *begun_at.get_or_insert_with(Instant::now) + self.times.request
            };
            buffer.reserve(READ_OCTETS);
            let read = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                read = timeout_at(deadline, self.stream.read_buf(&mut buffer)) => read,
            };
            match read {
                Ok(Ok(1..)) => {}
                Ok(Ok(0)) | Err(_) => return Ok(()),
                Ok(Err(error)) => return Err(error),
            }
        }
    }

    /// Answers every whole request of the buffer and takes it out.
    async fn answer_all(&mut self, buffer: &mut Vec<u8>, splitter: &mut Splitter) -> Result<(), Malformed> {
        let result = loop {
            match splitter.next(buffer) {
                Split::Value(range) => {
                    let octets = buffer.get(range).unwrap_or_default();
                    if let Err(malformed) = self.answer(octets) {
                        break Err(malformed);
                    }
                    let full = self.out.octets.len() >= SEND_OCTETS || self.out.waiting.len() >= WAITING_MAX;
                    if full && self.send().await.is_err() {
                        break Err(Malformed);
                    }
                }
                Split::Incomplete => break Ok(()),
                Split::Malformed => break Err(Malformed),
            }
        };
        let done = splitter.begun();
        buffer.drain(..done.min(buffer.len()));
        splitter.shift(done);
        result
    }

    /// Answers one request, or notes that its answer is to come.
    fn answer(&mut self, octets: &[u8]) -> Result<(), Malformed> {
        let request = Request::read(octets)?;
        let name = request.method()?;
        let out = &mut self.out.octets;
        let before = out.len();
        begin_reply(out, request.id());
        let begun = Method::find(&name).and_then(|method| match method {
            Method::Debit | Method::MaxDebit => {
                self.desk.debit(method == Method::MaxDebit, request.argument_text()?, &self.actor)
            }
            // Whatever stands there is of no interest.
            Method::Status | Method::FlushCache => self.desk.begin(method, &Default::default(), &self.actor),
            _ => self.desk.begin(method, &request.argument()?, &self.actor),
        });
        match begun.and_then(|begun| begun.write(out)) {
            Ok(None) => end_reply(out),
            Ok(Some(answer)) => {
                out.truncate(before);
                self.out.waiting.push(Waiting { after: before, id: request.id().into(), answer });
            }
            Err(error) => {
                out.truncate(before);
                error_reply(out, request.id(), &error);
            }
        }
        Ok(())
    }

    /// Sends all answers, waiting for those that the ledger has not given yet.
    async fn send(&mut self) -> io::Result<()> {
        let Replies { octets, waiting } = std::mem::take(&mut self.out);
        if waiting.is_empty() {
            self.write(&octets).await?;
            self.out.octets = octets;
            self.out.octets.clear();
            return Ok(());
        }
        let mut ready = Vec::with_capacity(octets.len());
        let mut from = 0;
        for Waiting { after, id, mut answer } in waiting {
            ready.extend_from_slice(octets.get(from..after).unwrap_or_default());
            from = after;
            let answer = match answer.try_recv() {
                Ok(answer) => answer,
                Err(_) => {
                    self.write(&ready).await?;
                    ready.clear();
                    answer.await.unwrap_or(Err(Rejected::Unknown))
                }
            };
            match outcome(answer) {
                Ok(result) => {
                    begin_reply(&mut ready, &id);
                    ready.extend_from_slice(result.as_bytes());
                    end_reply(&mut ready);
                }
                Err(error) => error_reply(&mut ready, &id, &error),
            }
        }
        ready.extend_from_slice(octets.get(from..).unwrap_or_default());
        self.write(&ready).await
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        if octets.is_empty() {
            return Ok(());
        }
        timeout(self.times.write, self.stream.write_all(octets)).await?
    }
}

fn begin_reply(out: &mut Vec<u8>, id: &[u8]) {
    out.extend_from_slice(b"{\"id\":");
    out.extend_from_slice(id);
    out.extend_from_slice(b",\"result\":");
}

fn end_reply(out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"error\":null}\n");
}

fn error_reply(out: &mut Vec<u8>, id: &[u8], error: &str) {
    begin_reply(out, id);
    out.extend_from_slice(b"null,\"error\":");
    // A text cannot fail to be written to memory.
    let _ = serde_json::to_writer(&mut *out, error);
    out.extend_from_slice(b"}\n");
}
