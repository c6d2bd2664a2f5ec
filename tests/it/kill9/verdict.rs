//! The database against the journals.

use super::client::{Acknowledged, Journal};
use super::server::Server;
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Complaints kept at most of each kind.
const COMPLAINTS_MAX: usize = 5;

#[derive(Debug, Default)]
pub struct Verdict {
    pub acknowledged: usize,
    pub found_on_retry: u64,
    pub repeats_checked: u64,
    /// Acknowledged, and not in the database.
    pub lost: usize,
    /// More than once in the database.
    pub twice: usize,
    /// In the database otherwise than it was acknowledged, or on the wrong balance.
    pub changed: usize,
    /// In the database, and acknowledged to nobody although all clients have their answers.
    pub unknown: usize,
    /// Repeats that were told another thing than the first time.
    pub wrong_repeats: usize,
    /// What is wrong with the books by themselves.
    pub books: Vec<String>,
    /// Some of all faults, in words.
    pub complaints: Vec<String>,
}

impl Verdict {
    /// Lost, twice, changed, unknown, wrong repeats.
    pub fn faults(&self) -> [usize; 5] {
        [self.lost, self.twice, self.changed, self.unknown, self.wrong_repeats]
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} acknowledged ({} had been committed before a kill and were found on retry), {} repeats checked; \
             {} lost, {} twice, {} changed, {} unknown, {} wrong repeats",
            self.acknowledged,
            self.found_on_retry,
            self.repeats_checked,
            self.lost,
            self.twice,
            self.changed,
            self.unknown,
            self.wrong_repeats
        )
    }
}

/// A payment in the database.
#[derive(Debug)]
struct Row {
    op_id: i64,
    contract: String,
    micros: i64,
    date: String,
}

pub fn compare(server: &Server, journals: &[Journal]) -> Verdict {
    let database = server.database();
    let mut rows = payments(&database);
    let mut verdict = Verdict { books: books(&database), ..Verdict::default() };
    let mut expected = BTreeMap::<String, i64>::new();
    for journal in journals {
        verdict.acknowledged += journal.acknowledged.len();
        verdict.found_on_retry += journal.found_on_retry;
        verdict.repeats_checked += journal.repeats_checked;
        verdict.wrong_repeats += journal.wrong.len();
        verdict.complaints.extend(journal.wrong.iter().take(COMPLAINTS_MAX).cloned());
        for acknowledged in &journal.acknowledged {
            let payment = &acknowledged.payment;
            *expected.entry(payment.contract.clone()).or_default() += micros(payment.kopecks);
            let found = rows.remove(&(payment.operator.to_owned(), payment.id.clone())).unwrap_or_default();
            verdict.judge(acknowledged, &found);
        }
    }
    verdict.unknown = rows.len();
    verdict.complaints.extend(rows.iter().take(COMPLAINTS_MAX).map(|row| format!("unknown: {row:?}")));
    for (contract, balance) in balances(&database) {
        let expected = expected.remove(&contract).unwrap_or_default();
        if balance != expected {
            verdict.changed += 1;
            verdict.complaints.push(format!("contract {contract} has {balance}, acknowledged {expected}"));
        }
    }
    verdict
}

impl Verdict {
    fn judge(&mut self, acknowledged: &Acknowledged, found: &[Row]) {
        let payment = &acknowledged.payment;
        let count = match found {
            [] => &mut self.lost,
            [row] => {
                let same = row.op_id == acknowledged.op_id
                    && row.contract == payment.contract
                    && row.micros == micros(payment.kopecks)
                    && row.date == payment.date;
                if same {
                    return;
                }
                &mut self.changed
            }
            _ => &mut self.twice,
        };
        *count += 1;
        if *count <= COMPLAINTS_MAX {
            self.complaints.push(format!("{acknowledged:?} stands as {found:?}"));
        }
    }
}

fn micros(kopecks: u64) -> i64 {
    i64::try_from(kopecks).unwrap() * 10_000
}

/// All payments, by operator and id.
fn payments(database: &Connection) -> HashMap<(String, String), Vec<Row>> {
    let sql = "SELECT operator, id, transfer, contract, sum, operator_date FROM payment";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let found = Row { op_id: row.get(2)?, contract: row.get(3)?, micros: row.get(4)?, date: row.get(5)? };
        Ok(((row.get(0)?, row.get(1)?), found))
    });
    let mut all = HashMap::<_, Vec<Row>>::new();
    for row in rows.unwrap() {
        let (key, row) = row.unwrap();
        all.entry(key).or_default().push(row);
    }
    all
}

fn balances(database: &Connection) -> Vec<(String, i64)> {
    let sql = "SELECT contract, coalesce(balance, 0) FROM account LEFT JOIN ledger_account USING (id)";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The invariants of double entry, asked in other words than the program asks them.
fn books(database: &Connection) -> Vec<String> {
    [
        ("the sum of all balances is not zero", "SELECT sum(balance) <> 0 FROM ledger_account"),
        (
            "balances that are not the sum of their postings",
            "SELECT count(*) FROM ledger_account WHERE balance <> \
             (SELECT coalesce(sum(amount), 0) FROM transfer WHERE credit = ledger_account.id) - \
             (SELECT coalesce(sum(amount), 0) FROM transfer WHERE debit = ledger_account.id)",
        ),
        (
            "payments that are not what was posted for them",
            "SELECT count(*) FROM payment LEFT JOIN transfer ON transfer.id = transfer \
             WHERE sum IS NOT amount OR credit IS NOT account OR kind IS NOT 'payment'",
        ),
        (
            "postings of payments without their payment",
            "SELECT count(*) FROM transfer WHERE kind = 'payment' AND id NOT IN (SELECT transfer FROM payment)",
        ),
        ("a damaged database", "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
    ]
    .into_iter()
    .filter_map(|(what, sql)| {
        let found: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
        (found > 0).then(|| format!("{what}: {found}"))
    })
    .collect()
}
