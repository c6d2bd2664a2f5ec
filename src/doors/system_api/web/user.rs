//! Who the subscriber is, as clients of the dialect read it: every value a text, `__` before what is for people.

use super::{Visitor, Web};
use crate::directory::Entry;
use crate::doors::http::Response;
use crate::doors::system_api::SystemApi;
use crate::engine;
use crate::model::{Charge, Money, Period, Verdict};
use crate::writer::Rejected;
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl SystemApi {
    /// The answer to a login.
    pub(super) fn welcome(&self, entry: &Entry, suid: String) -> Response {
        let currency = &self.cabinet.currency;
        Response::json(
            200,
            &json!({
                "session_id": suid,
                "message": "Авторизация выполнена",
                "currency": {"NAME": currency, "SHORT_NAME": short_name(currency)},
                "user": self.user(entry),
            }),
        )
    }

    pub(super) fn user_info(&self, visitor: &Visitor<'_>) -> Response {
        Response::json(200, &self.user(&visitor.entry))
    }

    pub(super) async fn whole_user(&self, visitor: &Visitor<'_>) -> Result<Response, Rejected> {
        let created = self.creation_day(visitor).await?;
        let mut user = self.user(&visitor.entry);
        if let Some(abonent) = user.get_mut("abonent").and_then(Value::as_object_mut) {
            abonent.insert("create_date".to_owned(), json!(created));
            abonent.insert("create_date_system".to_owned(), json!(created));
            abonent.insert("activate_date".to_owned(), json!(created));
        }
        let view = &visitor.entry.view;
        let fee = view.plan.as_ref().map(|plan| plan.fee.to_string()).unwrap_or_default();
        user.insert("abonent_pay".to_owned(), json!(fee));
        user.insert("abonent_pay_next_date".to_owned(), json!(self.next_fee_day(visitor)));
        Ok(Response::json(200, &json!({"error": "", "user": user, "__user": view.subscriber.login})))
    }

    fn user(&self, entry: &Entry) -> Map<String, Value> {
        let subscriber = &entry.view.subscriber;
        let address = self.address(entry);
        let logged = self.operations.directory.read().visible(entry.id()).is_some_and(|v| v.logged);
        let mut user = Map::new();
        let mut put = |name: &str, value: String| user.insert(name.to_owned(), Value::String(value));
        put("pk", subscriber.id.to_string());
        put("login", subscriber.login.clone());
        put("__self", subscriber.login.clone());
        put("__abonent", self.person(entry).to_owned());
        put("enabled", flag(entry.view.standing.verdict != Verdict::Blocked));
        put("logged", flag(logged));
        put("ip", address);
        put("phone", entry.view.account.phone.clone());
        put("email", entry.view.account.email.clone());
        user.insert("abonent".to_owned(), Value::Object(self.abonent(entry)));
        user
    }

    fn abonent(&self, entry: &Entry) -> Map<String, Value> {
        let (view, account) = (&entry.view, &entry.view.account);
        let standing = &view.standing;
        let balance = self.operations.money(view.balance);
        let to_pay = self.operations.money(view.to_pay);
        let mut abonent = Map::new();
        let mut put = |name: &str, value: String| abonent.insert(name.to_owned(), Value::String(value));
        put("pk", account.id.to_string());
        put("name", self.person(entry).to_owned());
        put("contract_number", account.contract.clone());
        // Two published clients take this sentence apart.
        put("__account", format!("№ {} Баланс: {balance}", account.contract));
        put("account_id", account.id.to_string());
        put("balance", balance);
        put("available", self.operations.money(view.available));
        put("__tarif", view.plan.as_ref().map(|plan| plan.name.clone()).unwrap_or_default());
        put("recomend_pay_sum", to_pay.clone());
        put("minimal_pay_sum", to_pay);
        put("abon_pay_for_today", self.operations.money(view.due));
        put("promise_pay", self.operations.money(view.promised));
        put("sms", account.phone.clone());
        put("email", account.email.clone());
        put("__home", account.address.clone());
        put("a_home_number", String::new());
        put("allow_internet", flag(standing.verdict == Verdict::LetThrough));
        put("activated", flag(!account.closed));
        put("__status", self.status_text(entry));
        put("reason", standing.reason.as_ref().map(|reason| reason.token().to_owned()).unwrap_or_default());
        let pause = view.subscriber.terms.pause;
        put("block_start_date", pause.map(|pause| dotted(pause.from)).unwrap_or_default());
        put("block_end_date", pause.map(|pause| dotted(pause.to)).unwrap_or_default());
        abonent
    }

    fn person<'a>(&self, entry: &'a Entry) -> &'a str {
        let (own, account) = (&entry.view.subscriber.name, &entry.view.account.name);
        if own.is_empty() { account } else { own }
    }

    fn status_text(&self, entry: &Entry) -> String {
        match entry.view.standing.verdict {
            Verdict::LetThrough => "Активен".to_owned(),
            Verdict::Negbal => {
                format!("Недостаточно средств, к оплате {}", self.operations.money(entry.view.to_pay))
            }
            Verdict::Paused => "Добровольная блокировка".to_owned(),
            Verdict::Blocked => "Заблокирован администратором".to_owned(),
        }
    }

    fn address(&self, entry: &Entry) -> String {
        let inner = self.operations.directory.read();
        let addresses = inner.own_addresses(entry);
        // A live one before a configured one.
        let chosen = addresses.iter().find(|(_, live)| *live).or_else(|| addresses.first());
        chosen.map(|(net, _)| net.addr().to_string()).unwrap_or_default()
    }

    /// `dd.mm.yyyy`; empty without a fee.
    fn next_fee_day(&self, visitor: &Visitor<'_>) -> String {
        let today = engine::day_of(visitor.now, &self.operations.settings.time_zone);
        let Some(plan) = visitor.entry.view.plan.as_ref().filter(|plan| plan.period != Period::None) else {
            return String::new();
        };
        let by_month = plan.period == Period::Month && plan.charge == Charge::Period;
        dotted(if by_month { today.month().next().first_day() } else { today.next() })
    }

    pub(super) fn single(&self, task: Web, visitor: &Visitor<'_>) -> Response {
        let view = &visitor.entry.view;
        let (name, value) = match task {
            Web::Name => ("fio", self.person(&visitor.entry).to_owned()),
            Web::AccountId => ("account_id", view.account.id.to_string()),
            Web::Plan => ("user_tarif", view.plan.as_ref().map(|p| p.name.clone()).unwrap_or_default()),
            _ => ("balance", self.operations.money(view.balance)),
        };
        Response::json(200, &json!({ (name): value }))
    }

    pub(super) async fn created(&self, visitor: &Visitor<'_>) -> Result<Response, Rejected> {
        Ok(Response::json(200, &json!({"create_date": self.creation_day(visitor).await?})))
    }

    /// The day of the contract's first posting, `dd.mm.yyyy`; empty without one.
    async fn creation_day(&self, visitor: &Visitor<'_>) -> Result<String, Rejected> {
        let (operations, account) = (Arc::clone(&self.operations), visitor.found.account.id);
        let first = super::super::blocking(move || operations.first_posting_day(account)).await?;
        Ok(first.map(dotted).unwrap_or_default())
    }

    /// What holds for everybody, for pages that show conditions.
    pub(super) fn constants(&self, visitor: &Visitor<'_>) -> Response {
        let billing = &self.operations.settings.billing;
        let money = |amount: Money| self.operations.money(amount);
        Response::json(
            200,
            &json!({
                "currency": self.cabinet.currency,
                "payment_max": money(billing.payment_max),
                "promise_sum": money(billing.promise_sum),
                "promise_days": billing.promise_days.to_string(),
                "promise_price": money(billing.promise_price),
                "promises_per_month": billing.promises_per_month.to_string(),
                "pause_fee": money(billing.pause_fee),
                "time": self.operations.time(visitor.now),
            }),
        )
    }
}

pub(super) fn flag(set: bool) -> String {
    u8::from(set).to_string()
}

/// `06.04.2026`.
pub(in crate::doors::system_api) fn dotted(day: crate::model::Day) -> String {
    let (year, month, day) = day.civil();
    format!("{day:02}.{month:02}.{year:04}")
}

fn short_name(currency: &str) -> &str {
    if currency == "RUB" { "руб." } else { currency }
}
