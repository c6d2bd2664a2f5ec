//! Finding people and sessions, orders to NASes, the server's own state.

use super::*;

fn find(office: &Office, words: &[&str]) -> Vec<FoundRow> {
    let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
    office.operations.find(&words)
}

#[test]
fn a_found_row_has_the_keys_of_the_contract_and_the_state_of_now() {
    let office = Office::sample();
    office.start("s", "ivanov", "10.200.0.5");
    office.charge("ivanov", "160.00");
    let row = serde_json::to_value(&find(&office, &["иванов"])[0]).unwrap();
    let wanted = serde_json::json!({
        "login": "ivanov", "contract": "1001", "name": "Иванов Иван", "balance": "-10.00", "plan": "home-20",
        "nas": "bras1", "ips": ["10.9.0.2", "10.200.0.5"], "mac": "02:00:00:00:00:01",
        "logged": true, "negbal": true, "blocked": false, "paused": false, "reason": "no-money",
    });
    assert_eq!(row, wanted);
}

#[test]
fn a_prefix_is_shown_with_its_length_and_a_nameless_login_by_its_contract() {
    let office = Office::sample();
    office.load("[[account]]\ncontract = \"1002\"\nname = \"Петров Пётр\"");
    let rows = find(&office, &["petrov", "dacha"]);
    assert_eq!(rows[0].ips, ["10.9.0.3", "2001:db8::3", "2001:db8:3::/48"]);
    assert_eq!(
        (rows[0].name.as_str(), rows[0].nas.as_str(), rows[0].reason.as_str()),
        ("Петров Пётр", "", "")
    );
    let blocked = office.entry("petrov-dacha").id();
    office.run(Command::Block { subscriber: blocked, reason: "x".into() });
    assert_eq!(find(&office, &["dacha"])[0].reason, "blocked-by-administrator");
    assert!(find(&office, &["nobody"]).is_empty());
}

#[test]
fn sessions_come_oldest_first_and_of_one_when_asked() {
    let office = Office::sample();
    let ivanov = Some(office.entry("ivanov").id());
    office.start("b", "petrov", "100.64.0.1");
    office.merge(record(AccountingKind::Interim, "a", ivanov, Some("10.9.0.2"), 90));
    office.merge(record(AccountingKind::Interim, "a", ivanov, Some("10.9.0.2"), 120));
    let sessions = office.operations.sessions(None).unwrap();
    let ids: Vec<&str> = sessions.iter().map(|session| session.session_id.as_str()).collect();
    assert_eq!(ids, ["a", "b"], "both began at the same time");
    let one = &office.operations.sessions(Some("1001")).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!((one[0].octets_in, one[0].octets_out, one[0].seconds), (120_000, 120, 120));
    assert_eq!((one[0].nas.as_str(), one[0].ip.as_str()), ("bras1", "10.9.0.2"));
    assert_eq!(
        (one[0].started.as_str(), one[0].updated.as_str()),
        ("2026-04-06 11:20:00", "2026-04-06 11:22:00")
    );
    assert_eq!(office.operations.sessions(Some("nobody")).unwrap_err().token, "not-found");
    assert_eq!(office.operations.sessions(Some("1002")).unwrap_err().token, "ambiguous");
}

#[tokio::test]
async fn an_order_goes_to_every_session_and_none_is_said() {
    let mut office = Office::sample();
    let none = office.operations.order("ivanov", NasOrderKind::Disconnect).await.unwrap_err();
    assert!(matches!(none, Rejected::Refused(refusal) if refusal.token == "no-session"));
    office.load_async("[[subscriber]]\nlogin = \"ivanov\"\nsessions-max = 0").await;
    office.start("s", "ivanov", "10.9.0.2");
    office.start("t", "ivanov", "10.9.0.2");
    let operations = Arc::clone(&office.operations);
    let asked = tokio::spawn(async move { operations.order("ivanov", NasOrderKind::Refresh).await });
    for _ in 0..2 {
        let order = office.orders.recv().await.unwrap();
        assert_eq!(order.kind, NasOrderKind::Refresh);
        let answer = NasAnswer {
            login: order.session.login.clone(),
            nas: "bras1".into(),
            session: order.session.acct_session_id.clone(),
            acknowledged: true,
            result: "ACK".into(),
        };
        order.reply.send(answer).unwrap();
    }
    let answers = asked.await.unwrap().unwrap();
    assert_eq!(answers.iter().map(|answer| answer.session.as_str()).collect::<Vec<_>>(), ["s", "t"]);
    // More sessions than orders may wait.
    office.start("u", "ivanov", "10.9.0.2");
    let later = office.operations.order("ivanov", NasOrderKind::Disconnect).await.unwrap_err();
    assert!(matches!(later, Rejected::Later(_)));
}

impl Office {
    async fn load_async(&self, toml: &str) {
        let command = load(toml, LoadOptions::default());
        self.operations.writer.call(command, actor()).await.unwrap();
    }
}

#[test]
fn the_status_counts_what_there_is() {
    let office = Office::sample();
    office.start("s", "ivanov", "10.9.0.2");
    office.later(Duration::from_secs(61));
    let status = office.operations.status();
    assert_eq!((status.subscribers, status.sessions, status.uptime_seconds), (3, 1, 61));
    assert_eq!(status.addresses, 4);
    let nas: Vec<(&str, &str, usize)> =
        status.nas.iter().map(|nas| (nas.name.as_str(), nas.address.as_str(), nas.sessions)).collect();
    assert_eq!(nas, [("bras1", "10.0.0.1", 1), ("bras2", "10.0.2.0/24", 0)]);
    assert_eq!((status.queue, status.spool_batches), (0, 0));
    assert_eq!((status.fees.through, status.fees.held, status.fees.panic_since), (None, None, None));
    assert!(status.counters.contains_key("access_requests"));
}
