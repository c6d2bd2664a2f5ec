//! `rpc.discover`, against the meta-schema of OpenRPC.

use super::Socket;
use headgate::operations::methods;
use serde_json::{Value, json};
use std::process::Command;

const META_SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/third-party/open-rpc/meta-schema.json");
const CHECK: &str = include_str!("check.py");

/// Complaints of Python's jsonschema about the document and about calls (`method`, `params`, `result`).
pub(super) fn complaints(document: &Value, calls: &[Value]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("document.json");
    std::fs::write(&file, json!({ "document": document, "calls": calls }).to_string()).unwrap();
    let output = Command::new("python3").args(["-c", CHECK, META_SCHEMA]).arg(&file).output();
    let output = output.unwrap_or_else(|error| panic!("python3: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_that_is_asked_for_is_open_rpc() {
    let socket = Socket::open().await;
    let document = socket.call("rpc.discover", json!({})).await["result"].take();
    assert_eq!(complaints(&document, &[]), "");
    let described: Vec<&str> =
        document["methods"].as_array().unwrap().iter().filter_map(|method| method["name"].as_str()).collect();
    assert!(methods::all().map(|method| method.name).eq(described.iter().copied()), "{described:?}");
}

#[test]
fn the_check_of_the_document_finds_what_is_wrong() {
    let mut document = methods::document().clone();
    document["methods"][0]["params"][0]["name"] = json!(7);
    document["methods"][1]["parameters"] = json!([]);
    document["components"]["schemas"]["Answered"]["type"] = json!("text");
    let found = complaints(&document, &[]);
    assert!(found.lines().count() >= 2, "{found}");
}

#[test]
fn every_parameter_is_described() {
    for method in methods::document()["methods"].as_array().unwrap() {
        for parameter in method["params"].as_array().unwrap() {
            assert!(parameter["description"].is_string(), "{}: {}", method["name"], parameter["name"]);
        }
    }
}
