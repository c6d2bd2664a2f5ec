//! What cash desks and accounting programs ask for beside payments: announced payments, the fate of a payment, its
//! cancellation, and marks of what was taken over.

use super::money::store_trouble;
use super::{Caller, Operations, blocking};
use crate::model::*;
use crate::storage::{Reader, TransferFilter};
use crate::writer::Rejected;
use serde::Serialize;
use std::sync::Arc;

/// Postings of one account in which the reversal of a payment is looked for.
const POSTINGS_MAX: usize = 10_000;

/// What is known under the key of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentFate {
    Unknown,
    /// Announced, and not paid.
    Announced(PaymentOrder),
    Paid(Payment),
}

/// An announced payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderRow {
    pub number: i64,
    pub pay_operator: String,
    pub pay_id_str: String,
    pub contract_number: String,
    pub sum_in: String,
    pub time: String,
    /// It had been announced before.
    pub repeat: bool,
}

/// A payment that was taken back, now or before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CancelledPayment {
    /// The reversal.
    pub op_id: i64,
    pub pay_operator: String,
    pub pay_id_str: String,
    pub contract_number: String,
    pub sum_in: String,
    /// Right after the reversal.
    pub balance: String,
    pub time: String,
    pub repeat: bool,
}

impl Operations {
    /// What became of a payment.
    pub async fn payment_fate(&self, key: &PaymentKey) -> Result<PaymentFate, Rejected> {
        let (reader, key) = (Arc::clone(&self.reader), key.clone());
        blocking(move || fate(reader.as_ref(), &key)).await
    }

    /// Announces a payment. Without an `id` it is named by its number; the caller's key says whether it is a repeat.
    ///
    /// # Errors
    /// `duplicate-other-sum` for an announced payment of another sum.
    pub async fn announce(
        &self,
        key: PaymentKey,
        account: AccountId,
        sum: &str,
        caller: impl Into<Caller>,
    ) -> Result<OrderRow, Rejected> {
        let sum = self.sum(sum)?;
        if !key.id.is_empty()
            && let PaymentFate::Announced(order) = self.payment_fate(&key).await?
        {
            if order.sum != sum {
                return Err(other_sum().into());
            }
            return Ok(self.order_row(order, true));
        }
        let mut caller = caller.into();
        if !key.id.is_empty() {
            // Two at once are one: the second has the first one's answer.
            let keyed = format!("{}\n{}", key.operator, key.id);
            let request = [&key.operator, &key.id, &account.to_string(), &sum.micros().to_string()];
            let parts: Vec<&str> = request.iter().map(|part| part.as_str()).collect();
            let hashed = format!("order {}", &super::caller::digest(&keyed));
            caller = Caller::keyed(caller.actor, hashed, &parts);
        }
        let command = Command::Exchange(ExchangeCommand::Order { key, account, sum });
        match self.carry_out(command, caller).await? {
            (Outcome::Ordered(order), repeat) => Ok(self.order_row(order, repeat)),
            _ => Err(Rejected::Unknown),
        }
    }

    fn order_row(&self, order: PaymentOrder, repeat: bool) -> OrderRow {
        OrderRow {
            number: order.number,
            pay_operator: order.key.operator,
            pay_id_str: order.key.id,
            contract_number: order.contract,
            sum_in: self.money(order.sum),
            time: self.time(order.made),
            repeat,
        }
    }

    /// Takes a payment back under the operator's own name for it. A payment that was taken back before, by whomever, is
    /// answered with that reversal.
    ///
    /// # Errors
    /// `payment-not-found`; `duplicate-other-sum` where `sum` is given and is not the payment's.
    pub async fn cancel_payment(
        &self,
        key: &PaymentKey,
        sum: Option<&str>,
        reason: String,
        actor: Actor,
    ) -> Result<CancelledPayment, Rejected> {
        let sum = sum.map(|sum| self.sum(sum)).transpose()?;
        let payment = self.taken(key).await?;
        if sum.is_some_and(|sum| sum != payment.sum) {
            return Err(other_sum().into());
        }
        let mut repeat = payment.reversed;
        if !repeat {
            match self.reverse(payment.transfer.0, reason, actor).await {
                Ok(_) => {}
                // Somebody was quicker.
                Err(Rejected::Refused(refusal)) if refusal.token == "already-reversed" => repeat = true,
                Err(rejected) => return Err(rejected),
            }
        }
        self.cancelled(payment, repeat).await
    }

    async fn taken(&self, key: &PaymentKey) -> Result<Payment, Rejected> {
        match self.payment_fate(key).await? {
            PaymentFate::Paid(payment) => Ok(payment),
            PaymentFate::Announced(_) | PaymentFate::Unknown => {
                let text = format!("Невозможно получить старые данные ({})", key.id);
                Err(Refusal::new("payment-not-found", text).into())
            }
        }
    }

    async fn cancelled(&self, payment: Payment, repeat: bool) -> Result<CancelledPayment, Rejected> {
        let reader = Arc::clone(&self.reader);
        let filter = TransferFilter {
            account: payment.account,
            since: Some(payment.time),
            until: None,
            before: None,
            limit: POSTINGS_MAX,
        };
        let of = payment.transfer;
        let reversal = blocking(move || {
            let found = reader.transfers_between(&filter).map_err(store_trouble)?;
            Ok(found.into_iter().find(|transfer| transfer.reverses == Some(of)))
        });
        let reversal = reversal.await?.ok_or(Rejected::Unknown)?;
        Ok(CancelledPayment {
            op_id: reversal.id.0,
            pay_operator: payment.key.operator,
            pay_id_str: payment.key.id,
            contract_number: payment.contract,
            sum_in: self.money(payment.sum),
            balance: self.money(reversal.balance_after),
            time: self.time(reversal.time),
            repeat,
        })
    }

    /// Sets both flags of something that an accounting program has taken over.
    pub async fn mark_synced(&self, mark: SyncMark, caller: impl Into<Caller>) -> Result<(), Rejected> {
        let command = Command::Exchange(ExchangeCommand::Sync(mark));
        self.carry_out(command, caller).await.map(|_| ())
    }
}

fn fate(reader: &dyn Reader, key: &PaymentKey) -> Result<PaymentFate, Rejected> {
    let paid = reader.payments_of(&key.operator, std::slice::from_ref(&key.id)).map_err(store_trouble)?;
    if let Some(payment) = paid.into_iter().next() {
        return Ok(PaymentFate::Paid(payment));
    }
    let order = reader.order(key).map_err(store_trouble)?;
    Ok(order.map_or(PaymentFate::Unknown, PaymentFate::Announced))
}

fn other_sum() -> Refusal {
    Refusal::new("duplicate-other-sum", "Сумма дублирующего платежа не совпадает с оригиналом!")
}
