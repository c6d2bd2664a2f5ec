use super::*;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Answers with what it was asked.
async fn echo(request: Request) -> Response {
    let method = match &request.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Other(other) => other,
    };
    let query = text_of(request.query);
    Response::text(200, format!("{method} {} [{query}] {}\n", request.path, text_of(request.body)))
}

fn quick() -> Limits {
    Limits {
        head_time: Duration::from_millis(300),
        body_time: Duration::from_millis(300),
        idle_time: Duration::from_millis(300),
        write_time: Duration::from_millis(300),
        body_octets_max: 1000,
        ..Limits::default()
    }
}

fn connected(limits: Limits) -> (DuplexStream, watch::Sender<bool>) {
    let (client, server) = duplex(1 << 20);
    let (stop, stopped) = watch::channel(false);
    let door = Door::new(echo, limits, stopped);
    tokio::spawn(async move { door.connection(server, None).await });
    (client, stop)
}

/// Sends, ends the sending side, and gives everything that came back.
async fn exchange(sent: &[u8]) -> String {
    let (mut client, _stop) = connected(quick());
    client.write_all(sent).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

fn bodies(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 200 OK\r\n").skip(1).filter_map(|one| one.split("\r\n\r\n").nth(1)).collect()
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let answer = exchange(
        b"GET /a?x={\"y\": 1} HTTP/1.1\r\nHost: h\r\n\r\n\
          POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\r\n\
          POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n2;ext=1\r\nde\r\n1\r\nf\r\n0\r\nT: x\r\n\r\n\
          GET /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: h\r\n\r\n",
    )
    .await;
    assert_eq!(
        bodies(&answer),
        ["GET /a [x={\"y\": 1}] \n", "POST /b [] abc\n", "POST /c [] def\n", "GET /d [] \n"]
    );
    assert_eq!(answer.matches("Connection: close").count(), 1);
}

#[tokio::test]
async fn http_1_0_closes_unless_it_asks_to_keep() {
    let two = "GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n";
    assert_eq!(bodies(&exchange(two.as_bytes()).await), ["GET /a [] \n"]);
    let kept = two.replace("1.0\r\n", "1.0\r\nConnection: Keep-Alive\r\n");
    let answer = exchange(kept.as_bytes()).await;
    assert_eq!(bodies(&answer).len(), 2);
    assert_eq!(answer.matches("Connection: keep-alive").count(), 2);
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let answer = exchange(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(answer.contains("Content-Length: 12\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let (mut client, _stop) = connected(quick());
    let head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut leave = [0u8; 25];
    client.read_exact(&mut leave).await.unwrap();
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"ok").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(bodies(&answer), ["POST / [] ok\n"]);
}

#[tokio::test]
async fn what_cannot_be_framed_is_refused_in_one_line_and_closed() {
    let post = |headers: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{headers}\r\n\r\n{body}");
    for (sent, status) in [
        (post("Content-Length: 1\r\nContent-Length: 1", "a"), 400),
        (post("Content-Length: 1\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400),
        (post("Content-Length: +1", "a"), 400),
        (post("Content-Length: 1001", ""), 413),
        (post("Content-Length: 99999999999999999999999", ""), 413),
        (post("Content-Length: 5", "a"), 400),
        (post("Transfer-Encoding: gzip, chunked", ""), 501),
        (post("Transfer-Encoding: chunked", "g\r\n"), 400),
        (post("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n"), 413),
        (post("Transfer-Encoding: chunked", "3e9\r\n"), 413),
        (post("Transfer-Encoding: chunked", "1\r\nabc\r\n0\r\n\r\n"), 400),
        (post("Transfer-Encoding: chunked", "1\nab\n"), 400),
        (post("Content-Length: 1\r\nExpect: magic", "a"), 417),
        (format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(70_000)), 431),
        ("GET / HT".to_owned(), 400),
    ] {
        let answer = exchange(sent.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{sent:.80?}: {answer}");
        assert!(answer.contains("Connection: close\r\n") && answer.ends_with('\n'), "{answer}");
        assert_eq!(answer.split("\r\n\r\n").nth(1).map(|body| body.lines().count()), Some(1), "{answer}");
    }
}

#[tokio::test]
async fn a_slow_head_and_a_slow_body_are_ended_and_an_idle_connection_is_closed() {
    for (sent, answered) in [
        ("", ""),
        ("GET / HTTP/1.1\r\n", "HTTP/1.1 408"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 408"),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200"),
    ] {
        let (mut client, _stop) = connected(quick());
        let begun = Instant::now();
        client.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(answered), "{sent:?}: {answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{sent:?} took {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let (client, server) = duplex(1024);
    let (_stop, stopped) = watch::channel(false);
    let large = |_: Request| async { Response::new(200, "", Body::Owned(vec![b'x'; 1 << 20])) };
    let door = Door::new(large, quick(), stopped);
    let mut client = client;
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    tokio::time::timeout(Duration::from_secs(2), door.connection(server, None)).await.unwrap();
}

#[tokio::test]
async fn a_full_listener_lets_newcomers_in_by_closing_idle_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let limits = Limits { connections_max: 2, idle_time: Duration::from_secs(60), ..Limits::default() };
    let served = tokio::spawn(serve(listener, echo, limits, stopped));
    let mut held = Vec::new();
    for n in 0..20 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut first = [0u8; 15];
        let read = tokio::time::timeout(Duration::from_secs(5), client.read_exact(&mut first)).await;
        assert!(read.is_ok(), "connection {n} was not served");
        held.push(client);
    }
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(6), served).await.unwrap().unwrap();
}

#[tokio::test]
async fn one_source_cannot_take_more_than_its_share() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let limits = Limits { connections_per_source_max: 1, ..Limits::default() };
    tokio::spawn(serve(listener, echo, limits, stopped));
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut octets = [0u8; 8];
    first.read_exact(&mut octets).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(second.read(&mut octets).await.unwrap_or(0), 0);
}
