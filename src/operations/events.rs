//! What happened lately that somebody may have to look at. In memory: a restart forgets it.

use super::Operations;
use super::payment_calls::{KeptCall, REFUSED_MAX};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Events where the caller does not say.
const EVENTS_DEFAULT: usize = 100;
/// Longest wait of one question, seconds.
const WAIT_SECONDS_MAX: u64 = 60;

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A payment operator's call that was refused.
    Payments,
}

/// Which events are asked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EventQuery {
    /// Absent: all.
    pub kind: Option<EventKind>,
    /// Only what came after the event with this number.
    pub after: u64,
    /// At most so many, the last ones; absent: 100.
    pub limit: Option<usize>,
    /// How long to wait for one when there is none.
    pub wait_seconds: u64,
}

/// A line of `events`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EventRow {
    /// Grows with each event.
    pub number: u64,
    pub kind: EventKind,
    /// When, in the server's time zone.
    pub time: String,
    /// Address that it came from; empty: not known.
    pub source: String,
    /// Whose call it was; empty: not known.
    pub operator: String,
    /// What was asked for.
    pub asked: String,
    /// As the caller named it.
    pub account: String,
    /// A stable token.
    pub result: String,
    /// What the other side was told.
    pub answer: String,
    /// What happened, and what to do about it.
    pub text: String,
    /// How many like this one there were.
    pub times: u64,
}

impl Operations {
    /// Events, oldest first; waits for the first one if asked to.
    pub async fn events(&self, query: &EventQuery) -> Vec<EventRow> {
        // Subscribed before the look: whatever comes after it wakes.
        let mut last = self.payment_calls.subscribe();
        let found = self.events_now(query);
        let wait = Duration::from_secs(query.wait_seconds.min(WAIT_SECONDS_MAX));
        if !found.is_empty() || wait.is_zero() {
            return found;
        }
        let after = query.after;
        let _ = tokio::time::timeout(wait, last.wait_for(|number| *number > after)).await;
        self.events_now(query)
    }

    fn events_now(&self, query: &EventQuery) -> Vec<EventRow> {
        let limit = query.limit.unwrap_or(EVENTS_DEFAULT).min(REFUSED_MAX);
        match query.kind {
            None | Some(EventKind::Payments) => self
                .payment_calls
                .refused_after(query.after, limit)
                .into_iter()
                .map(|kept| self.event(kept))
                .collect(),
        }
    }

    fn event(&self, kept: KeptCall) -> EventRow {
        let KeptCall { number, times, call } = kept;
        EventRow {
            number,
            kind: EventKind::Payments,
            time: self.time(call.at),
            source: call.source.map(|source| source.to_string()).unwrap_or_default(),
            operator: call.operator,
            asked: call.asked,
            account: call.account,
            result: call.result,
            answer: call.answer,
            text: call.advice,
            times,
        }
    }
}
