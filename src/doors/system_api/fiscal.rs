//! `context=asr_fiscal`: payments of operators and cash desks (facts on act_pay; rules.md, Payments).

use super::arguments::Arguments;
use super::{Call, SystemApi, refused};
use crate::doors::http::Response;
use crate::model::{Actor, Refusal};
use crate::operations::{PaidPayment, PaymentInput};
use crate::writer::Rejected;
use serde::Serialize;

/// A payment that was taken, now or before.
#[derive(Serialize)]
struct Paid {
    op_id: i64,
    pay_id_str: String,
    sum_in: String,
    /// Right after the payment, also when it is repeated.
    balance: String,
    message: &'static str,
    repeat: bool,
}

impl SystemApi {
    /// `asr_fiscal_manager.act_pay`. Trouble that passes is `later` with status 503, so that a client which knows only
    /// the status asks again; every other refusal is final.
    pub(super) async fn act_pay(&self, call: &Call<'_>) -> Response {
        let input = call
            .arguments()
            .map_err(|text| Refusal::new("bad-argument", text))
            .and_then(|arguments| payment(&arguments));
        let input = match input {
            Ok(input) => input,
            Err(refusal) => return refused(200, &refusal.token, refusal.text),
        };
        let actor = Actor(input.operator.clone());
        match self.operations.pay(input, actor).await {
            Ok(payment) => self.paid(payment),
            Err(Rejected::Refused(refusal)) => refused(200, &refusal.token, refusal.text),
            Err(trouble @ (Rejected::Later(_) | Rejected::Unknown)) => {
                refused(503, "later", trouble.to_string())
            }
        }
    }

    fn paid(&self, payment: PaidPayment) -> Response {
        let message = match payment.repeat {
            true => "Платеж уже проведен, возвращаем старые данные!",
            false => "Платеж проведен",
        };
        Response::json(
            200,
            &Paid {
                op_id: payment.op_id,
                pay_id_str: payment.pay_id_str,
                sum_in: payment.sum_in,
                balance: payment.balance,
                message,
                repeat: payment.repeat,
            },
        )
    }
}

/// Reads the fields in the order of the rules: operator, search parameter, act, sum. The rest is for the ledger.
fn payment(arguments: &Arguments) -> Result<PaymentInput, Refusal> {
    let text = |name| arguments.text(name).map_err(|text| Refusal::new("bad-argument", text));
    let operator =
        text("pay_operator")?.ok_or_else(|| Refusal::new("unknown-operator", "Неизвестный оператор! ()"))?;
    let who = text("contract_number")?.ok_or_else(|| {
        Refusal::new("no-search-parameter", "Не указан параметр для поиска абонента! (contract_number)")
    })?;
    let act = text("act")?.unwrap_or_default();
    if act != "PAY" {
        return Err(Refusal::new("unknown-act", format!("Неизвестная команда! ({})", super::echo(&act))));
    }
    let sum = text("sum_in")?.ok_or_else(|| Refusal::new("no-sum", "В платеже не указана сумма!"))?;
    let id = text("pay_id_str")?.unwrap_or_default();
    let date = text("date")?.or(text("pay_date")?).unwrap_or_default();
    Ok(PaymentInput { who, sum, operator, id, date })
}
