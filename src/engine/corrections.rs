//! Money moved by hand (rules.md, Corrections and closing). Nothing is edited: each is a new transfer, dated now.

use super::calendar::day_of;
use super::ledger::{Books, Entry};
use super::payment::{check_sum, check_text};
use super::{Decision, State, fees};
use crate::model::*;

/// The other side of corrections and of money given back.
const CORRECTION: &str = "correction";
const REFUND: &str = "refund";

pub(super) fn decide(
    state: &State,
    command: &CorrectionCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let by_hand = ByHand { state, actor, now };
    by_hand.check_open()?;
    match command {
        CorrectionCommand::Reverse { transfer, reason } => by_hand.reverse(*transfer, reason),
        CorrectionCommand::Correct { account, sum, text } => by_hand.correct(*account, *sum, text),
        CorrectionCommand::Refund { account, sum, text } => by_hand.refund(*account, *sum, text),
        CorrectionCommand::Move { from, to, sum, text } => by_hand.move_between(*from, *to, *sum, text),
        CorrectionCommand::Credit { account, limit, until } => by_hand.credit(*account, *limit, *until),
    }
}

/// One decision of somebody's.
struct ByHand<'a> {
    state: &'a State,
    actor: &'a Actor,
    now: Timestamp,
}

/// A transfer to be posted.
struct Posting<'a> {
    debit: AccountId,
    credit: AccountId,
    amount: Money,
    kind: TransferKind,
    reference: &'a str,
    text: &'a str,
    reverses: Option<TransferId>,
}

impl<'a> ByHand<'a> {
    /// A clock that has gone back into a closed month must not date anything there.
    fn check_open(&self) -> Result<(), Refusal> {
        let month = day_of(self.now, &self.state.settings.time_zone).month();
        match self.state.billing.books.closed_through {
            Some(closed) if month <= closed => {
                Err(Refusal::new("month-closed", format!("{month} is closed, and the clock says {month}")))
            }
            _ => Ok(()),
        }
    }

    fn reverse(&self, id: TransferId, reason: &str) -> Result<Decision, Refusal> {
        check_text(reason)?;
        let posted = self
            .state
            .posted_transfer(id)
            .ok_or_else(|| Refusal::new("transfer-not-found", format!("there is no operation {id}")))?;
        let original = &posted.transfer;
        self.check_reversible(posted)?;
        let day = day_of(original.time, &self.state.settings.time_zone);
        let text = format!("Reversal of operation {id}, {} of {day}: {reason}", original.kind.as_str());
        let mut books = Books::new(self.state);
        let posting = Posting {
            debit: original.credit,
            credit: original.debit,
            amount: original.amount,
            kind: TransferKind::Reversal,
            reference: &id.to_string(),
            text: &text,
            reverses: Some(id),
        };
        let transfer = self.post(&mut books, &posting)?;
        if let Some(payment) = &posted.payment {
            books.changes.push(Change::PaymentReversed(payment.key.clone()));
        }
        Ok(self.posted(books, &transfer))
    }

    fn check_reversible(&self, posted: &PostedTransfer) -> Result<(), Refusal> {
        let original = &posted.transfer;
        let not =
            |why: &str| Err(Refusal::new("not-reversible", format!("operation {} is {why}", original.id)));
        if let Some(by) = posted.reversed_by {
            let text = format!("operation {} was taken back by operation {by} before", original.id);
            return Err(Refusal::new("already-reversed", text));
        }
        match original.kind {
            TransferKind::Reversal => return not("a reversal; post a correction instead"),
            TransferKind::Grant => return not("no money but units"),
            _ => {}
        }
        if !self.is_contract(original.debit) && !self.is_contract(original.credit) {
            return not("not of a contract");
        }
        Ok(())
    }

    fn correct(&self, id: AccountId, sum: Money, text: &str) -> Result<Decision, Refusal> {
        let amount = sum.abs().ok_or_else(|| Refusal::new("bad-sum", "the sum is out of range"))?;
        check_sum(self.state, amount)?;
        check_text(text)?;
        let account = self.account(id)?;
        let mut books = Books::new(self.state);
        let adjustment = books.own_account(LedgerKind::Adjustment, CORRECTION);
        let contract = books.contract_account(account);
        let (debit, credit) = if sum.is_negative() { (contract, adjustment) } else { (adjustment, contract) };
        let kind = TransferKind::Correction;
        let posting = Posting { debit, credit, amount, kind, reference: "", text, reverses: None };
        let transfer = self.post(&mut books, &posting)?;
        Ok(self.posted(books, &transfer))
    }

    fn refund(&self, id: AccountId, sum: Money, text: &str) -> Result<Decision, Refusal> {
        check_sum(self.state, sum)?;
        check_text(text)?;
        let account = self.account(id)?;
        self.check_covered(account, sum)?;
        let mut books = Books::new(self.state);
        let adjustment = books.own_account(LedgerKind::Adjustment, REFUND);
        let posting = Posting {
            debit: books.contract_account(account),
            credit: adjustment,
            amount: sum,
            kind: TransferKind::Refund,
            reference: "",
            text,
            reverses: None,
        };
        let transfer = self.post(&mut books, &posting)?;
        Ok(self.posted(books, &transfer))
    }

    fn move_between(
        &self,
        from: AccountId,
        to: AccountId,
        sum: Money,
        text: &str,
    ) -> Result<Decision, Refusal> {
        check_sum(self.state, sum)?;
        check_text(text)?;
        let (from, to) = (self.account(from)?, self.account(to)?);
        if from.id == to.id {
            return Err(Refusal::new("same-account", "money cannot be moved to where it is"));
        }
        self.check_covered(from, sum)?;
        let mut books = Books::new(self.state);
        let posting = Posting {
            debit: books.contract_account(from),
            credit: books.contract_account(to),
            amount: sum,
            kind: TransferKind::Move,
            reference: &format!("{} to {}", from.contract, to.contract),
            text,
            reverses: None,
        };
        let transfer = self.post(&mut books, &posting)?;
        Ok(self.posted(books, &transfer))
    }

    fn credit(&self, id: AccountId, limit: Money, until: Option<Timestamp>) -> Result<Decision, Refusal> {
        if limit != Money::ZERO {
            check_sum(self.state, limit)?;
        }
        if until.is_some_and(|until| until <= self.now) {
            return Err(Refusal::new("date-in-past", "the credit would have ended already"));
        }
        let account = self.account(id)?;
        if account.credit_limit == limit && account.credit_until == until {
            return Ok(Decision::unchanged(Outcome::Done { changed: false }));
        }
        let account = Account { credit_limit: limit, credit_until: until, ..Account::clone(account) };
        let mut books = Books::new(self.state);
        books.put_account(account);
        fees::takes_effect(&mut books, id, self.now);
        fees::settle(&mut books, id, self.now);
        Ok(Decision { outcome: Outcome::Done { changed: true }, changes: books.changes })
    }

    fn account(&self, id: AccountId) -> Result<&'a Account, Refusal> {
        let found = self.state.accounts.get(&id).map(AsRef::as_ref);
        found.ok_or_else(|| Refusal::new("account-not-found", format!("there is no account {id}")))
    }

    fn is_contract(&self, id: AccountId) -> bool {
        self.state.accounts.contains_key(&id)
    }

    /// The subscriber's own money, without credit and promise.
    fn check_covered(&self, account: &Account, sum: Money) -> Result<(), Refusal> {
        let balance = self.state.balance(account.id);
        if balance.saturating_sub(sum).is_negative() {
            let balance = balance.to_decimal(self.state.settings.currency_digits);
            let text = format!("contract {} has only {balance} of its own", account.contract);
            return Err(Refusal::new("not-covered", text));
        }
        Ok(())
    }

    fn post(&self, books: &mut Books<'_>, posting: &Posting<'_>) -> Result<Transfer, Refusal> {
        let shown = if self.is_contract(posting.debit) { posting.debit } else { posting.credit };
        let entry = Entry {
            kind: posting.kind,
            reference: posting.reference,
            text: posting.text,
            by: &self.actor.0,
            time: self.now,
            day: None,
        };
        let mut transfer = books.transfer(posting.debit, posting.credit, shown, posting.amount, entry)?;
        transfer.reverses = posting.reverses;
        // The last change is this transfer, as the books have just written it.
        if let Some(Change::Transfer(written)) = books.changes.last_mut() {
            written.reverses = posting.reverses;
        }
        Ok(transfer)
    }

    /// What follows for both sides: a shortage takes effect at once, and fees that are due and covered now are posted.
    fn posted(&self, mut books: Books<'_>, transfer: &Transfer) -> Decision {
        if self.is_contract(transfer.debit) {
            fees::takes_effect(&mut books, transfer.debit, self.now);
        }
        if self.is_contract(transfer.credit) {
            fees::settle(&mut books, transfer.credit, self.now);
        }
        let outcome = Outcome::Posted {
            transfer: transfer.id,
            amount: transfer.amount,
            balance: transfer.balance_after,
        };
        Decision { outcome, changes: books.changes }
    }
}
