//! The Captive Portal API (RFC 8908), to which RFC 8910 leads devices.

use crate::config::PageUrl;
use crate::directory::Entry;
use crate::doors::http::{Body, Response};
use crate::model::{Timestamp, Verdict};
use serde::Serialize;

/// Where it is served.
pub(super) const PATH: &str = "/captive-portal/api";

/// The members of RFC 8908 5 that are known here.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct State {
    captive: bool,
    /// Left out where it would not be of TLS, as the RFC wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_portal_url: Option<String>,
    /// Until a promise lapses or a shortage takes effect; only for those who are let through.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_remaining: Option<u64>,
    /// A payment at any time takes the end away.
    #[serde(skip_serializing_if = "Option::is_none")]
    can_extend_session: Option<bool>,
}

pub(super) fn response(entry: Option<&Entry>, url: Option<&PageUrl>, now: Timestamp) -> Response {
    let open = entry.filter(|entry| entry.view.standing.verdict == Verdict::LetThrough);
    let ends = open.and_then(|entry| {
        let promise = entry.view.promises.as_ref().and_then(|promises| promises.open.as_ref());
        entry.view.cut_at.into_iter().chain(promise.map(|promise| promise.until)).min()
    });
    let state = State {
        captive: open.is_none(),
        user_portal_url: url.filter(|url| url.tls).map(|url| format!("{url}/")),
        seconds_remaining: ends.map(|at| at.since(now).as_secs()),
        can_extend_session: ends.map(|_| true),
    };
    match serde_json::to_vec(&state) {
        Ok(body) => Response::new(200, "application/captive+json", Body::Owned(body))
            .with("Cache-Control", "private, no-store"),
        Err(error) => Response::text(500, format!("{error}\n")),
    }
}
