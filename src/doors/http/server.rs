//! Listeners, limits and handlers: what stands around a connection.

use super::{Channel, Misdirected, Request, Response};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Pause after a failed accept: the machine is out of descriptors or memory, and asking at once finds it so again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests in work may go on once the door is to close.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// What one client may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Request line and header lines, octets.
    pub head_octets_max: usize,
    pub body_octets_max: usize,
    pub connections_max: usize,
    /// Of one source address.
    pub connections_per_source_max: usize,
    /// From the first octet of a head (or from the accept) to its end.
    pub head_time: Duration,
    /// From the end of a head to the end of its body.
    pub body_time: Duration,
    /// Between two requests of a connection.
    pub idle_time: Duration,
    /// For each 256 KiB of an answer.
    pub write_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_octets_max: 64 * 1024,
            body_octets_max: 1024 * 1024,
            connections_max: 1024,
            connections_per_source_max: 1024,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
        }
    }
}

/// Answers requests. Closures `Fn(Request) -> impl Future<Output = Response>` are handlers.
pub trait Handler: Send + Sync + 'static {
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// Told of a connection that came to the wrong kind of port, and is refused.
    fn misdirected(&self, _peer: Option<SocketAddr>, _what: Misdirected) {}
}

impl<F, A> Handler for F
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        self(request)
    }
}

impl<H: Handler> Handler for Arc<H> {
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        H::handle(self, request)
    }

    fn misdirected(&self, peer: Option<SocketAddr>, what: Misdirected) {
        H::misdirected(self, peer, what);
    }
}

/// Where connections come from.
pub trait Listener: Send + 'static {
    type Stream: Channel + 'static;

    /// The next connection with its peer's address, where it has one.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Option<SocketAddr>)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        Ok((stream, Some(peer)))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Option<SocketAddr>)> {
        UnixListener::accept(self).await.map(|(stream, _)| (stream, None))
    }
}

/// A handler with its limits; any number of listeners may lead to it, and they share the limits.
pub struct Door<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    /// True: close.
    pub(super) shutdown: watch::Receiver<bool>,
    /// Wakes idle connections when there is no room for another.
    pub(super) crowded: Notify,
    room: Arc<Semaphore>,
    sources: Mutex<HashMap<IpAddr, usize>>,
}

impl<H: Handler> Door<H> {
    /// `shutdown` closes the door when its value becomes true or its sender is gone.
    pub fn new(handler: H, limits: Limits, shutdown: watch::Receiver<bool>) -> Arc<Door<H>> {
        Arc::new(Door {
            handler,
            room: Arc::new(Semaphore::new(limits.connections_max)),
            limits,
            shutdown,
            crowded: Notify::new(),
            sources: Mutex::default(),
        })
    }

    /// Accepts and serves until the shutdown; then lets requests in work end for a few seconds.
    pub async fn serve(self: &Arc<Self>, mut listener: impl Listener) {
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = closed(self.shutdown.clone()) => break,
                accepted = self.accept(&mut listener) => accepted,
            };
            while tasks.try_join_next().is_some() {}
            match accepted {
                Ok((stream, peer, permit)) => {
                    let Some(place) = SourcePlace::take(self, peer) else { continue };
                    let door = Arc::clone(self);
                    tasks.spawn(async move {
                        door.connection(stream, peer).await;
                        drop((place, permit));
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        let _ =
            tokio::time::timeout(CLOSING_TIME, async { while tasks.join_next().await.is_some() {} }).await;
    }

    /// The next connection and its place among `connections_max`. While there is none, idle ones are asked to go and
    /// the kernel's queue holds the newcomers.
    async fn accept<L: Listener>(
        &self,
        listener: &mut L,
    ) -> io::Result<(L::Stream, Option<SocketAddr>, OwnedSemaphorePermit)> {
        let (stream, peer) = listener.accept().await?;
        if !self.has_room() {
            self.crowded.notify_waiters();
        }
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(io::Error::other)?;
        Ok((stream, peer, permit))
    }

    pub(super) fn has_room(&self) -> bool {
        self.room.available_permits() > 0
    }
}

/// A place among the connections of one source address.
struct SourcePlace<H: Handler> {
    door: Arc<Door<H>>,
    source: Option<IpAddr>,
}

impl<H: Handler> SourcePlace<H> {
    /// None when the source has its share already.
    fn take(door: &Arc<Door<H>>, peer: Option<SocketAddr>) -> Option<SourcePlace<H>> {
        let source = peer.map(|peer| peer.ip());
        if let Some(source) = source {
            let mut sources = door.sources.lock();
            let count = sources.entry(source).or_default();
            if *count >= door.limits.connections_per_source_max {
                return None;
            }
            *count += 1;
        }
        Some(SourcePlace { door: Arc::clone(door), source })
    }
}

impl<H: Handler> Drop for SourcePlace<H> {
    fn drop(&mut self) {
        let Some(source) = self.source else { return };
        let mut sources = self.door.sources.lock();
        if let Some(count) = sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&source);
            }
        }
    }
}

/// Returns when the door is to close.
pub(super) async fn closed(mut shutdown: watch::Receiver<bool>) {
    // An error means that nobody is left who could ask for it: close as well.
    let _ = shutdown.wait_for(|closing| *closing).await;
}

/// Serves one listener with a handler of its own; see [`Door`].
pub async fn serve<H: Handler>(
    listener: impl Listener,
    handler: H,
    limits: Limits,
    shutdown: watch::Receiver<bool>,
) {
    Door::new(handler, limits, shutdown).serve(listener).await;
}
