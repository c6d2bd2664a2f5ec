//! `/metrics`, `/healthz`, `/readyz`.

use crate::fixture::Fixture;
use crate::wire::{Answer, exchange};
use headgate::doors::http;
use headgate::doors::metrics::Metrics;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::watch;

const DATA: &str = r#"
    [[nas]]
    name = "bras\"1"
    address = "10.0.0.1"
    secret = "testing123"

    [[subscriber]]
    login = "ivanov"
    ip = "10.9.0.2"
    balance = "-5"

    [[subscriber]]
    login = "petrov"
    balance = "5"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_prometheus_text_and_readiness_follows_the_server() {
    let fixture = Fixture::new();
    fixture.load(DATA).await;
    fixture.online("ivanov", "10.0.0.1", "10.9.0.2", None);
    let ready = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&ready);
    let readiness = Arc::new(move || match asked.load(Ordering::Relaxed) {
        true => Ok(()),
        false => Err("the RADIUS ports are closed".to_owned()),
    });
    let metrics = Metrics::new(Arc::clone(&fixture.operations), readiness);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(http::serve(listener, metrics, Metrics::limits(), stopped));
    let get = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        Answer::parse(exchange(Ipv4Addr::LOCALHOST, address, request.as_bytes()).await)
    };

    let not_ready = get("/readyz").await;
    assert_eq!(
        (not_ready.status, not_ready.body.as_str()),
        (503, "not ready: the RADIUS ports are closed\n")
    );
    ready.store(true, Ordering::Relaxed);
    assert_eq!(get("/readyz").await.status, 200);
    assert_eq!(get("/healthz").await.body, "ok\n");
    assert_eq!(get("/").await.status, 404);

    let page = get("/metrics").await;
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "headgate_subscribers{state=\"negbal\"} 1",
        "headgate_subscribers{state=\"let-through\"} 1",
        "headgate_subscribers{state=\"paused\"} 0",
        "headgate_sessions{nas=\"bras\\\"1\"} 1",
        "headgate_radius_requests_total{code=\"access_request\"} 0",
        "headgate_payments_total 0",
        "headgate_addresses 1",
        "headgate_ready 1",
    ] {
        assert!(page.body.lines().any(|found| found == line), "{line} is missing in\n{}", page.body);
    }
    well_formed(&page.body);
}

/// Each sample belongs to the family announced right before it, each family once, each value a number.
fn well_formed(page: &str) {
    let mut families = std::collections::HashSet::new();
    let mut current = String::new();
    for line in page.lines() {
        let mut words = line.split(' ');
        if line.starts_with("# TYPE ") {
            current = words.nth(2).unwrap().to_owned();
            assert!(families.insert(current.clone()), "{current} twice");
            assert_eq!(current.ends_with("_total"), line.ends_with(" counter"), "{line}");
        } else if !line.starts_with("# HELP ") {
            let name = line.split(['{', ' ']).next().unwrap();
            assert_eq!(name, current, "{line}");
            assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
        }
    }
}
