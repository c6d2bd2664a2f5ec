//! Tokens, conditional requests, versions of TLS, slow clients: asked by curl.

use super::{Open, TOKEN, closed};
use headgate::config::CertificateFiles;
use headgate::doors::http::Limits;
use headgate::doors::management::Management;
use headgate::model::FeedPage;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn page(answer: &str) -> FeedPage {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_token_opens_the_feed_and_any_other_is_answered_with_a_sentence() {
    let open = Open::start().await;
    let answer = open.ask(&[], "/feed");
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(page(&answer).entries[0].login, "ivanov");
    let next = open.curl(&["-H", "authorization: bearer the-next-one"], "/feed?nas=192.0.2.1").unwrap();
    assert_eq!(status(&next), 200, "both are right while one is changed, and names of headers have no case");
    let wrong = format!("Authorization: Bearer {TOKEN}x");
    for (words, said) in [
        (vec![], "a token is needed"),
        (vec!["-H", "Authorization: Bearer "], "a token is needed"),
        (vec!["-H", &wrong], "the token is not one of"),
        (vec!["-H", "Authorization: Basic bmFzMTp4"], "a token is needed"),
        (vec!["-u", "nas1:x"], "a token is needed"),
    ] {
        let start = Instant::now();
        let answer = open.curl(&words, "/feed").unwrap();
        assert_eq!(status(&answer), 401, "{words:?}");
        assert!(answer.contains(said) && header(&answer, "WWW-Authenticate").is_some(), "{answer}");
        assert!(start.elapsed() >= Duration::from_millis(900), "a guess costs time: {:?}", start.elapsed());
    }
    let refused = &open.fixture.operations.counters.management_refused;
    assert_eq!(refused.load(std::sync::atomic::Ordering::Relaxed), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_taken_under_the_name_of_its_token_and_from_nobody_else() {
    let open = Open::start().await;
    let id = open.fixture.operations.directory.read().login("ivanov").unwrap().id();
    let body = format!(
        r#"{{"boot":"b1","counted":[{{"subscriber":{id},"address":"10.9.0.2/32","generation":1,"down_octets":7,"up_octets":5}}]}}"#
    );
    let refused = open.curl(&["-d", &body], "/report").unwrap();
    assert_eq!(status(&refused), 401, "{refused}");
    assert!(open.fixture.operations.sessions(None).unwrap().is_empty());
    for _ in 0..2 {
        let taken = open.ask(&["-d", &body], "/report");
        assert!(status(&taken) == 200 && taken.contains(r#""counted":1"#), "{taken}");
    }
    let sessions = open.fixture.operations.sessions(None).unwrap();
    let [session] = sessions.as_slice() else { panic!("{sessions:?}") };
    assert_eq!((session.octets_in, session.octets_out), (7, 5));
    assert!(session.session_id.starts_with("nas1/b1/10.9.0.2/1/"), "{}", session.session_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_served_here_says_so() {
    let open = Open::start().await;
    for (words, path, expected, said) in [
        (&[][..], "/rpc", 404, "control socket"),
        (&[], "/", 404, "/feed"),
        (&["-d", "x"], "/feed", 405, "GET"),
        (&[], "/report", 405, "POST"),
        (&["-d", "x"], "/report", 400, "not a report"),
        (&["-d", "{\"boot\":\"b\",\"nonsense\":1}"], "/report", 400, "unknown field"),
        (&[], "/feed?wait=soon", 400, "not a number of seconds"),
        (&[], "/feed?foo=1", 400, "unknown parameter"),
    ] {
        let answer = open.ask(words, path);
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(answer.contains(said), "{answer}");
    }
    open.door.reconfigure(closed());
    let answer = open.ask(&[], "/feed");
    assert_eq!(status(&answer), 403);
    assert!(answer.contains("127.0.0.1 is not in [management] allow"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let open = Open::start().await;
    for (words, spoken) in [
        (["--tlsv1.2", "--tls-max", "1.2"], true),
        (["--tlsv1.3", "--tls-max", "1.3"], true),
        (["--tlsv1.0", "--tls-max", "1.1"], false),
    ] {
        let answer = open.curl(&words, "/nothing");
        assert_eq!(
            answer.as_deref().is_ok_and(|answer| status(answer) == 404),
            spoken,
            "{words:?}: {answer:?}"
        );
    }
    let mut plain = TcpStream::connect(open.address).unwrap();
    plain.write_all(b"GET /feed HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    let refused = "this port speaks TLS: ask it with https:// instead of http://\n";
    assert!(said.starts_with("HTTP/1.1 400 ") && said.ends_with(refused), "no feed without TLS: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_page_already_is_told_so_and_gets_the_next_one_when_it_comes() {
    let open = Open::start().await;
    let first = open.ask(&[], "/feed");
    let etag = header(&first, "ETag").unwrap().to_owned();
    let known = format!("If-None-Match: {etag}");
    let start = Instant::now();
    assert_eq!(status(&open.ask(&["-H", &known], "/feed")), 304);
    assert!(start.elapsed() < Duration::from_secs(2));
    let start = Instant::now();
    let unchanged = open.ask(&["-H", &known], "/feed?wait=1");
    assert_eq!((status(&unchanged), header(&unchanged, "ETag")), (304, Some(etag.as_str())));
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(status(&open.ask(&["-H", "If-None-Match: *"], "/feed")), 304, "would you answer me?");

    let operations = open.fixture.operations.clone();
    let change = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let row = r#"[[subscriber]]
            login = "petrov"
            contract = "1002"
            access = "static"
            ip = "10.9.0.3""#;
        let file = toml::from_str(row).unwrap();
        let actor = headgate::model::Actor::system();
        operations.load(file, headgate::model::LoadOptions::default(), actor).await.unwrap();
    });
    let start = Instant::now();
    let news = open.ask(&["-H", &known], "/feed?wait=15");
    assert_eq!(page(&news).entries.len(), 2, "the whole, not a change of something that nobody named");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_ne!(header(&news, "ETag"), Some(etag.as_str()));
    change.await.unwrap();

    let cursor = page(&news).cursor;
    let path = format!("/feed?since={cursor}");
    let nothing = open.ask(&[], &path);
    assert!(page(&nothing).entries.is_empty() && !page(&nothing).full);
    let known = format!("If-None-Match: {}", header(&nothing, "ETag").unwrap());
    assert_eq!(status(&open.ask(&["-H", &known], &path)), 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_guarded_ports_is_news_though_no_cursor_moves() {
    let open = Open::start().await;
    let first = open.ask(&[], "/feed");
    let known = format!("If-None-Match: {}", header(&first, "ETag").unwrap());
    open.fixture.operations.ports.send_modify(|ports| ports.tcp.push((8443, Vec::new())));
    let start = Instant::now();
    let news = open.ask(&["-H", &known], "/feed?wait=15");
    assert_eq!(page(&news).ports.len(), 1);
    assert!(start.elapsed() < Duration::from_secs(5), "at once, not after the wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_who_follows_and_how_far_behind() {
    let open = Open::start().await;
    let cursor = page(&open.ask(&[], "/feed")).cursor;
    let seen = |open: &Open| open.fixture.operations.follower_status().remove(0);
    let status = seen(&open);
    assert_eq!((status.name.as_str(), status.address.as_str()), ("nas1", "127.0.0.1"));
    assert_eq!((status.cursor.as_str(), status.behind), ("", None), "it asked for everything");
    open.ask(&[], &format!("/feed?since={cursor}&follower=somebody-else"));
    let row =
        "[[subscriber]]\nlogin = \"petrov\"\ncontract = \"1002\"\naccess = \"static\"\nip = \"10.9.0.3\"";
    open.fixture.load(row).await;
    let status = seen(&open);
    assert_eq!((status.name.as_str(), status.cursor.as_str()), ("nas1", cursor.as_str()), "the token's name");
    assert!(status.behind.is_some_and(|behind| behind >= 1), "{status:?}");
    open.ask(&[], "/feed?since=77.1");
    assert_eq!((seen(&open).cursor.as_str(), seen(&open).behind), ("77.1", None), "another server's cursor");
    assert_eq!(open.fixture.operations.follower_status().len(), 1);
    assert_eq!(open.fixture.operations.status().followers, open.fixture.operations.follower_status());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_go_on_with_their_handshake_hold_up_nobody_and_are_closed() {
    let limits = Limits { head_time: Duration::from_millis(700), ..Management::limits() };
    let open = Open::with(CertificateFiles::SelfSigned, limits).await;
    // The beginning of a TLS record that says it is a long ClientHello.
    let slow: Vec<TcpStream> = (0..100)
        .map(|n| {
            let mut stream = TcpStream::connect(open.address).unwrap();
            if n % 2 == 0 {
                stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).unwrap();
            }
            stream
        })
        .collect();
    let start = Instant::now();
    assert_eq!(status(&open.ask(&[], "/feed")), 200);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut said = Vec::new();
        // Closed or reset; what must not come is the time-out of this side.
        if let Err(error) = stream.read_to_end(&mut said) {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "still open");
        }
    }
}
