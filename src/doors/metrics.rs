//! `/metrics` (Prometheus text format 0.0.4), `/healthz` and `/readyz`.
//!
//! Labels have few values: never a login or an address.

use super::http::{Body, Handler, Limits, Method, Request, Response};
use crate::model::Verdict;
use crate::operations::{Operations, OutboxTargetLine};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// A scrape has no body.
const BODY_OCTETS_MAX: usize = 4 * 1024;
const CONNECTIONS_MAX: usize = 64;

/// Whether the server does its work; the error says what is missing.
pub type Readiness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The door.
pub struct Metrics {
    operations: Arc<Operations>,
    ready: Readiness,
}

impl Metrics {
    pub fn new(operations: Arc<Operations>, ready: Readiness) -> Metrics {
        Metrics { operations, ready }
    }

    /// Limits that fit this door.
    pub fn limits() -> Limits {
        Limits { body_octets_max: BODY_OCTETS_MAX, connections_max: CONNECTIONS_MAX, ..Limits::default() }
    }

    async fn metrics(&self) -> Response {
        let operations = Arc::clone(&self.operations);
        let ready = (self.ready)().is_ok();
        // It walks over all subscribers.
        match tokio::task::spawn_blocking(move || render(&operations, ready)).await {
            Ok(text) => Response::new(200, FORMAT, Body::Owned(text.into_bytes())),
            Err(_) => Response::text(503, "the server is stopping\n"),
        }
    }
}

impl Handler for Metrics {
    async fn handle(&self, request: Request) -> Response {
        if !matches!(request.method, Method::Get | Method::Head) {
            return Response::method_not_allowed("GET, HEAD");
        }
        match request.path.as_str() {
            "/metrics" => self.metrics().await,
            "/healthz" => Response::text(200, "ok\n"),
            "/readyz" => match (self.ready)() {
                Ok(()) => Response::text(200, "ready\n"),
                Err(missing) => Response::text(503, format!("not ready: {missing}\n")),
            },
            _ => Response::text(404, "expected one of the paths /metrics, /healthz, /readyz\n"),
        }
    }
}

/// Metric families as text.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if at == 0 { '{' } else { ',' });
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

fn render(operations: &Operations, ready: bool) -> String {
    let mut page = Page::default();
    page.family("headgate_build_info", "gauge", "The version that runs.");
    page.sample("headgate_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.single("headgate_ready", "gauge", "1 when every door is open.", u8::from(ready));
    let started = operations.started.seconds();
    page.single("process_start_time_seconds", "gauge", "Start of the process, Unix time.", started);
    if let Some(octets) = resident_octets() {
        page.single("process_resident_memory_bytes", "gauge", "Resident memory.", octets);
    }
    radius(operations, &mut page);
    money_and_polls(operations, &mut page);
    state(operations, &mut page);
    followers(operations, &mut page);
    outbox(operations, &mut page);
    page.0
}

fn radius(operations: &Operations, page: &mut Page) {
    let counters = &operations.counters;
    let family = |page: &mut Page, name: &str, help: &str, label: &str, samples: &[(&str, &AtomicU64)]| {
        page.family(name, "counter", help);
        for (value, counter) in samples {
            page.sample(name, &[(label, value)], counter.load(Ordering::Relaxed));
        }
    };
    family(
        page,
        "headgate_radius_requests_total",
        "RADIUS requests that were understood, by code.",
        "code",
        &[
            ("access_request", &counters.access_requests),
            ("accounting_request", &counters.accounting_requests),
            ("status_server", &counters.status_server_requests),
        ],
    );
    family(
        page,
        "headgate_radius_responses_total",
        "RADIUS answers, by code.",
        "code",
        &[
            ("access_accept", &counters.access_accepts),
            ("access_reject", &counters.access_rejects),
            ("accounting_response", &counters.accounting_responses),
        ],
    );
    family(
        page,
        "headgate_radius_dropped_total",
        "RADIUS packets that were not answered anew, by reason.",
        "reason",
        &[
            ("invalid_client", &counters.unknown_nas_packets),
            ("malformed", &counters.malformed_packets),
            ("bad_authenticator", &counters.bad_authenticators),
            ("duplicate", &counters.duplicate_requests),
            ("unknown_type", &counters.unknown_type_packets),
            ("no_record", &counters.accounting_dropped),
        ],
    );
    family(
        page,
        "headgate_coa_requests_total",
        "CoA and Disconnect requests, by result.",
        "result",
        &[
            ("ack", &counters.coa_acknowledged),
            ("nak", &counters.coa_refused),
            ("timeout", &counters.coa_unanswered),
        ],
    );
}

fn money_and_polls(operations: &Operations, page: &mut Page) {
    let counters = &operations.counters;
    for (name, help, counter) in [
        ("headgate_payment_calls_total", "Calls of payment operators.", &counters.payment_calls),
        (
            "headgate_payment_calls_refused_total",
            "Calls of payment operators that were refused.",
            &counters.payment_calls_refused,
        ),
        ("headgate_system_api_requests_total", "Requests of the system API.", &counters.system_api_requests),
        (
            "headgate_system_api_refused_total",
            "Those refused by address or psw.",
            &counters.system_api_refused,
        ),
        ("headgate_enforcer_reports_total", "Reports of enforcers taken.", &counters.reports),
        ("headgate_ipoe_logins_total", "Subscribers logged in by a sighting.", &counters.ipoe_logins),
        ("headgate_ipoe_strangers_total", "Sightings that are nobody's.", &counters.ipoe_strangers),
        ("headgate_ipoe_silent_total", "Sessions ended for silence.", &counters.ipoe_silent),
        (
            "headgate_management_refused_total",
            "Requests to the management door without a right token.",
            &counters.management_refused,
        ),
        ("headgate_payments_total", "Payments taken.", &counters.payments),
        ("headgate_payment_repeats_total", "Payments announced again.", &counters.payment_repeats),
    ] {
        page.single(name, "counter", help, counter.load(Ordering::Relaxed));
    }
}

fn state(operations: &Operations, page: &mut Page) {
    let inner = operations.directory.read();
    let addresses = inner.address_count();
    let mut by_state = BTreeMap::new();
    for verdict in [Verdict::LetThrough, Verdict::Negbal, Verdict::Paused, Verdict::Blocked] {
        by_state.insert(verdict.as_str(), 0u64);
    }
    for entry in inner.entries() {
        *by_state.entry(entry.view.standing.verdict.as_str()).or_default() += 1;
    }
    let mut by_nas: BTreeMap<_, (String, u64)> =
        inner.nases().map(|entry| (entry.nas.id, (entry.nas.name.clone(), 0))).collect();
    // Of enforcers that stand for no NAS.
    let mut without_nas = 0u64;
    for session in inner.open_sessions() {
        let nas = inner.nas_id_of_session(session);
        match nas.and_then(|nas| by_nas.get_mut(&nas)) {
            Some((_, count)) => *count += 1,
            None => without_nas += 1,
        }
    }
    drop(inner);
    page.family("headgate_subscribers", "gauge", "Subscribers, by how they stand.");
    for (state, count) in by_state {
        page.sample("headgate_subscribers", &[("state", state)], count);
    }
    page.family("headgate_sessions", "gauge", "Open sessions, by NAS.");
    for (name, count) in by_nas.values() {
        page.sample("headgate_sessions", &[("nas", name)], count);
    }
    if without_nas > 0 {
        page.sample("headgate_sessions", &[("nas", "")], without_nas);
    }
    let (queue, spool) = operations.writer.depth();
    page.single("headgate_addresses", "gauge", "Addresses and prefixes known.", addresses);
    page.single(
        "headgate_directory_changes_total",
        "counter",
        "Changes published since the start.",
        operations.directory.cursor().n,
    );
    page.single("headgate_writer_queue", "gauge", "Commands waiting for the writer.", queue);
    page.single("headgate_writer_spool_batches", "gauge", "Spool batches waiting for the writer.", spool);
}

/// Labels are names of tokens and of followers on the control socket, as many as the table of followers holds.
fn followers(operations: &Operations, page: &mut Page) {
    let followers = operations.follower_status();
    page.family("headgate_follower_silent_seconds", "gauge", "Since a follower of the feed last asked.");
    for follower in &followers {
        let labels = [("follower", follower.name.as_str()), ("address", follower.address.as_str())];
        page.sample("headgate_follower_silent_seconds", &labels, follower.silent_seconds);
    }
    page.family("headgate_follower_behind", "gauge", "Changes that a follower has not asked beyond.");
    for follower in &followers {
        let labels = [("follower", follower.name.as_str()), ("address", follower.address.as_str())];
        if let Some(behind) = follower.behind {
            page.sample("headgate_follower_behind", &labels, behind);
        }
    }
}

/// Labels are names of the configuration. Nothing is said while the store cannot be asked.
fn outbox(operations: &Operations, page: &mut Page) {
    let Ok(targets) = operations.outbox_targets() else { return };
    let mut family = |name: &str, help: &str, value: fn(&OutboxTargetLine) -> u64| {
        page.family(name, "gauge", help);
        for target in &targets {
            page.sample(name, &[("target", target.target.as_str())], value(target));
        }
    };
    family("headgate_outbox_pending", "Events to be delivered.", |target| target.pending);
    family("headgate_outbox_failed", "Events that failed for good.", |target| target.failed);
    family("headgate_outbox_oldest_seconds", "Age of the oldest event to be delivered.", |target| {
        target.oldest_seconds.unwrap_or(0)
    });
    family("headgate_outbox_disabled", "1 when nothing is sent to the target.", |target| {
        u64::from(target.disabled.is_some())
    });
}

/// VmRSS of proc(5), which is in KiB.
fn resident_octets() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_its_line() {
        let mut page = Page::default();
        page.sample("x", &[("nas", "a\"b\\c\nd"), ("z", "1")], 5);
        assert_eq!(page.0, "x{nas=\"a\\\"b\\\\c\\nd\",z=\"1\"} 5\n");
    }
}
