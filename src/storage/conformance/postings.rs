//! Postings of an account: a part of the time, and the balance up to one of them.

use super::{Writing, ledger_account, odd_plan, transfer};
use crate::model::*;
use crate::storage::{Reader, Store, TransferFilter};

pub(in crate::storage) fn transfers_are_filtered_by_time_and_summed_up_to_one_of_them(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    writing.commit(&[Change::Plan(odd_plan()), ledger_account(-1), ledger_account(1), ledger_account(2)]);
    writing.commit(&[
        Change::Transfer(transfer(1, -1, 1, 10)),
        Change::Transfer(transfer(2, 1, 2, 3)),
        Change::Transfer(transfer(3, 2, 1, 1)),
        Change::Transfer(transfer(4, 1, -1, 20)),
    ]);
    let ids = |account, since: Option<i64>, until: Option<i64>, limit| {
        let account = AccountId(account);
        let (since, until) = (since.map(Timestamp::from_seconds), until.map(Timestamp::from_seconds));
        let filter = TransferFilter { account, since, until, before: None, limit };
        let found = reader.transfers_between(&filter).unwrap();
        let page = reader.transfers_between(&TransferFilter { before: found.get(1).map(|t| t.id), ..filter });
        assert!(
            found.len() < 2 || page.unwrap().iter().eq(found.iter().skip(2)),
            "the rest follows the second"
        );
        found.iter().map(|t| t.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(1, None, None, 9), [4, 3, 2, 1]);
    assert_eq!(ids(1, Some(2), None, 9), [4, 3, 2]);
    assert_eq!(ids(1, Some(2), Some(4), 9), [3, 2]);
    assert_eq!(ids(1, None, Some(4), 1), [3]);
    assert_eq!(ids(2, None, Some(2), 9), [0i64; 0]);
    let before = |account, id| reader.balance_before(AccountId(account), TransferId(id)).unwrap().micros();
    assert_eq!([1, 2, 3, 4, 5].map(|id| before(1, id)), [0, 10, 7, 8, -12]);
    assert_eq!([2, 3, 4].map(|id| before(2, id)), [0, 3, 2]);
    assert_eq!(before(3, 9), 0);
    assert_eq!(reader.plans().unwrap(), [odd_plan()]);
}
