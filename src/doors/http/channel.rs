//! What carries requests, and what is known of it besides its octets.

use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpStream, UnixStream};

/// The first octet of a TLS connection: a handshake record (RFC 8446, section 5.1).
pub const TLS_HANDSHAKE: u8 = 0x16;

/// A stream that requests come over.
pub trait Channel: AsyncRead + AsyncWrite + Unpin + Send {
    /// What protects it; known once something has been read.
    fn security(&self) -> Security {
        Security::Plain
    }
}

impl Channel for TcpStream {}
impl Channel for UnixStream {}
impl Channel for DuplexStream {}

/// What protects a request on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Security {
    #[default]
    Plain,
    Tls {
        /// The client's own (DER), if it was asked for one and had one that its authority has signed.
        certificate: Option<Arc<[u8]>>,
    },
    /// Nothing, though this port speaks TLS. Such a request is answered here and reaches no handler.
    Missing,
}

/// A connection that came to the wrong kind of port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdirected {
    /// HTTP where TLS is spoken.
    PlainToTls,
    /// TLS where HTTP is spoken.
    TlsToPlain,
}
