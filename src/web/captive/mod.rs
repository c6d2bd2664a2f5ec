//! The captive page: who you are by your address, why nothing else opens, and what to do about it.
//!
//! Web traffic of those who are not let through is led here whatever it was for. So every URL shows the page itself,
//! with 200 and never to be kept: a phone that looks for its own answer finds another one and says "sign in". Under the
//! page's own name there are two more pages, which ask before something is done: a promised payment, the end of a pause.
//!
//! Not here: the rules (what may be promised is asked of the operations), and anything behind a password.

mod api;
mod forms;
mod guard;
mod layout;
mod page;
mod visit;

use crate::config::{Cabinet, Config};
use crate::doors::http::{Body, Handler, Limits, Method, Request, Response};
use crate::operations::Operations;
use forms::Action;
use guard::Guard;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use visit::{Hosts, Visit};

/// What devices post to other hosts is not read; a form of ours is far shorter.
const BODY_OCTETS_MAX: usize = 64 * 1024;
const HEAD_OCTETS_MAX: usize = 16 * 1024;
/// A household of debtors' devices, all asking at once.
const CONNECTIONS_PER_SOURCE_MAX: usize = 32;
/// Debtors' devices come and go; nobody needs to hold a connection.
const IDLE_TIME: Duration = Duration::from_secs(5);

/// The door of `[cabinet] listen`.
pub struct Captive {
    operations: Arc<Operations>,
    currency: String,
    cabinet: Cabinet,
    hosts: Hosts,
    guard: Guard,
}

impl Captive {
    /// Reads `[cabinet]`, the currency and `[enforcement] captive`. Errors: the machine has no random numbers.
    pub fn new(operations: Arc<Operations>, config: &Config) -> io::Result<Captive> {
        let cabinet = &config.cabinet;
        Ok(Captive {
            operations,
            currency: config.server.currency.code.clone(),
            hosts: Hosts::new(cabinet.url.as_ref(), config.enforcement.captive, &cabinet.listen),
            cabinet: cabinet.clone(),
            guard: Guard::new()?,
        })
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
}

impl Handler for Captive {
    async fn handle(&self, request: Request) -> Response {
        let visit = Visit::of(&request, &self.hosts, &self.operations);
        let reads = matches!(request.method, Method::Get | Method::Head);
        if request.path == api::PATH && reads {
            let entry = visit.entry().map(Arc::as_ref);
            return api::response(entry, self.cabinet.url.as_ref(), self.operations.clock.now());
        }
        match (Action::of(&request.path), &request.method) {
            (Some(action), Method::Post) => self.press(action, &request, &visit).await,
            // Under another host's name there are no forms: that host would be asked for them once the way is open.
            (Some(action), _) if reads && visit.at_own => html(200, &visit, self.question(action, &visit)),
            _ if reads => html(200, &visit, self.page(&visit, None)),
            // Whatever it was meant for, it has not arrived there (RFC 6585 6).
            _ => html(511, &visit, self.page(&visit, None)),
        }
    }
}

fn html(status: u16, visit: &Visit<'_>, page: String) -> Response {
    Response::new(status, "text/html; charset=utf-8", Body::Owned(page.into_bytes()))
        .with("Cache-Control", "no-store")
        .with("Vary", "Accept-Language")
        .with("Content-Language", visit.texts.language)
        .with("Content-Security-Policy", layout::POLICY)
        // With "no-referrer" browsers would hide from our own forms where they come from.
        .with("Referrer-Policy", "same-origin")
}
