//! `/rpc` on the management port: who is let in, and what HTTP answers before JSON-RPC has its say.

use super::{DATA, error};
use crate::fixture::Fixture;
use headgate::config::{CertificateFiles, Management as Settings};
use headgate::doors::http::{Door, Handler, Headers, Method, Request};
use headgate::doors::management::Management;
use headgate::doors::tls::{Identity, SelfSigned, TlsListener, certificate_path};
use headgate::model::{Actor, SecretText, StaffKind};
use headgate::operations::{KeyInput, NewPassword, Principal, StaffInput};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;

const PASSWORD: &str = "long-enough-7";

/// The management door over TLS, with an administrator, a cashier and keys.
pub(super) struct Network {
    pub key: String,
    fixture: Fixture,
    door: Arc<Management>,
    directory: tempfile::TempDir,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Network {
    pub async fn open() -> Network {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        let key = operator(&fixture, "admin", "administrator", "").await;
        let directory = tempfile::tempdir().unwrap();
        let own = SelfSigned::new(directory.path(), "edge1", &[]);
        let identity = Identity::open(&CertificateFiles::SelfSigned, own).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Arc::new(Management::new(
            Arc::clone(&fixture.operations),
            fixture.reports(),
            Settings::default(),
        ));
        let (stop, stopped) = watch::channel(false);
        let served = Door::new(Arc::clone(&door), Management::limits(), stopped);
        let listener = TlsListener::new(listener, identity);
        tokio::spawn(async move { served.serve(listener).await });
        Network { key, fixture, door, directory, address, _stop: stop }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub fn certificate(&self) -> PathBuf {
        certificate_path(self.directory.path())
    }

    /// Where examples write.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Status, head and body of what curl gets.
    async fn curl(&self, words: &[&str]) -> (u16, String, String) {
        let mut command = Command::new("curl");
        command
            .args(["-sS", "-i", "--http1.1", "--noproxy", "*", "--max-time", "20", "--cacert"])
            .arg(self.certificate())
            .args(words)
            .arg(format!("{}/rpc", self.url()));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
    }

    /// The answer to a call with a key.
    async fn call(&self, key: &str, method: &str, params: Value) -> Value {
        let key = format!("Authorization: Bearer {key}");
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let (status, head, body) = self.curl(&["-H", &key, "--json", &body]).await;
        assert_eq!(status, 200, "{head}\n{body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// Makes an operator with [`PASSWORD`], and a key with these rights (none: those of the role).
async fn operator(fixture: &Fixture, login: &str, role: &str, rights: &str) -> String {
    let by = Principal::local(Actor("test".into()));
    let input = StaffInput {
        login: login.into(),
        name: String::new(),
        kind: StaffKind::Person,
        role: role.into(),
        company: String::new(),
        password: NewPassword::Given(SecretText::new(PASSWORD)),
    };
    fixture.operations.staff_add(input, &by, by.actor.clone()).await.unwrap();
    let input =
        KeyInput { login: login.into(), name: "site".into(), rights: rights.into(), expires: String::new() };
    fixture.operations.key_add(input, &by, by.actor.clone()).await.unwrap().key.unwrap()
}

const STATUS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"status"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_comes_in_by_key_or_password_and_stands_in_the_postings() {
    let network = Network::open().await;
    let params = json!({ "who": "1001", "sum": "5", "text": "router" });
    let answer = network.call(&network.key, "charge", params).await;
    assert_eq!(answer["result"]["balance"], "145.00", "{answer}");
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "ledger", "params": { "who": "1001" } }).to_string();
    let login = format!("admin:{PASSWORD}");
    let (status, _, body) = network.curl(&["-u", &login, "--json", &body]).await;
    let ledger: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &ledger["result"]["postings"][0]["by"]), (200, &json!("operator:admin")), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_say_who_he_is_is_held_back_and_told_how() {
    let network = Network::open().await;
    for (words, status, said) in [
        (vec![], 401, "expected Authorization: Bearer KEY"),
        (vec!["-H", "Authorization: Bearer hgk_wrong"], 401, "there is no such key"),
        (vec!["-u", "admin:wrong"], 401, "the login or the password is wrong"),
        (vec!["-u", "nobody:wrong"], 401, "the login or the password is wrong"),
        (vec!["-H", "Authorization: Digest x"], 400, "expected Bearer KEY or Basic"),
        (vec!["-H", "Authorization: Basic !"], 400, "expected Base64"),
    ] {
        let start = Instant::now();
        let (given, head, body) = network.curl(&[&words, &["--json", STATUS][..]].concat()).await;
        assert!(given == status && body.contains(said), "{words:?}: {head}\n{body}");
        if status == 401 {
            assert!(head.contains("WWW-Authenticate: Bearer realm="), "{head}");
            assert!(start.elapsed() >= Duration::from_millis(900), "{words:?}: {:?}", start.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_a_role_or_its_key_has_not_is_named() {
    let network = Network::open().await;
    let cashier = operator(&network.fixture, "anna", "cashier", "").await;
    let narrow = operator(&network.fixture, "site", "administrator", "payments.read").await;
    let paid = json!({ "who": "1001", "sum": "1", "operator": "desk", "id": "1" });
    assert_eq!(network.call(&cashier, "pay", paid.clone()).await["result"]["repeat"], false);
    for (key, method, params, missing) in [
        (&cashier, "block", json!({ "who": "ivanov", "reason": "x" }), "accounts.write"),
        (&cashier, "load", json!({ "file": {} }), "system.write"),
        (&narrow, "pay", paid.clone(), "payments.write"),
        // The right is looked at before the parameters.
        (&narrow, "charge", json!({}), "transactions.write"),
    ] {
        let answer = network.call(key, method, params).await;
        let (code, token, text) = error(&answer);
        assert!(code == -32000 && token == "NO_RIGHT" && text.contains(missing), "{answer}");
    }
    assert_eq!(network.fixture.balance("1001"), "151.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_not_made_by_whoever_may_only_make_logins() {
    let network = Network::open().await;
    let key = operator(&network.fixture, "installer", "administrator", "accounts.* clients.*").await;
    for (method, params) in [
        ("subscriber.add", json!({ "login": "sidorov", "balance": "100" })),
        ("account.set", json!({ "contract": "1001", "credit-limit": "100" })),
    ] {
        let answer = network.call(&key, method, params).await;
        assert_eq!(error(&answer).1, "NO_RIGHT", "{answer}");
    }
    let answer =
        network.call(&network.key, "account.set", json!({ "contract": "1001", "balance": "7" })).await;
    assert_eq!((error(&answer).1, &answer["error"]["data"]["field"]), ("INVALID_PARAMS", &json!("balance")));
    let answer = network.call(&key, "subscriber.add", json!({ "login": "sidorov" })).await;
    assert_eq!(answer["result"]["effect"], "added", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_has_the_first_answer_and_keys_are_everybodys_own() {
    let network = Network::open().await;
    let other = operator(&network.fixture, "boris", "administrator", "").await;
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "charge", "params": { "who": "1001", "sum": "10", "text": "x" },
    })
    .to_string();
    let mut repeats = Vec::new();
    for key in [&network.key, &network.key, &other, &other] {
        let key = format!("Authorization: Bearer {key}");
        let (_, _, answer) = network.curl(&["-H", &key, "-H", "Idempotency-Key: k", "--json", &body]).await;
        repeats.push(serde_json::from_str::<Value>(&answer).unwrap()["result"]["repeat"].take());
    }
    assert_eq!(repeats, [false, true, false, true]);
    assert_eq!(network.fixture.balance("1001"), "130.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_refuses_what_is_no_request_of_this_door() {
    let network = Network::open().await;
    let key = format!("Authorization: Bearer {}", network.key);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let long = "x".repeat(5 << 20);
    let file = network.directory().join("long");
    std::fs::write(&file, &long).unwrap();
    let data = format!("@{}", file.display());
    for (words, status) in [
        (vec!["-H", &*key], 405),
        (vec!["-H", &key, "-X", "DELETE"], 405),
        (vec!["-H", &key, "-H", form, "-d", STATUS], 415),
        (vec!["-H", &key, "--json", &data], 413),
    ] {
        let (given, head, body) = network.curl(&words).await;
        assert_eq!(given, status, "{words:?}: {head}\n{body}");
    }
    let (status, _, body) =
        network.curl(&["-H", &key, "--json", r#"{"jsonrpc":"2.0","method":"status"}"#]).await;
    assert_eq!((status, &*body), (204, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_asks_too_often_is_told_when_to_come_again() {
    let network = Network::open().await;
    let allow = headgate::config::AllowList::parse("192.0.2.0/24").unwrap();
    network.door.reconfigure(Settings { allow, ..Settings::default() });
    let request = |source: &str| Request {
        method: Method::Get,
        path: "/rpc".into(),
        query: Vec::new(),
        headers: Headers::default(),
        body: Vec::new(),
        peer: Some(SocketAddr::new(source.parse().unwrap(), 40_000)),
        security: headgate::doors::http::Security::Plain,
    };
    let mut refused = None;
    for _ in 0..3_000 {
        let answer = network.door.handle(request("192.0.2.1")).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a burst has an end");
    assert!(refused.headers.contains(&("Retry-After", "1".to_owned())), "{:?}", refused.headers);
    assert_eq!(network.door.handle(request("192.0.2.2")).await.status, 405);
    assert_eq!(network.door.handle(request("198.51.100.1")).await.status, 403);
}
