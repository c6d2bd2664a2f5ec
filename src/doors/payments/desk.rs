//! One call of an operator, carried out: reads the values, makes the one call of an operation, and says what came of it.
//!
//! Order of checks: command, account, id, date, sum; then the ledger's own (duplicate, subscriber).

use super::advice;
use super::ask::Ask;
use crate::config::{Dialect, PaymentAct, PaymentOperator, PaymentResult};
use crate::model::{Actor, Money, PaymentKey};
use crate::operations::{Operations, PaidPayment, Payee, PaymentCall, PaymentInput};
use crate::writer::Rejected;
use std::sync::Arc;
use std::time::Duration;

/// Operators wait for 60 seconds and then count the call as lost; before that they are told to come again.
const ANSWER_TIME: Duration = Duration::from_secs(45);
/// Longest id that is repeated in an answer, characters.
const ECHO_CHARS_MAX: usize = 64;

/// What came of a call, in words for the answer.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// Whose shape the answer has.
    pub act: PaymentAct,
    pub result: PaymentResult,
    /// Why, where the result's own message does not say.
    pub detail: String,
    pub facts: Facts,
}

/// Texts of the places of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub id: String,
    pub date: String,
    pub asked: String,
    pub operation: String,
    pub sum: String,
    pub time: String,
    pub contract: String,
    pub name: String,
    pub address: String,
    pub balance: String,
    pub to_pay: String,
}

/// Why nothing was done.
struct Refused {
    result: PaymentResult,
    detail: String,
}

impl From<PaymentResult> for Refused {
    fn from(result: PaymentResult) -> Refused {
        Refused { result, detail: String::new() }
    }
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Refused {
        let Rejected::Refused(refusal) = rejected else {
            return Refused { result: PaymentResult::Later, detail: rejected.to_string() };
        };
        let result = match &*refusal.token {
            "bad-sum" => PaymentResult::BadSum,
            "no-payment-id" | "bad-payment-id" => PaymentResult::BadId,
            "duplicate-other-sum" => PaymentResult::OtherSum,
            "duplicate-other-date" => PaymentResult::OtherDate,
            "duplicate-other-account" => PaymentResult::OtherAccount,
            "subscriber-not-found" => PaymentResult::UnknownAccount,
            "not-reversible" | "transfer-not-found" => PaymentResult::NotCancellable,
            _ => PaymentResult::Other,
        };
        Refused { result, detail: refusal.text }
    }
}

/// Carries a call out.
pub(super) async fn carry_out(
    operations: &Arc<Operations>,
    operator: &PaymentOperator,
    dialect: &Dialect,
    ask: &Ask<'_>,
) -> Done {
    let desk = Desk { operations, operator, dialect, ask };
    let act = dialect.act(ask.command);
    let work = async {
        match act {
            None => Err(PaymentResult::UnknownCommand.into()),
            Some(PaymentAct::Check) => desk.check(),
            Some(PaymentAct::Pay) => desk.pay().await,
            Some(PaymentAct::Cancel) => desk.cancel().await,
            Some(PaymentAct::Status) => desk.status().await,
        }
    };
    let worked = match tokio::time::timeout(ANSWER_TIME, work).await {
        Ok(worked) => worked,
        Err(_) => Err(Refused { result: PaymentResult::Later, detail: "the ledger is too slow".into() }),
    };
    let (result, detail, mut facts) = match worked {
        Ok((result, facts)) => (result, String::new(), facts),
        Err(refused) => (refused.result, refused.detail, Facts::default()),
    };
    facts.id = ask.id.chars().take(ECHO_CHARS_MAX).collect();
    facts.date = ask.date.chars().take(ECHO_CHARS_MAX).collect();
    facts.asked = ask.account.chars().take(ECHO_CHARS_MAX).collect();
    Done { act: act.unwrap_or(PaymentAct::Pay), result, detail, facts }
}

struct Desk<'a> {
    operations: &'a Arc<Operations>,
    operator: &'a PaymentOperator,
    dialect: &'a Dialect,
    ask: &'a Ask<'a>,
}

type Worked = Result<(PaymentResult, Facts), Refused>;

impl Desk<'_> {
    /// Its id is a dummy and names nothing.
    fn check(&self) -> Worked {
        let who = self.payer()?;
        if !self.ask.sum.is_empty() {
            self.sum()?;
        }
        let payee = self.operations.payee(&who).ok_or(PaymentResult::UnknownAccount)?;
        Ok((PaymentResult::Ok, self.facts_of(payee)))
    }

    async fn pay(&self) -> Worked {
        let who = self.payer()?;
        let id = self.id(self.ask.id)?;
        let date = self.date()?;
        let sum = self.sum()?;
        let operator = self.operator.code.clone();
        let actor = Actor(operator.clone());
        let input = PaymentInput { who, sum: self.operations.money(sum), operator, id, date };
        let payment = self.operations.pay(input, actor).await?;
        let result = if payment.repeat { PaymentResult::Repeat } else { PaymentResult::Ok };
        Ok((result, self.facts_paid(payment)))
    }

    async fn cancel(&self) -> Worked {
        let id = self.id(if self.ask.cancels.is_empty() { self.ask.id } else { self.ask.cancels })?;
        let code = &self.operator.code;
        let payment = self.operations.payment(code, &id).await?.ok_or(PaymentResult::UnknownPayment)?;
        let key = PaymentKey { operator: code.clone(), id };
        let (reason, actor) = (format!("cancelled by {code}"), Actor(code.clone()));
        // Also when it had been cancelled before: the operator asks again because it did not hear.
        self.operations.cancel_payment(&key, None, reason, actor).await?;
        Ok((PaymentResult::Ok, self.facts_paid(payment)))
    }

    async fn status(&self) -> Worked {
        let id = self.id(self.ask.id)?;
        match self.operations.payment(&self.operator.code, &id).await? {
            Some(payment) if !payment.reversed => Ok((PaymentResult::Ok, self.facts_paid(payment))),
            _ => Err(PaymentResult::UnknownPayment.into()),
        }
    }

    fn payer(&self) -> Result<String, Refused> {
        self.operator.accounts.payer(self.ask.account).ok_or_else(|| PaymentResult::BadAccount.into())
    }

    fn id(&self, id: &str) -> Result<String, Refused> {
        let fits = !id.is_empty()
            && id.chars().count() <= self.dialect.id_chars_max
            && !id.chars().any(char::is_control)
            && (!self.dialect.id_digits || id.bytes().all(|octet| octet.is_ascii_digit()));
        if fits { Ok(id.to_owned()) } else { Err(PaymentResult::BadId.into()) }
    }

    /// The date as the ledger compares it with that of a repeat.
    fn date(&self) -> Result<String, Refused> {
        let (date, format) = (self.ask.date, self.dialect.date_format.as_str());
        if date.is_empty() && self.dialect.date_needed {
            return Err(PaymentResult::BadDate.into());
        }
        let is_date = || {
            jiff::civil::DateTime::strptime(format, date).is_ok()
                || jiff::civil::Date::strptime(format, date).is_ok()
        };
        if !date.is_empty() && !format.is_empty() && !is_date() {
            return Err(PaymentResult::BadDate.into());
        }
        Ok(if self.dialect.date_compared { date.to_owned() } else { String::new() })
    }

    fn sum(&self) -> Result<Money, Refused> {
        let settings = &self.operations.settings;
        let sum = match self.dialect.sum_in_minor_units {
            false => Money::parse(self.ask.sum, settings.currency_digits).ok(),
            true => minor_units(self.ask.sum, settings.currency_digits),
        };
        let sum = sum.filter(|sum| sum.is_positive()).ok_or(PaymentResult::BadSum)?;
        if self.operator.sum_min.is_some_and(|least| sum < least) {
            return Err(PaymentResult::SumTooSmall.into());
        }
        let most = self.operator.sum_max.unwrap_or(Money::MAX).min(settings.billing.payment_max);
        if sum > most {
            return Err(PaymentResult::SumTooBig.into());
        }
        Ok(sum)
    }

    fn facts_of(&self, payee: Payee) -> Facts {
        let tells = self.operator.tells;
        let told = |told: bool, text: String| if told { text } else { String::new() };
        Facts {
            contract: payee.contract,
            name: told(tells.name, payee.masked_name),
            address: told(tells.address, payee.address),
            balance: self.amount(told(tells.balance, payee.balance)),
            to_pay: self.amount(told(tells.to_pay, payee.to_pay)),
            ..Facts::default()
        }
    }

    fn facts_paid(&self, payment: PaidPayment) -> Facts {
        let facts = self.operations.payee(&payment.contract_number).map(|payee| self.facts_of(payee));
        Facts {
            operation: payment.op_id.to_string(),
            sum: self.amount(payment.sum_in),
            time: self.operations.time_as(payment.at, &self.dialect.answer_date_format),
            // Right after the payment, as a repeat has it too.
            balance: if self.operator.tells.balance { self.amount(payment.balance) } else { String::new() },
            contract: payment.contract_number,
            ..facts.unwrap_or_default()
        }
    }

    /// An amount as the dialect writes it.
    fn amount(&self, decimal: String) -> String {
        if !self.dialect.sum_in_minor_units || decimal.is_empty() {
            return decimal;
        }
        let (sign, digits) = match decimal.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", decimal.as_str()),
        };
        let digits = digits.replace('.', "");
        match digits.trim_start_matches('0') {
            "" => "0".to_owned(),
            number => format!("{sign}{number}"),
        }
    }
}

/// Whole numbers of the least coin.
fn minor_units(text: &str, digits: usize) -> Option<Money> {
    let whole = text.bytes().all(|octet| octet.is_ascii_digit());
    let number: i64 = text.parse().ok().filter(|_| whole)?;
    number.checked_mul(Money::minor_unit(digits).micros()).map(Money::from_micros)
}

impl Done {
    /// What is kept of it.
    pub fn call(&self, operator: &PaymentOperator, ask: &Ask<'_>, dialect: &Dialect) -> PaymentCall {
        let mut asked = format!("{} {}", self.act.as_str(), ask.sum);
        if self.result == PaymentResult::UnknownCommand {
            asked = format!("{:?}", ask.command.chars().take(ECHO_CHARS_MAX).collect::<String>());
        }
        if !ask.account.is_empty() {
            asked = format!("{} to {}", asked.trim_end(), ask.account);
        }
        if !ask.id.is_empty() {
            asked = format!("{asked}, id {}", ask.id);
        }
        PaymentCall {
            operator: operator.code.clone(),
            asked,
            account: ask.account.to_owned(),
            contract: self.facts.contract.clone(),
            result: self.result.as_str().to_owned(),
            answer: format!("result {}", dialect.code(self.result)),
            advice: advice::of(self.result, operator, &self.detail),
            ..PaymentCall::default()
        }
    }
}
