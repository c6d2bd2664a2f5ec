//! One connection: head, body, answer, and again; with a time for each.

use super::framing::{self, BodyError};
use super::input::Input;
use super::request::{self, Fault, Head};
use super::server::{self, Door, Handler};
use super::{Channel, Method, Misdirected, Request, Response, Security, TLS_HANDSHAKE};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

/// Answers up to this length go out in one write with their head.
const JOINED_OCTETS_MAX: usize = 16 * 1024;
/// What must be taken by the client within the write time, each time.
const WRITE_OCTETS: usize = 256 * 1024;
/// What a refused client may still send: closing before it is read would destroy the answer on its way (RFC 9112 9.6).
const LINGER_OCTETS_MAX: usize = 2 * 1024 * 1024;
/// Alert of TLS: fatal, handshake_failure (RFC 8446, section 6).
const TLS_REFUSAL: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 40];
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Why no (further) request is read.
enum End {
    /// Nothing to say: closed, idle for too long, broken.
    Silent,
    /// Said, and closed.
    Fault(Fault),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Silent
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> End {
        End::Fault(fault)
    }
}

impl<H: Handler> Door<H> {
    /// Serves the requests of one stream until either side ends it. Takes no place among `connections_max`; that is
    /// [`Door::serve`]'s business, or the caller's who accepts by itself (TLS).
    pub async fn connection<S>(&self, mut stream: S, peer: Option<SocketAddr>)
    where
        S: Channel,
    {
        let mut input = Input::new();
        let mut first = true;
        loop {
            match self.exchange(&mut stream, &mut input, peer, first).await {
                Ok(true) => first = false,
                Ok(false) => break,
                Err(End::Silent) => return,
                Err(End::Fault(fault)) => {
                    let response = Response::text(fault.status, format!("{}\n", fault.text));
                    if self.send(&mut stream, &response, true, Some("close")).await.is_err() {
                        return;
                    }
                    break;
                }
            }
        }
        // In a crowd the place is worth more than the courtesy.
        if self.has_room() {
            linger(&mut stream).await;
        } else {
            let _ = timeout(LINGER_TIME, stream.shutdown()).await;
        }
    }

    /// One request and its answer; true when another may follow.
    async fn exchange<S>(
        &self,
        stream: &mut S,
        input: &mut Input,
        peer: Option<SocketAddr>,
        first: bool,
    ) -> Result<bool, End>
    where
        S: Channel,
    {
        let head = self.read_head(stream, input, peer, first).await?;
        let body = timeout(self.limits.body_time, self.read_body(stream, input, &head))
            .await
            .map_err(|_| Fault::new(408, "the body did not arrive in time"))??;
        let Head { method, path, query, headers, modern } = head;
        let wants_close = headers.lists("connection", "close");
        let wants_open = modern || headers.lists("connection", "keep-alive");
        let with_body = method != Method::Head;
        let response = self
            .handler
            .handle(Request { method, path, query, headers, body, peer, security: stream.security() })
            .await;
        let keep = wants_open && !wants_close && self.has_room() && !*self.shutdown.borrow();
        let connection = match (keep, modern) {
            (false, _) => Some("close"),
            (true, false) => Some("keep-alive"),
            (true, true) => None,
        };
        self.send(stream, &response, with_body, connection).await?;
        Ok(keep)
    }

    async fn read_head<S>(
        &self,
        stream: &mut S,
        input: &mut Input,
        peer: Option<SocketAddr>,
        first: bool,
    ) -> Result<Head, End>
    where
        S: Channel,
    {
        if input.unread().is_empty() {
            let idle_time = if first { self.limits.head_time } else { self.limits.idle_time };
            tokio::select! {
                () = server::closed(self.shutdown.clone()) => return Err(End::Silent),
                () = self.crowded.notified(), if !first => return Err(End::Silent),
                filled = timeout(idle_time, input.fill(stream)) => match filled {
                    Ok(Ok(1..)) => {}
                    Ok(Ok(0) | Err(_)) | Err(_) => return Err(End::Silent),
                },
            }
        }
        if first {
            self.check_port(stream, input, peer).await?;
        }
        let deadline = Instant::now() + self.limits.head_time;
        let mut seen = 0;
        loop {
            if seen == 0 {
                // Empty lines before a request are left over from the last one (RFC 9112 2.2).
                let blank = input.unread().iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
                input.skip(blank);
            }
            if let Some(end) = request::head_end(input.unread(), seen) {
                if end > self.limits.head_octets_max {
                    return Err(self.head_too_large());
                }
                return Ok(request::parse_head(&input.take(end))?);
            }
            seen = input.unread().len();
            if seen > self.limits.head_octets_max {
                return Err(self.head_too_large());
            }
            match timeout_at(deadline, input.fill(stream)).await {
                Err(_) => {
                    return Err(Fault::new(408, "the head of the request did not arrive in time").into());
                }
                Ok(Ok(0)) if seen == 0 => return Err(End::Silent),
                Ok(Ok(0)) => return Err(Fault::bad("the request ends within its head").into()),
                Ok(filled) => filled?,
            };
        }
    }

    /// Refuses HTTP where TLS is spoken, and TLS where HTTP is, in a way that the other side understands.
    async fn check_port<S: Channel>(
        &self,
        stream: &mut S,
        input: &Input,
        peer: Option<SocketAddr>,
    ) -> Result<(), End> {
        match stream.security() {
            Security::Missing => {
                self.handler.misdirected(peer, Misdirected::PlainToTls);
                Err(Fault::bad("this port speaks TLS: ask it with https:// instead of http://").into())
            }
            Security::Plain if input.unread().first() == Some(&TLS_HANDSHAKE) => {
                self.handler.misdirected(peer, Misdirected::TlsToPlain);
                timeout(self.limits.write_time, stream.write_all(&TLS_REFUSAL))
                    .await
                    .map_err(io::Error::from)??;
                Err(End::Silent)
            }
            Security::Plain | Security::Tls { .. } => Ok(()),
        }
    }

    fn head_too_large(&self) -> End {
        let max = self.limits.head_octets_max;
        Fault::new(431, format!("the head of the request is longer than {max} octets")).into()
    }

    async fn read_body<S>(&self, stream: &mut S, input: &mut Input, head: &Head) -> Result<Vec<u8>, End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let body_max = self.limits.body_octets_max;
        let framing = framing::framing(&head.headers, head.modern, body_max)?;
        let read = async {
            if framing != framing::Framing::None {
                framing::answer_expectation(&head.headers, head.modern, input, stream).await?;
            }
            framing::read_body(framing, body_max, input, stream).await
        };
        read.await.map_err(|error| match error {
            BodyError::Lost => Fault::bad("the request ends within its body").into(),
            BodyError::Fault(fault) => End::Fault(fault),
        })
    }

    async fn send<S>(
        &self,
        stream: &mut S,
        response: &Response,
        with_body: bool,
        connection: Option<&str>,
    ) -> io::Result<()>
    where
        S: AsyncWrite + Unpin,
    {
        let mut head = response.head(connection);
        let mut pieces = response.body.pieces();
        if !with_body || !response.has_body() {
            pieces = [&[], &[]];
        }
        let [first, second] = &mut pieces;
        if first.len() <= JOINED_OCTETS_MAX {
            head.extend_from_slice(first);
            *first = &[];
        }
        for piece in [head.as_slice(), first, second] {
            for part in piece.chunks(WRITE_OCTETS) {
                timeout(self.limits.write_time, stream.write_all(part)).await??;
            }
        }
        timeout(self.limits.write_time, stream.flush()).await?
    }
}

/// Ends the sending side, and reads on for a moment so that the answer is not destroyed by a reset.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let drain = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut scrap = [0u8; 4096];
        let mut left = LINGER_OCTETS_MAX;
        while left > 0 {
            match stream.read(&mut scrap).await {
                Ok(count @ 1..) => left = left.saturating_sub(count),
                Ok(0) | Err(_) => return,
            }
        }
    };
    let _ = timeout(LINGER_TIME, drain).await;
}
