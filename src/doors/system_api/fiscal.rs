//! `context=asr_fiscal` and `webcash`: payments of operators and cash desks (facts on act_pay; rules.md, Payments).

use super::arguments::Fields;
use super::{SystemApi, echo};
use crate::directory::Found;
use crate::doors::http::Response;
use crate::model::{Actor, Money, PaymentKey, Refusal};
use crate::operations::{CancelledPayment, OrderRow, PaidPayment, PaymentFate, PaymentInput};
use crate::writer::Rejected;
use serde::Serialize;

/// What `act` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Take the payment.
    Pay,
    /// Whether it would be taken, and what became of it.
    Check,
    /// Whether there is such a subscriber.
    CheckAbonent,
    /// Announce a payment that will come.
    Add,
    /// Take it back: ours, the vendor's texts have none.
    Cancel,
}

impl Act {
    fn word(self) -> &'static str {
        match self {
            Act::Pay => "PAY",
            Act::Check => "CHECK",
            Act::CheckAbonent => "CHECK_ABONENT",
            Act::Add => "ADD",
            Act::Cancel => "CANCEL",
        }
    }
}

const DONE: &str = "Платеж проведен";
const DONE_BEFORE: &str = "Платеж уже проведен, возвращаем старые данные!";

/// A payment that was taken or taken back, now or before.
#[derive(Serialize)]
struct Paid {
    op_id: i64,
    pay_id_str: String,
    sum_in: String,
    /// Right after the posting, also when it is repeated.
    balance: String,
    message: &'static str,
    repeat: bool,
}

/// A payment that was announced.
#[derive(Serialize)]
struct Added {
    order_id: i64,
    pay_id_str: String,
    sum_in: String,
    message: &'static str,
    repeat: bool,
}

/// Whose account a payment would go to.
#[derive(Serialize)]
struct Checked {
    contract_number: String,
    fio: String,
    balance: String,
    recomend_pay_sum: String,
    /// Of the payment that `pay_id_str` names: `new`, `created`, `paid`, `canceled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    op_id: Option<i64>,
    message: &'static str,
}

impl SystemApi {
    /// `act_pay`. Fields are looked at in the order of the rules: operator, search parameter, act, sum, duplicate,
    /// subscriber.
    pub(super) async fn act_pay(&self, acts: &[Act], fields: &Fields) -> Result<Response, Rejected> {
        let operator = fields
            .find("pay_operator")
            .ok_or_else(|| Refusal::new("unknown-operator", "Неизвестный оператор! ()"))?;
        let key = PaymentKey { operator: operator.to_owned(), id: fields.text("pay_id_str").to_owned() };
        let word = fields.text("act");
        let act = acts.iter().copied().find(|act| act.word() == word);
        let who = match fields.find("contract_number") {
            Some(who) => Some(who.to_owned()),
            // An announced payment and one that was taken are known without it.
            None if matches!(act, Some(Act::Pay | Act::Check)) => self.contract_of(&key).await?,
            None => None,
        };
        if who.is_none() && act != Some(Act::Cancel) {
            let text = "Не указан параметр для поиска абонента! (contract_number)";
            return Err(Refusal::new("no-search-parameter", text).into());
        }
        let who = who.unwrap_or_default();
        match act {
            None => Err(Refusal::new("unknown-act", format!("Неизвестная команда! ({})", echo(word))).into()),
            Some(Act::Pay) => self.take(key, who, fields).await,
            Some(Act::Check) => self.check(&key, &who, fields).await,
            Some(Act::CheckAbonent) => {
                Ok(Response::json(200, &self.checked(&self.payer(&who)?, None, "Абонент найден")))
            }
            Some(Act::Add) => self.add(key, &who, fields).await,
            Some(Act::Cancel) => self.cancel(&key, &who, fields).await,
        }
    }

    async fn take(&self, key: PaymentKey, who: String, fields: &Fields) -> Result<Response, Rejected> {
        let input = PaymentInput {
            who,
            sum: sum(fields)?.to_owned(),
            operator: key.operator,
            id: key.id,
            date: fields.find("date").or(fields.find("pay_date")).unwrap_or_default().to_owned(),
        };
        let actor = Actor(input.operator.clone());
        let PaidPayment { op_id, pay_id_str, sum_in, balance, repeat, .. } =
            self.operations.pay(input, actor).await?;
        let message = if repeat { DONE_BEFORE } else { DONE };
        Ok(Response::json(200, &Paid { op_id, pay_id_str, sum_in, balance, message, repeat }))
    }

    async fn check(&self, key: &PaymentKey, who: &str, fields: &Fields) -> Result<Response, Rejected> {
        let asked = match fields.find("sum_in") {
            Some(text) => Some(self.operations.payment_sum(text)?),
            None => None,
        };
        if key.id.is_empty() {
            return Ok(Response::json(200, &self.checked(&self.payer(who)?, None, "Платеж возможен")));
        }
        let fate = self.operations.payment_fate(key).await?;
        let known = match &fate {
            PaymentFate::Unknown => None,
            PaymentFate::Announced(order) => Some(order.sum),
            PaymentFate::Paid(payment) => Some(payment.sum),
        };
        if known.zip(asked).is_some_and(|(known, asked)| known != asked) {
            return Err(other_sum().into());
        }
        let found = self.payer(who)?;
        let message = match &fate {
            PaymentFate::Unknown => "Платеж возможен",
            PaymentFate::Announced(_) => "Платеж уже создан",
            PaymentFate::Paid(_) => DONE_BEFORE,
        };
        Ok(Response::json(200, &self.checked(&found, Some(&fate), message)))
    }

    async fn add(&self, key: PaymentKey, who: &str, fields: &Fields) -> Result<Response, Rejected> {
        let sum = self.operations.payment_sum(sum(fields)?)?;
        if key.id.is_empty() {
            let text = "pay_id_str is empty; expected the operator's id of the payment";
            return Err(Refusal::new("no-payment-id", text).into());
        }
        if let PaymentFate::Paid(payment) = self.operations.payment_fate(&key).await? {
            if payment.sum != sum {
                return Err(other_sum().into());
            }
            let (op_id, pay_id_str) = (payment.transfer.0, payment.key.id);
            let (sum_in, balance) =
                (self.operations.money(payment.sum), self.operations.money(payment.balance_after));
            let (message, repeat) = (DONE_BEFORE, true);
            return Ok(Response::json(200, &Paid { op_id, pay_id_str, sum_in, balance, message, repeat }));
        }
        let account = self.payer(who)?.account.id;
        let actor = Actor(key.operator.clone());
        let order = self.operations.announce(key, account, &self.operations.money(sum), actor).await?;
        let OrderRow { number: order_id, pay_id_str, sum_in, repeat, .. } = order;
        let message = if repeat { "Платеж уже создан" } else { "Платеж создан" };
        Ok(Response::json(200, &Added { order_id, pay_id_str, sum_in, message, repeat }))
    }

    async fn cancel(&self, key: &PaymentKey, who: &str, fields: &Fields) -> Result<Response, Rejected> {
        if !who.is_empty()
            && let PaymentFate::Paid(payment) = self.operations.payment_fate(key).await?
            && payment.who != who
            && self.payer(who)?.account.id != payment.account
        {
            let text = format!("Дублирующий платеж указывает другого абонента! ({who})");
            return Err(Refusal::new("duplicate-other-account", text).into());
        }
        let reason = fields.find("reason").unwrap_or("Cancelled by the payment operator").to_owned();
        let actor = Actor(key.operator.clone());
        let done = self.operations.cancel_payment(key, fields.find("sum_in"), reason, actor).await?;
        let CancelledPayment { op_id, pay_id_str, sum_in, balance, repeat, .. } = done;
        let message = if repeat {
            "Платеж уже отменен, возвращаем старые данные!"
        } else {
            "Платеж отменен"
        };
        Ok(Response::json(200, &Paid { op_id, pay_id_str, sum_in, balance, message, repeat }))
    }

    /// The contract of an announced payment.
    async fn contract_of(&self, key: &PaymentKey) -> Result<Option<String>, Rejected> {
        if key.id.is_empty() {
            return Ok(None);
        }
        Ok(match self.operations.payment_fate(key).await? {
            PaymentFate::Announced(order) => Some(order.contract),
            PaymentFate::Paid(payment) => Some(payment.contract),
            PaymentFate::Unknown => None,
        })
    }

    fn payer(&self, who: &str) -> Result<Found, Refusal> {
        let found = self.operations.directory.read().find_payer(who);
        found.map_err(|_| Refusal::new("subscriber-not-found", format!("Абонент не найден! ({})", echo(who))))
    }

    fn checked(&self, found: &Found, fate: Option<&PaymentFate>, message: &'static str) -> Checked {
        let to_pay = found.mates.iter().map(|mate| mate.view.to_pay).max().unwrap_or(Money::ZERO);
        let (status, op_id) = match fate {
            None => (None, None),
            Some(PaymentFate::Unknown) => (Some("new"), None),
            Some(PaymentFate::Announced(_)) => (Some("created"), None),
            Some(PaymentFate::Paid(payment)) => {
                (Some(if payment.reversed { "canceled" } else { "paid" }), Some(payment.transfer.0))
            }
        };
        Checked {
            contract_number: found.account.contract.clone(),
            fio: found.account.name.clone(),
            balance: self.operations.money(found.balance),
            recomend_pay_sum: self.operations.money(to_pay),
            status,
            op_id,
            message,
        }
    }
}

fn sum(fields: &Fields) -> Result<&str, Refusal> {
    fields.find("sum_in").ok_or_else(|| Refusal::new("no-sum", "В платеже не указана сумма!"))
}

fn other_sum() -> Refusal {
    Refusal::new("duplicate-other-sum", "Сумма дублирующего платежа не совпадает с оригиналом!")
}
