//! Many connections at once: QIWI's demand is 15 of one operator.

use super::{Server, element};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 64;
const PAYMENTS: usize = 10;

/// The answer to one request on an open connection.
async fn ask(stream: &mut TcpStream, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    while !answer.contains("</response>") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "{answer}");
        answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap_or_default());
    }
    answer
}

async fn pay_all(address: SocketAddr, caller: usize) -> Vec<String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut operations = Vec::new();
    for n in 0..PAYMENTS {
        // Each payment is asked for on two connections.
        let id = caller / 2 * PAYMENTS + n;
        let target = format!(
            "/osmp?command=pay&txn_id={id}&txn_date=20260406142000&account=1001&sum=10.00&trm_id={caller}"
        );
        let answer = ask(&mut stream, &target).await;
        assert_eq!(element(&answer, "result"), Some("0"), "{answer}");
        operations.push(element(&answer, "prv_txn").unwrap().to_owned());
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_connections_pay_at_once_and_each_payment_counts_once() {
    let server = Arc::new(Server::start().await);
    let mut callers = JoinSet::new();
    for caller in 0..CONNECTIONS {
        let address = server.address;
        callers.spawn(async move { (caller, pay_all(address, caller).await) });
    }
    let mut told = vec![Vec::new(); CONNECTIONS];
    while let Some(done) = callers.join_next().await {
        let (caller, operations) = done.unwrap();
        told[caller] = operations;
    }
    for pair in told.chunks(2) {
        assert_eq!(pair[0], pair[1], "the same prv_txn on both connections");
    }
    // 32 pairs of 10 payments of 10.00 on top of 150.00.
    assert_eq!(server.fixture.balance("1001"), "3350.00");
}
