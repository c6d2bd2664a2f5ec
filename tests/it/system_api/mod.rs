//! The Carbon dialect over real sockets: the lists' exact bytes, what a request may look like, long polls, payments,
//! and ten thousand broken requests.

mod acts;
mod base;
mod cabinet;
mod golden;
mod mutations;
mod one_c;
mod payments;
mod polls;
mod refusals;
mod requests;

use crate::fixture::Fixture;
use crate::wire::{Answer, exchange};
use headgate::config;
use headgate::doors::http::{self, Limits};
use headgate::doors::system_api::SystemApi;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
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

/// Every context open.
pub const EVERYTHING: &str = r#"
    [system-api]
    listen = ["127.0.0.1:8082"]
    allow = "127.0.0.1"
    contexts = "web cabinet asr_cabinet collector api_1c base webcash asr_fiscal"
    web-services = ["Статический адрес"]
    acquirers = "SBERBANK_ACQ"
    [system-api.passwords]
    collector = "lists_1"
    asr_fiscal = "fiscal_1"
    api_1c = "onec_1"
    base = "base_1"
    webcash = "cash_1"
    cabinet = "cabinet_1"
    asr_cabinet = "cabinet_2"
"#;

/// A door on a loopback port of its own.
pub struct Server {
    pub fixture: Fixture,
    pub api: Arc<SystemApi>,
    pub address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Server {
    async fn start() -> Server {
        Server::with(CONFIG).await
    }

    pub async fn with(config: &str) -> Server {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        fixture.online("petrov", "10.0.0.2", "10.9.0.5", None);
        fixture.online("сидоров", "10.0.0.1", "100.64.0.9", Some("02-00-00-00-0A-09"));
        let config = config::Config::parse("test", config).unwrap().system_api;
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
        exchange(Ipv4Addr::LOCALHOST, self.address, octets).await
    }

    pub async fn ask(&self, octets: &[u8]) -> Answer {
        Answer::parse(self.raw(octets).await)
    }

    /// A GET of this query, literally.
    pub async fn get(&self, query: &str) -> Answer {
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

    /// The JSON that a call of `METHOD|CONTEXT|PSW` is answered with; its status is 200.
    async fn call(&self, of: &str, argument: &serde_json::Value) -> serde_json::Value {
        let mut parts = of.split('|');
        let mut part = || parts.next().unwrap_or_default();
        let (method, context, psw) = (part(), part(), part());
        let argument = argument.to_string();
        let argument: String = argument.bytes().map(|octet| format!("%{octet:02X}")).collect();
        let answer = self
            .get(&format!("format=json&context={context}&method1={method}&psw={psw}&arg1={argument}&"))
            .await;
        assert_eq!(answer.status, 200, "{of}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    async fn pay(&self, argument: &str) -> Answer {
        let query = format!(
            "model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={argument}&context=asr_fiscal&psw=money"
        );
        self.get(&query).await
    }
}
