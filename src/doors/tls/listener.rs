//! A listener whose connections begin with a handshake.

use super::Identity;
use crate::doors::http::Listener;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{Accept, server};

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
        Ok((TlsStream(State::Handshake(Box::new(self.identity.acceptor().accept(stream)))), peer))
    }
}

/// A connection that shakes hands within its first read or write. So a slow client holds up nobody but itself, and the
/// time for a request's first octet is also the time for the handshake.
pub struct TlsStream(State);

enum State {
    Handshake(Box<Accept<TcpStream>>),
    Open(Box<server::TlsStream<TcpStream>>),
    /// The handshake failed.
    Broken,
}

impl TlsStream {
    fn poll_open(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Pin<&mut server::TlsStream<TcpStream>>>> {
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
            State::Open(stream) => Poll::Ready(Ok(Pin::new(stream.as_mut()))),
            State::Handshake(_) | State::Broken => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, buffer)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            State::Open(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            // Nobody is there to say goodbye to.
            State::Handshake(_) | State::Broken => Poll::Ready(Ok(())),
        }
    }
}
