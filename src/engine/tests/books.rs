//! The ledger's invariants over random commands: zero-sum, balances are the sums of their postings, duplicates count once.

use crate::engine::testing::{Ledger, actor, money, payment, recalled};
use crate::engine::{Recalled, Request};
use crate::model::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

/// The books as somebody reads them who has only the changes.
fn check_books(ledger: &Ledger) {
    let mut sums: BTreeMap<AccountId, i128> = BTreeMap::new();
    let mut keys = HashSet::new();
    let mut last_transfer = 0;
    for change in &ledger.changes {
        match change {
            Change::Transfer(transfer) => {
                assert!(transfer.amount.is_positive(), "{transfer:?}");
                assert_eq!(transfer.id.0, last_transfer + 1, "ids have no gap");
                last_transfer = transfer.id.0;
                *sums.entry(transfer.debit).or_default() -= i128::from(transfer.amount.micros());
                *sums.entry(transfer.credit).or_default() += i128::from(transfer.amount.micros());
                let contract = if transfer.debit.0 > 0 { transfer.debit } else { transfer.credit };
                assert_eq!(i128::from(transfer.balance_after.micros()), sums[&contract], "{transfer:?}");
            }
            Change::Payment(payment) => assert!(keys.insert(payment.key.clone()), "{payment:?} twice"),
            _ => {}
        }
    }
    check_reversals(&ledger.changes);
    assert_eq!(sums.values().sum::<i128>(), 0);
    for (account, (_, balance)) in &ledger.state.ledger {
        assert_eq!(i128::from(balance.micros()), sums.get(account).copied().unwrap_or(0), "{account}");
    }
}

/// Each takes back something earlier, once, in full and the other way round.
fn check_reversals(changes: &[Change]) {
    let mut transfers = BTreeMap::new();
    let mut reversed = HashSet::new();
    for change in changes {
        let Change::Transfer(transfer) = change else { continue };
        assert_eq!(transfer.kind == TransferKind::Reversal, transfer.reverses.is_some(), "{transfer:?}");
        if let Some(id) = transfer.reverses {
            let original: &Transfer = transfers[&id];
            assert!(reversed.insert(id) && original.kind != TransferKind::Reversal, "{transfer:?}");
            let swapped = (original.credit, original.debit, original.amount);
            assert_eq!((transfer.debit, transfer.credit, transfer.amount), swapped);
        }
        transfers.insert(transfer.id, transfer);
    }
}

fn commands() -> impl Strategy<Value = Command> {
    let sum =
        prop_oneof![Just("0"), Just("-5"), Just("0.001"), Just("0.01"), Just("10.00"), Just("1000000.00")];
    let account = (1..6i64).prop_map(AccountId);
    let pay = (0..8u8, prop::option::of(account.clone()), sum.clone(), 0..2u8, 0..2u8).prop_map(
        |(id, account, sum, operator, date)| {
            let mut request = payment(&id.to_string(), account, sum);
            request.key.operator = format!("operator{operator}");
            request.operator_date = date.to_string();
            request.who = format!("{account:?}");
            Command::Pay(request)
        },
    );
    let charge = (account, sum).prop_map(|(account, sum)| Command::Charge {
        account,
        sum: money(sum),
        text: "x".into(),
    });
    let load = (1001..1006u16, -50..50i16, any::<bool>()).prop_map(|(contract, balance, set_balances)| {
        let row = AccountRow {
            contract: contract.to_string(),
            balance: Some(money(&balance.to_string())),
            ..AccountRow::default()
        };
        let file = Box::new(DataFile { account: vec![row], ..DataFile::default() });
        Command::Load { file, options: LoadOptions { set_balances, dry_run: false } }
    });
    prop_oneof![4 => pay, 2 => charge, 1 => load, 4 => corrections()]
}

fn corrections() -> impl Strategy<Value = Command> {
    let sum =
        prop_oneof![Just("0"), Just("-5.00"), Just("0.001"), Just("0.01"), Just("10.00")].prop_map(money);
    let account = (1..6i64).prop_map(AccountId);
    let text = || "x".to_owned();
    let by_hand =
        (account.clone(), account, sum, 0..4u8).prop_map(move |(account, to, sum, kind)| match kind {
            0 => CorrectionCommand::Correct { account, sum, text: text() },
            1 => CorrectionCommand::Refund { account, sum, text: text() },
            2 => CorrectionCommand::Move { from: account, to, sum, text: text() },
            _ => CorrectionCommand::Credit { account, limit: sum, until: None },
        });
    let reverse =
        (1..30i64).prop_map(|id| CorrectionCommand::Reverse { transfer: TransferId(id), reason: "x".into() });
    prop_oneof![2 => by_hand, 1 => reverse].prop_map(Command::Correction)
}

proptest! {
    #[test]
    fn the_books_balance_after_any_commands(commands in prop::collection::vec(commands(), 0..60)) {
        let mut ledger = Ledger::sample();
        for command in &commands {
            let before = ledger.changes.len();
            if ledger.run(command).is_err() {
                prop_assert_eq!(ledger.changes.len(), before);
            }
        }
        check_books(&ledger);
    }

    /// Payments, each sent once or more, in any order: the same balances as each once.
    #[test]
    fn any_interleaving_of_duplicates_gives_the_same_balances(
        payments in prop::collection::vec((1..4i64, 1..100_000i64), 1..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let requests: Vec<Command> = payments
            .iter()
            .enumerate()
            .map(|(n, (account, cents))| {
                let sum = Money::from_micros(cents * 10_000).to_decimal(2);
                Command::Pay(payment(&n.to_string(), Some(AccountId(*account)), &sum))
            })
            .collect();
        let mut once = Ledger::sample();
        requests.iter().for_each(|request| { once.run(request).unwrap(); });
        let mut often = Ledger::sample();
        for index in &order {
            often.run(index.get(&requests)).unwrap();
        }
        requests.iter().rev().for_each(|request| { often.run(request).unwrap(); });
        check_books(&often);
        for contract in ["1001", "1002", "1003"] {
            prop_assert_eq!(often.balance(contract), once.balance(contract));
        }
    }

    /// A state loaded from what was written is the state that wrote it.
    #[test]
    fn what_was_written_and_loaded_again_decides_the_same(commands in prop::collection::vec(commands(), 1..30)) {
        let mut ledger = Ledger::sample();
        for command in &commands {
            let _ = ledger.run(command);
        }
        let mut again = Ledger::empty();
        again.state = crate::engine::State::new(snapshot(&ledger), Default::default(), ledger.now);
        for change in &ledger.changes {
            if let Change::Payment(payment) = change {
                let reversed = ledger.changes.contains(&Change::PaymentReversed(payment.key.clone()));
                let payments = vec![Payment { reversed, ..payment.clone() }];
                again.state.remember(Recalled { payments, ..Recalled::default() });
            }
        }
        for command in &commands {
            for state in [&mut ledger.state, &mut again.state] {
                let request = Request { command, actor: &actor(), key: None };
                let wanted = state.wanted(std::iter::once(request));
                state.remember(recalled(&ledger.changes, &wanted));
            }
            let first = ledger.state.decide(command, &Actor::system(), ledger.now);
            let second = again.state.decide(command, &Actor::system(), ledger.now);
            prop_assert_eq!(first.map(|d| (d.outcome, d.changes)), second.map(|d| (d.outcome, d.changes)));
        }
    }
}

/// What a store gives back of a ledger's accounts and money.
fn snapshot(ledger: &Ledger) -> Snapshot {
    let state = &ledger.state;
    Snapshot {
        groups: state.groups.values().cloned().collect(),
        plans: state.plans.values().map(|plan| Plan::clone(plan)).collect(),
        pools: state.pools.values().map(|pool| Pool::clone(pool)).collect(),
        nases: state.nases.values().map(|nas| Nas::clone(nas)).collect(),
        accounts: state.accounts.values().map(|account| Account::clone(account)).collect(),
        subscribers: state.subscribers.values().map(|subscriber| Subscriber::clone(subscriber)).collect(),
        ledger: state.ledger.values().cloned().collect(),
        last_transfer: state.last_transfer(),
        ..Snapshot::default()
    }
}
