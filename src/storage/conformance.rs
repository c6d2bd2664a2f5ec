//! What every back end must do, as functions over an empty store; each back end runs the whole list.

mod addresses;
mod billing;
mod exchange;
mod odd;
mod outbox;
mod postings;
mod reports;
mod staff;

pub(super) use addresses::*;
pub(super) use billing::*;
pub(super) use exchange::*;
use odd::*;
pub(super) use outbox::*;
pub(super) use postings::*;
pub(super) use reports::*;
pub(super) use staff::*;

use super::{Batch, PaymentFilter, Reader, Snapshot, Store, StoreError};
use crate::model::*;

/// Gives the list to a macro of the back end, which makes a test of each name.
macro_rules! for_each_conformance_test {
    ($make:ident) => {
        $make! {
            every_object_comes_back_as_it_was_written,
            an_object_written_again_is_replaced,
            an_earlier_epoch_is_refused_and_writes_nothing,
            a_new_lease_keeps_the_batch_sequence,
            a_batch_sent_again_is_not_written_again,
            a_batch_out_of_turn_is_refused,
            a_known_payment_key_rolls_the_whole_batch_back,
            a_batch_that_breaks_a_rule_is_poisoned_and_leaves_nothing,
            balances_are_the_sums_of_their_postings,
            a_payment_is_found_by_its_exact_key,
            transfers_of_an_account_come_newest_first,
            transfers_are_filtered_by_time_and_summed_up_to_one_of_them,
            payments_are_filtered_by_time_and_account,
            sessions_stay_when_closed_and_are_loaded_before_the_open_ones,
            an_unknown_login_has_a_session_of_its_own,
            billing_objects_come_back_as_they_were_written,
            a_transfer_is_found_by_its_id_with_its_reversal,
            a_second_reversal_is_refused,
            answers_are_found_by_their_keys_until_they_are_forgotten,
            an_account_has_one_act_of_a_month,
            payments_are_filtered_and_paged,
            postings_of_a_period_begin_with_what_was_before,
            totals_are_by_operator_and_by_kind_of_revenue,
            acts_are_drafted_from_the_revenue_of_a_closed_month,
            acts_that_do_not_add_up_are_found,
            acts_are_given_in_order_of_number,
            acts_are_found_by_number_and_by_account,
            announced_payments_and_marks_come_back_and_are_replaced,
            an_address_is_found_with_the_sessions_that_had_it_then,
            an_address_is_found_inside_the_prefixes_of_sessions,
            a_session_that_changes_its_address_had_each_in_its_time,
            an_agreement_is_found_from_its_beginning_until_its_end,
            staff_comes_back_as_it_was_written,
            an_event_is_pending_until_something_becomes_of_it,
            nothing_is_pending_for_a_disabled_target,
            old_events_are_found_and_forgotten_but_the_newest,
            what_is_known_of_the_outbox_is_loaded,
        }
    };
}
pub(super) use for_each_conformance_test;

/// Text as operators write it and as broken imports bring it.
const ODD: &str = "Ёлкин \"О'Генри\" \0 \n\t\u{a0}🦀 %_\\; DROP TABLE";

/// Commits batches one after another under a lease of its own.
struct Writing<'a> {
    store: &'a mut dyn Store,
    epoch: u64,
    sequence: u64,
}

impl<'a> Writing<'a> {
    fn new(store: &'a mut dyn Store) -> Writing<'a> {
        let lease = store.acquire_lease("test").unwrap();
        Writing { store, epoch: lease.epoch, sequence: lease.batch_sequence }
    }

    fn try_commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.store.commit(&Batch { epoch: self.epoch, sequence: self.sequence + 1, changes })?;
        self.sequence += 1;
        Ok(())
    }

    fn commit(&mut self, changes: &[Change]) {
        self.try_commit(changes).unwrap();
    }

    fn load(&mut self) -> Snapshot {
        self.store.load().unwrap()
    }
}

pub(super) fn account(id: i64) -> Account {
    Account {
        id: AccountId(id),
        contract: format!("{id}"),
        name: "Иванов Иван".into(),
        kind: AccountKind::Person,
        group: None,
        phone: String::new(),
        email: String::new(),
        address: String::new(),
        tax_id: String::new(),
        code1c: String::new(),
        voip_subjects: vec![],
        credit_limit: Money::ZERO,
        credit_until: None,
        closed: false,
    }
}

pub(super) fn subscriber(id: i64) -> Subscriber {
    Subscriber {
        id: SubscriberId(id),
        login: format!("login{id}"),
        password: Password::Clear(SecretText::new("пароль")),
        account: AccountId(id),
        name: String::new(),
        group: None,
        plan: None,
        nas: None,
        access: AccessMethod::Radius,
        addresses: vec![],
        pool: None,
        ipv6_prefix: None,
        mac: None,
        circuit_id: String::new(),
        snat: None,
        routes: vec![],
        sessions_max: 1,
        block: None,
        valid_from: None,
        valid_until: None,
        code1c: String::new(),
        terms: SubscriberTerms::default(),
    }
}

pub(super) fn ledger_account(id: i64) -> Change {
    let kind = if id > 0 { LedgerKind::Contract } else { LedgerKind::Operator };
    Change::LedgerAccount(LedgerAccount {
        id: AccountId(id),
        kind,
        asset: Asset::Money,
        name: format!("счёт {id}"),
    })
}

pub(super) fn transfer(id: i64, debit: i64, credit: i64, micros: i64) -> Transfer {
    Transfer {
        id: TransferId(id),
        debit: AccountId(debit),
        credit: AccountId(credit),
        amount: Money::from_micros(micros),
        kind: TransferKind::Charge,
        reference: String::new(),
        text: ODD.into(),
        time: Timestamp::from_seconds(id),
        by: "cli:root".into(),
        balance_after: Money::from_micros(-micros),
        day: None,
        reverses: None,
    }
}

/// A payment and the transfer that books it.
pub(super) fn payment(id: i64, account: i64, micros: i64) -> [Change; 2] {
    let booked = Transfer { kind: TransferKind::Payment, ..transfer(id, -1, account, micros) };
    let payment = Payment {
        key: PaymentKey { operator: "osmp".into(), id: format!("{id}") },
        transfer: booked.id,
        account: booked.credit,
        contract: format!("{account}"),
        who: ODD.into(),
        sum: booked.amount,
        operator_date: "20260401120000".into(),
        time: booked.time,
        balance_after: booked.balance_after,
        reversed: false,
    };
    [Change::Transfer(booked), Change::Payment(payment)]
}

pub(super) fn session(id: i64, subscriber: Option<i64>) -> Session {
    Session {
        key: SessionKey { nas: NasId(1), acct_session_id: format!("{id:08x}"), login: format!("login{id}") },
        subscriber: subscriber.map(SubscriberId),
        nas_address: "10.0.0.1".parse().unwrap(),
        started: Timestamp::from_seconds(id),
        updated: Timestamp::from_seconds(id + 1),
        stopped: None,
        terminate_cause: 0,
        session_seconds: 1,
        framed_ip: Some("100.64.0.1".parse().unwrap()),
        ipv6_prefixes: vec![],
        mac: None,
        calling_station_id: String::new(),
        nas_port_id: String::new(),
        usage: Usage { download_octets: 1 << 40, upload_octets: 7 },
        usage_before_reset: Usage::default(),
    }
}

pub(super) fn every_object_comes_back_as_it_was_written(store: &mut dyn Store, reader: &dyn Reader) {
    let groups = vec![
        Group { id: GroupId(5), name: "Жилые".into(), parent: Some(GroupId(6)) },
        Group { id: GroupId(6), name: String::new(), parent: None },
    ];
    let pool = Pool {
        id: PoolId(2),
        name: "dyn1".into(),
        prefixes: vec!["100.64.0.1/20".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
    };
    let nases =
        vec![odd_nas(3, "127.0.0.1/32", Vendor::AccelPpp), odd_nas(4, "2001:db8::1/64", Vendor::Wispr)];
    let grant = PoolGrant {
        pool: PoolId(2),
        subscriber: SubscriberId(10),
        address: "::ffff:1.2.3.4".parse().unwrap(),
        at: Timestamp::from_micros(-5),
    };
    let position = SpoolPosition { epoch: u64::MAX, sequence: 1 << 63 };
    let booked = transfer(i64::MAX, 7, -1, i64::MAX);

    let mut changes: Vec<Change> = groups.iter().cloned().map(Change::Group).collect();
    changes.extend([Change::Plan(odd_plan()), Change::Pool(pool.clone())]);
    changes.extend(nases.iter().cloned().map(Change::Nas));
    changes.push(Change::Account(odd_account()));
    changes.extend(odd_subscribers().into_iter().map(|subscriber| Change::Subscriber(Box::new(subscriber))));
    changes.extend([ledger_account(7), ledger_account(-1), Change::Transfer(booked.clone())]);
    changes.extend([Change::Session(odd_session()), Change::PoolGrant(grant.clone())]);
    changes.push(Change::EdgePosition { edge: "край 1".into(), position });

    let mut writing = Writing::new(store);
    writing.commit(&changes);
    let mut loaded = writing.load();
    loaded.nases.sort_by_key(|nas| nas.id);
    loaded.subscribers.sort_by_key(|subscriber| subscriber.id);
    loaded.groups.sort_by_key(|group| group.id);
    assert_eq!(loaded.groups, groups);
    assert_eq!(loaded.plans, [odd_plan()]);
    assert_eq!(loaded.pools, [pool]);
    assert_eq!(loaded.nases, nases);
    assert_eq!(loaded.accounts, [odd_account()]);
    assert_eq!(loaded.subscribers, odd_subscribers());
    assert_eq!(loaded.sessions, [odd_session()]);
    assert_eq!(loaded.grants, [grant]);
    assert_eq!(loaded.edge_positions, [("край 1".to_owned(), position)].into());
    assert_eq!(loaded.last_transfer, i64::MAX);
    assert_eq!(reader.transfers(AccountId(7), 9).unwrap(), [booked]);
    assert_eq!(reader.sessions(SubscriberId(10), 9).unwrap(), [odd_session()]);
}

pub(super) fn an_object_written_again_is_replaced(store: &mut dyn Store, _: &dyn Reader) {
    let mut writing = Writing::new(store);
    let grant = |subscriber| PoolGrant {
        pool: PoolId(1),
        subscriber: SubscriberId(subscriber),
        address: "100.64.0.9".parse().unwrap(),
        at: Timestamp::from_seconds(subscriber),
    };
    let position = |sequence| Change::EdgePosition {
        edge: "edge1".into(),
        position: SpoolPosition { epoch: 1, sequence },
    };
    writing.commit(&[
        Change::Account(account(1)),
        Change::Subscriber(Box::new(subscriber(1))),
        Change::PoolGrant(grant(1)),
        position(1),
    ]);
    let renamed = Account { name: "Пётр".into(), contract: "новый".into(), ..account(1) };
    let unblocked = Subscriber { password: Password::None, ..subscriber(1) };
    writing.commit(&[
        Change::Account(renamed.clone()),
        Change::Subscriber(Box::new(Subscriber { name: ODD.into(), ..subscriber(1) })),
        Change::Subscriber(Box::new(unblocked.clone())),
        Change::PoolGrant(grant(2)),
        position(2),
    ]);
    let loaded = writing.load();
    assert_eq!(loaded.accounts, [renamed]);
    assert_eq!(loaded.subscribers, [unblocked]);
    assert_eq!(loaded.grants, [grant(2)], "an address has one last owner");
    assert_eq!(loaded.edge_positions["edge1"].sequence, 2);
}

pub(super) fn an_earlier_epoch_is_refused_and_writes_nothing(store: &mut dyn Store, _: &dyn Reader) {
    let old = store.acquire_lease("old").unwrap();
    let new = store.acquire_lease("new").unwrap();
    assert!(new.epoch > old.epoch);
    let changes = [Change::Account(account(1))];
    let batch = Batch { epoch: old.epoch, sequence: old.batch_sequence + 1, changes: &changes };
    match store.commit(&batch) {
        Err(StoreError::LeaseLost { held_epoch }) => assert_eq!(held_epoch, new.epoch),
        other => panic!("{other:?}"),
    }
    assert!(store.load().unwrap().accounts.is_empty());
    store.commit(&Batch { epoch: new.epoch, ..batch }).unwrap();
}

pub(super) fn a_new_lease_keeps_the_batch_sequence(store: &mut dyn Store, _: &dyn Reader) {
    let mut writing = Writing::new(store);
    writing.commit(&[Change::Account(account(1))]);
    writing.commit(&[Change::Account(account(2))]);
    let sequence = writing.sequence;
    assert_eq!(store.acquire_lease("next").unwrap().batch_sequence, sequence);
}

pub(super) fn a_batch_sent_again_is_not_written_again(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    let mut changes = vec![Change::Account(account(1)), ledger_account(1), ledger_account(-1)];
    changes.extend(payment(1, 1, 5_000_000));
    writing.commit(&changes);
    writing.sequence -= 1;
    writing.commit(&changes);
    let balances: Vec<_> = writing.load().ledger.iter().map(|(l, b)| (l.id.0, b.micros())).collect();
    assert_eq!(balances, [(-1, -5_000_000), (1, 5_000_000)]);
    assert_eq!(reader.payments(&PaymentFilter { limit: 9, ..Default::default() }).unwrap().len(), 1);
}

pub(super) fn a_batch_out_of_turn_is_refused(store: &mut dyn Store, _: &dyn Reader) {
    let mut writing = Writing::new(store);
    writing.commit(&[Change::Account(account(1))]);
    writing.commit(&[Change::Account(account(2))]);
    for wrong in [writing.sequence - 1, writing.sequence + 2] {
        let changes = [Change::Account(account(3))];
        let batch = Batch { epoch: writing.epoch, sequence: wrong, changes: &changes };
        assert!(matches!(writing.store.commit(&batch), Err(StoreError::Poisoned(_))), "{wrong}");
    }
    assert_eq!(writing.load().accounts.len(), 2);
}

pub(super) fn a_known_payment_key_rolls_the_whole_batch_back(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    let mut first = vec![ledger_account(1), ledger_account(-1)];
    first.extend(payment(1, 1, 5_000_000));
    writing.commit(&first);
    let before = writing.load();
    let [_, Change::Payment(known)] = payment(1, 1, 5_000_000) else { unreachable!() };
    let [second, _] = payment(2, 1, 7_000_000);
    let repeat = Change::Payment(Payment { transfer: TransferId(2), ..known });
    let result = writing.try_commit(&[Change::Account(account(1)), second, repeat]);
    assert!(matches!(result, Err(StoreError::Poisoned(_))), "{result:?}");
    let after = writing.load();
    assert_eq!(after.ledger, before.ledger);
    assert!(after.accounts.is_empty());
    assert_eq!(after.last_transfer, 1);
    assert_eq!(reader.check_books().unwrap(), Vec::<String>::new());
    writing.commit(&payment(3, 1, 7_000_000));
}

pub(super) fn a_batch_that_breaks_a_rule_is_poisoned_and_leaves_nothing(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    writing.commit(&[ledger_account(1), ledger_account(-1), Change::Account(account(1))]);
    writing.commit(&[Change::Transfer(transfer(1, -1, 1, i64::MAX))]);
    let before = writing.load();
    let same_contract = Account { contract: "1".into(), ..account(2) };
    let same_login = Subscriber { account: AccountId(1), ..subscriber(1) };
    let [_, unbooked] = payment(9, 1, 1);
    let bad: [(&str, Vec<Change>); 9] = [
        ("an amount of zero", vec![Change::Transfer(transfer(2, -1, 1, 0))]),
        ("a negative amount", vec![Change::Transfer(transfer(2, -1, 1, -1))]),
        ("both sides the same", vec![Change::Transfer(transfer(2, 1, 1, 1))]),
        ("a side that is not there", vec![Change::Transfer(transfer(2, 1, 99, 1))]),
        ("a known transfer", vec![Change::Transfer(transfer(1, -1, 1, 1))]),
        ("a balance out of range", vec![Change::Transfer(transfer(2, -1, 1, 1))]),
        ("a payment without transfer", vec![unbooked]),
        ("another's contract number", vec![Change::Account(same_contract)]),
        (
            "another's login",
            vec![
                Change::Subscriber(Box::new(same_login.clone())),
                Change::Subscriber(Box::new(Subscriber { id: SubscriberId(2), ..same_login })),
            ],
        ),
    ];
    for (what, mut changes) in bad {
        changes.insert(0, Change::Account(account(50)));
        let result = writing.try_commit(&changes);
        assert!(matches!(result, Err(StoreError::Poisoned(_))), "{what}: {result:?}");
    }
    let after = writing.load();
    assert_eq!((after.accounts, after.ledger), (before.accounts, before.ledger));
    assert!(after.subscribers.is_empty());
    assert_eq!(reader.transfers(AccountId(1), 9).unwrap().len(), 1);
}

pub(super) fn balances_are_the_sums_of_their_postings(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    writing.commit(&[ledger_account(-1), ledger_account(1), ledger_account(2)]);
    writing.commit(&[
        Change::Transfer(transfer(1, -1, 1, 10_000_000)),
        Change::Transfer(transfer(2, 1, 2, 3_000_001)),
        Change::Transfer(transfer(3, 1, -1, 10_000_000)),
    ]);
    // A ledger account written again keeps its balance.
    writing.commit(&[ledger_account(1), Change::Transfer(transfer(4, -1, 2, 1))]);
    let mut balances: Vec<_> = writing.load().ledger.iter().map(|(l, b)| (l.id.0, b.micros())).collect();
    balances.sort_unstable();
    assert_eq!(balances, [(-1, -1), (1, -3_000_001), (2, 3_000_002)]);
    assert_eq!(reader.check_books().unwrap(), Vec::<String>::new());
}

pub(super) fn a_payment_is_found_by_its_exact_key(store: &mut dyn Store, _: &dyn Reader) {
    let mut writing = Writing::new(store);
    let mut changes = vec![ledger_account(1), ledger_account(-1)];
    changes.extend(payment(1, 1, 5));
    changes.extend(payment(2, 1, 6));
    writing.commit(&changes);
    let key = |operator: &str, id: &str| PaymentKey { operator: operator.into(), id: id.into() };
    let asked = [key("osmp", "2"), key("osmp", "02"), key("OSMP", "1"), key("sber", "1"), key("osmp", ODD)];
    let found = writing.store.payments_by_key(&asked).unwrap();
    let [_, Change::Payment(expected)] = payment(2, 1, 6) else { unreachable!() };
    assert_eq!(found, [(asked[0].clone(), expected)].into());
    assert!(writing.store.payments_by_key(&[]).unwrap().is_empty());
    let mut second_way = writing.store.lookup().unwrap();
    assert_eq!(second_way.payments_by_key(&asked).unwrap(), found);
    writing.commit(&payment(3, 1, 7));
    assert_eq!(
        second_way.payments_by_key(&[key("osmp", "3")]).unwrap().len(),
        1,
        "it sees what is committed"
    );
}

pub(super) fn transfers_of_an_account_come_newest_first(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    writing.commit(&[ledger_account(-1), ledger_account(1), ledger_account(2)]);
    writing.commit(&[
        Change::Transfer(transfer(1, -1, 1, 1)),
        Change::Transfer(transfer(2, -1, 2, 1)),
        Change::Transfer(transfer(3, 1, -1, 1)),
        Change::Transfer(transfer(4, -1, 1, 1)),
    ]);
    let ids = |account, limit| {
        let transfers = reader.transfers(AccountId(account), limit).unwrap();
        transfers.iter().map(|t| t.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(1, 9), [4, 3, 1]);
    assert_eq!(ids(1, 2), [4, 3]);
    assert_eq!(ids(1, usize::MAX), [4, 3, 1]);
    assert_eq!(ids(1, 0), [0i64; 0]);
    assert_eq!(ids(3, 9), [0i64; 0]);
}

pub(super) fn payments_are_filtered_by_time_and_account(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    let mut changes = vec![ledger_account(1), ledger_account(2), ledger_account(-1)];
    for (id, account) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
        changes.extend(payment(id, account, 5));
    }
    writing.commit(&changes);
    let ids = |since: Option<i64>, account: Option<i64>, limit| {
        let since = since.map(Timestamp::from_seconds);
        let filter = PaymentFilter { since, account: account.map(AccountId), limit, ..Default::default() };
        reader.payments(&filter).unwrap().iter().map(|p| p.transfer.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, None, 9), [4, 3, 2, 1]);
    assert_eq!(ids(None, None, 2), [4, 3]);
    assert_eq!(ids(Some(3), None, 9), [4, 3]);
    assert_eq!(ids(None, Some(1), 9), [3, 1]);
    assert_eq!(ids(Some(2), Some(1), 9), [3]);
    assert_eq!(ids(Some(5), None, 9), [0i64; 0]);
}

pub(super) fn sessions_stay_when_closed_and_are_loaded_before_the_open_ones(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    writing.commit(&[Change::Session(session(1, Some(1))), Change::Session(session(2, Some(1)))]);
    let closed = Session { stopped: Some(Timestamp::from_seconds(99)), ..session(1, Some(1)) };
    writing.commit(&[Change::Session(closed.clone())]);
    assert_eq!(writing.load().sessions, [closed.clone(), session(2, Some(1))]);
    assert_eq!(reader.sessions(SubscriberId(1), 9).unwrap(), [session(2, Some(1)), closed]);
    assert_eq!(reader.sessions(SubscriberId(1), 1).unwrap(), [session(2, Some(1))]);
    assert!(reader.sessions(SubscriberId(2), 9).unwrap().is_empty());
    writing.commit(&[Change::Session(session(1, Some(1)))]);
    let loaded = writing.load().sessions;
    assert_eq!(loaded.len(), 2);
    assert!(loaded.iter().all(Session::is_open), "a closed session may be opened again");
}

pub(super) fn an_unknown_login_has_a_session_of_its_own(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    writing.commit(&[Change::Session(session(1, None))]);
    assert_eq!(writing.load().sessions, [session(1, None)]);
    writing.commit(&[Change::Session(session(1, Some(1)))]);
    assert_eq!(writing.load().sessions, [session(1, Some(1))]);
    assert_eq!(reader.sessions(SubscriberId(1), 9).unwrap(), [session(1, Some(1))]);
}
