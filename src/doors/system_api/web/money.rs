//! The subscriber's money: what was paid, what is going to be paid, a promised payment.

use super::user::flag;
use super::{Visitor, done};
use crate::config;
use crate::doors::http::Response;
use crate::doors::system_api::SystemApi;
use crate::doors::system_api::arguments::Fields;
use crate::model::{PaymentKey, Refusal};
use crate::operations::{Caller, PaymentQuery, PaymentRow};
use crate::writer::Rejected;
use serde_json::{Value, json};
use std::sync::Arc;

const PER_PAGE_DEFAULT: i64 = 20;
const PER_PAGE_MAX: i64 = 100;
/// Payments of one contract that pages are made of: the newest.
const PAYMENTS_MAX: usize = 10_000;

impl SystemApi {
    /// Payments, the newest first, in pages.
    pub(super) async fn pay_log(&self, visitor: &Visitor<'_>, fields: &Fields) -> Result<Response, Rejected> {
        let day = |name| fields.day(name).map(|day| day.to_string());
        let query = PaymentQuery {
            who: Some(visitor.found.account.contract.clone()),
            since: day("start_date"),
            until: day("end_date"),
            limit: Some(PAYMENTS_MAX),
            ..PaymentQuery::default()
        };
        let operations = Arc::clone(&self.operations);
        let payments = super::super::blocking(move || operations.payments(&query)).await?;
        let per_page = fields.integer("per_page").unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_MAX);
        let wanted = fields.integer("page_number").unwrap_or(1);
        Ok(Response::json(200, &page(&payments, per_page, wanted)))
    }

    /// Announces a payment through an acquirer: the number is what the acquirer is to send back.
    pub(super) async fn order(
        &self,
        visitor: &Visitor<'_>,
        fields: &Fields,
        config: &config::SystemApi,
    ) -> Result<Response, Rejected> {
        let operator = fields.text("operator");
        if !config.acquirers.contains(operator) {
            let text = "Оплата картой на сайте не подключена";
            return Err(Refusal::new("no-acquirer", text).into());
        }
        let account = &visitor.found.account;
        let named = fields.find("contract_number");
        if named.is_some_and(|named| named != account.contract && named != visitor.login()) {
            let text = "Номер договора или логин указан неверно";
            return Err(Refusal::new("foreign-contract", text).into());
        }
        let sum = self.operations.payment_sum(fields.text("summa_in")).map_err(|refusal| {
            let zero = fields.text("summa_in").bytes().all(|octet| matches!(octet, b'0' | b'.' | b','));
            let text = if zero {
                "Сумма платежа не должна быть нулевой"
            } else {
                "Неверно введена сумма платежа"
            };
            Refusal { token: if zero { "zero-sum".to_owned() } else { refusal.token }, text: text.to_owned() }
        })?;
        let orders = &self.cabinet.orders;
        if !orders.allows(&account.contract, visitor.now) {
            let text = "Слишком много начатых платежей; попробуйте через час";
            return Err(Refusal::new("too-many-orders", text).into());
        }
        orders.count(&account.contract, visitor.now);
        let key = PaymentKey { operator: operator.to_owned(), id: String::new() };
        let sum = self.operations.money(sum);
        let order = self.operations.announce(key, account.id, &sum, visitor.actor()).await?;
        Ok(Response::json(200, &json!({"operation_id_out": order.pay_id_str})))
    }

    /// The promises on offer: one or none.
    pub(super) fn promises(&self, visitor: &Visitor<'_>) -> Response {
        let offers: Vec<Value> = match self.operations.promise_offer(&visitor.found) {
            Ok(offer) => vec![json!({
                "id": "1",
                "pk": "1",
                "name": "Обещанный платёж",
                "summa": self.operations.money(offer.sum),
                "price": self.operations.money(offer.price),
                "until": self.operations.time(offer.until),
                "days": self.operations.settings.billing.promise_days.to_string(),
                "lacking": self.operations.money(offer.lacking),
                "enough": flag(!offer.lacking.is_positive()),
            })],
            Err(_) => Vec::new(),
        };
        Response::json(200, &offers)
    }

    pub(super) async fn take_promise(&self, visitor: &Visitor<'_>) -> Result<Response, Rejected> {
        let offer = self.operations.promise_offer(&visitor.found);
        if let Some(lacking) = offer.ok().map(|offer| offer.lacking).filter(|lacking| lacking.is_positive()) {
            let text =
                format!("Обещанного платежа не хватит: сначала внесите {}", self.operations.money(lacking));
            return Err(Refusal::new("promise-too-small", text).into());
        }
        let caller = Caller::from(visitor.actor());
        let given = self.operations.promise_for(visitor.found.account.id, caller).await?;
        Ok(Response::json(
            200,
            &json!({
                "message": "Обещанный платёж предоставлен",
                "summa": given.amount.unwrap_or_default(),
                "until": given.until.unwrap_or_default(),
                "balance": given.balance.unwrap_or_default(),
            }),
        ))
    }

    /// Whole days, the last one included.
    pub(super) async fn pause(&self, visitor: &Visitor<'_>, fields: &Fields) -> Result<Response, Rejected> {
        let day = |name| fields.day(name).map(|day| day.to_string()).unwrap_or_default();
        let (from, to) = (day("start_date"), day("end_date"));
        self.operations.pause(visitor.login(), &from, &to, visitor.actor()).await?;
        Ok(done("Добровольная блокировка назначена"))
    }

    pub(super) async fn resume(&self, visitor: &Visitor<'_>) -> Result<Response, Rejected> {
        self.operations.resume(visitor.login(), visitor.actor()).await?;
        Ok(done("Добровольная блокировка снята"))
    }
}

fn page(payments: &[PaymentRow], per_page: i64, wanted: i64) -> Value {
    let count = i64::try_from(payments.len()).unwrap_or(i64::MAX);
    let pages = (count.saturating_add(per_page - 1) / per_page).max(1);
    let current = wanted.clamp(1, pages);
    let size = usize::try_from(per_page).unwrap_or_default();
    let skipped = usize::try_from(current - 1).unwrap_or_default().saturating_mul(size);
    let items: Vec<Value> = payments.iter().skip(skipped).take(size).map(item).collect();
    json!({
        "count": count.to_string(),
        "num_pages": pages.to_string(),
        "current_page": current.to_string(),
        "has_next_page": flag(current < pages),
        "has_previous_page": flag(current > 1),
        "items": items,
    })
}

fn item(payment: &PaymentRow) -> Value {
    json!({
        "pk": payment.op_id.to_string(),
        "op_date": payment.time,
        "op_summa": payment.sum_in,
        "operator_name": payment.pay_operator,
        "operator_pay_id": payment.pay_id_str,
        "canceled": flag(payment.reversed),
    })
}
