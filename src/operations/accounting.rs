//! What an accounting program reads and writes: contracts, payments and acts, each with the code that it has there.
//!
//! Payments and acts are numbered together here, so that one number names one of them.

use super::money::store_trouble;
use super::{Caller, Operations};
use crate::engine::day_of;
use crate::model::*;
use crate::storage::PaymentFilter;
use crate::writer::Rejected;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// Contracts that one question gives at most.
const CARDS_MAX: usize = 1_000;
/// Contracts whose marks are looked at together.
const LOOKED_AT: usize = 5_000;
/// Payments of one contract that one question gives at most.
const PAYMENTS_MAX: usize = 10_000;
/// Acts are numbered from here on, payments by their transfers below it.
const ACTS_FROM: i64 = 1_000_000_000_000;
/// The payment operator of what an accounting program pushes.
pub const ACCOUNTING_OPERATOR: &str = "1c";

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountCard {
    pub id: i64,
    pub contract: String,
    pub name: String,
    pub kind: AccountKind,
    pub group: Option<i64>,
    pub phone: String,
    pub email: String,
    pub address: String,
    pub tax_id: String,
    pub balance: String,
    pub credit_limit: String,
    pub closed: bool,
    pub code1c: String,
    pub synced: bool,
}

/// Which contracts, in order of id.
#[derive(Clone, Debug, Default)]
pub struct AccountQuery {
    /// Of this group and those below it.
    pub group: Option<GroupId>,
    pub synced: Option<bool>,
    pub after: i64,
    pub limit: Option<usize>,
}

/// A payment or an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FinOperation {
    pub op_id: i64,
    pub kind: FinKind,
    pub account: i64,
    pub contract: String,
    pub time: String,
    pub sum: String,
    pub vat: String,
    /// Empty for an act.
    pub operator: String,
    pub pay_id: String,
    pub reversed: bool,
    /// Kinds of revenue with their sums; none for a payment.
    pub lines: Vec<(String, String)>,
    pub code1c: String,
    pub synced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FinKind {
    Payment,
    Act,
}

/// Which operations of a contract: payments by their day, acts by the last day of their month.
#[derive(Clone, Debug)]
pub struct FinQuery {
    pub account: AccountId,
    /// None: both.
    pub kind: Option<FinKind>,
    pub from: Option<Day>,
    /// In it.
    pub to: Option<Day>,
    pub synced: Option<bool>,
}

/// A contract to be made for somebody whom an accounting program knows.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub code1c: String,
    pub name: String,
    /// None: made of the code.
    pub contract: Option<String>,
    pub group: Option<GroupId>,
}

impl Operations {
    /// Contracts with their codes. Blocks on the store.
    pub fn account_cards(&self, query: &AccountQuery) -> Result<Vec<AccountCard>, Rejected> {
        let limit = query.limit.unwrap_or(CARDS_MAX).min(CARDS_MAX);
        let mut found = Vec::new();
        for accounts in self.chosen(query)?.chunks(LOOKED_AT) {
            let cards = self.cards(accounts)?;
            found.extend(
                cards.into_iter().filter(|card| query.synced.is_none_or(|wanted| wanted == card.synced)),
            );
            if found.len() >= limit {
                found.truncate(limit);
                break;
            }
        }
        Ok(found)
    }

    /// These contracts with their codes. Blocks on the store.
    pub fn cards(&self, accounts: &[(Arc<Account>, Money)]) -> Result<Vec<AccountCard>, Rejected> {
        let ids: Vec<i64> = accounts.iter().map(|(account, _)| account.id.0).collect();
        let marks = self.marks(SyncKind::Account, &ids)?;
        let synced = |id: AccountId| marks.get(&id.0).is_some_and(|mark| mark.synced);
        Ok(accounts
            .iter()
            .map(|(account, balance)| self.card(account, *balance, synced(account.id)))
            .collect())
    }

    /// Contracts with their balances in order of id: all, or the one of this id or number.
    pub fn accounts_in_order(
        &self,
        id: Option<AccountId>,
        contract: Option<&str>,
    ) -> Vec<(Arc<Account>, Money)> {
        let inner = self.directory.read();
        let one = match (id, contract) {
            (None, None) => {
                let all = inner.accounts().map(|(account, balance)| (Arc::clone(account), balance));
                let mut all: Vec<_> = all.collect();
                drop(inner);
                all.sort_unstable_by_key(|(account, _)| account.id);
                return all;
            }
            (Some(id), _) => inner.account(id).map(|(account, balance, _)| (Arc::clone(account), balance)),
            (None, Some(contract)) => {
                let found = inner.find_payer(contract).ok();
                found
                    .filter(|found| found.account.contract == contract)
                    .map(|found| (found.account, found.balance))
            }
        };
        one.into_iter().collect()
    }

    fn chosen(&self, query: &AccountQuery) -> Result<Vec<(Arc<Account>, Money)>, Refusal> {
        let inner = self.directory.read();
        if let Some(group) = query.group.filter(|group| inner.group(*group).is_none()) {
            return Err(Refusal::new("group-not-found", format!("there is no group {group}")));
        }
        let wanted = |account: &Account| {
            account.id.0 > query.after
                && query.group.is_none_or(|group| inner.is_within(account.group, group))
        };
        let accounts = inner.accounts().filter(|(account, _)| wanted(account));
        let mut chosen: Vec<_> = accounts.map(|(account, balance)| (Arc::clone(account), balance)).collect();
        drop(inner);
        chosen.sort_unstable_by_key(|(account, _)| account.id);
        Ok(chosen)
    }

    /// One contract. Blocks on the store.
    ///
    /// # Errors
    /// `account-not-found`.
    pub fn account_card(&self, id: AccountId) -> Result<AccountCard, Rejected> {
        let (account, balance) = self.account_of(id)?;
        let marks = self.marks(SyncKind::Account, &[id.0])?;
        Ok(self.card(&account, balance, marks.get(&id.0).is_some_and(|mark| mark.synced)))
    }

    fn account_of(&self, id: AccountId) -> Result<(Arc<Account>, Money), Refusal> {
        let inner = self.directory.read();
        let found = inner.account(id).map(|(account, balance, _)| (Arc::clone(account), balance));
        found.ok_or_else(|| Refusal::new("account-not-found", format!("Абонент не найден! ({id})")))
    }

    fn card(&self, account: &Account, balance: Money, synced: bool) -> AccountCard {
        AccountCard {
            id: account.id.0,
            contract: account.contract.clone(),
            name: account.name.clone(),
            kind: account.kind,
            group: account.group.map(|group| group.0),
            phone: account.phone.clone(),
            email: account.email.clone(),
            address: account.address.clone(),
            tax_id: account.tax_id.clone(),
            balance: self.money(balance),
            credit_limit: self.money(account.credit_limit),
            closed: account.closed,
            code1c: account.code1c.clone(),
            synced,
        }
    }

    fn marks(&self, kind: SyncKind, ids: &[i64]) -> Result<HashMap<i64, SyncMark>, Rejected> {
        let marks = self.reader.sync_marks(kind, ids).map_err(store_trouble)?;
        Ok(marks.into_iter().map(|mark| (mark.id, mark)).collect())
    }

    /// Payments and acts of a contract, oldest first. Blocks on the store.
    pub fn fin_operations(&self, query: &FinQuery) -> Result<Vec<FinOperation>, Rejected> {
        let (account, _) = self.account_of(query.account)?;
        let mut found = Vec::new();
        if query.kind != Some(FinKind::Act) {
            found.extend(self.payments_in(query)?);
        }
        if query.kind != Some(FinKind::Payment) {
            found.extend(self.acts_in(query, &account)?);
        }
        found.retain(|operation| query.synced.is_none_or(|wanted| wanted == operation.synced));
        found.sort_by(|a, b| (&a.time, a.op_id).cmp(&(&b.time, b.op_id)));
        Ok(found)
    }

    fn payments_in(&self, query: &FinQuery) -> Result<Vec<FinOperation>, Rejected> {
        let zone = &self.settings.time_zone;
        let filter = PaymentFilter {
            since: query.from.map(|day| crate::engine::midnight(day, zone)),
            until: query.to.map(|day| crate::engine::midnight(day.next(), zone)),
            account: Some(query.account),
            operator: None,
            sum_from: None,
            sum_to: None,
            reversed: None,
            after: None,
            limit: PAYMENTS_MAX,
        };
        let payments = self.reader.payments(&filter).map_err(store_trouble)?;
        let ids: Vec<i64> = payments.iter().map(|payment| payment.transfer.0).collect();
        let marks = self.marks(SyncKind::Payment, &ids)?;
        Ok(payments.into_iter().map(|payment| self.of_payment(payment, &marks)).collect())
    }

    fn of_payment(&self, payment: Payment, marks: &HashMap<i64, SyncMark>) -> FinOperation {
        let mark = marks.get(&payment.transfer.0);
        FinOperation {
            op_id: payment.transfer.0,
            kind: FinKind::Payment,
            account: payment.account.0,
            contract: payment.contract,
            time: self.time(payment.time),
            sum: self.money(payment.sum),
            vat: self.money(Money::ZERO),
            operator: payment.key.operator,
            pay_id: payment.key.id,
            reversed: payment.reversed,
            lines: Vec::new(),
            code1c: mark.map(|mark| mark.code1c.clone()).unwrap_or_default(),
            synced: mark.is_some_and(|mark| mark.synced),
        }
    }

    fn acts_in(&self, query: &FinQuery, account: &Account) -> Result<Vec<FinOperation>, Rejected> {
        let books = self.reader.books().map_err(store_trouble)?;
        let (Some(first), Some(last)) = (books.closings.first(), books.closings.last()) else {
            return Ok(Vec::new());
        };
        let from = query.from.map_or(first.month, |day| day.month().max(first.month));
        let to = query.to.map_or(last.month, |day| day.month().min(last.month));
        if to < from {
            return Ok(Vec::new());
        }
        let within = |act: &Act| {
            let day = act.month.last_day();
            query.from.is_none_or(|from| day >= from) && query.to.is_none_or(|to| day <= to)
        };
        let mut acts = self.reader.acts_of(account.id, from, to).map_err(store_trouble)?;
        acts.retain(within);
        let ids: Vec<i64> = acts.iter().map(|act| act.number).collect();
        let marks = self.marks(SyncKind::Act, &ids)?;
        Ok(acts.into_iter().map(|act| self.of_act(act, &account.contract, &marks)).collect())
    }

    fn of_act(&self, act: Act, contract: &str, marks: &HashMap<i64, SyncMark>) -> FinOperation {
        let mark = marks.get(&act.number);
        let line = |line: ActLine| (line.name, self.money(line.sum));
        FinOperation {
            op_id: ACTS_FROM.saturating_add(act.number),
            kind: FinKind::Act,
            account: act.account.0,
            contract: contract.to_owned(),
            time: format!("{} 23:59:59", act.month.last_day()),
            sum: self.money(act.sum),
            vat: self.money(act.vat),
            operator: String::new(),
            pay_id: String::new(),
            reversed: false,
            lines: act.lines.into_iter().map(line).collect(),
            code1c: mark.map(|mark| mark.code1c.clone()).unwrap_or_default(),
            synced: mark.is_some_and(|mark| mark.synced),
        }
    }

    /// One payment or act. Blocks on the store.
    ///
    /// # Errors
    /// `operation-not-found`.
    pub fn fin_operation(&self, op_id: i64) -> Result<FinOperation, Rejected> {
        let missing = || {
            let text = format!("Финансовая операция не найдена! ({op_id})");
            Rejected::Refused(Refusal::new("operation-not-found", text))
        };
        let (kind, id) = numbered(op_id);
        let marks = self.marks(kind, &[id])?;
        if kind == SyncKind::Payment {
            let payment = self.reader.payment(TransferId(id)).map_err(store_trouble)?;
            return payment.map(|payment| self.of_payment(payment, &marks)).ok_or_else(missing);
        }
        let act = self.reader.act(id).map_err(store_trouble)?.ok_or_else(missing)?;
        let (account, _) = self.account_of(act.account)?;
        Ok(self.of_act(act, &account.contract, &marks))
    }

    /// The flags of one contract; a code that is not given stays.
    pub async fn mark_account(
        &self,
        id: AccountId,
        code1c: Option<&str>,
        synced: bool,
        caller: impl Into<Caller>,
    ) -> Result<(), Rejected> {
        let known = self.account_of(id)?.0.code1c.clone();
        let code1c = code1c.map_or(known, str::to_owned);
        self.mark_synced(SyncMark { kind: SyncKind::Account, id: id.0, code1c, synced }, caller).await
    }

    /// The flags of one payment or act that exists.
    pub async fn mark_operation(
        &self,
        op_id: i64,
        code1c: &str,
        synced: bool,
        caller: impl Into<Caller>,
    ) -> Result<(), Rejected> {
        let (kind, id) = numbered(op_id);
        self.mark_synced(SyncMark { kind, id, code1c: code1c.to_owned(), synced }, caller).await
    }

    /// Makes a contract for somebody whom an accounting program knows; one with that code is given as it is.
    pub async fn create_account(
        &self,
        new: &NewAccount,
        caller: impl Into<Caller>,
    ) -> Result<AccountId, Rejected> {
        let known = {
            let inner = self.directory.read();
            inner.accounts().filter(|(a, _)| a.code1c == new.code1c).map(|(a, _)| a.id).min()
        };
        if let Some(id) = known {
            return Ok(id);
        }
        let contract = self.free_contract(new)?;
        let group = match new.group {
            Some(id) => Some(self.group_name(id)?),
            None => None,
        };
        let row = AccountRow {
            contract: contract.clone(),
            name: Some(new.name.clone()),
            code1c: Some(new.code1c.clone()),
            group,
            ..AccountRow::default()
        };
        let file = DataFile { account: vec![row], ..DataFile::default() };
        self.load(file, LoadOptions::default(), caller).await?;
        Ok(self.who(&contract)?.account.id)
    }

    /// Two requests for one code at once come to the same contract, and so make one.
    fn free_contract(&self, new: &NewAccount) -> Result<String, Refusal> {
        let inner = self.directory.read();
        if let Some(given) = &new.contract {
            return match inner.find_payer(given) {
                Err(_) => Ok(given.clone()),
                Ok(_) => Err(Refusal::new("contract-taken", format!("the contract {given:?} is another's"))),
            };
        }
        let plain = |c: char| if c.is_whitespace() || c.is_control() { '-' } else { c };
        let code: String = new.code1c.chars().map(plain).collect();
        let candidates = [code.clone(), format!("1c-{code}")];
        let free = candidates.into_iter().find(|contract| inner.find_payer(contract).is_err());
        free.ok_or_else(|| Refusal::new("contract-taken", format!("the contract {code:?} is another's")))
    }

    fn group_name(&self, id: GroupId) -> Result<String, Refusal> {
        let inner = self.directory.read();
        let found = inner.group(id).map(|group| group.name.clone());
        found.ok_or_else(|| Refusal::new("group-not-found", format!("there is no group {id}")))
    }

    /// The payment that an accounting program has pushed under this code. Blocks on the store.
    pub fn pushed_payment(&self, code1c: &str) -> Result<Option<i64>, Rejected> {
        let mark = self.reader.sync_mark_of_code(SyncKind::Payment, code1c).map_err(store_trouble)?;
        Ok(mark.map(|mark| mark.id))
    }

    /// All recurring services that are sold. Blocks on the store.
    pub fn services(&self) -> Result<Vec<Service>, Rejected> {
        self.reader.services().map_err(store_trouble)
    }

    /// All plans. Blocks on the store.
    pub fn plans(&self) -> Result<Vec<Plan>, Rejected> {
        self.reader.plans().map_err(store_trouble)
    }

    /// The day of a contract's first posting. Blocks on the store.
    pub fn first_posting_day(&self, account: AccountId) -> Result<Option<Day>, Rejected> {
        let all = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));
        let found = self.reader.postings(account, all.0, all.1, 1).map_err(store_trouble)?;
        Ok(found.postings.first().map(|posting| day_of(posting.time, &self.settings.time_zone)))
    }
}

/// What a number names.
fn numbered(op_id: i64) -> (SyncKind, i64) {
    match op_id.checked_sub(ACTS_FROM).filter(|number| *number > 0) {
        Some(number) => (SyncKind::Act, number),
        None => (SyncKind::Payment, op_id),
    }
}
