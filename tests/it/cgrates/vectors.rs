//! Published figures over TCP. Facts: GetCost, GetMaxSessionTime.

use super::{Server, amount, call};

/// subject, number, from, to, prefix, cost, spans.
pub const COSTS: [(&str, &str, &str, &str, &str, &str, usize); 8] = [
    ("rif", "0256", "2012-02-02T17:30:00Z", "2012-02-02T18:30:00Z", "0256", "540", 2),
    ("rif", "0256308200", "2012-02-02T17:30:00Z", "2012-02-02T18:30:00Z", "0256", "540", 2),
    ("rif", "0257", "2012-02-02T17:30:00Z", "2012-02-02T18:30:00Z", "0257", "540", 2),
    ("rif", "0257308200", "2012-02-08T17:30:00Z", "2012-02-08T18:30:00Z", "0257", "330", 2),
    ("rif", "0257308200", "2012-02-07T23:50:00Z", "2012-02-08T00:30:00Z", "0257", "360", 3),
    ("rif", "0257308200", "2012-02-08T23:50:00Z", "2012-02-08T23:50:30Z", "0257", "0.5", 1),
    ("rif", "0723045326", "2012-02-08T22:50:00Z", "2012-02-08T23:50:21Z", "0723", "60.35", 1),
    ("minutosu", "0723", "2012-02-08T22:50:00Z", "2012-02-08T22:51:50Z", "0723", "0.1", 2),
];

const R1: &str = r#"{"id": 1, "method": "Responder.Get", "params": [{"Tor":0,"CstmId":"vdf","Subject":"rif","DestinationPrefix":"0256","TimeStart":"2012-02-02T17:30:00Z","TimeEnd":"2012-02-02T18:30:00Z"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_own_request_gets_the_golden_answer_in_one_read() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream.write_all(R1.as_bytes()).await.unwrap();
    let mut once = [0; 4096];
    let count = stream.read(&mut once).await.unwrap();
    assert_eq!(std::str::from_utf8(&once[..count]).unwrap(), include_str!("data/r1.json"));
    assert!(count < 4096);
}

#[tokio::test(flavor = "multi_thread")]
async fn published_costs_come_out_under_every_name_of_the_method() {
    let server = Server::start().await;
    for (subject, number, from, to, prefix, cost, spans) in COSTS {
        for method in ["GetCost", "Get", "GetGost"] {
            let answer = server.call(method, &call(subject, number, from, to)).await.unwrap();
            let shown = (answer["DestinationPrefix"].as_str().unwrap(), answer["Cost"].to_string());
            assert_eq!(shown, (prefix, cost.to_owned()), "{subject} {number} {from}");
            assert_eq!(answer["ConnectFee"], 0);
            assert_eq!(answer["Timespans"].as_array().unwrap().len(), spans);
        }
    }
    let discounted = call("discounted", "0723", "2012-02-02T17:30:00Z", "2012-02-02T18:30:00Z");
    assert_eq!(server.call("GetCost", &discounted).await.unwrap()["Cost"].to_string(), "54");
    // Reading took nothing.
    assert_eq!(server.number("GetBalance", &amount("minutosu", "", "0")).await, "21");
}

#[tokio::test(flavor = "multi_thread")]
async fn published_session_times_come_out() {
    let server = Server::start().await;
    for (subject, asked, time) in
        [("rif", "1000", "1000"), ("minutosu", "5400", "1080"), ("broker", "5400", "100")]
    {
        let argument = amount(subject, "0723", asked);
        assert_eq!(server.number("GetMaxSessionTime", &argument).await, time, "{subject}");
    }
}
