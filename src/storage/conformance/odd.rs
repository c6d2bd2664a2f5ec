//! Objects at the edges of what their types hold.

use super::*;

pub(super) fn odd_account() -> Account {
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

pub(super) fn odd_terms() -> SubscriberTerms {
    let day = Day::from_number(20_549);
    SubscriberTerms {
        services: vec![SubscribedService { name: ODD.into(), from: day, until: Some(day.next()) }],
        discount: Some(Discount { basis_points: 10_000, until: None }),
        pause: Some(Pause { from: day, to: day.plus(9) }),
        pause_days: vec![(2026, 10)],
        next_plan: Some((PlanId(7), day)),
    }
}

pub(super) fn odd_subscribers() -> Vec<Subscriber> {
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

pub(super) fn odd_plan() -> Plan {
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

pub(super) fn odd_nas(id: i64, address: &str, vendor: Vendor) -> Nas {
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

pub(super) fn odd_session() -> Session {
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
