//! The captive page: who you are by your address, why nothing else opens, and what to do about it.
//!
//! Web traffic of those who are not let through is led here whatever it was for. So every URL shows the page itself,
//! with 200 and never to be kept: a phone that looks for its own answer finds another one and says "sign in".

use super::html::Escaped;
use super::texts::{Section, Texts};
use crate::config::Currency;
use crate::directory::Found;
use crate::doors::http::{Body, Handler, Limits, Request, Response};
use crate::model::{Reason, Verdict};
use crate::operations::Operations;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Nobody posts anything here that would be read.
const BODY_OCTETS_MAX: usize = 64 * 1024;
const HEAD_OCTETS_MAX: usize = 16 * 1024;
/// A household of debtors' devices, all asking at once.
const CONNECTIONS_PER_SOURCE_MAX: usize = 32;
/// Debtors' devices come and go; nobody needs to hold a connection.
const IDLE_TIME: Duration = Duration::from_secs(5);

/// Nothing is loaded, nothing runs, nothing frames the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
/// The device learns by itself that it is let out again.
const REFRESH_SECONDS: u32 = 60;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2530;--dim:#566372;--page:#f3f5f8;--card:#fff;--line:#dce2e9;--mark:#b3261e}\
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--dim:#9fb0c1;--page:#10161d;--card:#1a232d;--line:#2c3947;\
--mark:#ff8a80}}\
*{box-sizing:border-box}\
body{margin:0;padding:1.5rem 1rem;background:var(--page);color:var(--ink);\
font:1.0625rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}\
main{max-width:34rem;margin:0 auto;padding:1.5rem;background:var(--card);border:1px solid var(--line);\
border-radius:.75rem}\
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}\
h2{margin:1.5rem 0 .5rem;font-size:1.125rem}\
dl{display:grid;grid-template-columns:auto 1fr;gap:.375rem 1rem;align-items:baseline;margin:1.25rem 0 0;padding:1rem 0 0;\
border-top:1px solid var(--line)}\
dt{color:var(--dim)}\
dd{margin:0;text-align:right;font-weight:600;overflow-wrap:anywhere}\
.pay{color:var(--mark);font-size:1.375rem}\
ul{margin:0;padding-left:1.25rem}";

/// The door of `[cabinet] listen`.
pub struct Captive {
    operations: Arc<Operations>,
    currency: String,
}

impl Captive {
    pub fn new(operations: Arc<Operations>, currency: &Currency) -> Captive {
        Captive { operations, currency: currency.code.clone() }
    }

    /// Limits that fit a door which every debtor's device knocks at.
    pub fn limits() -> Limits {
        Limits {
            head_octets_max: HEAD_OCTETS_MAX,
            body_octets_max: BODY_OCTETS_MAX,
            connections_per_source_max: CONNECTIONS_PER_SOURCE_MAX,
            idle_time: IDLE_TIME,
            ..Limits::default()
        }
    }

    fn page(&self, address: Option<IpAddr>, found: Option<&Found>, texts: &Texts) -> String {
        let mut rows = Rows::default();
        let entry = found.and_then(|found| found.subscriber.as_ref());
        let (section, pays) = match entry.map(|entry| &entry.view.standing) {
            None => (&texts.unknown, false),
            Some(standing) => match standing.verdict {
                Verdict::LetThrough => (&texts.open, false),
                Verdict::Negbal => (&texts.money, true),
                Verdict::Paused => (&texts.paused, standing.negbal),
                Verdict::Blocked => (&texts.blocked, standing.negbal),
            },
        };
        match entry {
            None => rows.add(texts.your_address, address.map(|a| a.to_string()).unwrap_or_default(), ""),
            Some(entry) => {
                let view = &entry.view;
                rows.add(texts.contract, &view.account.contract, "");
                rows.add(texts.login, &view.subscriber.login, "");
                if let Some(plan) = &view.plan {
                    rows.add(texts.plan, &plan.name, "");
                }
                if let Some(reason) = reason(view.standing.reason.as_ref(), texts) {
                    rows.add(texts.reason, reason, "");
                }
                rows.add(texts.balance, self.money(view.balance, texts), "");
                if pays {
                    rows.add(texts.to_pay, self.money(view.to_pay, texts), "pay");
                }
            }
        }
        render(section, &rows.0, pays, texts)
    }

    fn money(&self, amount: crate::model::Money, texts: &Texts) -> String {
        texts.money(&self.operations.money(amount), &self.currency)
    }
}

/// Why a blocked subscriber is blocked; money and a pause are told by the page's title.
fn reason<'a>(reason: Option<&'a Reason>, texts: &'a Texts) -> Option<&'a str> {
    match reason? {
        Reason::Administrator { text } => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        Reason::NotYetValid => Some(texts.not_yet_valid),
        Reason::Expired => Some(texts.expired),
        Reason::AccountClosed => Some(texts.account_closed),
        Reason::Paused | Reason::Shortage { .. } | Reason::FeeDue { .. } => None,
    }
}

#[derive(Default)]
struct Rows(String);

impl Rows {
    /// A row of the list; `class` is ours, name and value are escaped.
    fn add(&mut self, name: &str, value: impl AsRef<str>, class: &'static str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        // Writing to a String cannot fail.
        let _ = write!(self.0, "<dt>{}</dt><dd{class}>{}</dd>", Escaped(name), Escaped(value.as_ref()));
    }
}

fn render(section: &Section, rows: &str, pays: bool, texts: &Texts) -> String {
    let mut ways = String::new();
    if pays {
        let _ = write!(ways, "<h2>{}</h2><ul>", Escaped(texts.how_to_pay));
        for way in texts.ways_to_pay {
            let _ = write!(ways, "<li>{}</li>", Escaped(way));
        }
        ways.push_str("</ul>");
    }
    let (title, text) = (Escaped(section.title), Escaped(section.text));
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p><dl>{rows}</dl>{ways}</main></body></html>\n",
        language = texts.language,
    )
}

impl Handler for Captive {
    async fn handle(&self, request: Request) -> Response {
        let address = request.peer.map(|peer| peer.ip().to_canonical());
        let found = address.and_then(|address| self.operations.directory.read().find_address(address).ok());
        if request.path == "/captive-portal/api" {
            let entry = found.as_ref().and_then(|found| found.subscriber.as_ref());
            let open = entry.is_some_and(|entry| entry.view.standing.verdict == Verdict::LetThrough);
            // RFC 8908 5. No user-portal-url: it must be one of TLS, which this door has none of.
            let body = format!("{{\"captive\":{}}}", !open);
            return Response::new(200, "application/captive+json", Body::Owned(body.into_bytes()))
                .with("Cache-Control", "private, no-store");
        }
        let texts = Texts::for_header(request.headers.find("accept-language").unwrap_or_default());
        let page = self.page(address, found.as_ref(), texts);
        Response::new(200, "text/html; charset=utf-8", Body::Owned(page.into_bytes()))
            .with("Cache-Control", "no-store")
            .with("Vary", "Accept-Language")
            .with("Content-Language", texts.language)
            .with("Content-Security-Policy", POLICY)
            .with("Referrer-Policy", "no-referrer")
    }
}
