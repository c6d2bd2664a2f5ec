//! Fees, promises, usage, budgets, acts, and what reversals and repeats are looked up by.

use super::{ODD, Writing, account, ledger_account, payment, transfer};
use crate::model::*;
use crate::storage::{Reader, Store, StoreError};

fn day() -> Day {
    Day::from_number(20_549)
}

fn meter(subscriber: i64, service: MeteredService, month: &str) -> Meter {
    let key = MeterKey { subscriber: SubscriberId(subscriber), service, month: month.parse().unwrap() };
    Meter {
        key,
        used: u64::MAX,
        before: 1 << 63,
        covered: 7,
        charged: Money::from_micros(i64::MIN),
        price: Price::from_nanos(1),
        included: 9,
    }
}

fn pending(id: i64, state: PendingState) -> Pending {
    Pending {
        id,
        debit: AccountId(1),
        credit: AccountId(-1),
        amount: Money::from_micros(1),
        reference: ODD.into(),
        text: ODD.into(),
        opened: Timestamp::from_seconds(1),
        expires: Timestamp::from_seconds(2),
        by: "system".into(),
        state,
    }
}

fn act(number: i64, account: i64) -> Act {
    Act {
        number,
        month: "2026-03".parse().unwrap(),
        account: AccountId(account),
        lines: vec![ActLine { name: ODD.into(), sum: Money::from_units(300) }],
        sum: Money::from_units(300),
        vat: Money::from_units(50),
        made: Timestamp::from_seconds(3),
    }
}

fn fee_state(due: Money) -> FeeState {
    FeeState {
        subscriber: SubscriberId(1),
        decided: day(),
        plan_through: day().plus(-40_000),
        services_through: vec![(ODD.into(), day().next())],
        due,
        due_cut_at: due.is_positive().then_some(Timestamp::from_micros(-1)),
    }
}

fn promise_of(account: i64) -> AccountState {
    AccountState {
        account: AccountId(account),
        negative_cut_at: Some(Timestamp::from_micros(i64::MAX)),
        promise: Some(Promise {
            sum: Money::from_units(100),
            taken: Timestamp::from_seconds(1),
            until: Timestamp::from_seconds(2),
        }),
        promises_month: Some("2026-04".parse().unwrap()),
        promises_taken: 1,
        noticed: Some(Noticed { cut: day(), days: 3 }),
    }
}

fn budget() -> Budget {
    Budget {
        subject: ODD.into(),
        tariff_plan: "seara".into(),
        reset_day: 10,
        volume_discount_seconds: i64::MAX,
        received_call_seconds: -1,
        money: None,
        sms: AccountId(-5),
        traffic: AccountId(-6),
        buckets: vec![BudgetBucket {
            seconds: AccountId(-7),
            destination: "nationale".into(),
            priority: 10,
            price: 10_000,
        }],
    }
}

pub(in crate::storage) fn billing_objects_come_back_as_they_were_written(
    store: &mut dyn Store,
    _reader: &dyn Reader,
) {
    let service = Service {
        name: ODD.into(),
        fee: Price::from_nanos(1),
        period: Period::Month,
        charge: Charge::Period,
    };
    let package = Package {
        name: "100 минут".into(),
        price: Money::from_units(50),
        minutes: 100,
        sms: 1,
        mib: u32::MAX,
        days: 30,
        destination: String::new(),
    };
    let holding = |number, ended| PackageHolding {
        account: AccountId(1),
        package: ODD.into(),
        number,
        subscriber: SubscriberId(7),
        bought: Timestamp::from_seconds(1),
        expires: Some(Timestamp::from_micros(i64::MAX)),
        destination: "nationale".into(),
        seconds: Some(AccountId(-5)),
        sms: None,
        octets: Some(AccountId(i64::MIN)),
        ended,
    };
    let document = RatingDocument { name: "destinations".into(), body: "[]".into() };
    let books = BooksState {
        fees_through: Some(day()),
        fees_after: Some(SubscriberId(7)),
        alive: Timestamp::from_seconds(9),
        closed_through: Some("2026-03".parse().unwrap()),
        last_act: 5,
        ..BooksState::default()
    };
    let old = meter(1, MeteredService::Online, "2025-12");
    let mut writing = Writing::new(store);
    assert_eq!(writing.load().books, BooksState::default());
    writing.commit(&[
        Change::Service(service.clone()),
        Change::Package(package.clone()),
        Change::Holding(holding(1, false)),
        Change::Holding(holding(2, false)),
        Change::Holding(holding(1, true)),
        Change::FeeState(fee_state(Money::ZERO)),
        Change::FeeState(fee_state(Money::from_units(5))),
        Change::AccountState(AccountState::new(AccountId(2))),
        Change::AccountState(promise_of(2)),
        Change::Meter(old.clone()),
        Change::Meter(meter(1, MeteredService::TrafficIn, "2026-03")),
        Change::Meter(meter(1, MeteredService::TrafficOut, "2026-04")),
        Change::Pending(pending(1, PendingState::Open)),
        Change::Pending(pending(2, PendingState::Open)),
        Change::Pending(pending(2, PendingState::Voided)),
        Change::Budget(budget()),
        Change::RatingDocument(document.clone()),
        Change::Books(BooksState::default()),
        Change::Books(books.clone()),
        Change::Audit(AuditEntry {
            time: Timestamp::from_seconds(1),
            by: "cli:root".into(),
            action: "panic-open".into(),
            subject: String::new(),
            text: ODD.into(),
        }),
    ]);
    let loaded = writing.load();
    assert_eq!((loaded.services, loaded.packages), (vec![service], vec![package]));
    assert_eq!(loaded.holdings, [holding(2, false)]);
    assert_eq!(loaded.fee_states, [fee_state(Money::from_units(5))]);
    assert_eq!(loaded.account_states, [promise_of(2)]);
    let months: Vec<_> = loaded.meters.iter().map(|meter| meter.key.month.to_string()).collect();
    assert_eq!(months, ["2026-03", "2026-04"]);
    assert!(loaded.meters.contains(&meter(1, MeteredService::TrafficOut, "2026-04")));
    assert_eq!(loaded.pending, [pending(1, PendingState::Open)]);
    assert_eq!((loaded.budgets, loaded.rating_documents), (vec![budget()], vec![document]));
    assert_eq!(loaded.books, books);
}

pub(in crate::storage) fn a_transfer_is_found_by_its_id_with_its_reversal(
    store: &mut dyn Store,
    _reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    let [booked, paid] = payment(1, 1, 500);
    let reversal = Transfer {
        kind: TransferKind::Reversal,
        reverses: Some(TransferId(1)),
        day: Some(day()),
        ..transfer(2, 1, -1, 500)
    };
    writing.commit(&[
        Change::Account(account(1)),
        ledger_account(1),
        ledger_account(-1),
        booked.clone(),
        paid.clone(),
        Change::Transfer(reversal.clone()),
    ]);
    let Change::Payment(paid) = paid else { panic!("no payment") };
    writing.commit(&[Change::PaymentReversed(paid.key.clone())]);
    let unknown = PaymentKey { operator: "osmp".into(), id: "nobody's".into() };
    assert!(matches!(writing.try_commit(&[Change::PaymentReversed(unknown)]), Err(StoreError::Poisoned(_))));
    let found = store.transfers_by_id(&[TransferId(2), TransferId(7), TransferId(1)]).unwrap();
    let [of_reversal, of_payment] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&of_reversal.transfer, of_reversal.reversed_by), (&reversal, None));
    assert_eq!((of_payment.transfer.id, of_payment.reversed_by), (TransferId(1), Some(TransferId(2))));
    assert_eq!(of_payment.payment, Some(Payment { reversed: true, ..paid }));
}

pub(in crate::storage) fn a_second_reversal_is_refused(store: &mut dyn Store, _reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    let reversal =
        |id| Change::Transfer(Transfer { reverses: Some(TransferId(1)), ..transfer(id, 1, -1, 5) });
    writing.commit(&[ledger_account(1), ledger_account(-1), Change::Transfer(transfer(1, -1, 1, 5))]);
    writing.commit(&[reversal(2)]);
    assert!(matches!(writing.try_commit(&[reversal(3)]), Err(StoreError::Poisoned(_))));
}

pub(in crate::storage) fn answers_are_found_by_their_keys_until_they_are_forgotten(
    store: &mut dyn Store,
    _reader: &dyn Reader,
) {
    let answer = |key: &str, at| RememberedAnswer {
        key: key.into(),
        payload: [9; 32],
        outcome: Outcome::Charged { transfer: TransferId(1), balance: Money::from_micros(-1) },
        at: Timestamp::from_seconds(at),
    };
    let mut writing = Writing::new(store);
    writing.commit(&[Change::Answer(answer("a", 1)), Change::Answer(answer(ODD, 2))]);
    assert!(matches!(writing.try_commit(&[Change::Answer(answer("a", 3))]), Err(StoreError::Poisoned(_))));
    let keys = ["A".to_owned(), "a".to_owned(), ODD.to_owned()];
    assert_eq!(writing.store.answers_by_key(&keys).unwrap(), [answer("a", 1), answer(ODD, 2)]);
    writing.commit(&[Change::ForgetAnswers(Timestamp::from_seconds(2))]);
    assert_eq!(writing.store.answers_by_key(&keys).unwrap(), [answer(ODD, 2)]);
}

pub(in crate::storage) fn an_account_has_one_act_of_a_month(store: &mut dyn Store, _reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    writing.commit(&[Change::Act(act(1, 1)), Change::Act(act(2, 2))]);
    for repeated in [act(3, 1), act(1, 3)] {
        assert!(matches!(writing.try_commit(&[Change::Act(repeated)]), Err(StoreError::Poisoned(_))));
    }
    let other_month = Act { month: "2026-04".parse().unwrap(), ..act(3, 1) };
    writing.commit(&[Change::Act(other_month)]);
}
