//! Other people's clients: Go's own `net/rpc/jsonrpc`, and the socket client of the dialect's document.

use super::Server;
use std::process::{Command, Output};

const GO: &str = include_str!("client.go");
const PYTHON: &str = include_str!("client.py");
/// subject, number, from, to and the cost that is expected, a line for each.
const VECTORS: &str = include_str!("data/vectors.txt");

async fn run(mut command: Command) -> Output {
    let program = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    output.unwrap_or_else(|error| panic!("{program}: {error}; packaging/install-deps.sh test installs it"))
}

fn assert_good(output: &Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert_eq!(out.trim_end(), format!("{} figures", VECTORS.lines().count()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_client_gets_the_published_figures() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("client.go");
    std::fs::write(&source, GO).unwrap();
    std::fs::write(dir.path().join("vectors.txt"), VECTORS).unwrap();
    let mut command = Command::new("go");
    command.arg("run").arg(&source).arg(server.tcp.to_string()).current_dir(dir.path());
    command.env("GOCACHE", dir.path().join("cache")).env("GO111MODULE", "off").env("GOFLAGS", "");
    assert_good(&run(command).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ten_line_python_client_gets_the_published_figures() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("vectors.txt"), VECTORS).unwrap();
    let mut command = Command::new("python3");
    command.arg("-c").arg(PYTHON).arg(server.tcp.port().to_string()).current_dir(dir.path());
    assert_good(&run(command).await);
}
