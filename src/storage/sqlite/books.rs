//! The ledger's invariants, checked on what is stored.

use super::super::StoreError;
use super::super::words::Word;
use super::links;
use super::read::rows;
use crate::model::{AccountId, Asset};
use rusqlite::{Connection, Params};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Sentences of one kind that are given; the rest is counted.
const SENTENCES_MAX: usize = 100;

struct Account {
    asset: Asset,
    balance: i128,
    postings: i128,
}

/// Reads one moment of the books and says what does not hold:
/// all balances of an asset add up to zero, each balance is the sum of its postings, no transfer lacks an account or is
/// between two assets, each payment has its transfer with its sum and account, no transfer of a payment lacks the
/// payment, and what [`links`](super::links) says of reversals and pending transfers.
pub(super) fn check(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let mut findings = Vec::new();
    let mut accounts = FxHashMap::<AccountId, Account>::default();
    let sql = "SELECT id, balance, asset FROM ledger_account";
    for (id, balance, asset) in
        rows(&transaction, sql, [], |c| Ok((AccountId(c.value()?), c.value::<i64>()?, c.word()?)))?
    {
        accounts.insert(id, Account { asset, balance: i128::from(balance), postings: 0 });
    }
    check_transfers(&transaction, &mut accounts, &mut findings)?;
    check_balances(&accounts, &mut findings);
    check_payments(&transaction, &mut findings)?;
    links::check(&transaction, &mut findings)?;
    Ok(findings)
}

fn check_transfers(
    connection: &Connection,
    accounts: &mut FxHashMap<AccountId, Account>,
    findings: &mut Vec<String>,
) -> Result<(), StoreError> {
    let mut orphans = Findings::default();
    let mut statement = connection.prepare_cached("SELECT id, debit, credit, amount FROM transfer")?;
    let mut rows = statement.query([])?;
    // Row by row: a year's transfers need not fit into memory.
    while let Some(row) = rows.next()? {
        let (id, amount): (i64, i64) = (row.get(0)?, row.get(3)?);
        for (column, sign) in [(1, -1), (2, 1)] {
            let account = AccountId(row.get(column)?);
            match accounts.get_mut(&account) {
                Some(found) => found.postings += sign * i128::from(amount),
                None => {
                    orphans.add(format!(
                        "transfer {id} names account {account}, which the ledger does not have"
                    ));
                }
            }
        }
        let asset = |column| -> rusqlite::Result<Option<Asset>> {
            Ok(accounts.get(&AccountId(row.get(column)?)).map(|account| account.asset))
        };
        if let (Some(debit), Some(credit)) = (asset(1)?, asset(2)?)
            && debit != credit
        {
            orphans.add(format!("transfer {id} goes from {} to {}", debit.word(), credit.word()));
        }
        if amount <= 0 {
            orphans.add(format!("transfer {id} has the amount {amount}, which is not more than zero"));
        }
    }
    orphans.append_to(findings);
    Ok(())
}

fn check_balances(accounts: &FxHashMap<AccountId, Account>, findings: &mut Vec<String>) {
    let mut totals = BTreeMap::<Asset, i128>::new();
    for account in accounts.values() {
        *totals.entry(account.asset).or_default() += account.balance;
    }
    for (asset, total) in totals.into_iter().filter(|(_, total)| *total != 0) {
        let asset = asset.word();
        findings.push(format!("the balances of {asset} add up to {} instead of zero", decimal(total)));
    }
    let mut wrong: Vec<_> = accounts.iter().filter(|(_, a)| a.balance != a.postings).collect();
    wrong.sort_unstable_by_key(|(id, _)| **id);
    let mut unequal = Findings::default();
    for (id, account) in wrong {
        unequal.add(format!(
            "account {id} has the balance {}, its postings add up to {}",
            decimal(account.balance),
            decimal(account.postings)
        ));
    }
    unequal.append_to(findings);
}

fn check_payments(connection: &Connection, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let unbooked = "SELECT p.operator, p.id FROM payment p LEFT JOIN transfer t ON t.id = p.transfer \
         WHERE t.id IS NULL OR t.amount <> p.sum OR t.credit <> p.account OR t.kind <> 'payment' \
         ORDER BY p.operator, p.id";
    sentences(connection, unbooked, [], findings, |row| {
        let (operator, id): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(format!("payment {id:?} of {operator:?} has no transfer with its sum and account"))
    })?;
    let unpaid = "SELECT t.id FROM transfer t LEFT JOIN payment p ON p.transfer = t.id \
         WHERE t.kind = 'payment' AND p.id IS NULL ORDER BY t.id";
    sentences(connection, unpaid, [], findings, |row| {
        Ok(format!("transfer {} books a payment that is not there", row.get::<_, i64>(0)?))
    })
}

pub(super) fn sentences(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    findings: &mut Vec<String>,
    sentence: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<String>,
) -> Result<(), StoreError> {
    let mut found = Findings::default();
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        found.add(sentence(row)?);
    }
    found.append_to(findings);
    Ok(())
}

#[derive(Default)]
pub(super) struct Findings {
    sentences: Vec<String>,
    more: usize,
}

impl Findings {
    pub fn add(&mut self, sentence: String) {
        if self.sentences.len() < SENTENCES_MAX { self.sentences.push(sentence) } else { self.more += 1 }
    }

    pub fn append_to(self, findings: &mut Vec<String>) {
        findings.extend(self.sentences);
        if self.more > 0 {
            findings.push(format!("and {} more like these", self.more));
        }
    }
}

/// Millionths as a decimal, past the range of `Money` too.
fn decimal(micros: i128) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let magnitude = micros.unsigned_abs();
    format!("{sign}{}.{:06}", magnitude / 1_000_000, magnitude % 1_000_000)
}
