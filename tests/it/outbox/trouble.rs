//! Receivers that fail, hang, refuse or go away, and what operators do about it.

use super::receiver::Receiver;
use super::{SOON, Server, webhook};
use crate::network::wait_until;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const AT_ONCE: Duration = Duration::ZERO;

fn pay(server: &Server, contract: &str, id: &str) {
    server.headgate(&["pay", contract, "10", "--operator", "osmp", "--id", id]);
}

/// State, attempts and error of the newest item of a target.
fn newest(server: &Server, target: &str) -> (String, u64, String) {
    let items = server.json(&["outbox", "list", "--target", target, "--limit", "1"]);
    let text = |key: &str| items[0][key].as_str().unwrap_or_default().to_owned();
    (text("state"), items[0]["attempts"].as_u64().unwrap_or_default(), text("error"))
}

fn line_of(server: &Server, target: &str) -> Value {
    let Value::Array(lines) = server.json(&["outbox", "targets"]) else { panic!("no list") };
    lines.into_iter().find(|line| line["target"] == target).unwrap()
}

#[test]
fn what_failed_comes_again_under_its_id_and_later_events_of_the_contract_after_it() {
    let receiver = Receiver::answering(|number, _| (if number == 0 { 500 } else { 200 }, AT_ONCE));
    let server = Server::start(&webhook("crm", &receiver, "\"payment\""));
    pay(&server, "1001", "p1");
    receiver.wait_for(1);
    pay(&server, "1001", "p2");
    pay(&server, "1002", "other");
    let posts = receiver.wait_for(4);
    let came: Vec<String> =
        posts.iter().map(|post| post.json()["data"]["pay_id_str"].as_str().unwrap().to_owned()).collect();
    let of_1001: Vec<&str> = came.iter().map(String::as_str).filter(|id| *id != "other").collect();
    assert_eq!(of_1001, ["p1", "p1", "p2"], "{came:?}");
    assert_ne!(came[3], "other", "another contract waits for nobody: {came:?}");
    let again: Vec<_> = posts.iter().filter(|post| post.id() == posts[0].id()).collect();
    assert_eq!((again.len(), &again[0].body), (2, &again[1].body));
    let waited = again[1].at.duration_since(again[0].at);
    assert!((Duration::from_millis(3_900)..Duration::from_secs(9)).contains(&waited), "{waited:?}");
    wait_until("all is done", SOON, || line_of(&server, "crm")["pending"] == 0);
    assert_eq!(newest(&server, "crm").0, "done");
}

#[test]
fn a_receiver_that_hangs_holds_up_nobody_but_itself() {
    let hanging = Receiver::answering(|_, _| (200, Duration::from_secs(60)));
    let quick = Receiver::start();
    let config = format!(
        "{}timeout-seconds = 1\n{}",
        webhook("slow", &hanging, "\"payment\""),
        webhook("quick", &quick, "\"payment\"")
    );
    let server = Server::start(&config);
    for id in ["p1", "p2", "p3", "p4", "p5", "p6"] {
        pay(&server, "1001", id);
    }
    quick.wait_for(6);
    wait_until("the time is over", SOON, || newest_error(&server) == "no answer in time");
    assert_eq!(line_of(&server, "slow")["pending"], 6);
    assert_eq!(line_of(&server, "quick")["pending"], 0);
    let status = server.json(&["status"]);
    assert_eq!(status["outbox"][1]["target"], "slow");
    assert_eq!(status["outbox"][1]["pending"], 6);
}

fn newest_error(server: &Server) -> String {
    let items = server.json(&["outbox", "list", "--target", "slow", "--pending"]);
    let errors = items.as_array().unwrap().iter().map(|item| item["error"].as_str().unwrap().to_owned());
    errors.max().unwrap_or_default()
}

#[test]
fn redirects_are_not_followed_and_gone_disables_until_somebody_enables() {
    let receiver = Receiver::answering(|_, _| (302, AT_ONCE));
    let server = Server::start(&webhook("crm", &receiver, "\"payment\""));
    pay(&server, "1001", "p1");
    wait_until("the redirect is noted", SOON, || newest(&server, "crm").1 == 1);
    let (state, _, error) = newest(&server, "crm");
    assert_eq!((state.as_str(), error.as_str()), ("pending", "HTTP 302: redirects are not followed"));
    receiver.now_answers(|_, _| (410, AT_ONCE));
    pay(&server, "1002", "p2");
    wait_until("it is disabled", SOON, || {
        line_of(&server, "crm")["disabled"] == "the receiver answered 410 Gone"
    });
    assert_eq!(newest(&server, "crm").0, "failed");
    // Nothing is written for it, and nothing sent: not even what is pending.
    pay(&server, "1002", "p3");
    assert!(!server.run(&["outbox", "test", "crm"]).status.success());
    let before = receiver.posts().len();
    receiver.now_answers(|_, _| (200, AT_ONCE));
    server.headgate(&["outbox", "enable", "crm"]);
    server.headgate(&["outbox", "replay", "--failed"]);
    wait_until("all is done", SOON, || {
        let line = line_of(&server, "crm");
        line["pending"] == 0 && line["failed"] == 0 && line["disabled"].is_null()
    });
    let came: Vec<Value> =
        receiver.posts().iter().skip(before).map(|p| p.json()["data"]["pay_id_str"].clone()).collect();
    assert!(
        came.contains(&"p1".into()) && came.contains(&"p2".into()) && !came.contains(&"p3".into()),
        "{came:?}"
    );
    assert!(server.headgate(&["outbox", "test", "crm"]).contains("delivered to crm"));
    assert_eq!(receiver.posts().last().unwrap().json()["type"], "test");
}

#[test]
fn a_dead_letter_of_a_command_is_listed_and_replayed_or_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (script, out) = (dir.path().join("send"), dir.path().join("out"));
    let write = |text: &str| {
        fs::write(&script, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    };
    write("echo bad number >&2; exit 3");
    let config = format!(
        "[[notify.command]]\nname = \"till\"\ncommand = [{script:?}, {out:?}]\nevents = [\"receipt\"]\n"
    );
    let server = Server::start(&config);
    pay(&server, "1001", "p1");
    pay(&server, "1002", "p2");
    wait_until("both are dead letters", SOON, || line_of(&server, "till")["failed"] == 2);
    let failed = server.json(&["outbox", "list", "--failed"]);
    assert_eq!((&failed[0]["error"], &failed[0]["attempts"]), (&"exit code 3: bad number".into(), &1.into()));
    assert_eq!((&failed[0]["contract"], &failed[0]["kind"]), (&"1002".into(), &"receipt".into()));
    write("cat >> \"$1\"");
    server.headgate(&["outbox", "drop", &failed[0]["event"].to_string()]);
    let said = server.headgate(&["outbox", "replay", "--failed"]);
    assert_eq!(said, "1 to be delivered again\n");
    wait_until("it is done", SOON, || newest_states(&server) == ["dropped", "done"]);
    let came: Value = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!((&came["type"], &came["data"]["pay_id_str"]), (&"receipt".into(), &"p1".into()));
    assert_eq!(came["data"]["operation"], "income");
    // Delivered again on demand, under the same id; what is not there is said.
    server.headgate(&["outbox", "replay", &failed[1]["event"].to_string()]);
    wait_until("it came again", SOON, || {
        let lines = fs::read_to_string(&out).unwrap();
        lines.lines().count() == 2 && lines.lines().next() == lines.lines().nth(1)
    });
    let unknown = server.run(&["outbox", "replay", "4711"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no event in the outbox"));
}

fn newest_states(server: &Server) -> Vec<String> {
    let items = server.json(&["outbox", "list"]);
    items.as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_target_that_is_renamed_or_not_there_is_no_fault_of_others() {
    let receiver = Receiver::start();
    let away = "[[notify.webhook]]\nname = \"away\"\nurl = \"http://127.0.0.1:1/\"\nsecrets = \"long-enough\"\n\
        events = [\"payment\", \"state\"]\n";
    let server =
        Server::start(&format!("{away}{}", webhook("crm", &receiver, "\"state\", \"plan.changed\"")));
    server.headgate(&["block", "ivanov", "--reason", "abuse"]);
    server.headgate(&["plan", "petrov", "home-50"]);
    let kinds = |count: usize| -> Vec<String> {
        let posts = receiver.wait_for(count);
        posts.iter().map(|post| post.json()["type"].as_str().unwrap().to_owned()).collect()
    };
    let mut came = kinds(2);
    came.sort();
    assert_eq!(came, ["plan.changed", "state"]);
    let state = receiver.posts().into_iter().find(|post| post.json()["type"] == "state").unwrap().json();
    assert_eq!(
        (&state["data"]["login"], &state["data"]["reason"]),
        (&"ivanov".into(), &"blocked-by-administrator".into())
    );
    wait_until("the other waits", SOON, || line_of(&server, "away")["pending"] == 1);
    let said = server.run(&["outbox", "test", "nobody"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("no webhook or command named \"nobody\""));
}
