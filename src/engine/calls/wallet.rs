//! A subject's budget as one decision sees it: put together from balances, and what changed of it posted.

use super::super::ledger::{Books, Entry};
use super::super::{State, fees};
use super::units::{to_currency, to_units};
use crate::model::*;
use crate::rating::{BUCKETS_MAX, Decimal, MinuteBucket, Quantity, UserBudget};
use std::sync::Arc;

/// Digits that budgets of their own keep.
const LEDGER_DIGITS: usize = 6;
/// Where granted units come from and used ones go to.
const STOCK: &str = "calls";

/// Where the other side of a posting is, and what kind it is.
pub(super) struct Purpose {
    money: (LedgerKind, &'static str, TransferKind),
    units: (LedgerKind, &'static str, TransferKind),
}

impl Purpose {
    pub const CALL: Purpose = Purpose {
        money: (LedgerKind::Revenue, "calls", TransferKind::Call),
        units: (LedgerKind::Stock, STOCK, TransferKind::Call),
    };
    pub const BONUS: Purpose = Purpose {
        money: (LedgerKind::Bonus, "received-calls", TransferKind::Bonus),
        units: (LedgerKind::Stock, STOCK, TransferKind::Grant),
    };
    pub const GRANT: Purpose = Purpose {
        money: (LedgerKind::Bonus, "calls", TransferKind::Bonus),
        units: (LedgerKind::Stock, STOCK, TransferKind::Grant),
    };
    pub const OPENING: Purpose = Purpose {
        money: (LedgerKind::Opening, "opening", TransferKind::Opening),
        units: (LedgerKind::Opening, "opening", TransferKind::Opening),
    };

    pub fn entry<'a>(
        self,
        reference: &'a str,
        text: &'a str,
        actor: &'a Actor,
        time: Timestamp,
    ) -> Posting<'a> {
        Posting { purpose: self, reference, text, by: &actor.0, time }
    }
}

/// What the postings of one operation say.
pub(super) struct Posting<'a> {
    purpose: Purpose,
    reference: &'a str,
    text: &'a str,
    by: &'a str,
    time: Timestamp,
}

pub(super) struct Wallet<'a> {
    state: &'a State,
    subject: String,
    record: Option<Budget>,
    contract: Option<&'a Arc<Account>>,
    /// With what can be spent as its credit: a contract's limit and promise count, its reservations do not.
    pub before: UserBudget,
}

impl<'a> Wallet<'a> {
    /// None when the subject has neither a budget nor a contract that names it.
    pub fn of(state: &'a State, subject: &str, now: Timestamp) -> Option<Wallet<'a>> {
        let record = state.billing.budgets.get(subject);
        let contract = state.calls.payer(subject).and_then(|id| state.accounts.get(&id));
        if record.is_none() && contract.is_none() {
            return None;
        }
        let spendable = match contract {
            Some(account) => state.reservable(account.id, now),
            None => record.and_then(|record| record.money).map_or(Money::ZERO, |id| state.balance(id)),
        };
        // A sum that the dialect cannot express is as good as the largest that it can.
        let credit = to_units(spendable, &state.settings.calls).unwrap_or(if spendable.is_negative() {
            Money::from_micros(-Money::MAX.micros())
        } else {
            Money::MAX
        });
        let before = user_budget(state, subject, record.map(Arc::as_ref), credit);
        Some(Wallet {
            state,
            subject: subject.to_owned(),
            record: record.map(|record| Budget::clone(record)),
            contract,
            before,
        })
    }

    /// A budget that does not exist yet.
    pub fn new(state: &'a State, subject: &str) -> Wallet<'a> {
        let contract = state.calls.payer(subject).and_then(|id| state.accounts.get(&id));
        let before = UserBudget { id: subject.to_owned(), ..UserBudget::default() };
        Wallet { state, subject: subject.to_owned(), record: None, contract, before }
    }

    /// The contract that pays for the subject.
    pub fn contract(&self) -> Option<&Account> {
        self.contract.map(Arc::as_ref)
    }

    /// Makes the ledger hold `after` where it held [`Wallet::before`].
    pub fn post(
        &mut self,
        books: &mut Books<'_>,
        after: &UserBudget,
        posting: &Posting<'_>,
    ) -> Result<(), Refusal> {
        let difference = after
            .credit
            .checked_sub(self.before.credit)
            .ok_or_else(|| Refusal::new("out-of-range", "a figure is outside the range of the ledger"))?;
        self.post_money(books, difference, posting)?;
        if self.is_more_than_money(after) {
            self.post_units(books, after, posting)?;
        }
        Ok(())
    }

    /// What the subject's money is after the postings so far, in millionths of the unit.
    pub fn credit_left(&self, books: &Books<'_>) -> Result<Money, Refusal> {
        let account = match self.contract {
            Some(account) => Some(account.id),
            None => self.record.as_ref().and_then(|record| record.money),
        };
        to_units(account.map_or(Money::ZERO, |id| books.balance(id)), &self.state.settings.calls)
    }

    fn post_money(
        &mut self,
        books: &mut Books<'_>,
        difference: Money,
        posting: &Posting<'_>,
    ) -> Result<(), Refusal> {
        let settings = &self.state.settings;
        let digits = if self.contract.is_some() { settings.currency_digits } else { LEDGER_DIGITS };
        let amount = to_currency(difference, &settings.calls, digits)?;
        if amount == Money::ZERO {
            return Ok(());
        }
        let account = match self.contract {
            Some(account) => books.contract_account(account),
            None => match self.record.as_ref().and_then(|record| record.money) {
                Some(id) => id,
                None => self.open_money(books),
            },
        };
        post(books, Asset::Money, account, amount, &posting.purpose.money, posting)?;
        // Money that a contract pays calls with is its subscribers' too.
        match self.contract {
            Some(contract) if amount.is_negative() => fees::takes_effect(books, contract.id, posting.time),
            Some(contract) => fees::settle(books, contract.id, posting.time),
            None => {}
        }
        Ok(())
    }

    /// Opens the subject's own money account.
    pub fn open_money(&mut self, books: &mut Books<'_>) -> AccountId {
        let id = books.own_account_of(LedgerKind::Budget, Asset::Money, &self.subject);
        let mut record = self.record_or_new(books);
        record.money = Some(id);
        books.changes.push(Change::Budget(record.clone()));
        self.record = Some(record);
        id
    }

    /// Keeps a record of a budget that has nothing yet.
    pub fn keep_record(&mut self, books: &mut Books<'_>) {
        if self.record.is_none() {
            let record = self.record_or_new(books);
            books.changes.push(Change::Budget(record.clone()));
            self.record = Some(record);
        }
    }

    fn record_or_new(&self, books: &mut Books<'_>) -> Budget {
        match &self.record {
            Some(record) => record.clone(),
            None => Budget {
                subject: self.subject.clone(),
                tariff_plan: String::new(),
                reset_day: 0,
                volume_discount_seconds: 0,
                received_call_seconds: 0,
                money: None,
                sms: books.own_account_of(LedgerKind::Budget, Asset::Sms, &self.subject),
                traffic: books.own_account_of(LedgerKind::Budget, Asset::Octets, &self.subject),
                buckets: Vec::new(),
            },
        }
    }

    fn is_more_than_money(&self, after: &UserBudget) -> bool {
        UserBudget { credit: Money::ZERO, ..self.before.clone() }
            != UserBudget { credit: Money::ZERO, ..after.clone() }
    }

    fn post_units(
        &mut self,
        books: &mut Books<'_>,
        after: &UserBudget,
        posting: &Posting<'_>,
    ) -> Result<(), Refusal> {
        let mut record = self.record_or_new(books);
        record.tariff_plan = after.tariff_plan.clone();
        record.reset_day = i32::from(after.reset_day);
        record.volume_discount_seconds = after.volume_discount_seconds.micros();
        record.received_call_seconds = after.received_call_seconds.micros();
        set(books, Asset::Sms, record.sms, after.sms_credit, posting)?;
        set(books, Asset::Octets, record.traffic, after.traffic, posting)?;
        let mut left = std::mem::take(&mut record.buckets);
        // Buckets of the same kind keep their account, so that a reset is seen as what it gave.
        let mut kept: Vec<Option<BudgetBucket>> = Vec::new();
        for bucket in &after.minute_buckets {
            let at = left.iter().position(|held| is_same(held, bucket));
            kept.push(at.map(|at| left.remove(at)));
        }
        for gone in &left {
            set(books, Asset::Seconds, gone.seconds, Quantity::ZERO, posting)?;
        }
        let mut taken: Vec<AccountId> = kept.iter().flatten().map(|held| held.seconds).collect();
        for (bucket, held) in after.minute_buckets.iter().zip(kept) {
            let held = match held {
                Some(held) => held,
                None => self.new_bucket(books, bucket, &taken)?,
            };
            taken.push(held.seconds);
            set(books, Asset::Seconds, held.seconds, bucket.seconds, posting)?;
            record.buckets.push(held);
        }
        if self.record.as_ref() != Some(&record) {
            books.changes.push(Change::Budget(record.clone()));
            self.record = Some(record);
        }
        Ok(())
    }

    /// A bucket with an account that no other bucket of the budget has.
    fn new_bucket(
        &self,
        books: &mut Books<'_>,
        bucket: &MinuteBucket,
        taken: &[AccountId],
    ) -> Result<BudgetBucket, Refusal> {
        for number in 1..=2 * BUCKETS_MAX {
            let name = format!("{}: bucket {number}", self.subject);
            let seconds = books.own_account_of(LedgerKind::Budget, Asset::Seconds, &name);
            if !taken.contains(&seconds) {
                return Ok(BudgetBucket {
                    seconds,
                    destination: bucket.destination_id.clone(),
                    priority: bucket.priority,
                    price: bucket.price.nanos(),
                });
            }
        }
        Err(Refusal::new("too-many-buckets", format!("a budget has at most {BUCKETS_MAX} minute buckets")))
    }
}

fn is_same(held: &BudgetBucket, bucket: &MinuteBucket) -> bool {
    held.destination == bucket.destination_id
        && held.priority == bucket.priority
        && held.price == bucket.price.nanos()
}

/// The budget whose units are these balances, with this credit.
pub(super) fn user_budget(
    state: &State,
    subject: &str,
    record: Option<&Budget>,
    credit: Money,
) -> UserBudget {
    let Some(record) = record else {
        return UserBudget { id: subject.to_owned(), credit, ..UserBudget::default() };
    };
    let held = |id| Quantity::from_micros(state.balance(id).micros());
    UserBudget {
        id: subject.to_owned(),
        credit,
        sms_credit: held(record.sms),
        traffic: held(record.traffic),
        volume_discount_seconds: Quantity::from_micros(record.volume_discount_seconds),
        received_call_seconds: Quantity::from_micros(record.received_call_seconds),
        reset_day: u8::try_from(record.reset_day).unwrap_or(0),
        tariff_plan: record.tariff_plan.clone(),
        minute_buckets: record
            .buckets
            .iter()
            .map(|bucket| MinuteBucket {
                seconds: held(bucket.seconds),
                priority: bucket.priority,
                price: Decimal::from_nanos(bucket.price),
                destination_id: bucket.destination.clone(),
            })
            .collect(),
    }
}

/// Makes a balance of units what it is to be.
fn set(
    books: &mut Books<'_>,
    asset: Asset,
    account: AccountId,
    wanted: Quantity,
    posting: &Posting<'_>,
) -> Result<(), Refusal> {
    let difference = Money::from_micros(wanted.micros())
        .checked_sub(books.balance(account))
        .ok_or_else(|| Refusal::new("out-of-range", "a figure is outside the range of the ledger"))?;
    post(books, asset, account, difference, &posting.purpose.units, posting)
}

/// Adds `amount` to an account of the budget; nothing for zero.
fn post(
    books: &mut Books<'_>,
    asset: Asset,
    account: AccountId,
    amount: Money,
    (kind, name, transfer): &(LedgerKind, &'static str, TransferKind),
    posting: &Posting<'_>,
) -> Result<(), Refusal> {
    if amount == Money::ZERO {
        return Ok(());
    }
    let other = books.own_account_of(*kind, asset, name);
    let (debit, credit) = if amount.is_negative() { (account, other) } else { (other, account) };
    let amount = if amount.is_negative() { amount.checked_neg() } else { Some(amount) };
    let amount =
        amount.ok_or_else(|| Refusal::new("out-of-range", "a figure is outside the range of the ledger"))?;
    let entry = Entry {
        kind: *transfer,
        reference: posting.reference,
        text: posting.text,
        by: posting.by,
        time: posting.time,
        day: None,
    };
    books.transfer(debit, credit, account, amount, entry)?;
    Ok(())
}
