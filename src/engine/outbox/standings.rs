//! Events of how subscribers stand. That changes by commands and by the clock, so it is compared with what was told last.

use super::super::State;
use super::pen::Pen;
use crate::model::*;
use rustc_hash::FxHashSet;
use serde_json::json;

impl State {
    /// Whether anybody is told how subscribers stand.
    pub fn tells_standings(&self) -> bool {
        Pen::new(self, Timestamp::default()).wants(EventKind::State)
    }

    /// Of these subscribers, the events that others have not been told yet, to be absorbed and written with the batch.
    /// A subscriber of whom nothing was told counts as let through.
    pub fn standing_events(&self, subscribers: &FxHashSet<SubscriberId>, now: Timestamp) -> Vec<Change> {
        let mut pen = Pen::new(self, now);
        if !pen.wants(EventKind::State) {
            return Vec::new();
        }
        // The same events in the same order, whatever order the set has.
        let mut ids: Vec<SubscriberId> = subscribers.iter().copied().collect();
        ids.sort_unstable();
        let mut told = Vec::new();
        for id in ids {
            let before = self.outbox.told.get(&id).copied().unwrap_or(Verdict::LetThrough);
            let Some(view) = self.view(id, now).filter(|view| view.standing.verdict != before) else {
                continue;
            };
            let (verdict, reason) = (view.standing.verdict, view.standing.reason.as_ref());
            let (balance, to_pay) = (pen.money(view.balance), pen.money(view.to_pay));
            pen.write(EventKind::State, Some(view.account.id), || {
                json!({
                    "login": view.subscriber.login,
                    "contract_number": view.account.contract,
                    "state": verdict.as_str(),
                    "state_before": before.as_str(),
                    "reason": reason.map(Reason::token),
                    "text": match reason {
                        Some(Reason::Administrator { text }) => text.as_str(),
                        _ => "",
                    },
                    "balance": balance,
                    "to_pay": to_pay,
                })
            });
            told.push(Change::Outbox(OutboxChange::Told(Told { subscriber: id, verdict })));
        }
        let mut changes = pen.into_changes();
        changes.append(&mut told);
        changes
    }
}
