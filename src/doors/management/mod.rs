//! The management door, HTTPS on port 8443: the feed, for followers on other machines, and what these report.
//!
//! Who may come is said by `[management] allow`; who a follower is, by its token (RFC 6750). The other paths of this port
//! (`/rpc`, `/jsonrpc/`, pages) are not served yet: commands go over the control socket.

mod refusals;

use super::http::{Handler, Limits, Method, Request, Response};
use super::{feed, report};
use crate::config;
use crate::operations::{Counters, Follower, Operations, Reports};
use parking_lot::RwLock;
use refusals::Refusals;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

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
        self.refusals.refuse(source, given.is_some()).await;
        Response::text(401, text).with("WWW-Authenticate", "Bearer realm=\"headgate\"")
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
        match (request.path.as_str(), &request.method) {
            ("/feed", Method::Get) | ("/report", Method::Post) => {
                self.follower(&settings, source, &request).await
            }
            ("/feed", _) => Response::method_not_allowed("GET"),
            ("/report", _) => Response::method_not_allowed("POST"),
            _ => Response::text(
                404,
                "there are /feed and /report here; commands and /rpc are served on the control socket only by this version\n",
            ),
        }
    }
}

/// The token of `Authorization: Bearer TOKEN`; the scheme in any case (RFC 9110, section 11.1).
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers.find("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
