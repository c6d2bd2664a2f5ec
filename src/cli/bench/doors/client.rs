//! One connection that asks and reads the answer whole, as fast as it can.

use super::BenchError;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const READ_OCTETS: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);
const HEAD_OCTETS_MAX: usize = 16 * 1024;

pub(super) struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    pub fn connect(to: SocketAddr, target: &str) -> Result<Client, BenchError> {
        let stream = TcpStream::connect(to).map_err(BenchError::system)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(BenchError::system)?;
        stream.set_nodelay(true).map_err(BenchError::system)?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes();
        Ok(Client { stream, request, buffer: vec![0; READ_OCTETS] })
    }

    /// Asks once and gives the length of the body; it is copied to `keep` where there is one.
    pub fn ask(&mut self, mut keep: Option<&mut Vec<u8>>) -> Result<usize, BenchError> {
        self.stream.write_all(&self.request).map_err(BenchError::system)?;
        let mut head = Vec::new();
        let (length, body_at) = loop {
            let count = self.read()?;
            head.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break (length_of(head.get(..at).unwrap_or_default())?, at + 4);
            }
            if head.len() > HEAD_OCTETS_MAX {
                return Err(failed("the head of an answer has no end"));
            }
        };
        let mut got = head.len() - body_at;
        if let Some(keep) = keep.as_deref_mut() {
            keep.extend_from_slice(head.get(body_at..).unwrap_or_default());
        }
        while got < length {
            let count = self.read()?;
            if let Some(keep) = keep.as_deref_mut() {
                keep.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            }
            got += count;
        }
        if got > length { Err(failed("more octets than the answer's length")) } else { Ok(length) }
    }

    fn read(&mut self) -> Result<usize, BenchError> {
        match self.stream.read(&mut self.buffer).map_err(BenchError::system)? {
            0 => Err(failed("the connection was closed within an answer")),
            count => Ok(count),
        }
    }
}

/// The body of one answer.
pub(super) fn fetch(to: SocketAddr, target: &str) -> Result<Vec<u8>, BenchError> {
    let mut body = Vec::new();
    Client::connect(to, target)?.ask(Some(&mut body))?;
    Ok(body)
}

fn length_of(head: &[u8]) -> Result<usize, BenchError> {
    let text = String::from_utf8_lossy(head);
    if !text.starts_with("HTTP/1.1 200 ") {
        return Err(failed(&format!("answered {:?}", text.lines().next().unwrap_or_default())));
    }
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.ok_or_else(|| failed("an answer without a length"))
}

fn failed(text: &str) -> BenchError {
    BenchError::Failed(text.to_owned())
}
