//! What every back end must do, as functions over an empty store; each back end runs the whole list.

mod billing;

pub(super) use billing::*;

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
            payments_are_filtered_by_time_and_account,
            sessions_stay_when_closed_and_are_loaded_before_the_open_ones,
            an_unknown_login_has_a_session_of_its_own,
            billing_objects_come_back_as_they_were_written,
            a_transfer_is_found_by_its_id_with_its_reversal,
            a_second_reversal_is_refused,
            answers_are_found_by_their_keys_until_they_are_forgotten,
            an_account_has_one_act_of_a_month,
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

fn odd_account() -> Account {
    Account {
        kind: AccountKind::Company,
        contract: "договор № 7/ё".into(),
        name: ODD.into(),
        group: Some(GroupId(5)),
        phone: "+7 900".into(),
        voip_subjects: vec!["с пробелом".into(), String::new(), ODD.into()],
        credit_limit: Money::from_micros(i64::MIN),
        credit_until: Some(Timestamp::from_micros(-1)),
        closed: true,
        ..account(7)
    }
}

fn odd_terms() -> SubscriberTerms {
    let day = Day::from_number(20_549);
    SubscriberTerms {
        services: vec![SubscribedService { name: ODD.into(), from: day, until: Some(day.next()) }],
        discount: Some(Discount { basis_points: 10_000, until: None }),
        pause: Some(Pause { from: day, to: day.plus(9) }),
        pause_days: vec![(2026, 10)],
        next_plan: Some((PlanId(7), day)),
    }
}

fn odd_subscribers() -> Vec<Subscriber> {
    let full = Subscriber {
        login: "ёжик".into(),
        password: Password::Clear(SecretText::new(ODD)),
        account: AccountId(7),
        name: ODD.into(),
        group: Some(GroupId(5)),
        plan: Some(PlanId(i64::MAX)),
        nas: Some(NasId(3)),
        access: AccessMethod::Ipoe,
        addresses: vec!["2001:db8::1".parse().unwrap(), "10.9.0.2".parse().unwrap()],
        pool: Some(PoolId(2)),
        ipv6_prefix: Some("2001:db8:1::5/56".parse().unwrap()),
        mac: Some(Mac([2, 0, 0, 0, 0, 0xff])),
        circuit_id: ODD.into(),
        snat: Some("198.51.100.7".parse().unwrap()),
        routes: vec!["192.168.1.7/24".parse().unwrap(), "2001:db8:2::/48".parse().unwrap()],
        sessions_max: u32::MAX,
        block: Some(Block {
            reason: ODD.into(),
            since: Timestamp::from_micros(i64::MIN),
            by: "cli:root".into(),
        }),
        valid_from: Some(Timestamp::from_micros(0)),
        valid_until: Some(Timestamp::from_micros(i64::MAX)),
        code1c: "00-0001".into(),
        terms: odd_terms(),
        ..subscriber(10)
    };
    let with =
        |id, access, password| Subscriber { account: AccountId(7), access, password, ..subscriber(id) };
    vec![
        full,
        with(11, AccessMethod::Static, Password::None),
        with(12, AccessMethod::Radius, Password::NtHash(SecretText::new("8846f7eaee8fb117ad06bdd830b7586c"))),
        with(13, AccessMethod::Radius, Password::Crypt(SecretText::new("$6$salt$hash"))),
        with(14, AccessMethod::Radius, Password::Clear(SecretText::new(""))),
    ]
}

fn odd_plan() -> Plan {
    let bandwidth = |n| Bandwidth { rate: n, ceil: n + 1, burst: n + 2, cburst: n + 3 };
    Plan {
        id: PlanId(i64::MAX),
        name: "Домашний 20".into(),
        fee: Price::from_nanos(300_000_000_001),
        period: Period::None,
        charge: Charge::Period,
        on_shortage: OnShortage::Debt,
        shape: Shape { download: bandwidth(-1), upload: bandwidth(i32::MAX - 3) },
        mikrotik_burst: MikrotikBurst { rate_in: 1, threshold_in: 2, rate_out: 3, threshold_out: 4, time: 5 },
        usage: UsagePrices {
            traffic_in: Price::from_nanos(6),
            included_in: u64::MAX,
            traffic_out: Price::from_nanos(7),
            included_out: 8,
            session_hour: Price::from_nanos(i64::MAX),
        },
        timed: vec![TimedShape {
            when: TimeTable { days: [true, false, true, false, true, false, true], from: 1380, to: 420 },
            shape: Shape { download: bandwidth(5), upload: bandwidth(9) },
        }],
        quota: Some(Quota { mib: u64::MAX, shape: Shape::default() }),
    }
}

fn odd_nas(id: i64, address: &str, vendor: Vendor) -> Nas {
    Nas {
        id: NasId(id),
        name: format!("bras{id}"),
        address: address.parse().unwrap(),
        secret: SecretText::new("тайна"),
        vendor,
        coa_port: u16::MAX,
        sends_message_authenticator: true,
        pool: Some(PoolId(2)),
    }
}

fn odd_session() -> Session {
    let most = Usage { download_octets: u64::MAX, upload_octets: u64::MAX - 1 };
    Session {
        key: SessionKey { nas: NasId(-3), acct_session_id: ODD.into(), login: "ёжик".into() },
        nas_address: "2001:db8::9".parse().unwrap(),
        terminate_cause: u32::MAX,
        session_seconds: u32::MAX,
        framed_ip: None,
        ipv6_prefixes: vec!["2001:db8:1::5/56".parse().unwrap(), "::/0".parse().unwrap()],
        mac: Some(Mac([0xff; 6])),
        calling_station_id: ODD.into(),
        nas_port_id: "ge-0/0/1.100".into(),
        usage: most,
        usage_before_reset: most,
        ..session(1, Some(10))
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
        let filter = PaymentFilter { since, account: account.map(AccountId), limit };
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
