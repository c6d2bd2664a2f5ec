//! `context=collector`: whole lists, lists when they have changed, and what changed in them.

use super::lists::{Family, List, Rendered, Selection, Unavailable};
use super::{Call, SystemApi, refused};
use crate::config;
use crate::directory::Cursor;
use crate::doors::http::{Body, Request, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Longest wait of a long poll.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// While a whole list is waited for, changes are gathered for so long before it is rendered again.
const GATHER_TIME: Duration = Duration::from_millis(200);

const TEXT: &str = "text/plain; charset=utf-8";

/// A poll as it was understood.
struct Poll<'a> {
    selection: Selection,
    since: Option<&'a str>,
    deadline: Instant,
}

impl SystemApi {
    /// Answers a poll of one list.
    pub(super) async fn collect(
        &self,
        list: List,
        request: &Request,
        call: &Call<'_>,
        config: &config::SystemApi,
    ) -> Response {
        // Errors are not 200 here: a script that reads lines must not take them for a list.
        let poll = match self.poll(list, call) {
            Ok(poll) => poll,
            Err(text) => return refused(400, "bad-argument", text),
        };
        let answer = match poll.since {
            Some(since) => self.changes(&poll, since, &config.placeholder).await,
            None => self.whole(&poll, request, &config.placeholder).await,
        };
        answer.unwrap_or_else(|Unavailable| refused(503, "later", "the server is stopping"))
    }

    /// Reads what is asked for; the error says what was expected.
    fn poll<'a>(&self, list: List, call: &Call<'a>) -> Result<Poll<'a>, String> {
        let arguments = call.arguments()?;
        let nas = match arguments.text("nas_ip")? {
            Some(text) => match text.parse::<IpAddr>() {
                Ok(address) => Some(address.to_canonical()),
                Err(_) => return Err(format!("nas_ip: {text:?} is not an address")),
            },
            // An unset variable in somebody's script must not turn into all subscribers.
            None if arguments.has("nas_ip") => {
                return Err("nas_ip is empty; leave it out to ask for all".to_owned());
            }
            None => None,
        };
        let family = match call.parameters.find("family").map_or("4", str::trim) {
            "4" => Family::V4,
            "6" => Family::V6,
            other => return Err(format!("family: expected 4 or 6, found {other:?}")),
        };
        let wait = match call.parameters.find("wait").map_or("0", str::trim) {
            "" => Duration::ZERO,
            text => match text.parse::<u32>() {
                Ok(seconds) => Duration::from_secs(seconds.into()).min(WAIT_MAX),
                Err(_) => return Err(format!("wait: expected whole seconds, found {text:?}")),
            },
        };
        let since = call.parameters.find("since").map(str::trim);
        let vendor = nas.and_then(|nas| self.operations.directory.nas_of(nas)).map(|entry| entry.nas.vendor);
        let selection = Selection { list, nas, vendor, family };
        Ok(Poll { selection, since, deadline: Instant::now() + wait })
    }

    /// The list, or 304 while it is the one that the client has.
    async fn whole(
        &self,
        poll: &Poll<'_>,
        request: &Request,
        placeholder: &str,
    ) -> Result<Response, Unavailable> {
        let known = request.headers.find("if-none-match").unwrap_or_default();
        let mut revision = self.operations.directory.subscribe();
        loop {
            revision.mark_unchanged();
            let list = self.lists.current(&self.operations, poll.selection, placeholder).await?;
            if !names(known, &list.etag) {
                let response = Response::new(200, TEXT, Body::Shared(Arc::clone(&list.body)));
                return Ok(tagged(response, &list));
            }
            match timeout_at(poll.deadline, revision.changed()).await {
                Ok(Ok(())) => sleep(GATHER_TIME).await,
                Ok(Err(_)) | Err(_) => {
                    return Ok(tagged(Response::new(304, "", Body::Static(b"")), &list));
                }
            }
        }
    }

    /// What changed since a cursor: `# rev EPOCH.N`, changed lines, `- IP`. With a cursor that is unknown or too old:
    /// `# full EPOCH.N` and everything.
    async fn changes(
        &self,
        poll: &Poll<'_>,
        since: &str,
        placeholder: &str,
    ) -> Result<Response, Unavailable> {
        let mut cursor = since.parse::<Cursor>().ok();
        let mut revision = self.operations.directory.subscribe();
        loop {
            revision.mark_unchanged();
            let Some((now, lines)) = self.changed_lines(poll.selection, cursor, placeholder).await? else {
                let list = self.lists.current(&self.operations, poll.selection, placeholder).await?;
                let head = format!("# full {}\n", list.cursor).into_bytes();
                return Ok(uncached(Body::Prefixed(head, Arc::clone(&list.body))));
            };
            let more = match lines.is_empty() {
                true => timeout_at(poll.deadline, revision.changed()).await,
                false => Ok(Ok(())),
            };
            if !lines.is_empty() || !matches!(more, Ok(Ok(()))) {
                let mut body = format!("# rev {now}\n").into_bytes();
                body.extend(lines);
                return Ok(uncached(Body::Owned(body)));
            }
            cursor = Some(now);
        }
    }

    /// The cursor of now and the lines since; None when everything is needed.
    async fn changed_lines(
        &self,
        selection: Selection,
        cursor: Option<Cursor>,
        placeholder: &str,
    ) -> Result<Option<(Cursor, Vec<u8>)>, Unavailable> {
        let Some(cursor) = cursor else { return Ok(None) };
        let (operations, placeholder) = (Arc::clone(&self.operations), placeholder.to_owned());
        let gathering = tokio::task::spawn_blocking(move || {
            let delta = operations.directory.since(cursor)?;
            Some((delta.cursor, selection.changed_lines(&placeholder, &delta)))
        });
        gathering.await.map_err(|_| Unavailable)
    }
}

/// Whether an If-None-Match names this tag (RFC 9110 13.1.2, weak comparison).
fn names(known: &str, etag: &str) -> bool {
    known.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn tagged(response: Response, list: &Rendered) -> Response {
    response.with("ETag", list.etag.clone()).with("Cache-Control", "no-cache")
}

fn uncached(body: Body) -> Response {
    Response::new(200, TEXT, body).with("Cache-Control", "no-store")
}
