//! Where requests begin and end, what is echoed, and how each fault is answered.

use super::{Server, amount};
use headgate::doors::cgrates::{REQUEST_OCTETS_MAX, Times};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// GetMaxSessionTime of somebody without a budget answers what was asked.
fn request(id: &str, seconds: u32) -> String {
    format!(
        r#"{{"method":"Responder.GetMaxSessionTime","params":[{{"Subject":"rif","Amount":{seconds}}}],"id":{id}}}"#
    )
}

fn reply(id: &str, seconds: u32) -> String {
    format!("{{\"id\":{id},\"result\":{seconds},\"error\":null}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn glued_and_spaced_requests_get_an_answer_each_in_order() {
    let server = Server::start().await;
    let glued =
        [request("1", 10), request("2", 20), " \r\n\t".into(), request("3", 30), "\n".into()].concat();
    let expected = [reply("1", 10), reply("2", 20), reply("3", 30)].concat();
    assert_eq!(server.raw(glued.as_bytes()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_single_octets_gets_one_answer() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for octet in request("1", 10).bytes() {
        stream.write_all(&[octet]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut answer = [0; 256];
    let count = stream.read(&mut answer).await.unwrap();
    assert_eq!(&answer[..count], reply("1", 10).as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_id_comes_back_octet_for_octet() {
    let server = Server::start().await;
    for id in ["0", "\"abc\"", "null", r#"{"a":1}"#, r#"[1, 2.50,"\u0041"]"#, "-1e400", "true"] {
        assert_eq!(server.raw(request(id, 5).as_bytes()).await, reply(id, 5));
    }
    let without = r#"{"method":"Responder.GetMaxSessionTime","params":[{"Amount":5}]}"#;
    assert_eq!(server.raw(without.as_bytes()).await, reply("null", 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_answered_in_gos_words_and_the_connection_goes_on() {
    let server = Server::start().await;
    for (request, error) in [
        (r#"{"id":1,"method":"Responder.Nope","params":[{}]}"#, "rpc: can't find method Responder.Nope"),
        (r#"{"id":1,"method":"Foo.Bar","params":[{}]}"#, "rpc: can't find service Foo.Bar"),
        (r#"{"id":1,"method":"Nope","params":[{}]}"#, "rpc: service/method request ill-formed: Nope"),
        (r#"{"id":1,"method":"A.b.c","params":[{}]}"#, "rpc: service/method request ill-formed: A.b.c"),
        (r#"{"id":1,"method":"Responder.GetCost"}"#, "jsonrpc: request body missing params"),
        (r#"{"id":1,"method":"Responder.GetCost","params":null}"#, "jsonrpc: request body missing params"),
    ] {
        let expected = format!("{{\"id\":1,\"result\":null,\"error\":\"{error}\"}}\n{}", reply("2", 7));
        assert_eq!(server.raw((request.to_owned() + &self::request("2", 7)).as_bytes()).await, expected);
    }
    let empty = "{\"id\":null,\"result\":null,\"error\":\"rpc: service/method request ill-formed: \"}\n";
    assert_eq!(server.raw(b"{}").await, empty);
    assert_eq!(server.raw(b"null").await, empty);
    let object = server.raw(br#"{"id":1,"method":"Responder.GetCost","params":{}}"#).await;
    assert!(object.contains("cannot unmarshal"), "{object}");
    let zero = server.call("GetCost", "").await.unwrap_err();
    assert!(zero.contains("no rate"), "{zero}");
}

#[tokio::test(flavor = "multi_thread")]
async fn member_names_come_in_any_case_and_further_params_are_ignored() {
    let server = Server::start().await;
    for tor in ["tor", "TOR", "Tor"] {
        let argument = format!(
            r#"{{"{tor}":3,"CSTMID":"vdf","subject":"rif","destinationprefix":"0723","timeStart":"2012-02-08T22:50:00Z","TIMEEND":"2012-02-08T22:51:00Z","Unknown":[1]}},{{"Subject":"x"}},7"#
        );
        let cost = server.call("GetCost", &argument).await.unwrap();
        assert_eq!((cost["TOR"].to_string(), cost["Cost"].to_string()), ("3".into(), "1".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_json_closes_without_a_word_and_what_came_before_is_answered() {
    let server = Server::start().await;
    for nonsense in ["{id:1}", "hello", "7", "[]", "{\"id\":1]", "{\"method\":5,\"id\":1}", "{\"id\":\u{1}}"]
    {
        // The sending side stays open: it is the server that closes.
        let mut stream = server.connect().await;
        stream.write_all((request("1", 10) + nonsense).as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
        assert_eq!(answer, reply("1", 10), "{nonsense}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_longer_than_the_limit_closes_the_connection() {
    let server = Server::start().await;
    let long = |octets: usize| {
        let padding = "x".repeat(octets - 74);
        format!(r#"{{"id":1,"x":"{padding}","method":"Responder.Status","params":[""]}}"#)
    };
    assert!(server.raw(long(REQUEST_OCTETS_MAX - 100).as_bytes()).await.contains("headgate"));
    let answer = server.raw(&[b"{\"id\":\"".as_slice(), &vec![b'x'; 3 * REQUEST_OCTETS_MAX]].concat()).await;
    assert_eq!(answer, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_idle_clients_are_let_go() {
    let times =
        Times { idle: Duration::from_millis(150), request: Duration::from_millis(150), ..Times::default() };
    let server = Server::with_times(times).await;
    for beginning in ["", "{\"id\":"] {
        let mut stream = server.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut scrap = [0; 16];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut scrap)).await.unwrap();
        assert_eq!(read.unwrap(), 0, "{beginning:?}");
    }
}

/// Each read ends in the midst of a request, longer than one request may take: each request is timed for itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_pauses_between_requests_is_not_let_go() {
    let server = Server::with_times(Times { request: Duration::from_millis(600), ..Times::default() }).await;
    let mut stream = server.connect().await;
    let request = request("1", 10);
    let (beginning, rest) = request.split_at(20);
    let mut answer = vec![0; reply("1", 10).len()];
    stream.write_all(beginning.as_bytes()).await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all([rest, beginning].concat().as_bytes()).await.unwrap();
        stream.read_exact(&mut answer).await.expect("an answer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_pipelined_requests_are_answered_in_order_by_memory_and_ledger() {
    let server = Server::start().await;
    let mut requests = String::new();
    let mut expected = String::new();
    for n in 0..2000 {
        if n % 4 == 0 {
            let argument = amount("minutosu", "0723", "1");
            requests +=
                &format!("{{\"id\":{n},\"method\":\"Responder.DebitCents\",\"params\":[{argument}]}}");
            expected += &format!("{{\"id\":{n},\"result\":{},\"error\":null}}\n", 20 - n / 4);
        } else {
            requests += &request(&n.to_string(), 9);
            expected += &reply(&n.to_string(), 9);
        }
    }
    let mut stream = server.connect().await;
    let (mut reader, mut writer) = stream.split();
    let mut answer = vec![0; expected.len()];
    let (sent, read) = tokio::join!(writer.write_all(requests.as_bytes()), reader.read_exact(&mut answer));
    sent.unwrap();
    read.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), expected);
}
