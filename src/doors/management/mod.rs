//! The management door, HTTPS on port 8443: the feed, for followers on other machines, what these report, and `/rpc`,
//! every operation of the product.
//!
//! Who may come is said by `[management] allow`; who a follower is, by its token (RFC 6750); who an operator or program
//! is, by [`callers`]. The other paths of this port (`/jsonrpc/`, pages) are not served yet.

mod callers;
mod refusals;

use super::http::{Handler, Limits, Method, RateLimit, Request, Response};
use super::rpc::{self, Asked};
use super::{feed, report};
use crate::config;
use crate::operations::{Counters, Follower, Operations, Reports};
use callers::{Credentials, NotLetIn};
use parking_lot::RwLock;
use refusals::Refusals;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Of one source address.
const REQUESTS_PER_SECOND_MAX: u32 = 500;
const HEAD_OCTETS_MAX: usize = 16 * 1024;
/// Several boxes may stand behind one address.
const CONNECTIONS_PER_SOURCE_MAX: usize = 128;
/// For the handshake together with the beginning of the first request.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The door.
pub struct Management {
    operations: Arc<Operations>,
    reports: Arc<Reports>,
    settings: RwLock<Arc<config::Management>>,
    refusals: Refusals,
    rate: RateLimit,
}

impl Management {
    pub fn new(
        operations: Arc<Operations>,
        reports: Arc<Reports>,
        settings: config::Management,
    ) -> Management {
        Management {
            operations,
            reports,
            settings: RwLock::new(Arc::new(settings)),
            refusals: Refusals::new(),
            rate: RateLimit::new(REQUESTS_PER_SECOND_MAX),
        }
    }

    /// From now on these allow-list and tokens.
    pub fn reconfigure(&self, settings: config::Management) {
        *self.settings.write() = Arc::new(settings);
    }

    /// Limits that fit this door.
    pub fn limits() -> Limits {
        Limits {
            head_octets_max: HEAD_OCTETS_MAX,
            body_octets_max: report::BODY_OCTETS_MAX,
            connections_per_source_max: CONNECTIONS_PER_SOURCE_MAX,
            head_time: HEAD_TIME,
            ..Limits::default()
        }
    }

    /// The feed or a report, for a follower with a right token.
    async fn follower(&self, settings: &config::Management, source: IpAddr, request: &Request) -> Response {
        let given = bearer(request);
        if let Some(name) = given.and_then(|token| settings.follower(token)) {
            if request.method == Method::Post {
                return report::answer(&self.reports, name, &request.body).await;
            }
            let follower = Follower { name: name.to_owned(), address: Some(source) };
            return feed::answer(&self.operations, &follower, request).await;
        }
        Counters::count(&self.operations.counters.management_refused);
        let text = match given {
            None => "a token is needed: Authorization: Bearer TOKEN, one of [[management.feed-token]]\n",
            Some(_) => "the token is not one of [[management.feed-token]]\n",
        };
        self.refusals.refuse(source, "the feed", given.is_some()).await;
        Response::text(401, text).with("WWW-Authenticate", "Bearer realm=\"headgate\"")
    }

    /// One or many methods, for an operator or a program that says who it is.
    async fn rpc(&self, source: IpAddr, request: &Request) -> Response {
        // A page of somebody else's site can make a browser send its password, but not with this type.
        if !is_json(request) {
            return Response::text(415, "expected Content-Type: application/json\n");
        }
        let credentials = match Credentials::of(request) {
            Some(Ok(credentials)) => Some(credentials),
            Some(Err(text)) => return Response::text(400, format!("Authorization: {text}\n")),
            None => None,
        };
        let operations = &self.operations;
        let refused = match &credentials {
            Some(credentials) => match credentials.principal(operations, source).await {
                Ok(principal) => {
                    return rpc::respond(&Asked { operations, principal: &principal }, request).await;
                }
                Err(NotLetIn::Later(text)) => return Response::text(503, format!("{text}\n")),
                Err(NotLetIn::Refused(text)) => text,
            },
            None => "expected Authorization: Bearer KEY with an API key, or Basic with login and password"
                .to_owned(),
        };
        Counters::count(&operations.counters.management_refused);
        self.refusals.refuse(source, "/rpc", credentials.is_some()).await;
        Response::text(401, format!("{refused}\n")).with(
            "WWW-Authenticate",
            "Bearer realm=\"headgate\", Basic realm=\"headgate\", charset=\"UTF-8\"",
        )
    }
}

impl Handler for Management {
    async fn handle(&self, request: Request) -> Response {
        let settings = Arc::clone(&self.settings.read());
        let Some(source) = request.peer.map(|peer| peer.ip().to_canonical()) else {
            return Response::text(403, "a connection without an address is not let in\n");
        };
        if !settings.allow.allows(source) {
            return Response::text(403, format!("{source} is not in [management] allow\n"));
        }
        if let Err(wait) = self.rate.take(source, Instant::now()) {
            return Response::too_many(wait);
        }
        match (request.path.as_str(), &request.method) {
            ("/rpc", Method::Post) => self.rpc(source, &request).await,
            ("/rpc", _) => Response::method_not_allowed("POST"),
            ("/feed", Method::Get) | ("/report", Method::Post) => {
                self.follower(&settings, source, &request).await
            }
            ("/feed", _) => Response::method_not_allowed("GET"),
            ("/report", _) => Response::method_not_allowed("POST"),
            _ => Response::text(404, "there are /rpc, /feed and /report here\n"),
        }
    }
}

/// The token of `Authorization: Bearer TOKEN`; the scheme in any case (RFC 9110, section 11.1).
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers.find("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// JSON, whatever its charset parameter says: it is read as UTF-8.
fn is_json(request: &Request) -> bool {
    let given = request.headers.find("content-type").unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/json-rpc", "application/jsonrequest"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}
