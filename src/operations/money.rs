//! Payments, charges and what was posted.

use super::corrections::Answered;
use super::{Caller, Counters, Operations};
use crate::model::*;
use crate::storage::StoreError;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;

/// Lines that a question for postings gives at most.
pub(super) const LINES_MAX: usize = 10_000;

/// A payment as a door hands it in.
#[derive(Clone, Debug)]
pub struct PaymentInput {
    pub who: String,
    /// Decimal text; a dot or a comma.
    pub sum: String,
    pub operator: String,
    pub id: String,
    /// The operator's own date, as sent; empty when none was.
    pub date: String,
}

/// A payment that was taken, now or before.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PaidPayment {
    pub op_id: i64,
    pub pay_operator: String,
    pub pay_id_str: String,
    pub contract_number: String,
    pub sum_in: String,
    /// Right after the payment.
    pub balance: String,
    pub time: String,
    /// When it was taken.
    #[serde(skip)]
    pub at: Timestamp,
    /// It was taken back.
    #[serde(skip)]
    pub reversed: bool,
    /// The same payment had been taken before; this is the answer of then.
    pub repeat: bool,
}

impl Operations {
    /// Takes a payment (rules.md, Payments). The sum is read first, as the order of checks wants it.
    pub async fn pay(&self, input: PaymentInput, caller: impl Into<Caller>) -> Result<PaidPayment, Rejected> {
        let sum = self.sum(&input.sum)?;
        let account = self.directory.read().find_payer(&input.who).ok().map(|found| found.account.id);
        let request = PaymentRequest {
            key: PaymentKey { operator: input.operator, id: input.id },
            who: input.who,
            account,
            sum,
            operator_date: input.date,
        };
        match self.carry_out(Command::Pay(request), caller).await? {
            (Outcome::Paid { payment, repeat }, repeated) => {
                let repeat = repeat || repeated;
                let counters = &self.counters;
                Counters::count(if repeat { &counters.payment_repeats } else { &counters.payments });
                Ok(self.paid(payment, repeat))
            }
            _ => Err(Rejected::Unknown),
        }
    }

    pub(super) fn paid(&self, payment: Payment, repeat: bool) -> PaidPayment {
        PaidPayment {
            op_id: payment.transfer.0,
            pay_operator: payment.key.operator,
            pay_id_str: payment.key.id,
            contract_number: payment.contract,
            sum_in: self.money(payment.sum),
            balance: self.money(payment.balance_after),
            time: self.time(payment.time),
            at: payment.time,
            reversed: payment.reversed,
            repeat,
        }
    }

    /// Takes money by hand.
    pub async fn charge(
        &self,
        who: &str,
        sum: &str,
        text: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let account = self.who(who)?.account.id;
        let sum = self.sum(sum)?;
        self.answered(Command::Charge { account, sum, text }, caller).await
    }

    pub async fn block(
        &self,
        who: &str,
        reason: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.answered(Command::Block { subscriber, reason }, caller).await
    }

    pub async fn unblock(&self, who: &str, caller: impl Into<Caller>) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.answered(Command::Unblock { subscriber }, caller).await
    }

    /// The sum of a payment, as [`Operations::pay`] reads and checks it.
    pub fn payment_sum(&self, text: &str) -> Result<Money, Refusal> {
        let sum = self.sum(text)?;
        crate::engine::check_payment_sum(&self.settings, sum).map(|()| sum)
    }

    pub(super) fn sum(&self, text: &str) -> Result<Money, Refusal> {
        Money::parse(text, self.settings.currency_digits)
            .map_err(|error| Refusal::new("bad-sum", format!("sum: {error}")))
    }
}

pub(super) fn store_trouble(error: StoreError) -> Rejected {
    Rejected::Later(error.to_string())
}
