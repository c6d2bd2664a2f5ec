//! Where a body ends (RFC 9112 6 and 7): by Content-Length or by chunks, never by both.

use super::input::Input;
use super::request::{Fault, Headers};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// Longest line of a chunk's size with its extensions, octets.
const CHUNK_LINE_MAX: usize = 1024;
/// Chunks of one body at most: a body of one-octet chunks costs no more than this.
const CHUNKS_MAX: usize = 64 * 1024;
/// Lines of a trailer at most; they are read and dropped.
const TRAILER_LINES_MAX: usize = 64;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(usize),
    Chunked,
}

/// Why a body could not be read.
pub(super) enum BodyError {
    /// The stream broke or ended.
    Lost,
    Fault(Fault),
}

impl From<io::Error> for BodyError {
    fn from(_: io::Error) -> BodyError {
        BodyError::Lost
    }
}

impl From<Fault> for BodyError {
    fn from(fault: Fault) -> BodyError {
        BodyError::Fault(fault)
    }
}

/// Framing by the headers; two opinions about it are refused, since somebody in between may hold the other.
pub(super) fn framing(headers: &Headers, modern: bool, body_max: usize) -> Result<Framing, Fault> {
    let mut lengths = headers.all("content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Fault::bad("Content-Length is given twice"));
    }
    let mut codings = headers.all("transfer-encoding");
    if let Some(coding) = codings.next() {
        if length.is_some() || !modern || codings.next().is_some() {
            return Err(Fault::bad("Transfer-Encoding stands where it may not (RFC 9112 6.1)"));
        }
        if !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::new(501, "the only transfer coding served is chunked"));
        }
        return Ok(Framing::Chunked);
    }
    let Some(length) = length else { return Ok(Framing::None) };
    let digits = std::str::from_utf8(length).unwrap_or_default().trim();
    if digits.is_empty() || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(Fault::bad("Content-Length is not a number"));
    }
    match digits.parse::<usize>() {
        Ok(0) => Ok(Framing::None),
        Ok(length) if length <= body_max => Ok(Framing::Length(length)),
        _ => Err(too_large(body_max)),
    }
}

fn too_large(body_max: usize) -> Fault {
    Fault::new(413, format!("the body is longer than {body_max} octets"))
}

/// Asks a client that waits for it to go on (RFC 9110 10.1.1), unless its body is already coming.
pub(super) async fn answer_expectation(
    headers: &Headers,
    modern: bool,
    input: &Input,
    stream: &mut (impl AsyncWrite + Unpin),
) -> Result<(), BodyError> {
    if !modern || headers.all("expect").next().is_none() {
        return Ok(());
    }
    if !headers.lists("expect", "100-continue") {
        return Err(Fault::new(417, "the only expectation served is 100-continue").into());
    }
    if input.unread().is_empty() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Reads a whole body.
pub(super) async fn read_body(
    framing: Framing,
    body_max: usize,
    input: &mut Input,
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Vec<u8>, BodyError> {
    match framing {
        Framing::None => Ok(Vec::new()),
        Framing::Length(length) => exactly(length, input, stream).await,
        Framing::Chunked => read_chunks(body_max, input, stream).await,
    }
}

async fn read_chunks(
    body_max: usize,
    input: &mut Input,
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    for _ in 0..CHUNKS_MAX {
        let size = chunk_size(&line(input, stream).await?)?;
        if size == 0 {
            skip_trailer(input, stream).await?;
            return Ok(body);
        }
        if size > body_max.saturating_sub(body.len()) {
            return Err(too_large(body_max).into());
        }
        body.append(&mut exactly(size, input, stream).await?);
        if exactly(2, input, stream).await? != b"\r\n" {
            return Err(Fault::bad("a chunk is longer than its size").into());
        }
    }
    Err(Fault::new(413, format!("more than {CHUNKS_MAX} chunks")).into())
}

fn chunk_size(line: &[u8]) -> Result<usize, Fault> {
    let digits = line.split(|octet| *octet == b';').next().unwrap_or_default().trim_ascii_end();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return Err(Fault::bad("a chunk's size is not a hexadecimal number"));
    }
    usize::from_str_radix(text, 16).map_err(|_| Fault::new(413, "a chunk is larger than any machine"))
}

async fn skip_trailer(input: &mut Input, stream: &mut (impl AsyncRead + Unpin)) -> Result<(), BodyError> {
    for _ in 0..TRAILER_LINES_MAX {
        if line(input, stream).await?.is_empty() {
            return Ok(());
        }
    }
    Err(Fault::new(431, format!("more than {TRAILER_LINES_MAX} trailer lines")).into())
}

/// One line, without its CR LF.
async fn line(input: &mut Input, stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, BodyError> {
    loop {
        let unread = input.unread();
        if let Some(end) = unread.iter().take(CHUNK_LINE_MAX).position(|octet| *octet == b'\n') {
            let mut line = input.take(end + 1);
            line.pop();
            return match line.pop() {
                Some(b'\r') => Ok(line),
                _ => Err(Fault::bad("a line of a chunked body does not end in CR LF").into()),
            };
        }
        if unread.len() >= CHUNK_LINE_MAX {
            return Err(Fault::bad("a line of a chunked body is too long").into());
        }
        more(input, stream).await?;
    }
}

async fn exactly(
    count: usize,
    input: &mut Input,
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Vec<u8>, BodyError> {
    while input.unread().len() < count {
        more(input, stream).await?;
    }
    Ok(input.take(count))
}

async fn more(input: &mut Input, stream: &mut (impl AsyncRead + Unpin)) -> Result<(), BodyError> {
    match input.fill(stream).await? {
        0 => Err(BodyError::Lost),
        _ => Ok(()),
    }
}
