//! What comes to receivers.

use super::receiver::Receiver;
use super::{SECRET, SOON, Server, webhook};
use crate::network::wait_until;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn a_payment_comes_to_its_webhook_signed_and_once() {
    let receiver = Receiver::start();
    let server = Server::start(&webhook("crm", &receiver, "\"payment\""));
    let paid = server.json(&["pay", "1001", "200", "--operator", "osmp", "--id", "p1"]);
    let post = receiver.wait_for(1).remove(0);
    let event = post.json();
    assert_eq!(event["type"], "payment");
    assert_eq!(event["id"], post.id());
    let data = &event["data"];
    assert_eq!(data["op_id"], paid["op_id"]);
    assert_eq!((&data["sum_in"], &data["balance"]), (&"200.00".into(), &paid["balance"]));
    assert_eq!((&data["pay_operator"], &data["pay_id_str"]), (&"osmp".into(), &"p1".into()));
    assert_eq!(data["contract_number"], "1001");
    assert!(post.headers["user-agent"].starts_with("headgate/"));
    verify(&post.headers["webhook-signature"], post.id(), &post.headers["webhook-timestamp"], &post.body);
    // A repeat of the payment is no event, and another payment is the next one.
    server.headgate(&["pay", "1001", "200", "--operator", "osmp", "--id", "p1"]);
    server.headgate(&["pay", "1001", "5", "--operator", "osmp", "--id", "p2"]);
    let posts = receiver.wait_for(2);
    assert_eq!(posts[1].json()["data"]["pay_id_str"], "p2");
    assert_eq!(posts.len(), 2);
}

#[test]
fn what_was_delivered_long_ago_is_taken_out_of_the_store_at_the_next_start() {
    let receiver = Receiver::start();
    let mut server = Server::start(&webhook("crm", &receiver, "\"payment\""));
    for id in ["p1", "p2", "p3"] {
        server.headgate(&["pay", "1001", "10", "--operator", "osmp", "--id", id]);
    }
    wait_until("all are done", SOON, || {
        let items = server.json(&["outbox", "list"]);
        items.as_array().unwrap().iter().filter(|item| item["state"] == "done").count() == 3
    });
    server.kill();
    let store = rusqlite::Connection::open(server.path("state/headgate.db")).unwrap();
    let eight_days = 8 * 86_400 * 1_000_000_i64;
    store.execute("UPDATE outbox SET at = at - ?1 WHERE event <> 2", [eight_days]).unwrap();
    store.execute("UPDATE outbox SET at = at - ?1, state = 'pending' WHERE event = 2", [eight_days]).unwrap();
    store.execute("INSERT INTO outbox_disabled VALUES ('crm', 0, 'away')", []).unwrap();
    server.serve();
    // The newest stays, because numbers go on from it.
    wait_until("the first is gone and the second has failed", SOON, || {
        let items = server.json(&["outbox", "list"]);
        let left: Vec<_> = items.as_array().unwrap().iter().map(|item| &item["event"]).collect();
        left == [3, 2] && items[1]["state"] == "failed"
    });
    assert_eq!(receiver.posts().len(), 3);
}

/// By Python's own HMAC.
fn verify(signature: &str, id: &str, timestamp: &str, body: &str) {
    let script = "import base64, hashlib, hmac, sys\n\
        secret, signature, message = sys.argv[1], sys.argv[2], sys.stdin.buffer.read()\n\
        key = base64.b64decode(secret.removeprefix('whsec_'))\n\
        wanted = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()\n\
        sys.exit(0 if 'v1,' + wanted in signature.split(' ') else 1)\n";
    let mut python = Command::new("python3")
        .args(["-c", script, SECRET, signature])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let message = format!("{id}.{timestamp}.{body}");
    python.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success(), "{signature} is not the signature of {message}");
}

#[test]
fn a_server_killed_between_commit_and_delivery_delivers_after_its_start() {
    // A port on which nobody listens yet.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let notify = format!(
        "[[notify.webhook]]\nname = \"crm\"\nurl = \"http://{address}/hook?token=hush\"\n\
         secrets = \"{SECRET}\"\nevents = [\"payment\"]\n"
    );
    let mut server = Server::start(&notify);
    for id in ["p1", "p2", "p3"] {
        server.headgate(&["pay", "1001", "10", "--operator", "osmp", "--id", id]);
    }
    server.kill();
    let listener = std::net::TcpListener::bind(address).unwrap();
    let receiver = Receiver::on(listener, |_, _| (200, std::time::Duration::ZERO));
    server.serve();
    wait_until("every payment has come", SOON * 2, || {
        let posts = receiver.posts();
        ["p1", "p2", "p3"].into_iter().all(|id| posts.iter().any(|p| p.json()["data"]["pay_id_str"] == id))
    });
    assert!(!server.log().contains("hush"), "the URL's secret is in the log");
}
