//! Announced payments, marks of accounting programs, and the questions that those ask.

use super::{Writing, account};
use crate::model::*;
use crate::storage::{Reader, Store};

fn order(id: &str, number: i64, micros: i64) -> PaymentOrder {
    PaymentOrder {
        key: PaymentKey { operator: "osmp".into(), id: id.into() },
        number,
        account: AccountId(1),
        contract: "1001".into(),
        sum: Money::from_micros(micros),
        made: Timestamp::from_seconds(number),
    }
}

fn mark(kind: SyncKind, id: i64, code1c: &str, synced: bool) -> SyncMark {
    SyncMark { kind, id, code1c: code1c.into(), synced }
}

pub(in crate::storage) fn announced_payments_and_marks_come_back_and_are_replaced(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    let marks = [
        mark(SyncKind::Account, 3, "c3", false),
        mark(SyncKind::Account, 1, "c1", true),
        mark(SyncKind::Payment, 1, "c1", true),
        mark(SyncKind::Account, 4, "", true),
    ];
    let changes = [Change::Order(order("A", 1, 5)), Change::Order(order("B", 2, 6))];
    writing.commit(&changes.into_iter().chain(marks.clone().map(Change::SyncMark)).collect::<Vec<_>>());
    writing
        .commit(&[Change::Order(order("A", 3, 7)), Change::SyncMark(mark(SyncKind::Account, 3, "c3", true))]);
    assert_eq!(reader.order(&order("A", 0, 0).key).unwrap(), Some(order("A", 3, 7)));
    assert_eq!(reader.order(&order("C", 0, 0).key).unwrap(), None);
    let found = reader.sync_marks(SyncKind::Account, &[3, 1, 2]).unwrap();
    assert_eq!(found, [marks[1].clone(), mark(SyncKind::Account, 3, "c3", true)]);
    assert_eq!(reader.sync_mark_of_code(SyncKind::Payment, "c1").unwrap(), Some(marks[2].clone()));
    assert_eq!(reader.sync_mark_of_code(SyncKind::Payment, "").unwrap(), None);
    assert_eq!(reader.sync_mark_of_code(SyncKind::Account, "").unwrap(), None);
}

pub(in crate::storage) fn acts_are_found_by_number_and_by_account(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let month = |text: &str| text.parse::<Month>().unwrap();
    let act = |number, of: &str, account| Act {
        number,
        month: month(of),
        account: AccountId(account),
        lines: Vec::new(),
        sum: Money::from_units(1),
        vat: Money::ZERO,
        made: Timestamp::default(),
    };
    let acts = [act(1, "2026-02", 1), act(2, "2026-02", 2), act(3, "2026-03", 1), act(4, "2026-04", 1)];
    let accounts = [Change::Account(account(1)), Change::Account(account(2))];
    let changes: Vec<Change> = accounts.into_iter().chain(acts.clone().map(Change::Act)).collect();
    Writing::new(store).commit(&changes);
    assert_eq!(reader.act(3).unwrap(), Some(acts[2].clone()));
    assert_eq!(reader.act(5).unwrap(), None);
    let found = reader.acts_of(AccountId(1), month("2026-03"), month("2026-12")).unwrap();
    assert_eq!(found, acts[2..]);
    assert_eq!(reader.acts_of(AccountId(3), month("2026-01"), month("2026-12")).unwrap(), []);
}
