//! Orders and marks: numbered, checked, and without a posting.

use crate::engine::testing::{Ledger, money};
use crate::model::*;

fn order(operator: &str, id: &str, account: AccountId, sum: &str) -> Command {
    let key = PaymentKey { operator: operator.into(), id: id.into() };
    Command::Exchange(ExchangeCommand::Order { key, account, sum: money(sum) })
}

fn mark(kind: SyncKind, id: i64, code1c: &str) -> Command {
    Command::Exchange(ExchangeCommand::Sync(SyncMark { kind, id, code1c: code1c.into(), synced: true }))
}

fn token(outcome: Result<Outcome, Refusal>) -> String {
    outcome.unwrap_err().token
}

#[test]
fn orders_are_numbered_and_move_no_money() {
    let mut ledger = Ledger::sample();
    let account = ledger.account("1001");
    let before = ledger.balance("1001");
    let mut orders = Vec::new();
    for (operator, id) in [("SBERBANK_ACQ", ""), ("osmp", "A-1"), ("SBERBANK_ACQ", "")] {
        match ledger.run(&order(operator, id, account, "100.00")) {
            Ok(Outcome::Ordered(order)) => orders.push((order.number, order.key.id, order.contract)),
            other => panic!("{other:?}"),
        }
    }
    let wanted = [(1, "1"), (2, "A-1"), (3, "3")].map(|(n, id)| (n, id.to_owned(), "1001".to_owned()));
    assert_eq!(orders, wanted);
    assert_eq!(ledger.balance("1001"), before);
    assert!(
        !ledger
            .changes
            .iter()
            .any(|change| matches!(change, Change::Transfer(t) if t.kind == TransferKind::Payment))
    );
    for (sum, id, error) in [("0", "1", "bad-sum"), ("10", &"x".repeat(129)[..], "bad-payment-id")] {
        assert_eq!(token(ledger.run(&order("osmp", id, account, sum))), error);
    }
    assert_eq!(token(ledger.run(&order("osmp", "1", AccountId(99), "10"))), "account-not-found");
}

#[test]
fn a_mark_of_a_contract_changes_its_code_and_nothing_else() {
    let mut ledger = Ledger::sample();
    let account = ledger.account("1001");
    let before = Account::clone(&ledger.state.account_view(account).unwrap().0);
    ledger.run(&mark(SyncKind::Account, account.0, "000000017")).unwrap();
    let after = Account::clone(&ledger.state.account_view(account).unwrap().0);
    assert_eq!(after, Account { code1c: "000000017".into(), ..before });
    let changes = ledger.changes.len();
    ledger.run(&mark(SyncKind::Payment, 7, "P-7")).unwrap();
    assert_eq!(ledger.changes.len(), changes + 1);
    assert_eq!(token(ledger.run(&mark(SyncKind::Account, 99, "x"))), "account-not-found");
    assert_eq!(token(ledger.run(&mark(SyncKind::Act, 1, &"x".repeat(129)))), "bad-code");
}
