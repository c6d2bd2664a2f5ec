//! "Api Calls" of CGRateS, 20 March 2012: its socket snippet, and the curl line of each HTTP call.
//!
//! `rif` has rates and no budget, so what the debiting calls answer is what is left of none.

use crate::cgrates::Server;
use std::process::Command;

/// The document's snippet in today's Python: octets are sent, and `print` is a function.
const SNIPPET: &str = r#"
import json, socket, sys
cd = {"Tor":0,
"CstmId": "vdf",
"Subject": "rif",
"DestinationPrefix": "0256",
"TimeStart": "2012-02-02T17:30:00Z",
"TimeEnd": "2012-02-02T18:30:00Z"}
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(json.dumps(({"id": 1, "method": "Responder.Get", "params": [cd]})).encode())
print(s.recv(4096).decode())
"#;

/// Path and query of each curl line, and the answer. A call of no length costs nothing; GetMaxSessionTime of somebody
/// without a budget is what was asked for. `@` before the amount is the document's.
const CURL: [(&str, &str); 8] = [
    ("debitbalance?cstmid=vdf&subj=rif&dest=0257@amount=100", "0\n"),
    ("debitsms?cstmid=vdf&subj=rif&dest=0257@amount=100", "0\n"),
    ("debitseconds?cstmid=vdf&subj=rif&dest=0257@amount=100", "0\n"),
    ("getmaxsessiontime?cstmid=vdf&subj=rif&dest=0257@amount=100", "100\n"),
    ("addvolumediscountseconds?cstmid=vdf&subj=rif&dest=0257@amount=100", "0\n"),
    ("resetvolumediscountseconds?cstmid=vdf&subj=rif&dest=0257", "0\n"),
    ("addrecievedcallseconds?cstmid=vdf&subj=rif&dest=0257@amount=100", "0\n"),
    ("resetuserbudget?cstmid=vdf&subj=rif&dest=0257", "0\n"),
];

async fn output(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn curl(server: &Server, path_and_query: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "20", &format!("http://{}/{path_and_query}", server.http)]);
    output(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smallest_python_snippet() {
    let server = Server::start().await;
    let mut command = Command::new("python3");
    command.args(["-c", SNIPPET, &server.tcp.port().to_string()]);
    let answer = output(command).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).expect(&answer);
    assert_eq!(answer["id"], 1);
    assert_eq!(answer["error"], serde_json::Value::Null);
    assert_eq!(answer["result"]["DestinationPrefix"], "0256");
    assert_eq!(answer["result"]["Cost"], 540);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_curl_line() {
    let server = Server::start().await;
    let cost = curl(&server, "getcost?cstmid=vdf&subj=rif&dest=0257").await;
    let cost: serde_json::Value = serde_json::from_str(&cost).expect(&cost);
    assert_eq!((&cost["DestinationPrefix"], &cost["Cost"]), (&"0257".into(), &0.into()));
    for (path_and_query, answer) in CURL {
        assert_eq!(curl(&server, path_and_query).await, answer, "{path_and_query}");
    }
}
