//! A server of the feed, and how it is reached: its control socket, or TLS with the token.

use super::settings::Settings;
use super::tls;
use super::{EnforceError, http};
use crate::config::FeedServer;
use crate::model::SecretText;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// For one address of a server.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// For looking a name up and connecting to one of its addresses. What takes longer ends by itself, unheard.
const DIAL_PATIENCE: Duration = Duration::from_secs(8);
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(5);
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Where a feed is, with all it takes to be let in there.
#[derive(Clone)]
pub struct Server {
    at: FeedServer,
    /// For HTTPS.
    access: Option<Access>,
}

#[derive(Clone)]
struct Access {
    token: SecretText,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Server {
    /// The control socket at `path`.
    pub fn unix(path: impl Into<PathBuf>) -> Server {
        Server { at: FeedServer::Unix(path.into()), access: None }
    }

    /// Every server of the settings. Reads the file `ca` when one of them is reached over HTTPS.
    pub fn all(settings: &Settings) -> Result<Vec<Server>, EnforceError> {
        let refuse = |text: String| EnforceError::Settings(format!("servers: {text}"));
        let mut tls: Option<Arc<ClientConfig>> = None;
        let mut servers = Vec::with_capacity(settings.servers.len());
        for text in &settings.servers {
            let at = FeedServer::parse(text).ok_or_else(|| {
                refuse(format!("{text:?} is neither \"unix:/path\" nor \"https://host:port\""))
            })?;
            let access = match (&at, &settings.ca, &settings.token) {
                (FeedServer::Unix(_), ..) => None,
                (FeedServer::Https { host, .. }, Some(ca), Some(token)) => {
                    let shared = match &tls {
                        Some(tls) => Arc::clone(tls),
                        None => Arc::clone(tls.insert(trusting(ca)?)),
                    };
                    let name = ServerName::try_from(host.clone());
                    let name = name.map_err(|_| refuse(format!("{text:?}: not the name of a host")))?;
                    Some(Access { token: token.clone(), tls: shared, name })
                }
                (FeedServer::Https { .. }, ..) => {
                    return Err(refuse(format!("{text:?} needs `ca` and `token`")));
                }
            };
            servers.push(Server { at, access });
        }
        Ok(servers)
    }

    /// What stands in the header Host.
    pub(super) fn host(&self) -> String {
        let shown = self.at.to_string();
        shown.strip_prefix("https://").map_or_else(|| "headgate".to_owned(), str::to_owned)
    }

    pub(super) fn token(&self) -> Option<&SecretText> {
        self.access.as_ref().map(|access| &access.token)
    }

    /// A connection on which requests can be sent. Reads on it wait for [`http::LOOK_UP`] at most.
    pub(super) fn connect(&self, stop: &AtomicBool) -> io::Result<Stream> {
        match (&self.at, &self.access) {
            (FeedServer::Unix(path), _) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(http::LOOK_UP))?;
                stream.set_write_timeout(Some(WRITE_PATIENCE))?;
                Ok(Stream::Unix(stream))
            }
            (FeedServer::Https { host, port }, Some(access)) => {
                let stream = dial(host, *port, stop)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(http::LOOK_UP))?;
                stream.set_write_timeout(Some(WRITE_PATIENCE))?;
                shake_hands(access, stream, stop).map(|stream| Stream::Tls(Box::new(stream)))
            }
            (FeedServer::Https { .. }, None) => Err(io::Error::other("no token for this server")),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

fn trusting(ca: &Path) -> Result<Arc<ClientConfig>, EnforceError> {
    tls::trusting(ca).map_err(|why| EnforceError::Settings(format!("ca: {}: {why}", ca.display())))
}

/// Connects in a thread of its own: neither a look-up of a name nor a connect can be broken off, and who is to stop
/// must not wait for them.
fn dial(host: &str, port: u16, stop: &AtomicBool) -> io::Result<TcpStream> {
    let (sender, result) = sync_channel(1);
    let host = host.to_owned();
    std::thread::Builder::new().name("enforce-dial".into()).spawn(move || {
        // Nobody may be there any more who would take it.
        let _ = sender.send(connect_any(&host, port));
    })?;
    let deadline = Instant::now() + DIAL_PATIENCE;
    loop {
        match result.recv_timeout(http::LOOK_UP) {
            Ok(connected) => return connected,
            Err(RecvTimeoutError::Timeout) => look_up(stop, deadline)?,
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("connecting ended badly")),
        }
    }
}

/// An error when it is to stop or the time is over.
pub(super) fn look_up(stop: &AtomicBool, deadline: Instant) -> io::Result<()> {
    if stop.load(Ordering::Relaxed) {
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "stopping"));
    }
    if Instant::now() >= deadline { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
}

fn connect_any(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()?.take(ADDRESSES_MAX) {
        match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(last)
}

fn shake_hands(
    access: &Access,
    stream: TcpStream,
    stop: &AtomicBool,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let connection = ClientConnection::new(Arc::clone(&access.tls), access.name.clone());
    let mut tls = StreamOwned::new(connection.map_err(io::Error::other)?, stream);
    let deadline = Instant::now() + HANDSHAKE_PATIENCE;
    while tls.conn.is_handshaking() {
        match tls.conn.complete_io(&mut tls.sock) {
            Ok(_) => {}
            Err(error) if is_pause(&error) => look_up(stop, deadline)?,
            Err(error) => return Err(error),
        }
    }
    Ok(tls)
}

/// Whether a read has only found nothing yet.
pub(super) fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// A connection of either kind.
pub(super) enum Stream {
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.write(octets),
            Stream::Tls(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
