//! Payments, charges and what was posted.

use super::{Counters, Operations};
use crate::model::*;
use crate::storage::StoreError;
use crate::writer::Rejected;
use serde::Serialize;

/// Lines that a question for postings gives at most.
const LINES_MAX: usize = 10_000;

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
#[derive(Clone, Debug, Serialize)]
pub struct PaidPayment {
    pub op_id: i64,
    pub pay_operator: String,
    pub pay_id_str: String,
    pub contract_number: String,
    pub sum_in: String,
    /// Right after the payment.
    pub balance: String,
    pub time: String,
    /// The same payment had been taken before; this is the answer of then.
    pub repeat: bool,
}

/// `ledger WHO`: postings with the balance after each, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerPage {
    pub contract: String,
    pub name: String,
    pub balance: String,
    /// Balance with credit.
    pub available: String,
    pub postings: Vec<LedgerLine>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LedgerLine {
    pub id: i64,
    pub time: String,
    pub kind: String,
    /// Signed: minus is money taken from the account.
    pub amount: String,
    pub balance: String,
    pub reference: String,
    pub text: String,
    pub by: String,
}

impl Operations {
    /// Takes a payment (rules.md, Payments). The sum is read first, as the order of checks wants it.
    pub async fn pay(&self, input: PaymentInput, actor: Actor) -> Result<PaidPayment, Rejected> {
        let sum = self.sum(&input.sum)?;
        let account = self.directory.read().find_payer(&input.who).ok().map(|found| found.account.id);
        let request = PaymentRequest {
            key: PaymentKey { operator: input.operator, id: input.id },
            who: input.who,
            account,
            sum,
            operator_date: input.date,
        };
        match self.writer.call(Command::Pay(request), actor).await? {
            Outcome::Paid { payment, repeat } => {
                let counters = &self.counters;
                Counters::count(if repeat { &counters.payment_repeats } else { &counters.payments });
                Ok(self.paid(payment, repeat))
            }
            _ => Err(Rejected::Unknown),
        }
    }

    fn paid(&self, payment: Payment, repeat: bool) -> PaidPayment {
        PaidPayment {
            op_id: payment.transfer.0,
            pay_operator: payment.key.operator,
            pay_id_str: payment.key.id,
            contract_number: payment.contract,
            sum_in: self.money(payment.sum),
            balance: self.money(payment.balance_after),
            time: self.time(payment.time),
            repeat,
        }
    }

    /// Takes money by hand; gives the posting's id and the balance after it.
    pub async fn charge(
        &self,
        who: &str,
        sum: &str,
        text: String,
        actor: Actor,
    ) -> Result<(TransferId, String), Rejected> {
        let account = self.who(who)?.account.id;
        let sum = self.sum(sum)?;
        match self.writer.call(Command::Charge { account, sum, text }, actor).await? {
            Outcome::Charged { transfer, balance } => Ok((transfer, self.money(balance))),
            _ => Err(Rejected::Unknown),
        }
    }

    pub async fn block(&self, who: &str, reason: String, actor: Actor) -> Result<bool, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.done(Command::Block { subscriber, reason }, actor).await
    }

    pub async fn unblock(&self, who: &str, actor: Actor) -> Result<bool, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.done(Command::Unblock { subscriber }, actor).await
    }

    /// Carries out a command that only says whether something changed.
    async fn done(&self, command: Command, actor: Actor) -> Result<bool, Rejected> {
        match self.writer.call(command, actor).await? {
            Outcome::Done { changed } => Ok(changed),
            _ => Err(Rejected::Unknown),
        }
    }

    pub(super) fn sum(&self, text: &str) -> Result<Money, Refusal> {
        Money::parse(text, self.settings.currency_digits)
            .map_err(|error| Refusal::new("bad-sum", format!("sum: {error}")))
    }

    /// Postings of the account that `who` means, newest first. Blocks on the store.
    pub fn ledger(&self, who: &str, limit: usize) -> Result<LedgerPage, Rejected> {
        let found = self.who(who)?;
        let id = found.account.id;
        let transfers = self.reader.transfers(id, limit.min(LINES_MAX)).map_err(store_trouble)?;
        let available = crate::engine::available(&found.account, found.balance, self.clock.now());
        Ok(LedgerPage {
            contract: found.account.contract.clone(),
            name: found.account.name.clone(),
            balance: self.money(found.balance),
            available: self.money(available),
            postings: transfers.into_iter().map(|transfer| self.ledger_line(id, transfer)).collect(),
        })
    }

    fn ledger_line(&self, account: AccountId, transfer: Transfer) -> LedgerLine {
        let taken = transfer.debit == account;
        let amount = self.money(transfer.amount);
        LedgerLine {
            id: transfer.id.0,
            time: self.time(transfer.time),
            kind: transfer.kind.as_str().to_owned(),
            amount: if taken { format!("-{amount}") } else { amount },
            balance: self.money(transfer.balance_after),
            reference: transfer.reference,
            text: transfer.text,
            by: transfer.by,
        }
    }
}

pub(super) fn store_trouble(error: StoreError) -> Rejected {
    Rejected::Later(error.to_string())
}
