//! The CGRateS dialect over real sockets: framing, published figures over both protocols, budgets in the ledger, and
//! other people's clients.

mod budgets;
mod clients;
mod framing;
mod http;
mod mutations;
mod vectors;

use crate::fixture::Fixture;
use headgate::config::AllowList;
use headgate::doors::cgrates::{HttpDoor, TcpDoor, Times};
use headgate::model::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A tenant's rates, destinations, plans and budgets, as the facts about the dialect describe them; ours are `discounted`,
/// `free`, `priced` and `contracted`.
pub const FILES: [&str; 4] = [
    include_str!("data/ap.json"),
    include_str!("data/dest.json"),
    include_str!("data/tp.json"),
    include_str!("data/ub.json"),
];

/// A contract that pays for the subject `contracted`.
const CONTRACT: &str = r#"
[[account]]
contract = "5001"
name = "Связной"
balance = "10.00"
voip-subjects = "contracted"
[[subscriber]]
login = "switch"
contract = "5001"
access = "static"
ip = "10.9.0.9"
"#;

/// The doors on loopback ports of their own.
pub struct Server {
    fixture: Fixture,
    pub tcp: SocketAddr,
    pub http: SocketAddr,
    _stop: watch::Sender<bool>,
}

fn files() -> RatingFiles {
    let [rates, destinations, plans, budgets] = FILES.map(|text| Some(text.to_owned()));
    RatingFiles { rates, destinations, plans, budgets }
}

impl Server {
    pub async fn start() -> Server {
        Server::with_times(Times::default()).await
    }

    async fn with_times(times: Times) -> Server {
        let fixture = Fixture::new();
        fixture.load(CONTRACT).await;
        let loaded =
            fixture.operations.load_rating(files(), LoadOptions::default(), Actor::system()).await.unwrap();
        assert!(loaded.rows.iter().all(|row| row.effect == RowEffect::Added), "{loaded:?}");
        let (stop, stopped) = watch::channel(false);
        let door =
            TcpDoor::new(Arc::clone(&fixture.operations), AllowList::loopback(), times, stopped.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = listener.local_addr().unwrap();
        tokio::spawn(door.serve(listener));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = listener.local_addr().unwrap();
        let door = HttpDoor::new(Arc::clone(&fixture.operations), AllowList::loopback());
        tokio::spawn(headgate::doors::http::serve(listener, door, HttpDoor::limits(), stopped));
        Server { fixture, tcp, http, _stop: stop }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.tcp).await.unwrap()
    }

    /// Sends octets as they are, ends the sending side, and gives all that comes back.
    async fn raw(&self, octets: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A door that closes at once may do so before everything is sent.
        let _ = stream.write_all(octets).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// One call; the result, or the error's text.
    async fn call(&self, method: &str, argument: &str) -> Result<serde_json::Value, String> {
        let request = format!("{{\"id\":7,\"method\":\"Responder.{method}\",\"params\":[{argument}]}}");
        let answer = self.raw(request.as_bytes()).await;
        let answer: serde_json::Value = serde_json::from_str(answer.trim_end()).expect(&answer);
        assert_eq!(answer["id"], 7);
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["result"].clone()),
        }
    }

    /// A result that is a number, in its own text.
    async fn number(&self, method: &str, argument: &str) -> String {
        self.call(method, argument).await.unwrap().to_string()
    }

    async fn get(&self, path_and_query: &str) -> String {
        let request = format!("GET {path_and_query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer =
            crate::wire::exchange(std::net::Ipv4Addr::LOCALHOST, self.http, request.as_bytes()).await;
        let answer = crate::wire::Answer::parse(answer);
        assert_eq!(answer.status, 200, "{path_and_query}");
        answer.body
    }
}

/// A descriptor with times.
fn call(subject: &str, number: &str, from: &str, to: &str) -> String {
    format!(
        r#"{{"Tor":0,"CstmId":"vdf","Subject":"{subject}","DestinationPrefix":"{number}","TimeStart":"{from}","TimeEnd":"{to}"}}"#
    )
}

/// A descriptor with an amount.
fn amount(subject: &str, number: &str, amount: &str) -> String {
    format!(r#"{{"CstmId":"vdf","Subject":"{subject}","DestinationPrefix":"{number}","Amount":{amount}}}"#)
}
