//! The plan that was chosen for a later day begins (rules.md, Plan change).

use super::super::ledger::Books;
use crate::model::*;

/// Called by the fee run of `day`, before the day is charged.
pub(in crate::engine) fn begin_plan(books: &mut Books<'_>, id: SubscriberId, _day: Day, _now: Timestamp) {
    let Some(subscriber) = books.subscriber(id) else { return };
    let mut subscriber = Subscriber::clone(&subscriber);
    if let Some((plan, _)) = subscriber.terms.next_plan.take() {
        subscriber.plan = Some(plan);
        books.put_subscriber(subscriber);
    }
}
