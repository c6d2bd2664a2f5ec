//! Long lists by pages: `cursor` in, `next` out. A cursor says where a page ended, so that what comes and goes meanwhile
//! neither repeats nor hides others; what it holds is nobody's promise.

use super::filter::Filter;
use super::search::counters_shown;
use super::terms::with_facts;
use super::{FoundRow, Operations, PaymentQuery, PaymentRow, SessionRow};
use crate::directory::Entry;
use crate::model::*;
use crate::writer::Rejected;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Lines of one page.
const LINES_MAX: usize = 10_000;
/// Where the caller does not say.
const LINES_DEFAULT: usize = 1_000;

/// Payments, newest first.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PaymentsPage {
    pub payments: Vec<PaymentRow>,
    /// What asks for the following ones; absent: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Open sessions, oldest first.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SessionsPage {
    pub sessions: Vec<SessionRow>,
    /// What asks for the following ones; absent: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which subscribers are asked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SubscribersQuery {
    /// Conditions on subscribers, like `plan=home-20 and balance<0`; absent: all.
    pub r#where: Option<String>,
    /// `next` of the page before; absent: from the first.
    pub cursor: Option<String>,
    /// Subscribers at most, 10000 or less; absent: 1000.
    pub limit: Option<usize>,
}

/// Subscribers by id.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SubscribersPage {
    pub subscribers: Vec<SubscriberLine>,
    /// What asks for the following ones; absent: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SubscriberLine {
    pub id: i64,
    #[serde(flatten)]
    pub row: FoundRow,
}

impl Operations {
    /// A page of payments; `query.after` is the cursor's. Blocks on the store.
    pub fn payments_page(&self, query: PaymentQuery, cursor: &str) -> Result<PaymentsPage, Rejected> {
        let limit = query.limit.unwrap_or(LINES_DEFAULT).min(LINES_MAX);
        let after = operation_after(cursor)?.map(|id| id.0);
        let payments = self.payments(&PaymentQuery { after, limit: Some(limit), ..query })?;
        let next = next_of(&payments, limit, |payment| payment.op_id.to_string());
        Ok(PaymentsPage { payments, next })
    }

    /// A page of open sessions and of the counters of `static` subscribers; of one subscriber when `who` is given.
    pub fn sessions_page(
        &self,
        who: Option<&str>,
        cursor: &str,
        limit: Option<usize>,
    ) -> Result<SessionsPage, Refusal> {
        let only = who.map(|who| self.subscriber(who)).transpose()?.map(|entry| entry.id());
        let after = session_after(cursor)?;
        let limit = limit.unwrap_or(LINES_DEFAULT).min(LINES_MAX);
        let inner = self.directory.read();
        let all: Box<dyn Iterator<Item = &Session>> = match only {
            Some(id) => Box::new(inner.sessions_of(id).chain(counters_shown(&inner, inner.counters_of(id)))),
            None => Box::new(inner.open_sessions().chain(counters_shown(&inner, inner.counters()))),
        };
        let place = |session: &Session| (session.started, session.key.clone());
        let follows = |session: &&Session| {
            let after = after.as_ref();
            after.is_none_or(|(started, key)| (session.started, &session.key) > (*started, key))
        };
        let page =
            first(all.filter(follows).collect(), limit, |a, b| (a.started, &a.key).cmp(&(b.started, &b.key)));
        let next = next_of(&page, limit, |session| session_cursor(&place(session)));
        Ok(SessionsPage {
            sessions: page.into_iter().map(|session| self.session_row(&inner, session)).collect(),
            next,
        })
    }

    /// A page of subscribers, in order of id.
    pub fn subscribers(&self, query: &SubscribersQuery) -> Result<SubscribersPage, Refusal> {
        let filter = query.r#where.as_deref().map(Filter::parse).transpose()?;
        let after = number_after(query.cursor.as_deref().unwrap_or_default())?;
        let limit = query.limit.unwrap_or(LINES_DEFAULT).min(LINES_MAX);
        let inner = self.directory.read();
        let wanted = |entry: &&Arc<Entry>| {
            after.is_none_or(|after| entry.id().0 > after)
                && filter.as_ref().is_none_or(|filter| with_facts(&inner, entry, |facts| filter.holds(facts)))
        };
        let page = first(inner.entries().filter(wanted).collect(), limit, |a, b| a.id().cmp(&b.id()));
        let next = next_of(&page, limit, |entry| entry.id().0.to_string());
        let line =
            |entry: &Arc<Entry>| SubscriberLine { id: entry.id().0, row: self.found_row(&inner, entry) };
        Ok(SubscribersPage { subscribers: page.into_iter().map(line).collect(), next })
    }
}

/// The first `limit` in an order, without sorting the rest.
fn first<T>(mut all: Vec<T>, limit: usize, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Vec<T> {
    if all.len() > limit {
        all.select_nth_unstable_by(limit, &order);
        all.truncate(limit);
    }
    all.sort_unstable_by(order);
    all
}

/// The cursor behind a page that is full; one that is not is the last.
pub(super) fn next_of<T>(page: &[T], limit: usize, cursor: impl FnOnce(&T) -> String) -> Option<String> {
    if page.len() < limit { None } else { page.last().map(cursor) }
}

/// The operation that a cursor stands behind; None for an empty one.
///
/// # Errors
/// `bad-cursor`.
pub(super) fn operation_after(cursor: &str) -> Result<Option<TransferId>, Refusal> {
    Ok(number_after(cursor)?.map(TransferId))
}

fn number_after(cursor: &str) -> Result<Option<i64>, Refusal> {
    if cursor.is_empty() {
        return Ok(None);
    }
    cursor.parse().map(Some).map_err(|_| bad_cursor())
}

fn session_after(cursor: &str) -> Result<Option<(Timestamp, SessionKey)>, Refusal> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let octets = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad_cursor())?;
    let (micros, key): (i64, SessionKey) = serde_json::from_slice(&octets).map_err(|_| bad_cursor())?;
    Ok(Some((Timestamp::from_micros(micros), key)))
}

fn session_cursor((started, key): &(Timestamp, SessionKey)) -> String {
    // Numbers and texts can always be written.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(started.micros(), key)).unwrap_or_default())
}

fn bad_cursor() -> Refusal {
    Refusal::new("bad-cursor", "cursor: expected `next` of the page before")
}
