//! Writes events down: numbers them and makes their JSON.

use super::super::State;
use crate::model::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// Collects the events of one decision.
pub(super) struct Pen<'a> {
    state: &'a State,
    pub now: Timestamp,
    last: i64,
    changes: Vec<Change>,
}

impl<'a> Pen<'a> {
    pub fn new(state: &'a State, now: Timestamp) -> Pen<'a> {
        Pen { state, now, last: state.outbox.last_event, changes: Vec::new() }
    }

    /// Goes on after events that the same decision has written already.
    pub fn after(self, changes: &[Change]) -> Pen<'a> {
        let written =
            changes.iter().filter_map(|c| if let Change::Event(item) = c { Some(item.event) } else { None });
        Pen { last: written.max().map_or(self.last, |event| self.last.max(event)), ..self }
    }

    /// Number of the last event written.
    pub fn last(&self) -> i64 {
        self.last
    }

    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Whether anybody is told of this kind.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.targets(kind).next().is_some()
    }

    fn targets(&self, kind: EventKind) -> impl Iterator<Item = &'a EventTarget> {
        let disabled = &self.state.outbox.disabled;
        let all = self.state.settings.events.targets.iter();
        all.filter(move |target| target.kinds.contains(kind) && !disabled.contains_key(&*target.name))
    }

    /// Writes an event for everybody who is told of its kind.
    pub fn write(&mut self, kind: EventKind, account: Option<AccountId>, data: impl FnOnce() -> Value) {
        let targets: Vec<EventTarget> = self.targets(kind).cloned().collect();
        if !targets.is_empty() {
            self.write_to(&targets, kind, account, data());
        }
    }

    pub fn write_to(
        &mut self,
        targets: &[EventTarget],
        kind: EventKind,
        account: Option<AccountId>,
        data: Value,
    ) {
        self.last += 1;
        let id = OutboxItem::id(self.last, self.now);
        let timestamp = jiff::Timestamp::from_microsecond(self.now.micros()).unwrap_or_default().to_string();
        let body = json!({ "id": id, "type": kind.as_str(), "timestamp": timestamp, "data": data });
        let body: Arc<str> = body.to_string().into();
        self.changes.extend(targets.iter().map(|target| {
            Change::Event(OutboxItem {
                event: self.last,
                target: Arc::clone(&target.name),
                kind,
                account,
                at: self.now,
                body: Arc::clone(&body),
            })
        }));
    }

    /// Money as text in the ledger's currency.
    pub fn money(&self, amount: Money) -> String {
        amount.to_decimal(self.state.settings.currency_digits)
    }

    /// A moment as text in the server's time zone, as every other JSON of ours has it.
    pub fn time(&self, at: Timestamp) -> String {
        let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
        at.to_zoned(self.state.settings.time_zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    pub fn state(&self) -> &'a State {
        self.state
    }
}
