//! The feed as it is answered over HTTP, by every door that has it: parameters, conditional requests, the page.

use super::http::{Body, Parameters, Request, Response};
use crate::directory::Cursor;
use crate::model::{FeedPage, PortGuard};
use crate::operations::{FeedRequest, Follower, Operations};
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// Answers `GET /feed?since=EPOCH.N&wait=S&nas=IP` (each optional) to `follower`.
///
/// With `If-None-Match` (RFC 9110, section 13.1.2) what the client holds already is answered with 304: after `wait`
/// when nothing has changed by then.
pub async fn answer(operations: &Operations, follower: &Follower, request: &Request) -> Response {
    let wanted = match wanted(&Parameters::of(request)) {
        Ok(wanted) => wanted,
        Err(text) => return Response::text(400, format!("{text}\n")),
    };
    let known = request.headers.find("if-none-match").unwrap_or_default().trim();
    if known == "*" {
        // Whether it would be answered: the question of a follower that looks whether a server is back.
        return not_modified(None);
    }
    let held = known.split(',').find_map(|tag| Tag::parse(tag.trim())).filter(|_| wanted.since.is_none());
    let since = held.map_or(wanted.since, |tag| Some(tag.cursor));
    operations.followers.note(follower, since, operations.clock.now());
    if let Some(tag) = held
        && is_still_so(operations, &wanted, tag).await
    {
        return not_modified(Some(&tag.to_string()));
    }
    let page = operations.feed(&wanted).await;
    let etag = etag(&page);
    if known.split(',').any(|tag| tag.trim() == etag) {
        return not_modified(Some(&etag));
    }
    Response::json(200, &page).with("ETag", etag).with("Cache-Control", "no-cache")
}

/// Whether the whole is, after `wait`, still what the tag names.
async fn is_still_so(operations: &Operations, wanted: &FeedRequest, tag: Tag) -> bool {
    for wait in [Duration::ZERO, wanted.wait] {
        let changes = FeedRequest { since: Some(tag.cursor), wait, ..wanted.clone() };
        let page = operations.feed(&changes).await;
        if page.full || page.cursor != tag.cursor.to_string() || ports_hash(&page.ports) != tag.ports {
            return false;
        }
    }
    true
}

fn not_modified(etag: Option<&str>) -> Response {
    let response = Response::new(304, "", Body::Static(b"")).with("Cache-Control", "no-cache");
    match etag {
        Some(etag) => response.with("ETag", etag),
        None => response,
    }
}

fn wanted(parameters: &Parameters) -> Result<FeedRequest, String> {
    let mut wanted = FeedRequest::default();
    for (name, value) in parameters.iter() {
        match name {
            // A cursor that cannot be read is one that nobody gave: everything is sent.
            "since" => wanted.since = value.parse::<Cursor>().ok(),
            "wait" => {
                let seconds =
                    value.parse().map_err(|_| format!("wait: {value:?} is not a number of seconds"))?;
                wanted.wait = Duration::from_secs(seconds);
            }
            "nas" => {
                wanted.nas = Some(value.parse().map_err(|_| format!("nas: {value:?} is not an address"))?);
            }
            // The door has read it.
            "follower" => {}
            _ => return Err(format!("unknown parameter {name:?}; expected since, wait, nas or follower")),
        }
    }
    Ok(wanted)
}

/// `"w-EPOCH.N-PORTS"` of the whole, `"c-EPOCH.N-PORTS"` of a change. The ports are not counted by the cursor.
fn etag(page: &FeedPage) -> String {
    let kind = if page.full { 'w' } else { 'c' };
    format!("\"{kind}-{}-{:016x}\"", page.cursor, ports_hash(&page.ports))
}

/// The ETag of a whole page, taken apart.
#[derive(Clone, Copy)]
struct Tag {
    cursor: Cursor,
    ports: u64,
}

impl Tag {
    fn parse(text: &str) -> Option<Tag> {
        let (cursor, ports) = text.strip_prefix("\"w-")?.strip_suffix('"')?.split_once('-')?;
        Some(Tag { cursor: cursor.parse().ok()?, ports: u64::from_str_radix(ports, 16).ok()? })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"w-{}-{:016x}\"", self.cursor, self.ports)
    }
}

/// The beginning of a digest: the same in every process, and told apart well enough from the ports of a minute ago.
fn ports_hash(ports: &[PortGuard]) -> u64 {
    let mut digest = Sha256::new();
    for guard in ports {
        digest.update(format!("{:?} {} {:?};", guard.protocol, guard.port, guard.sources));
    }
    let digest = digest.finalize();
    digest.iter().take(size_of::<u64>()).fold(0, |hash, octet| hash << 8 | u64::from(*octet))
}
