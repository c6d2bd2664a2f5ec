//! The HTTP calls of the document, as they were meant.

use super::Server;
use super::vectors::COSTS;

#[tokio::test(flavor = "multi_thread")]
async fn published_costs_come_out_with_times_given() {
    let server = Server::start().await;
    for (subject, number, from, to, prefix, cost, spans) in COSTS {
        let answer =
            server.get(&format!("/getcost?cstmid=vdf&subj={subject}&dest={number}&ts={from}&te={to}")).await;
        assert!(answer.ends_with("}\n"), "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (answer["DestinationPrefix"].as_str().unwrap(), answer["Cost"].to_string()),
            (prefix, cost.to_owned())
        );
        assert_eq!(answer["Timespans"].as_array().unwrap().len(), spans);
    }
    // As documented: without times a call of no length, which costs nothing.
    let answer: serde_json::Value =
        serde_json::from_str(&server.get("/getcost?cstmid=vdf&subj=rif&dest=0257").await).unwrap();
    assert_eq!(answer["Cost"], 0);
    // An offset whose plus sign became a space.
    let local =
        "/getcost?cstmid=vdf&subj=rif&dest=0256&ts=2012-02-02T17:30:00+02:00&te=2012-02-02T18:30:00+02:00";
    assert!(server.get(local).await.contains("\"Cost\":540,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_stands_behind_an_at_or_an_ampersand() {
    let server = Server::start().await;
    assert_eq!(server.get("/debitbalance?cstmid=vdf&subj=minutosu&dest=0723@amount=6").await, "15\n");
    assert_eq!(server.get("/debitbalance?cstmid=vdf&subj=minutosu&dest=0723&amount=-6").await, "21\n");
    assert_eq!(
        server.get("/getmaxsessiontime?cstmid=vdf&subj=minutosu&dest=0723@amount=5400").await,
        "1080\n"
    );
    assert_eq!(server.get("/getmaxsessiontime?cstmid=vdf&subj=broker&dest=0723&amount=5400").await, "100\n");
    assert_eq!(server.get("/debitsms?cstmid=vdf&subj=free&dest=0723@amount=12").await, "88\n");
    assert_eq!(server.get("/debitseconds?cstmid=vdf&subj=free&dest=0723@amount=105").await, "0\n");
    assert_eq!(
        server.get("/debitseconds?cstmid=vdf&subj=free&dest=0723@amount=6").await,
        "{\"Error\":\"Amount excedes budget!\"}\n"
    );
    assert_eq!(
        server.get("/addvolumediscountseconds?cstmid=vdf&subj=free&dest=0723@amount=100").await,
        "0\n"
    );
    assert_eq!(server.get("/resetvolumediscountseconds?cstmid=vdf&subj=free&dest=0723").await, "0\n");
    assert_eq!(server.get("/addrecievedcallseconds?cstmid=vdf&subj=free&dest=0723@amount=12").await, "0\n");
    assert_eq!(server.get("/debitbalance?cstmid=vdf&subj=free&dest=0723@amount=0").await, "121\n");
    assert_eq!(server.get("/resetuserbudget?cstmid=vdf&subj=free&dest=0723").await, "0\n");
    assert_eq!(server.get("/debitsms?cstmid=vdf&subj=free&dest=0723@amount=0").await, "100\n");
    assert!(server.get("/status").await.starts_with("\"headgate "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_unreadable_is_said_with_status_200() {
    let server = Server::start().await;
    for query in [
        "/getcost?cstmid=vdf&dest=0257",
        "/getcost?subj=rif&dest=0257",
        "/getcost?cstmid=vdf&subj=rif",
        "/getcost",
        "/getcost?cstmid=vdf&subj=rif&dest=0257&ts=yesterday",
        "/debitbalance?cstmid=vdf&subj=rif&dest=0257",
        "/debitbalance?cstmid=vdf&subj=rif&dest=0257&amount=ten",
        "/debitsms?cstmid=vdf&subj=rif&dest=0257@amount=",
    ] {
        assert_eq!(server.get(query).await, "{\"Error\":\"Incorrect parameters\"}\n", "{query}");
    }
    let post = "POST /debitbalance HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\nConnection: close\r\n\r\n\
                cstmid=vdf&subj=minutosu&dest=0723&amount=1\n";
    let answer = crate::wire::exchange(std::net::Ipv4Addr::LOCALHOST, server.http, post.as_bytes()).await;
    assert_eq!(crate::wire::Answer::parse(answer).body, "20\n");
}
