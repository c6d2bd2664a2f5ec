//! Payment operators over real sockets: both protocols to the octet, every refusal with its answer, dialects from the
//! configuration, client certificates, signed notifications, many connections.

mod dialects;
mod doctor;
mod hook;
mod load;
mod osmp;
mod process;
mod refusals;
mod sberbank;
mod tls;

use crate::fixture::Fixture;
use crate::wire::{Answer, exchange};
use headgate::config::Config;
use headgate::doors::http::{Door, Limits};
use headgate::doors::payments::Payments;
use headgate::operations::{EventQuery, EventRow};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

const DATA: &str = r#"
    [[account]]
    contract = "1001"
    name = "Иванов Иван Петрович"
    address = "ул. Ленина, 1"
    balance = "150"
    [[account]]
    contract = "1002"
    name = "ООО «Рога & Копыта»"
    kind = "company"
    balance = "-20.50"
    [[account]]
    contract = "000042"
    name = "Сидоров"
    [[subscriber]]
    login = "ivanov"
    contract = "1001"
    access = "static"
    ip = "10.9.0.2"
    [[subscriber]]
    login = "roga"
    contract = "1002"
    access = "static"
    blocked = true
    [[subscriber]]
    login = "sidorov"
    contract = "000042"
    access = "static"
"#;

/// Each operator has an address of loopback of its own.
const CONFIG: &str = r#"
    [[payments.operator]]
    code = "qiwi"
    dialect = "osmp"
    allow = "127.0.0.1"
    sum-min = "10"
    sum-max = "15000"

    [[payments.operator]]
    code = "sber"
    dialect = "sber1"
    allow = "127.0.0.1"
    account-pattern = ["1_{account}", "{digits:6}"]

    [[payments.operator]]
    code = "sber2"
    dialect = "sber2"
    allow = "127.0.0.2"

    [[payments.operator]]
    code = "cyber"
    dialect = "osmp"
    path = "/osmp/cyber"
    allow = "127.0.0.1"
    user = "cyber"
    password = ["first", "second"]
    tells = ""
"#;

/// A door on a loopback port of its own.
struct Server {
    fixture: Fixture,
    door: Arc<Payments>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

fn settings(text: &str) -> headgate::config::Payments {
    Config::parse("test", text).unwrap().payments
}

impl Server {
    async fn start() -> Server {
        Server::with(CONFIG).await
    }

    async fn with(config: &str) -> Server {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        let door = Arc::new(Payments::new(Arc::clone(&fixture.operations), settings(config), None));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let limits = Limits { head_time: Duration::from_secs(5), ..Payments::limits() };
        let served = Door::new(Arc::clone(&door), limits, stopped);
        tokio::spawn(async move { served.serve(listener).await });
        Server { fixture, door, address, _stop: stop }
    }

    /// Sends octets as they are from an address of loopback.
    async fn ask_from(&self, from: Ipv4Addr, octets: &[u8]) -> Answer {
        Answer::parse(exchange(from, self.address, octets).await)
    }

    /// A GET of this target, literally.
    async fn get(&self, target: &str) -> Answer {
        self.get_with(target, "").await
    }

    async fn get_with(&self, target: &str, headers: &str) -> Answer {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        self.ask_from(Ipv4Addr::LOCALHOST, request.as_bytes()).await
    }

    /// What is refused, oldest first.
    async fn events(&self) -> Vec<EventRow> {
        self.fixture.operations.events(&EventQuery::default()).await
    }
}

/// The text of an element.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = xml.split_once(&format!("<{name}>"))?;
    behind.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
