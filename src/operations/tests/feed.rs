//! The feed: full pages, changes, long polls that wake at once and end in time.

use super::*;
use crate::directory::Cursor;
use std::collections::BTreeMap;
use std::time::Instant;

fn texts(page: &FeedPage) -> Vec<String> {
    let entries = page.entries.iter().map(|e| format!("{} {} {}", e.address, e.login, e.verdict.as_str()));
    entries.chain(page.gone.iter().map(|net| format!("{net} gone"))).collect()
}

fn since(cursor: &str, wait: Duration) -> FeedRequest {
    FeedRequest { since: cursor.parse().ok(), wait, nas: None }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// A page at once.
fn page(office: &Office, request: &FeedRequest) -> FeedPage {
    runtime().block_on(office.operations.feed(request))
}

#[test]
fn a_full_page_holds_who_is_online_or_held_back_and_nobody_else() {
    let office = Office::sample();
    let full = page(&office, &FeedRequest::default());
    assert!(full.full);
    let dacha = [
        "10.9.0.3/32 petrov-dacha let-through",
        "2001:db8::3/128 petrov-dacha let-through",
        "2001:db8:3::/48 petrov-dacha let-through",
    ];
    assert_eq!(texts(&full), dacha);
    office.charge("ivanov", "150.01");
    let full = page(&office, &FeedRequest::default());
    assert_eq!(texts(&full)[0], "10.9.0.2/32 ivanov negbal", "a debtor is captive before it comes");
    assert_eq!(full.entries[0].shape.download.rate, 20_000);
    assert_eq!(full.entries[0].subscriber, office.entry("ivanov").id());
}

#[test]
fn a_page_since_a_cursor_holds_what_changed_and_what_is_gone() {
    let office = Office::sample();
    let cursor = page(&office, &FeedRequest::default()).cursor;
    let nothing = page(&office, &since(&cursor, Duration::ZERO));
    assert!(!nothing.full && texts(&nothing).is_empty() && nothing.cursor == cursor);
    office.start("s", "petrov", "100.64.0.1");
    let come = page(&office, &since(&cursor, Duration::ZERO));
    assert_eq!(texts(&come), ["100.64.0.1/32 petrov let-through"]);
    office.stop("s", "petrov");
    let left = page(&office, &since(&come.cursor, Duration::ZERO));
    assert_eq!(texts(&left), ["100.64.0.1/32 gone"]);
    for unknown in ["", "0.0", "ffff.1", "nonsense"] {
        assert!(page(&office, &since(unknown, Duration::ZERO)).full, "{unknown:?}");
    }
}

#[test]
fn a_follower_of_one_nas_is_told_of_its_subscribers_only() {
    let office = Office::sample();
    office.charge("ivanov", "150.01");
    let at = |nas: &str| FeedRequest { nas: Some(nas.parse().unwrap()), ..FeedRequest::default() };
    assert_eq!(page(&office, &at("10.0.0.1")).entries.len(), 4, "ivanov and who is configured nowhere");
    assert_eq!(page(&office, &at("10.0.2.9")).entries.len(), 3);
}

#[test]
fn a_long_poll_wakes_when_something_changes_and_not_before() {
    let office = Office::sample();
    let cursor = page(&office, &FeedRequest::default()).cursor;
    let runtime = runtime();
    let operations = Arc::clone(&office.operations);
    let request = since(&cursor, Duration::from_secs(20));
    let waiting = runtime.spawn(async move { (operations.feed(&request).await, Instant::now()) });
    std::thread::sleep(Duration::from_millis(50));
    // Something that nobody sees does not wake it.
    office.charge("ivanov", "1.00");
    std::thread::sleep(Duration::from_millis(50));
    assert!(!waiting.is_finished());
    let changed = Instant::now();
    office.start("s", "petrov", "100.64.0.1");
    let (page, woken) = runtime.block_on(waiting).unwrap();
    assert_eq!(texts(&page), ["100.64.0.1/32 petrov let-through"]);
    assert!(woken - changed < Duration::from_millis(200), "{:?}", woken - changed);
}

#[test]
fn a_long_poll_ends_when_its_time_is_over() {
    let office = Office::sample();
    let cursor = page(&office, &FeedRequest::default()).cursor;
    let start = Instant::now();
    let empty = page(&office, &since(&cursor, Duration::from_millis(60)));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(60) && took < Duration::from_secs(2), "{took:?}");
    assert!(!empty.full && texts(&empty).is_empty());
}

#[test]
fn a_change_without_an_address_moves_the_cursor_and_not_the_poll() {
    let office = Office::sample();
    let cursor = page(&office, &FeedRequest::default()).cursor;
    office.load("[[subscriber]]\nlogin = \"x\"");
    let empty = page(&office, &since(&cursor, Duration::from_millis(30)));
    assert!(texts(&empty).is_empty() && !empty.full);
    assert!(empty.cursor.parse::<Cursor>().unwrap().n > cursor.parse::<Cursor>().unwrap().n);
}

#[test]
fn a_new_nas_opens_the_ports_without_waiting_for_the_poll_to_end() {
    let mut ports = PortRules { nas_udp: vec![1812, 1813], ..PortRules::default() };
    ports.tcp.push((8082, vec!["127.0.0.1/32".parse().unwrap()]));
    let office = Office::with(&Ledger::sample(), |operations| {
        operations.ports = tokio::sync::watch::Sender::new(ports)
    });
    let first = page(&office, &FeedRequest::default());
    assert_eq!(first.ports.len(), 3);
    assert_eq!(first.ports[0].sources, ["10.0.0.1/32".parse().unwrap(), "10.0.2.0/24".parse().unwrap()]);
    let runtime = runtime();
    let operations = Arc::clone(&office.operations);
    let request = since(&first.cursor, Duration::from_secs(20));
    let waiting = runtime.spawn(async move { operations.feed(&request).await });
    std::thread::sleep(Duration::from_millis(50));
    let changed = Instant::now();
    office.load("[[nas]]\nname = \"bras3\"\naddress = \"10.0.3.1\"\nsecret = \"x\"");
    let page = runtime.block_on(waiting).unwrap();
    assert!(changed.elapsed() < Duration::from_secs(2), "{:?}", changed.elapsed());
    assert_eq!(page.ports[0].sources.len(), 3);
}

#[test]
fn a_follower_that_polls_while_things_change_misses_nothing() {
    let office = Office::sample();
    let runtime = runtime();
    let operations = Arc::clone(&office.operations);
    let (done, mut stop) = tokio::sync::oneshot::channel::<()>();
    let follower = runtime.spawn(async move {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let mut request = FeedRequest::default();
        let mut finishing = false;
        loop {
            let page = operations.feed(&request).await;
            if page.full {
                seen.clear();
            }
            page.gone.iter().for_each(|net| drop(seen.remove(&net.to_string())));
            for entry in &page.entries {
                seen.insert(entry.address.to_string(), entry.verdict.as_str().into());
            }
            let quiet = page.entries.is_empty() && page.gone.is_empty();
            if finishing && quiet {
                return seen;
            }
            finishing |= stop.try_recv().is_ok();
            request = since(&page.cursor, Duration::from_millis(if finishing { 1 } else { 100 }));
        }
    });
    for n in 0..400u32 {
        let session = n.to_string();
        office.start(&session, "petrov", &format!("100.64.0.{}", n % 6 + 1));
        if n % 7 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        if n % 3 != 0 {
            office.stop(&session, "petrov");
        }
    }
    done.send(()).unwrap();
    let seen = runtime.block_on(follower).unwrap();
    let full = page(&office, &FeedRequest::default());
    let wanted: BTreeMap<String, String> =
        full.entries.iter().map(|e| (e.address.to_string(), e.verdict.as_str().to_owned())).collect();
    assert_eq!(seen, wanted);
}
