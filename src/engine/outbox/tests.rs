//! The table of events: what each thing that happens says, and to whom.

mod notices;

use super::*;
use crate::engine::Settings;
use crate::engine::testing::{Ledger, NOW, SAMPLE, load, payment, record, stored};
use serde_json::{Value, json};
use std::time::Duration;

/// Tells `crm` of everything but notices and receipts, and `shop` of payments and receipts.
fn rules() -> EventRules {
    let quiet = [EventKind::Receipt, EventKind::NoticeSms, EventKind::NoticeEmail];
    let everything = EventKind::ALL.into_iter().filter(|kind| !quiet.contains(kind)).collect();
    let shop = [EventKind::Payment, EventKind::Receipt].into_iter().collect();
    EventRules {
        targets: vec![
            EventTarget { name: "crm".into(), kinds: everything },
            EventTarget { name: "shop".into(), kinds: shop },
        ],
        ..EventRules::default()
    }
}

/// The sample, with those rules.
fn sample() -> Ledger {
    let mut ledger = Ledger::with(Settings { events: rules(), ..Settings::default() });
    ledger.load(SAMPLE).unwrap();
    ledger.changes.clear();
    ledger
}

/// What was written for a target since the last look: each event's type and data.
fn told(ledger: &mut Ledger, target: &str) -> Vec<(String, Value)> {
    let items =
        ledger.changes.iter().filter_map(|c| if let Change::Event(item) = c { Some(item) } else { None });
    let of_target = items.filter(|item| &*item.target == target);
    let told = of_target.map(|item| {
        let mut body: Value = serde_json::from_str(&item.body).unwrap();
        assert_eq!(body["type"], item.kind.as_str());
        assert_eq!(body["id"], OutboxItem::id(item.event, item.at));
        (item.kind.to_string(), body["data"].take())
    });
    told.collect()
}

fn only(ledger: &mut Ledger, target: &str) -> (String, Value) {
    let mut told = told(ledger, target);
    assert_eq!(told.len(), 1, "{told:?}");
    ledger.changes.clear();
    told.remove(0)
}

/// What the writer does at the end of a batch.
fn close_batch(ledger: &mut Ledger) {
    let events = ledger.state.standing_events(&ledger.touched.subscribers, ledger.now);
    ledger.touched = Default::default();
    events.into_iter().for_each(|change| ledger.put(change));
}

fn pay(ledger: &mut Ledger, contract: &str, id: &str, sum: &str) -> TransferId {
    let request = payment(id, Some(ledger.account(contract)), sum);
    match ledger.run(&Command::Pay(request)).unwrap() {
        Outcome::Paid { payment, .. } => payment.transfer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payment_says_what_was_paid_and_a_receipt_what_the_law_asks_for() {
    let mut ledger = sample();
    ledger
        .load("[[account]]\ncontract = \"1001\"\nphone = \"+79990001122\"\nemail = \"i@example.org\"\n")
        .unwrap();
    let op_id = pay(&mut ledger, "1001", "p1", "200");
    let data = json!({
        "op_id": op_id.0, "pay_operator": "osmp", "pay_id_str": "p1", "contract_number": "1001",
        "sum_in": "200.00", "time": "2026-04-06 11:20:00", "balance": "350.00",
    });
    assert_eq!(told(&mut ledger, "crm"), [("payment".to_owned(), data.clone())]);
    let shop = told(&mut ledger, "shop");
    assert_eq!(shop[0], ("payment".to_owned(), data));
    let receipt = json!({
        "op_id": op_id.0, "operation": "income", "reverses": null, "sum": "200.00", "vat_percent": null,
        "time": "2026-04-06 11:20:00", "pay_operator": "osmp", "pay_id_str": "p1", "contract_number": "1001",
        "name": "Иванов Иван", "kind": "person", "tax_id": "", "phone": "+79990001122",
        "email": "i@example.org",
    });
    assert_eq!(shop[1], ("receipt".to_owned(), receipt));
    assert_eq!(shop.len(), 2);
}

#[test]
fn one_event_has_one_number_and_one_body_for_all_its_targets() {
    let mut ledger = sample();
    pay(&mut ledger, "1001", "p1", "200");
    let items: Vec<_> = ledger
        .changes
        .iter()
        .filter_map(|c| if let Change::Event(item) = c { Some(item) } else { None })
        .collect();
    let numbers: Vec<_> = items.iter().map(|item| (item.event, &*item.target)).collect();
    assert_eq!(numbers, [(1, "crm"), (1, "shop"), (2, "shop")]);
    assert_eq!(items[0].body, items[1].body);
    assert!(items.iter().all(|item| item.account == Some(ledger.account("1001")) && item.at == NOW));
    let timestamp: Value = serde_json::from_str(&items[0].body).unwrap();
    assert_eq!(timestamp["timestamp"], "2026-04-06T11:20:00Z");
    // A repeat writes nothing, and numbers go on after a start.
    let before = ledger.changes.len();
    pay(&mut ledger, "1001", "p1", "200");
    assert_eq!(ledger.changes.len(), before);
    let mut changes = vec![];
    changes.append(&mut ledger.changes);
    let events: Vec<Change> = changes.into_iter().filter(|c| matches!(c, Change::Event(_))).collect();
    let state = State::new(stored(&events), Settings { events: rules(), ..Settings::default() }, NOW);
    assert_eq!(state.outbox.last_event, 2);
}

#[test]
fn a_reversal_names_the_payment_it_takes_back() {
    let mut ledger = sample();
    let paid = pay(&mut ledger, "1001", "p1", "200");
    let changes = ledger.changes.len();
    let reverse = CorrectionCommand::Reverse { transfer: paid, reason: "wrong contract".into() };
    ledger.run(&Command::Correction(reverse)).unwrap();
    ledger.changes.drain(..changes);
    let (kind, data) = told(&mut ledger, "crm").remove(0);
    assert_eq!(kind, "payment.reversed");
    assert_eq!((&data["reverses"], &data["op_id"]), (&json!(paid.0), &json!(paid.0 + 1)));
    assert_eq!(
        (&data["sum_in"], &data["balance"], &data["by"]),
        (&json!("200.00"), &json!("150.00"), &json!("cli:test"))
    );
    assert_eq!(data["text"], format!("Reversal of operation {paid}, payment of 2026-04-06: wrong contract"));
    let (kind, receipt) = only(&mut ledger, "shop");
    assert_eq!((kind.as_str(), &receipt["operation"]), ("receipt", &json!("income-return")));
    assert_eq!((&receipt["sum"], &receipt["reverses"]), (&json!("200.00"), &json!(paid.0)));
}

#[test]
fn a_balance_is_told_of_when_it_crosses_zero_and_not_else() {
    let mut ledger = sample();
    let account = ledger.account("1001");
    let charge = |ledger: &mut Ledger, sum: &str| {
        let sum = sum.parse().unwrap();
        ledger.run(&Command::Charge { account, sum, text: "router".into() }).unwrap();
    };
    charge(&mut ledger, "150");
    assert_eq!(told(&mut ledger, "crm"), [], "zero is not below zero");
    charge(&mut ledger, "0.01");
    let data = json!({
        "contract_number": "1001", "name": "Иванов Иван", "balance": "-0.01", "balance_before": "0.00",
    });
    assert_eq!(only(&mut ledger, "crm"), ("balance.negative".to_owned(), data));
    charge(&mut ledger, "5");
    assert_eq!(told(&mut ledger, "crm"), []);
    pay(&mut ledger, "1001", "p1", "10");
    let kinds: Vec<String> = told(&mut ledger, "crm").into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["payment", "balance.positive"]);
}

#[test]
fn a_change_of_plan_names_both_and_a_new_subscriber_none() {
    let mut ledger = sample();
    ledger.load("[[plan]]\nname = \"home-50\"\n[[subscriber]]\nlogin = \"ivanov\"\nplan = \"home-50\"\n[[subscriber]]\nlogin = \"new\"\nplan = \"home-50\"\n").unwrap();
    let data = json!({
        "login": "ivanov", "contract_number": "1001", "plan": "home-50", "plan_before": "home-20",
    });
    assert_eq!(only(&mut ledger, "crm"), ("plan.changed".to_owned(), data));
}

#[test]
fn a_session_is_told_of_at_its_start_and_at_its_stop() {
    let mut ledger = sample();
    let ivanov = Some(ledger.subscriber("ivanov"));
    let mut sequence = 0;
    let mut replay = |ledger: &mut Ledger, kind, seconds| {
        sequence += 1;
        let record = record(kind, "s1", ivanov, Some("10.9.0.2"), seconds);
        let position = SpoolPosition { epoch: 1, sequence };
        let entries = vec![(position, SpoolEntry::Accounting(record))];
        ledger.run(&Command::Replay { edge: "edge1".into(), entries }).unwrap();
    };
    replay(&mut ledger, AccountingKind::Start, 0);
    let start = json!({
        "session": "s1", "login": "ivanov", "contract_number": "1001", "nas_ip": "10.0.0.1",
        "ips": ["10.9.0.2"], "mac": null, "started": "2026-04-06 11:20:00",
    });
    assert_eq!(only(&mut ledger, "crm"), ("session.start".to_owned(), start));
    replay(&mut ledger, AccountingKind::Interim, 60);
    assert_eq!(told(&mut ledger, "crm"), []);
    replay(&mut ledger, AccountingKind::Stop, 90);
    let stop = json!({
        "session": "s1", "login": "ivanov", "contract_number": "1001", "nas_ip": "10.0.0.1",
        "ips": ["10.9.0.2"], "mac": null, "started": "2026-04-06 11:20:00",
        "stopped": "2026-04-06 11:21:30", "seconds": 90, "download_octets": 90_000, "upload_octets": 90,
        "terminate_cause": 0,
    });
    assert_eq!(only(&mut ledger, "crm"), ("session.stop".to_owned(), stop));
    replay(&mut ledger, AccountingKind::Stop, 90);
    assert_eq!(told(&mut ledger, "crm"), []);
}

#[test]
fn how_somebody_stands_is_told_when_it_differs_from_what_was_told_last() {
    let mut ledger = sample();
    close_batch(&mut ledger);
    assert_eq!(told(&mut ledger, "crm"), [], "who is let through from the beginning is no news");
    let ivanov = ledger.subscriber("ivanov");
    ledger.run(&Command::Block { subscriber: ivanov, reason: "abuse".into() }).unwrap();
    close_batch(&mut ledger);
    let data = json!({
        "login": "ivanov", "contract_number": "1001", "state": "blocked", "state_before": "let-through",
        "reason": "blocked-by-administrator", "text": "abuse", "balance": "150.00", "to_pay": "0.00",
    });
    assert_eq!(only(&mut ledger, "crm"), ("state".to_owned(), data));
    let account = ledger.account("1001");
    ledger.run(&Command::Charge { account, sum: "160".parse().unwrap(), text: "router".into() }).unwrap();
    close_batch(&mut ledger);
    assert_eq!(only(&mut ledger, "crm").0, "balance.negative", "blocked as before");
    ledger.run(&Command::Unblock { subscriber: ivanov }).unwrap();
    close_batch(&mut ledger);
    let (_, data) = only(&mut ledger, "crm");
    assert_eq!((&data["state"], &data["reason"]), (&json!("negbal"), &json!("no-money")));
    assert_eq!((&data["state_before"], &data["to_pay"]), (&json!("blocked"), &json!("10.00")));
}

#[test]
fn what_was_told_last_survives_a_start_and_what_changed_meanwhile_is_told_then() {
    let mut ledger = sample();
    let until = "[[subscriber]]\nlogin = \"ivanov\"\nvalid-until = \"2026-04-06T12:00:00Z\"\n";
    ledger.load(until).unwrap();
    close_batch(&mut ledger);
    assert_eq!(told(&mut ledger, "crm"), []);
    // Down over the moment at which it ends.
    ledger.now = ledger.now.saturating_add(Duration::from_secs(3_600));
    let everybody = |ledger: &mut Ledger| {
        ledger.touched.subscribers.extend(ledger.state.subscriber_ids());
        close_batch(ledger);
    };
    everybody(&mut ledger);
    assert_eq!(only(&mut ledger, "crm").1["reason"], "expired");
    everybody(&mut ledger);
    assert_eq!(told(&mut ledger, "crm"), []);
}

#[test]
fn without_targets_nothing_is_written_and_a_disabled_one_gets_nothing() {
    let mut quiet = Ledger::sample();
    pay(&mut quiet, "1001", "p1", "200");
    assert!(!quiet.state.tells_standings());
    assert!(!quiet.changes.iter().any(|c| matches!(c, Change::Event(_) | Change::Outbox(_))));
    let mut ledger = sample();
    let disabled = DisabledTarget { name: "crm".into(), since: NOW, note: "410".into() };
    ledger.run(&Command::Outbox(OutboxCommand::Disable(disabled.clone()))).unwrap();
    let again = ledger.run(&Command::Outbox(OutboxCommand::Disable(disabled))).unwrap();
    assert_eq!(again, Outcome::Done { changed: false });
    pay(&mut ledger, "1001", "p1", "200");
    assert_eq!((told(&mut ledger, "crm").len(), told(&mut ledger, "shop").len()), (0, 2));
    let test = OutboxCommand::Test { target: "crm".into() };
    let refused = ledger.run(&Command::Outbox(test.clone())).unwrap_err();
    assert_eq!(refused.token, "target-disabled");
    ledger.run(&Command::Outbox(OutboxCommand::Enable { target: "crm".into() })).unwrap();
    assert_eq!(ledger.run(&Command::Outbox(test)).unwrap(), Outcome::Sent { event: 3 });
    assert_eq!(only(&mut ledger, "crm"), ("test".to_owned(), json!({ "target": "crm" })));
    let unknown = OutboxCommand::Test { target: "elsewhere".into() };
    assert_eq!(ledger.run(&Command::Outbox(unknown)).unwrap_err().token, "no-such-target");
}

#[test]
fn no_event_holds_a_password() {
    let mut ledger = Ledger::with(Settings { events: rules(), ..Settings::default() });
    let file = format!(
        "{SAMPLE}\n[[subscriber]]\nlogin = \"new\"\npassword = \"very-secret\"\ncontract = \"1001\"\n"
    );
    ledger.run(&load(&file, LoadOptions::default())).unwrap();
    pay(&mut ledger, "1001", "p1", "200");
    close_batch(&mut ledger);
    for change in &ledger.changes {
        if let Change::Event(item) = change {
            assert!(!item.body.contains("secret"), "{}", item.body);
        }
    }
}
