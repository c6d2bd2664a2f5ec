//! The Carbon dialect over real sockets: the lists' exact bytes, what a request may look like, long polls, payments,
//! and ten thousand broken requests.

mod golden;
mod mutations;
mod payments;
mod polls;
mod requests;

use crate::fixture::Fixture;
use headgate::config;
use headgate::doors::http::{self, Limits};
use headgate::doors::system_api::SystemApi;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Everything that a poller asks for in these tests stands in this file.
const DATA: &str = include_str!("data.toml");

const CONFIG: &str = r#"
    [system-api]
    listen = ["127.0.0.1:8082"]
    allow = "127.0.0.1"
    contexts = "web collector asr_fiscal api_1c base"
    [system-api.passwords]
    collector = ["secret", "new_secret"]
    asr_fiscal = "money"
"#;

/// A door on a loopback port of its own.
struct Server {
    fixture: Fixture,
    api: Arc<SystemApi>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

#[derive(Clone, Debug, PartialEq)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Server {
    async fn start() -> Server {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        fixture.online("petrov", "10.0.0.2", "10.9.0.5", None);
        fixture.online("сидоров", "10.0.0.1", "100.64.0.9", Some("02-00-00-00-0A-09"));
        let config = config::Config::parse("test", CONFIG).unwrap().system_api;
        let api = Arc::new(SystemApi::new(Arc::clone(&fixture.operations), config, None));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let limits = Limits { head_time: Duration::from_secs(5), ..SystemApi::limits() };
        tokio::spawn(http::serve(listener, Arc::clone(&api), limits, stopped));
        Server { fixture, api, address, _stop: stop }
    }

    /// Sends octets as they are, ends the sending side, and gives all that comes back.
    async fn raw(&self, octets: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that has refused already need not read the rest.
        let _ = stream.write_all(octets).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    async fn ask(&self, octets: &[u8]) -> Answer {
        let answer = String::from_utf8(self.raw(octets).await).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }

    /// A GET of this query, literally.
    async fn get(&self, query: &str) -> Answer {
        self.get_with(query, "").await
    }

    async fn get_with(&self, query: &str, headers: &str) -> Answer {
        self.ask(format!("GET /system_api/?{query} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await
    }

    /// One of the three lists.
    async fn list(&self, method: &str, argument: &str, more: &str) -> Answer {
        let query = format!(
            "model=Abonents&method1=collector_manager.{method}&arg1={argument}&context=collector&psw=secret{more}"
        );
        self.get(&query).await
    }

    async fn pay(&self, argument: &str) -> Answer {
        let query = format!(
            "model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={argument}&context=asr_fiscal&psw=money"
        );
        self.get(&query).await
    }
}
