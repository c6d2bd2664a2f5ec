//! Rows as objects of the model. Columns are taken in the order of `tables.rs`.

use super::super::StoreError;
use super::super::vault::{Place, Vault};
use super::super::words::Word;
use super::tables;
use super::write::{password_column, password_place};
use crate::model::*;
use rusqlite::types::{FromSql, Type};
use rusqlite::{Connection, Error, Params, Result, Row};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// Runs a query and makes an object of each row.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    object: impl Fn(&mut Columns<'_>) -> Result<T>,
) -> std::result::Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut objects = Vec::new();
    while let Some(row) = rows.next()? {
        objects.push(object(&mut Columns::of(row))?);
    }
    Ok(objects)
}

/// The columns of a row, from left to right.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub fn of(row: &'r Row<'r>) -> Columns<'r> {
        Columns { row, next: 0 }
    }

    pub fn value<T: FromSql>(&mut self) -> Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    /// An unsigned 64-bit pattern.
    pub fn unsigned(&mut self) -> Result<u64> {
        Ok(self.value::<i64>()?.cast_unsigned())
    }

    pub fn money(&mut self) -> Result<Money> {
        Ok(Money::from_micros(self.value()?))
    }

    fn price(&mut self) -> Result<Price> {
        Ok(Price::from_nanos(self.value()?))
    }

    pub fn time(&mut self) -> Result<Timestamp> {
        Ok(Timestamp::from_micros(self.value()?))
    }

    pub fn optional_time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.value::<Option<i64>>()?.map(Timestamp::from_micros))
    }

    fn optional_id<T>(&mut self, id: fn(i64) -> T) -> Result<Option<T>> {
        Ok(self.value::<Option<i64>>()?.map(id))
    }

    pub fn word<T: Word>(&mut self) -> Result<T> {
        let at = self.next;
        let text = self.text_ref()?;
        T::from_word(text).ok_or_else(|| unreadable(at, text))
    }

    pub fn parsed<T: FromStr>(&mut self) -> Result<T> {
        let at = self.next;
        let text = self.text_ref()?;
        text.parse().map_err(|_| unreadable(at, text))
    }

    fn optional_parsed<T: FromStr>(&mut self) -> Result<Option<T>> {
        let at = self.next;
        let text: Option<&str> = self.optional_text_ref()?;
        text.map(|text| text.parse().map_err(|_| unreadable(at, text))).transpose()
    }

    /// A list of values separated by spaces.
    fn list<T: FromStr>(&mut self) -> Result<Vec<T>> {
        let at = self.next;
        let text = self.text_ref()?;
        text.split_ascii_whitespace().map(|part| part.parse().map_err(|_| unreadable(at, part))).collect()
    }

    /// A value of the model, kept as JSON.
    fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let at = self.next;
        let text = self.text_ref()?;
        serde_json::from_str(text).map_err(|_| unreadable(at, text))
    }

    fn text_ref(&mut self) -> Result<&str> {
        self.next += 1;
        let at = self.next - 1;
        self.row.get_ref(at)?.as_str().map_err(|e| Error::FromSqlConversionFailure(at, Type::Text, e.into()))
    }

    fn optional_text_ref(&mut self) -> Result<Option<&str>> {
        self.next += 1;
        let at = self.next - 1;
        let value = self.row.get_ref(at)?;
        value.as_str_or_null().map_err(|e| Error::FromSqlConversionFailure(at, Type::Text, e.into()))
    }
}

fn unreadable(column: usize, text: &str) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, format!("{text:?} is not known here").into())
}

fn not_opened(what: &str, id: i64) -> Error {
    let text = format!("the secret of {what} {id} does not open with the store's key");
    Error::FromSqlConversionFailure(0, Type::Blob, text.into())
}

pub(super) fn group(c: &mut Columns<'_>) -> Result<Group> {
    Ok(Group { id: GroupId(c.value()?), name: c.value()?, parent: c.optional_id(GroupId)? })
}

pub(super) fn plan(c: &mut Columns<'_>) -> Result<Plan> {
    Ok(Plan {
        id: PlanId(c.value()?),
        name: c.value()?,
        fee: c.price()?,
        period: c.word()?,
        charge: c.word()?,
        on_shortage: c.word()?,
        shape: Shape { download: bandwidth(c)?, upload: bandwidth(c)? },
        mikrotik_burst: MikrotikBurst {
            rate_in: c.value()?,
            threshold_in: c.value()?,
            rate_out: c.value()?,
            threshold_out: c.value()?,
            time: c.value()?,
        },
        usage: UsagePrices {
            traffic_in: c.price()?,
            included_in: c.unsigned()?,
            traffic_out: c.price()?,
            included_out: c.unsigned()?,
            session_hour: c.price()?,
        },
        timed: c.json()?,
        quota: c.json()?,
    })
}

fn bandwidth(c: &mut Columns<'_>) -> Result<Bandwidth> {
    Ok(Bandwidth { rate: c.value()?, ceil: c.value()?, burst: c.value()?, cburst: c.value()? })
}

pub(super) fn pool(c: &mut Columns<'_>) -> Result<Pool> {
    Ok(Pool { id: PoolId(c.value()?), name: c.value()?, prefixes: c.list()? })
}

pub(super) fn nas(c: &mut Columns<'_>, vault: &Vault) -> Result<Nas> {
    let id = c.value()?;
    let (name, address, sealed) = (c.value()?, c.parsed()?, c.value::<Vec<u8>>()?);
    let place = Place { table: tables::NAS.name, id, column: "secret" };
    let secret = vault.unseal(place, &sealed).ok_or_else(|| not_opened("NAS", id))?;
    Ok(Nas {
        id: NasId(id),
        name,
        address,
        secret: SecretText::new(secret.as_str()),
        vendor: c.word()?,
        coa_port: c.value()?,
        pool: c.optional_id(PoolId)?,
        sends_message_authenticator: c.value()?,
    })
}

pub(super) fn role(c: &mut Columns<'_>) -> Result<Role> {
    Ok(Role { id: RoleId(c.value()?), name: c.value()?, rights: c.parsed()? })
}

pub(super) fn staff(c: &mut Columns<'_>, vault: &Vault) -> Result<Staff> {
    let id = c.value()?;
    Ok(Staff {
        id: StaffId(id),
        login: c.value()?,
        name: c.value()?,
        kind: c.word()?,
        role: RoleId(c.value()?),
        company: c.optional_id(GroupId)?,
        password: match c.value::<Option<Vec<u8>>>()? {
            None => SecretText::default(),
            Some(sealed) => {
                let opened = vault.unseal(password_place(id), &sealed);
                SecretText::new(opened.ok_or_else(|| not_opened("operator", id))?.as_str())
            }
        },
        disabled: c.value()?,
        created: c.time()?,
    })
}

pub(super) fn api_key(c: &mut Columns<'_>) -> Result<ApiKey> {
    Ok(ApiKey {
        id: ApiKeyId(c.value()?),
        staff: StaffId(c.value()?),
        name: c.value()?,
        hash: SecretHash(c.value()?),
        rights: c.parsed()?,
        expires: c.optional_time()?,
        created: c.time()?,
    })
}

pub(super) fn staff_session(c: &mut Columns<'_>) -> Result<StaffSession> {
    Ok(StaffSession {
        hash: SecretHash(c.value()?),
        staff: StaffId(c.value()?),
        opened: c.time()?,
        expires: c.time()?,
    })
}

pub(super) fn account(c: &mut Columns<'_>) -> Result<Account> {
    Ok(Account {
        id: AccountId(c.value()?),
        contract: c.value()?,
        name: c.value()?,
        kind: c.word()?,
        group: c.optional_id(GroupId)?,
        phone: c.value()?,
        email: c.value()?,
        address: c.value()?,
        tax_id: c.value()?,
        code1c: c.value()?,
        voip_subjects: c.json()?,
        credit_limit: c.money()?,
        credit_until: c.optional_time()?,
        closed: c.value()?,
    })
}

pub(super) fn subscriber(c: &mut Columns<'_>, vault: &Vault) -> Result<Subscriber> {
    let id = c.value()?;
    Ok(Subscriber {
        id: SubscriberId(id),
        login: c.value()?,
        password: password(c, vault, id)?,
        account: AccountId(c.value()?),
        name: c.value()?,
        group: c.optional_id(GroupId)?,
        plan: c.optional_id(PlanId)?,
        nas: c.optional_id(NasId)?,
        access: c.word()?,
        addresses: c.list()?,
        pool: c.optional_id(PoolId)?,
        ipv6_prefix: c.optional_parsed()?,
        mac: c.optional_parsed()?,
        circuit_id: c.value()?,
        snat: c.optional_parsed()?,
        routes: c.list()?,
        sessions_max: c.value()?,
        block: block(c)?,
        valid_from: c.optional_time()?,
        valid_until: c.optional_time()?,
        code1c: c.value()?,
        terms: c.json()?,
    })
}

fn password(c: &mut Columns<'_>, vault: &Vault, id: i64) -> Result<Password> {
    let at = c.next;
    let kind: String = c.value()?;
    let sealed: Option<Vec<u8>> = c.value()?;
    let make = match kind.as_str() {
        "none" => return Ok(Password::None),
        "clear" => Password::Clear,
        "nt-hash" => Password::NtHash,
        "crypt" => Password::Crypt,
        other => return Err(unreadable(at, other)),
    };
    let place = Place { table: tables::SUBSCRIBER.name, id, column: &password_column(&kind) };
    let secret = sealed.and_then(|sealed| vault.unseal(place, &sealed));
    let secret = secret.ok_or_else(|| not_opened("subscriber", id))?;
    Ok(make(SecretText::new(secret.as_str())))
}

fn block(c: &mut Columns<'_>) -> Result<Option<Block>> {
    let reason: Option<String> = c.value()?;
    let (since, by) = (c.optional_time()?, c.value::<Option<String>>()?);
    Ok(reason.map(|reason| Block { reason, since: since.unwrap_or_default(), by: by.unwrap_or_default() }))
}

/// With the balance as the last column.
pub(super) fn ledger_account(c: &mut Columns<'_>) -> Result<(LedgerAccount, Money)> {
    let account =
        LedgerAccount { id: AccountId(c.value()?), kind: c.word()?, asset: c.word()?, name: c.value()? };
    Ok((account, c.money()?))
}

pub(super) fn transfer(c: &mut Columns<'_>) -> Result<Transfer> {
    Ok(Transfer {
        id: TransferId(c.value()?),
        debit: AccountId(c.value()?),
        credit: AccountId(c.value()?),
        amount: c.money()?,
        kind: c.word()?,
        reference: c.value()?,
        text: c.value()?,
        time: c.time()?,
        by: c.value()?,
        balance_after: c.money()?,
        day: c.value::<Option<i32>>()?.map(Day::from_number),
        reverses: c.optional_id(TransferId)?,
    })
}

pub(super) fn payment(c: &mut Columns<'_>) -> Result<Payment> {
    Ok(Payment {
        key: PaymentKey { operator: c.value()?, id: c.value()? },
        transfer: TransferId(c.value()?),
        account: AccountId(c.value()?),
        contract: c.value()?,
        who: c.value()?,
        sum: c.money()?,
        operator_date: c.value()?,
        time: c.time()?,
        balance_after: c.money()?,
        reversed: c.value()?,
    })
}

pub(super) fn session(c: &mut Columns<'_>) -> Result<Session> {
    Ok(Session {
        key: SessionKey { nas: NasId(c.value()?), acct_session_id: c.value()?, login: c.value()? },
        subscriber: c.optional_id(SubscriberId)?,
        nas_address: c.parsed()?,
        started: c.time()?,
        updated: c.time()?,
        stopped: c.optional_time()?,
        terminate_cause: c.value()?,
        session_seconds: c.value()?,
        framed_ip: c.optional_parsed()?,
        ipv6_prefixes: c.list()?,
        mac: c.optional_parsed()?,
        calling_station_id: c.value()?,
        nas_port_id: c.value()?,
        usage: usage(c)?,
        usage_before_reset: usage(c)?,
    })
}

fn usage(c: &mut Columns<'_>) -> Result<Usage> {
    Ok(Usage { download_octets: c.unsigned()?, upload_octets: c.unsigned()? })
}

pub(super) fn pool_grant(c: &mut Columns<'_>) -> Result<PoolGrant> {
    let (pool, address) = (PoolId(c.value()?), c.parsed()?);
    Ok(PoolGrant { pool, address, subscriber: SubscriberId(c.value()?), at: c.time()? })
}

pub(super) fn fee_state(c: &mut Columns<'_>) -> Result<FeeState> {
    Ok(FeeState {
        subscriber: SubscriberId(c.value()?),
        decided: Day::from_number(c.value()?),
        plan_through: Day::from_number(c.value()?),
        services_through: c.json()?,
        due: c.money()?,
        due_cut_at: c.optional_time()?,
    })
}

pub(super) fn meter(c: &mut Columns<'_>) -> Result<Meter> {
    let subscriber = SubscriberId(c.value()?);
    let key = MeterKey { subscriber, service: c.word()?, month: Month::from_number(c.value()?) };
    Ok(Meter {
        key,
        used: c.unsigned()?,
        before: c.unsigned()?,
        covered: c.unsigned()?,
        charged: c.money()?,
        price: c.price()?,
        included: c.unsigned()?,
    })
}

pub(super) fn rating_document(c: &mut Columns<'_>) -> Result<RatingDocument> {
    Ok(RatingDocument { name: c.value()?, body: c.value()? })
}

pub(super) fn payment_order(c: &mut Columns<'_>) -> Result<PaymentOrder> {
    Ok(PaymentOrder {
        key: PaymentKey { operator: c.value()?, id: c.value()? },
        number: c.value()?,
        account: AccountId(c.value()?),
        contract: c.value()?,
        sum: c.money()?,
        made: c.time()?,
    })
}

pub(super) fn sync_mark(c: &mut Columns<'_>) -> Result<SyncMark> {
    Ok(SyncMark { kind: c.word()?, id: c.value()?, code1c: c.value()?, synced: c.value()? })
}

pub(super) fn act(c: &mut Columns<'_>) -> Result<Act> {
    Ok(Act {
        number: c.value()?,
        month: Month::from_number(c.value()?),
        account: AccountId(c.value()?),
        lines: c.json()?,
        sum: c.money()?,
        vat: c.money()?,
        made: c.time()?,
    })
}

/// The only column is a value of the model.
pub(super) fn body<T: DeserializeOwned>(c: &mut Columns<'_>) -> Result<T> {
    c.json()
}
