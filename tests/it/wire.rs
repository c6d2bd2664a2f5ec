//! Octets over a socket, and an HTTP answer taken apart.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn parse(octets: Vec<u8>) -> Answer {
        let text = String::from_utf8(octets).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends octets as they are from an address of loopback, ends the sending side, and gives all that comes back.
pub async fn exchange(from: Ipv4Addr, to: SocketAddr, octets: &[u8]) -> Vec<u8> {
    let socket = TcpSocket::new_v4().unwrap();
    // Binding takes a port away from every other connection for a minute; thousands of them would run out.
    if from != Ipv4Addr::LOCALHOST {
        socket.bind(SocketAddr::from((from, 0))).unwrap();
    }
    let mut stream = socket.connect(to).await.unwrap();
    // A server that has refused already need not read the rest.
    let _ = stream.write_all(octets).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}
