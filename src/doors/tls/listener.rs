//! A listener whose connections begin with a handshake.

use super::Identity;
use crate::doors::http::{Channel, Listener, Security, TLS_HANDSHAKE};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{Accept, TlsAcceptor, server};

/// Accepts TCP connections; the handshake is done by whoever reads first.
pub struct TlsListener {
    listener: TcpListener,
    identity: Arc<Identity>,
}

impl TlsListener {
    pub fn new(listener: TcpListener, identity: Arc<Identity>) -> TlsListener {
        TlsListener { listener, identity }
    }
}

impl Listener for TlsListener {
    type Stream = TlsStream;

    async fn accept(&mut self) -> io::Result<(TlsStream, Option<SocketAddr>)> {
        let (stream, peer) = Listener::accept(&mut self.listener).await?;
        Ok((TlsStream(State::New(stream, self.identity.acceptor())), peer))
    }
}

/// A connection that shakes hands within its first read or write. So a slow client holds up nobody but itself, and the
/// time for a request's first octet is also the time for the handshake. One that does not begin with a handshake goes on
/// without TLS, so that it can be told so: see [`Security::Missing`].
pub struct TlsStream(State);

enum State {
    New(TcpStream, TlsAcceptor),
    Handshake(Box<Accept<TcpStream>>),
    Open(Box<server::TlsStream<TcpStream>>),
    Plain(TcpStream),
    /// The handshake failed.
    Broken,
}

/// Either kind of stream, to be read and written alike.
enum Opened<'a> {
    Tls(Pin<&'a mut server::TlsStream<TcpStream>>),
    Plain(Pin<&'a mut TcpStream>),
}

impl TlsStream {
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Opened<'_>>> {
        if let State::New(stream, _) = &mut self.0 {
            let mut first = [0];
            let mut seen = ReadBuf::new(&mut first);
            ready!(stream.poll_peek(context, &mut seen))?;
            let shakes_hands = seen.filled().first().is_none_or(|octet| *octet == TLS_HANDSHAKE);
            if let State::New(stream, acceptor) = std::mem::replace(&mut self.0, State::Broken) {
                self.0 = match shakes_hands {
                    true => State::Handshake(Box::new(acceptor.accept(stream))),
                    false => State::Plain(stream),
                };
            }
        }
        if let State::Handshake(handshake) = &mut self.0 {
            match ready!(Pin::new(handshake.as_mut()).poll(context)) {
                Ok(stream) => self.0 = State::Open(Box::new(stream)),
                Err(error) => {
                    tracing::debug!(%error, "a TLS handshake failed");
                    self.0 = State::Broken;
                    return Poll::Ready(Err(error));
                }
            }
        }
        match &mut self.0 {
            State::Open(stream) => Poll::Ready(Ok(Opened::Tls(Pin::new(stream.as_mut())))),
            State::Plain(stream) => Poll::Ready(Ok(Opened::Plain(Pin::new(stream)))),
            State::New(..) | State::Handshake(_) | State::Broken => {
                Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
            }
        }
    }
}

impl Channel for TlsStream {
    fn security(&self) -> Security {
        match &self.0 {
            State::Open(stream) => {
                let chain = stream.get_ref().1.peer_certificates();
                let certificate = chain.and_then(|chain| chain.first()).map(|own| Arc::from(own.as_ref()));
                Security::Tls { certificate }
            }
            State::New(..) | State::Handshake(_) | State::Broken | State::Plain(_) => Security::Missing,
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(self.poll_open(context))? {
            Opened::Tls(stream) => stream.poll_read(context, buffer),
            Opened::Plain(stream) => stream.poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_open(context))? {
            Opened::Tls(stream) => stream.poll_write(context, octets),
            Opened::Plain(stream) => stream.poll_write(context, octets),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_open(context))? {
            Opened::Tls(stream) => stream.poll_flush(context),
            Opened::Plain(stream) => stream.poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            State::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            // Nobody is there to say goodbye to.
            State::New(..) | State::Handshake(_) | State::Broken => Poll::Ready(Ok(())),
        }
    }
}
