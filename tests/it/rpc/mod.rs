//! JSON-RPC on the control socket and at `/rpc`, and the document that describes it.

mod document;
mod fuzz;
mod network;
mod pages;
mod protocol;

use crate::fixture::Fixture;
use headgate::doors::control;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use tokio::sync::watch;
use tokio::task::JoinSet;

const DATA: &str = include_str!("data.toml");

/// A server's middle with the control socket open.
struct Socket {
    fixture: Fixture,
    path: PathBuf,
    _directory: tempfile::TempDir,
    _stop: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Socket {
    async fn open() -> Socket {
        let fixture = Fixture::new();
        fixture.load(DATA).await;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        control::start(&path, &fixture.operations, &fixture.reports(), &stopped, &mut tasks).unwrap();
        Socket { fixture, path, _directory: directory, _stop: stop, _tasks: tasks }
    }

    /// Status and body of a `POST /rpc` with these header lines.
    async fn post(&self, headers: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request = format!(
            "POST /rpc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        let path = self.path.clone();
        let exchange = move || {
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let answer = tokio::task::spawn_blocking(exchange).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The JSON answer to a request as it stands.
    async fn ask(&self, request: &Value) -> Value {
        let (status, body) = self.post("", &request.to_string()).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The answer to one call.
    async fn call(&self, method: &str, params: Value) -> Value {
        self.ask(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).await
    }
}

/// Code, token and message of an error.
fn error(answer: &Value) -> (i64, &str, &str) {
    let error = &answer["error"];
    let text = |value| Value::as_str(value).unwrap_or_default();
    (error["code"].as_i64().unwrap_or_default(), text(&error["data"]["token"]), text(&error["message"]))
}
