//! A client for one request after another: HTTP/1.1 (RFC 9112) over a Unix socket or TLS, blocking, bounded.

use super::server::{Server, Stream, is_pause, look_up};
use std::io::{self, Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Status line and header fields at most.
const HEAD_OCTETS_MAX: usize = 16 << 10;
const HEADER_FIELDS_MAX: usize = 64;
/// A page of 4,194,304 entries is below this.
const BODY_OCTETS_MAX: usize = 2 << 30;
/// A size line of a chunk, its extensions included.
const CHUNK_LINE_OCTETS_MAX: usize = 256;
const READ_OCTETS: usize = 64 << 10;
/// How often a waiting read looks whether it is to stop.
pub(super) const LOOK_UP: Duration = Duration::from_millis(200);

/// A connection that stays open between requests.
pub struct Connection<'a> {
    stream: Stream,
    server: Server,
    /// Read and not yet used.
    buffer: Vec<u8>,
    stop: &'a AtomicBool,
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// The server will take no further request here.
    pub close: bool,
}

enum Body {
    Length(usize),
    Chunked,
    UntilClose,
}

impl<'a> Connection<'a> {
    /// Connects. Setting `stop` ends every wait of this connection within [`LOOK_UP`].
    pub fn open(server: &Server, stop: &'a AtomicBool) -> io::Result<Connection<'a>> {
        Ok(Connection { stream: server.connect(stop)?, server: server.clone(), buffer: Vec::new(), stop })
    }

    /// Sends a GET and waits for its answer, of which something must come every `patience`.
    pub fn get(&mut self, target: &str, patience: Duration) -> io::Result<Answer> {
        self.send("GET", target, "", &[])?;
        self.answer(patience)
    }

    /// Sends `body`, which is JSON, and waits for the answer in the same way.
    pub fn post(&mut self, target: &str, body: &[u8], patience: Duration) -> io::Result<Answer> {
        let fields = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        self.send("POST", target, &fields, body)?;
        self.answer(patience)
    }

    /// Whether a GET would be answered, without having the answer (RFC 9110, section 13.1.2: If-None-Match with `*`).
    pub fn would_answer(&mut self, target: &str, patience: Duration) -> bool {
        let sent = self.send("GET", target, "If-None-Match: *\r\n", &[]);
        sent.and_then(|()| self.answer(patience)).is_ok_and(|answer| matches!(answer.status, 200 | 304))
    }

    fn send(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> io::Result<()> {
        let host = self.server.host();
        let mut head = Zeroizing::new(format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n"
        ));
        if let Some(token) = self.server.token() {
            for piece in ["Authorization: Bearer ", token.expose(), "\r\n"] {
                head.push_str(piece);
            }
        }
        head.push_str(fields);
        head.push_str("\r\n");
        self.stream.write_all(head.as_bytes())?;
        self.stream.write_all(body)?;
        self.stream.flush()
    }

    fn answer(&mut self, patience: Duration) -> io::Result<Answer> {
        let (status, body, close) = self.head(patience)?;
        let (body, close) = match body {
            Body::Length(length) => (self.exactly(length, patience)?, close),
            Body::Chunked => (self.chunks(patience)?, close),
            Body::UntilClose => (self.until_closed(patience)?, true),
        };
        Ok(Answer { status, body, close })
    }

    fn head(&mut self, patience: Duration) -> io::Result<(u16, Body, bool)> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; HEADER_FIELDS_MAX];
            let mut response = httparse::Response::new(&mut fields);
            match response.parse(&self.buffer).map_err(|e| bad(e.to_string()))? {
                httparse::Status::Complete(length) => {
                    let status = response.code.unwrap_or(0);
                    let (body, close) = framing(status, response.headers)?;
                    self.buffer.drain(..length);
                    return Ok((status, body, close));
                }
                httparse::Status::Partial if self.buffer.len() >= HEAD_OCTETS_MAX => {
                    return Err(bad("the head of the answer is too long"));
                }
                httparse::Status::Partial => self.needed(patience)?,
            }
        }
    }

    fn exactly(&mut self, length: usize, patience: Duration) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.needed(patience)?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    fn chunks(&mut self, patience: Duration) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line(patience)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| bad("a chunk without its size"))?;
            if size > BODY_OCTETS_MAX.saturating_sub(body.len()) {
                return Err(bad("the answer is too large"));
            }
            if size == 0 {
                // Trailer fields, up to an empty line; as bounded as a head.
                for _ in 0..HEADER_FIELDS_MAX {
                    if self.line(patience)?.is_empty() {
                        return Ok(body);
                    }
                }
                return Err(bad("the trailer is too long"));
            }
            body.append(&mut self.exactly(size, patience)?);
            if !self.line(patience)?.is_empty() {
                return Err(bad("a chunk longer than its size"));
            }
        }
    }

    fn line(&mut self, patience: Duration) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().take(CHUNK_LINE_OCTETS_MAX).position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() >= CHUNK_LINE_OCTETS_MAX {
                return Err(bad("a line of the chunked answer is too long"));
            }
            self.needed(patience)?;
        }
    }

    fn until_closed(&mut self, patience: Duration) -> io::Result<Vec<u8>> {
        while self.more(patience)? {
            if self.buffer.len() > BODY_OCTETS_MAX {
                return Err(bad("the answer is too large"));
            }
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Reads on; the end of the connection is an error.
    fn needed(&mut self, patience: Duration) -> io::Result<()> {
        if self.more(patience)? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads on; false at the end of the connection. One that is cut off under TLS is an error.
    fn more(&mut self, patience: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        let mut read = [0u8; READ_OCTETS];
        loop {
            match self.stream.read(&mut read) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    self.buffer.extend_from_slice(read.get(..length).unwrap_or_default());
                    return Ok(true);
                }
                Err(error) if is_pause(&error) => look_up(self.stop, deadline)?,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(io::Error::new(error.kind(), "the connection was cut off"));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn framing(status: u16, fields: &[httparse::Header<'_>]) -> io::Result<(Body, bool)> {
    let value = |name: &str| {
        let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        field.map(|field| String::from_utf8_lossy(field.value).trim().to_ascii_lowercase())
    };
    let close = value("connection").is_some_and(|v| v.contains("close"));
    if matches!(status, 204 | 304) {
        return Ok((Body::Length(0), close));
    }
    if let Some(coding) = value("transfer-encoding") {
        return if coding == "chunked" { Ok((Body::Chunked, close)) } else { Err(bad("an unknown coding")) };
    }
    match value("content-length").map(|length| length.parse::<usize>()) {
        None => Ok((Body::UntilClose, true)),
        Some(Ok(length)) if length <= BODY_OCTETS_MAX => Ok((Body::Length(length), close)),
        Some(_) => Err(bad("the answer is too large")),
    }
}

fn bad(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// What the client makes of `answer`, sent in pieces of `piece` octets.
    fn answered(answer: &[u8], piece: usize) -> io::Result<Answer> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let answer = answer.to_vec();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            for part in answer.chunks(piece) {
                if stream.write_all(part).is_err() {
                    break;
                }
            }
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let stop = AtomicBool::new(false);
        let answer =
            Connection::open(&Server::unix(&path), &stop)?.get("/feed?since=e.1", Duration::from_secs(2));
        assert!(server.join().unwrap().starts_with("GET /feed?since=e.1 HTTP/1.1\r\n"));
        answer
    }

    #[test]
    fn a_body_of_known_length_in_chunks_or_to_the_end_is_read_whole() {
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".as_slice();
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: 1\r\n\r\n";
        let to_end = b"HTTP/1.1 200 OK\r\n\r\nhello";
        for piece in [1, 7, 1000] {
            for (answer, close) in [(length, false), (chunked.as_slice(), false), (to_end.as_slice(), true)] {
                let expected = Answer { status: 200, body: b"hello".to_vec(), close };
                assert_eq!(answered(answer, piece).unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_body_that_is_posted_goes_out_whole_and_the_connection_can_be_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut requests = Vec::new();
            for _ in 0..2 {
                let mut request = Vec::new();
                while !request.ends_with(b"{\"a\":1}") {
                    let mut octet = [0];
                    stream.read_exact(&mut octet).unwrap();
                    request.extend(octet);
                }
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
                requests.push(String::from_utf8(request).unwrap());
            }
            requests
        });
        let stop = AtomicBool::new(false);
        let mut connection = Connection::open(&Server::unix(&path), &stop).unwrap();
        for _ in 0..2 {
            let answer = connection.post("/counters", b"{\"a\":1}", Duration::from_secs(2)).unwrap();
            assert_eq!(answer, Answer { status: 204, body: Vec::new(), close: false });
        }
        for request in server.join().unwrap() {
            assert!(request.starts_with("POST /counters HTTP/1.1\r\nHost: headgate\r\n"), "{request}");
            assert!(
                request.contains("Content-Type: application/json\r\nContent-Length: 7\r\n\r\n"),
                "{request}"
            );
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_too_long_or_nonsense_is_an_error() {
        let long_head = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'x'; HEAD_OCTETS_MAX]].concat();
        for answer in [
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello".as_slice(),
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"garbage\r\n\r\n",
            b"",
            &long_head,
        ] {
            assert!(answered(answer, 1000).is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }
}
