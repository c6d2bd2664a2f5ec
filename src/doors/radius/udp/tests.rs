use super::*;
use std::net::UdpSocket;

fn bound(address: &str) -> Socket {
    let socket = Socket::bind_group(address.parse().unwrap(), 1).unwrap().remove(0);
    socket.set_wait(Duration::from_millis(500)).unwrap();
    socket
}

fn echo_once(socket: &Socket) -> Vec<Vec<u8>> {
    let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
    inbox.receive(socket).unwrap();
    let mut seen = Vec::new();
    for received in inbox.received() {
        seen.push(received.octets.to_vec());
        let (number, buffer) = outbox.take().unwrap();
        buffer.clear();
        buffer.extend_from_slice(received.octets);
        outbox.queue(number, received.origin);
    }
    outbox.send(socket);
    seen
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    for (wildcard, asked) in [("0.0.0.0:0", "127.0.0.7"), ("[::]:0", "::1"), ("127.0.0.9:0", "127.0.0.9")] {
        let socket = bound(wildcard);
        let any = if asked.contains(':') { "[::1]:0" } else { "127.0.0.1:0" };
        let client = UdpSocket::bind(any).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let asked: SocketAddr = SocketAddr::new(asked.parse().unwrap(), socket.address().port());
        client.send_to(b"hello", asked).unwrap();
        assert_eq!(echo_once(&socket), [b"hello"]);
        let mut answer = [0; 16];
        let (octets, from) = client.recv_from(&mut answer).unwrap();
        assert_eq!((&answer[..octets], from), (&b"hello"[..], asked));
    }
}

#[test]
fn many_datagrams_are_taken_and_answered_in_one_go_and_an_oversized_one_is_marked() {
    let socket = bound("127.0.0.1:0");
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    for number in 0..10u8 {
        client.send_to(&[number; 100], socket.address()).unwrap();
    }
    assert_eq!(echo_once(&socket).len(), 10);
    let mut answer = [0; 200];
    for number in 0..10u8 {
        assert_eq!(client.recv(&mut answer).unwrap(), 100);
        assert_eq!(answer[0], number);
    }
    client.send_to(&[1; 4097], socket.address()).unwrap();
    client.send_to(&[1; 4096], socket.address()).unwrap();
    let mut inbox = Inbox::new();
    inbox.receive(&socket).unwrap();
    let marks: Vec<_> = inbox.received().map(|r| (r.octets.len(), r.truncated)).collect();
    assert_eq!(marks, [(4096, true), (4096, false)]);
}

#[test]
fn a_port_that_somebody_has_is_refused_and_a_wait_ends() {
    let first = bound("127.0.0.1:0");
    assert!(Socket::bind_group(first.address(), 2).is_err());
    assert_eq!(Inbox::new().receive(&first).unwrap(), 0);
}
