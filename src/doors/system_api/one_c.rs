//! `context=api_1c`: the exchange with 1C (facts on the api_1c context).
//!
//! Bare values of the shape `{"pk":..., "model":..., "fields":{...}}`, alone or in a list. Each contract, payment and act
//! has two flags: `code1c`, its code in 1C, and `sync1c`, whether 1C has taken it over. 1C asks for what is not
//! synchronised, takes it over and confirms each by itself.

use super::SystemApi;
use super::arguments::Fields;
use crate::directory::Entry;
use crate::doors::http::Response;
use crate::model::*;
use crate::operations::{
    ACCOUNTING_OPERATOR, AccountCard, AccountQuery, FinKind, FinOperation, FinQuery, NewAccount, PaymentInput,
};
use crate::writer::Rejected;
use serde_json::{Value, json};
use std::sync::Arc;

/// What 1C's own clients take for "nothing".
const NULL: &str = "NULL";
/// `op_type` of what comes in, and of acts.
const INCOME: i64 = 1;
const ACT: i64 = 2;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OneC {
    Accounts,
    Attributes,
    Users,
    Balance,
    Create,
    SyncAccount,
    Operations,
    Operation,
    SyncOperation,
}

impl SystemApi {
    pub(super) async fn one_c(&self, task: OneC, fields: &Fields) -> Result<Response, Rejected> {
        let value = match task {
            OneC::Accounts => self.accounts(fields).await?,
            OneC::Attributes => self.attributes(fields).await?,
            OneC::Users => self.users(account_id(fields, "abonent_id"))?,
            OneC::Balance => self.balance(fields).await?,
            OneC::Create => self.create(fields).await?,
            OneC::SyncAccount => self.sync_account(fields).await?,
            OneC::Operations => self.fin_operations(fields).await?,
            OneC::Operation => operation(&self.fin_operation(fields.integer("op_id").unwrap_or(0)).await?),
            OneC::SyncOperation => self.sync_operation(fields).await?,
        };
        Ok(Response::json(200, &value))
    }

    /// Those that are not synchronised, unless `sync1c` asks for the others.
    async fn accounts(&self, fields: &Fields) -> Result<Value, Rejected> {
        let query = AccountQuery {
            // 1C's own clients ask for the root so.
            group: fields.integer("parent_id").filter(|id| *id != 0).map(GroupId),
            synced: Some(fields.flag("sync1c").unwrap_or(false)),
            after: fields.integer("after").unwrap_or(0),
            limit: fields.integer("limit").and_then(|limit| usize::try_from(limit).ok()),
        };
        let operations = Arc::clone(&self.operations);
        let cards = super::blocking(move || operations.account_cards(&query)).await?;
        Ok(cards.iter().map(account).collect())
    }

    async fn card(&self, id: AccountId) -> Result<AccountCard, Rejected> {
        let operations = Arc::clone(&self.operations);
        super::blocking(move || operations.account_card(id)).await
    }

    async fn attributes(&self, fields: &Fields) -> Result<Value, Rejected> {
        let card = self.card(account_id(fields, "abonent_id")).await?;
        let all = [
            ("ИНН", &card.tax_id),
            ("Адрес", &card.address),
            ("Телефон", &card.phone),
            ("E-mail", &card.email),
        ];
        let given = all.into_iter().zip(1..).filter(|((_, value), _)| !value.is_empty());
        Ok(given
            .map(|((name, value), pk)| {
                let fields = json!({"abonent_id": card.id, "attribute": name, "attribute_value": value});
                json!({"pk": pk, "model": "AbonentAttributes", "fields": fields})
            })
            .collect())
    }

    fn users(&self, id: AccountId) -> Result<Value, Refusal> {
        let inner = self.operations.directory.read();
        let (_, _, subscribers) = inner
            .account(id)
            .ok_or_else(|| Refusal::new("account-not-found", format!("Абонент не найден! ({id})")))?;
        Ok(subscribers.iter().filter_map(|id| inner.subscriber(*id)).map(|entry| user(entry)).collect())
    }

    async fn balance(&self, fields: &Fields) -> Result<Value, Rejected> {
        let card = self.card(account_id(fields, "abonent_id")).await?;
        let fields = json!({
            "abonent_id": card.id,
            "balance_buh": card.balance,
            "balance": card.balance,
            "credit": card.credit_limit,
        });
        Ok(json!([{"pk": card.id, "model": "Accounts", "fields": fields}]))
    }

    async fn create(&self, fields: &Fields) -> Result<Value, Rejected> {
        let new = NewAccount {
            code1c: fields.text("code1c").to_owned(),
            name: fields.text("name").to_owned(),
            contract: fields.find("contract_number").map(str::to_owned),
            group: fields.integer("parent_id").filter(|id| *id != 0).map(GroupId),
        };
        let id = self.operations.create_account(&new, actor()).await?;
        Ok(account(&self.card(id).await?))
    }

    async fn sync_account(&self, fields: &Fields) -> Result<Value, Rejected> {
        let id = account_id(fields, "pk");
        let synced = fields.flag("sync1c").unwrap_or(true);
        self.operations.mark_account(id, fields.find("code1c"), synced, actor()).await?;
        Ok(account(&self.card(id).await?))
    }

    async fn fin_operations(&self, fields: &Fields) -> Result<Value, Rejected> {
        let kind = match fields.integer("op_type") {
            None => None,
            Some(INCOME) => Some(FinKind::Payment),
            Some(ACT) => Some(FinKind::Act),
            Some(other) => {
                let text = format!("op_type: expected 1 (payments) or 2 (acts), found {other}");
                return Err(Refusal::new("bad-argument", text).into());
            }
        };
        let query = FinQuery {
            account: account_id(fields, "abonent_id"),
            kind,
            from: fields.day("sdate"),
            to: fields.day("edate"),
            synced: fields.flag("sync1c"),
        };
        let operations = Arc::clone(&self.operations);
        let found = super::blocking(move || operations.fin_operations(&query)).await?;
        Ok(found.iter().map(operation).collect())
    }

    async fn fin_operation(&self, op_id: i64) -> Result<FinOperation, Rejected> {
        let operations = Arc::clone(&self.operations);
        super::blocking(move || operations.fin_operation(op_id)).await
    }

    /// Marks what has a `pk`; without one it is a payment that 1C has taken, which its code makes one for ever.
    async fn sync_operation(&self, fields: &Fields) -> Result<Value, Rejected> {
        let code1c = fields.text("code1c");
        let op_id = match fields.integer("pk") {
            Some(op_id) => self.fin_operation(op_id).await?.op_id,
            None => self.push(fields, code1c).await?,
        };
        let synced = fields.flag("sync1c").unwrap_or(true);
        self.operations.mark_operation(op_id, code1c, synced, actor()).await?;
        Ok(operation(&self.fin_operation(op_id).await?))
    }

    async fn push(&self, fields: &Fields, code1c: &str) -> Result<i64, Rejected> {
        let missing = |name: &str| Refusal::new("missing-argument", format!("{name}: is missing"));
        let who = match (fields.integer("abonent_id"), fields.find("contract_number")) {
            (Some(id), _) => self.card(AccountId(id)).await?.contract,
            (None, Some(contract)) => contract.to_owned(),
            (None, None) => return Err(missing("abonent_id").into()),
        };
        let input = PaymentInput {
            who,
            sum: fields.find("op_summa").ok_or_else(|| missing("op_summa"))?.to_owned(),
            operator: ACCOUNTING_OPERATOR.to_owned(),
            id: code1c.to_owned(),
            date: fields.text("op_date").to_owned(),
        };
        Ok(self.operations.pay(input, actor()).await?.op_id)
    }
}

fn actor() -> Actor {
    Actor("api_1c".to_owned())
}

fn account_id(fields: &Fields, name: &str) -> AccountId {
    AccountId(fields.integer(name).unwrap_or(0))
}

/// A contract.
pub(super) fn account(card: &AccountCard) -> Value {
    let fields = json!({
        "name": card.name,
        "contract_number": card.contract,
        "parent_id": card.group,
        "is_company": u8::from(card.kind == AccountKind::Company),
        "phone": card.phone,
        "sms": card.phone,
        "email": card.email,
        "address": card.address,
        "inn": card.tax_id,
        "balance": card.balance,
        "credit": card.credit_limit,
        "closed": u8::from(card.closed),
        "code1c": card.code1c,
        "sync1c": u8::from(card.synced),
    });
    json!({"pk": card.id, "model": "Abonents", "fields": fields})
}

/// A login.
pub(super) fn user(entry: &Entry) -> Value {
    let view = &entry.view;
    let addresses: Vec<String> = view.subscriber.addresses.iter().map(ToString::to_string).collect();
    let fields = json!({
        "login": view.subscriber.login,
        "abonent_id": view.account.id.0,
        "name": view.subscriber.name,
        "enabled": u8::from(!view.standing.blocked),
        "ip": addresses.join(" "),
        "mac": view.subscriber.mac.map(|mac| mac.to_string()).unwrap_or_default(),
        "tarif_id": view.plan.as_ref().map(|plan| plan.id.0),
        "__tarif": view.plan.as_ref().map(|plan| plan.name.as_str()).unwrap_or_default(),
        "code1c": view.subscriber.code1c,
    });
    json!({"pk": view.subscriber.id.0, "model": "Users", "fields": fields})
}

/// A payment or an act.
pub(super) fn operation(found: &FinOperation) -> Value {
    let or_null = |text: &str| if text.is_empty() { NULL.to_owned() } else { text.to_owned() };
    let services: Vec<Value> =
        found.lines.iter().map(|(name, sum)| json!({"name": name, "summa": sum})).collect();
    let is_act = found.kind == FinKind::Act;
    let fields = json!({
        "op_id": found.op_id,
        "abonent_id": found.account,
        "contract_number": found.contract,
        "op_date": found.time,
        "op_summa": found.sum,
        "op_nds": found.vat,
        "op_type_id": if is_act { ACT } else { INCOME },
        "op_card_id": NULL,
        "operator_name": or_null(&found.operator),
        "operator_pay_id": or_null(&found.pay_id),
        "operator_pay_id_str": or_null(&found.pay_id),
        "operator_result": if is_act { NULL } else if found.reversed { "canceled" } else { "ok" },
        "canceled": u8::from(found.reversed),
        "act_services": services,
        "code1c": found.code1c,
        "sync1c": u8::from(found.synced),
    });
    json!({"pk": found.op_id, "model": "FinanceOperations", "fields": fields})
}
