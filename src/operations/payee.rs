//! Whom an operator's payment would be for, and what became of one.

use super::money::store_trouble;
use super::{Operations, PaidPayment, blocking};
use crate::directory::Found;
use crate::model::*;
use crate::writer::Rejected;
use std::sync::Arc;

/// The account that a payment would go to.
#[derive(Clone, Debug)]
pub struct Payee {
    pub contract: String,
    /// A person's surname with the initial of the given name, `И. Иванов`; a company's as it is.
    pub masked_name: String,
    pub address: String,
    pub balance: String,
    /// What is owed; `0.00` when nothing.
    pub to_pay: String,
}

impl Operations {
    /// Whose payment it would be (rules.md, Who is meant); None: nobody's.
    pub fn payee(&self, who: &str) -> Option<Payee> {
        let Found { account, balance, mates, .. } = self.directory.read().find_payer(who).ok()?;
        let to_pay = mates.iter().map(|mate| mate.view.to_pay).max().unwrap_or(Money::ZERO);
        Some(Payee {
            contract: account.contract.clone(),
            masked_name: masked_name(&account),
            address: account.address.clone(),
            balance: self.money(balance),
            to_pay: self.money(to_pay),
        })
    }

    /// A payment by its key; None: there is none. Asks the store.
    pub async fn payment(
        self: &Arc<Self>,
        operator: &str,
        id: &str,
    ) -> Result<Option<PaidPayment>, Rejected> {
        let (operations, operator, ids) = (Arc::clone(self), operator.to_owned(), vec![id.to_owned()]);
        blocking(move || {
            let mut found = operations.reader.payments_of(&operator, &ids).map_err(store_trouble)?;
            Ok(found.pop().map(|payment| operations.paid(payment, true)))
        })
        .await
    }
}

/// What may be shown to whoever types a contract's number: `Иванов Иван Петрович` is `И. Иванов`.
fn masked_name(account: &Account) -> String {
    if account.kind == AccountKind::Company {
        return account.name.clone();
    }
    let mut words = account.name.split_whitespace();
    let surname = words.next().unwrap_or_default();
    match words.next().and_then(|given| given.chars().next()) {
        Some(initial) => format!("{initial}. {surname}"),
        None => surname.to_owned(),
    }
}
