//! What `docs/api` says is so: the list of methods is the table's, the examples give what stands below them.

use super::network::Network;
use crate::source;
use headgate::operations::methods;
use serde_json::Value;
use std::process::Command;

fn page(name: &str) -> String {
    let pages = source::files("docs/api", &["md"]);
    pages.into_iter().find(|file| file.path.ends_with(name)).expect("a page of docs/api").text
}

#[test]
fn the_list_of_methods_is_that_of_the_table() {
    let same = page("/methods.md") == methods::markdown();
    assert!(same, "docs/api/methods.md is stale: headgate api --markdown > docs/api/methods.md");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_gives_the_answer_that_stands_below_it() {
    let network = Network::open().await;
    let text = page("/README.md");
    let mut blocks = blocks(&text).into_iter().peekable();
    let mut checked = 0;
    while let Some((language, script)) = blocks.next() {
        assert_eq!(language, "sh", "an answer without a question:\n{script}");
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .env("HEADGATE", network.url())
            .env("KEY", &network.key)
            .env("CA", network.certificate())
            .env("no_proxy", "*")
            .current_dir(network.directory())
            .output()
            .unwrap();
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{said}{error}");
        if let Some((_, wanted)) = blocks.next_if(|(language, _)| language == "json") {
            let (given, wanted): (Value, Value) =
                (serde_json::from_str(&said).unwrap(), serde_json::from_str(&wanted).unwrap());
            assert!(agrees(&given, &wanted), "{script}\ngave {given:#}");
            checked += 1;
        }
    }
    assert!(checked >= 9, "{checked} examples");
    let document = std::fs::read_to_string(network.directory().join("openrpc.json")).unwrap();
    assert!(document.contains("\"openrpc\":\"1.3"), "{document:.200}");
}

/// The fenced blocks of a page with their languages.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(block)) => found.push(block),
            (None, Some((language, text))) => open = Some((language, format!("{text}{line}\n"))),
            (None, None) => {}
        }
    }
    found
}

/// `"..."` is anything.
fn agrees(given: &Value, wanted: &Value) -> bool {
    match (given, wanted) {
        (_, Value::String(any)) if any == "..." => true,
        (Value::Object(given), Value::Object(wanted)) => {
            given.len() == wanted.len()
                && wanted
                    .iter()
                    .all(|(name, wanted)| given.get(name).is_some_and(|given| agrees(given, wanted)))
        }
        (Value::Array(given), Value::Array(wanted)) => {
            given.len() == wanted.len()
                && given.iter().zip(wanted).all(|(given, wanted)| agrees(given, wanted))
        }
        (given, wanted) => given == wanted,
    }
}
