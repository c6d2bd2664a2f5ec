//! Our payments of an operator against the operator's own registry of them. Nothing is written.

mod registry;

use super::Operations;
use super::money::store_trouble;
use super::statement::bad_period;
use crate::engine::day_of;
use crate::model::*;
use crate::storage::{PaymentFilter, Span};
use crate::writer::Rejected;
use registry::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Payments read from the store at a time.
const PAGE: usize = 10_000;
/// Keys asked for at a time.
const KEYS: usize = 1_000;
/// Differences that are shown; the rest is counted.
const DIFFERENCES_MAX: usize = 100_000;

#[derive(Clone, Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRequest {
    /// Code of the payment operator, as its payments have it.
    pub operator: String,
    /// The registry: CSV with `;`, `,` or tab.
    pub text: String,
    /// Like `id=1,sum=3`; absent: the file has headings.
    #[serde(default)]
    pub columns: Option<String>,
    /// Ours are taken from these days; absent: from the days that the registry has.
    #[serde(default)]
    pub from: Option<Day>,
    /// Last day, in it.
    #[serde(default)]
    pub to: Option<Day>,
}

/// What a comparison has found.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Reconciliation {
    pub operator: String,
    pub from: Day,
    pub to: Day,
    /// Nothing differs and every line was read.
    pub agrees: bool,
    pub theirs: Total,
    /// Without those that are reversed and not in the registry either.
    pub ours: Total,
    /// The same on both sides.
    pub matched: Total,
    /// How often each difference occurs; a payment may have several.
    pub counts: Counts,
    pub differences: Vec<Difference>,
    /// Differences beyond those shown.
    pub more_differences: usize,
    pub bad_lines: Vec<BadLine>,
    pub more_bad_lines: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Total {
    pub payments: usize,
    pub sum: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Counts {
    pub only_theirs: usize,
    pub only_ours: usize,
    pub sum: usize,
    pub account: usize,
    pub day: usize,
    /// We have taken it back, they have not.
    pub reversed: usize,
    /// The registry has it more than once.
    pub repeated: usize,
}

/// A payment that is not the same on both sides. What a side does not have is absent.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Difference {
    /// `only-theirs`, `only-ours`, or some of `sum`, `account`, `day`, `reversed`, `repeated`.
    pub differs: Vec<&'static str>,
    pub id: String,
    pub op_id: Option<i64>,
    /// Line of the registry.
    pub line: Option<usize>,
    pub their_sum: Option<String>,
    pub our_sum: Option<String>,
    pub their_account: Option<String>,
    pub our_account: Option<String>,
    pub their_day: Option<Day>,
    pub our_time: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct BadLine {
    pub line: usize,
    pub text: String,
}

impl Operations {
    /// Compares a registry with what we have. Blocks on the store.
    pub fn reconcile(&self, request: &RegistryRequest) -> Result<Reconciliation, Rejected> {
        let zone = &self.settings.time_zone;
        let digits = self.settings.currency_digits;
        let registry = registry::read(request.text.as_bytes(), request.columns.as_deref(), digits, zone)?;
        let days = || registry.rows.iter().filter_map(|row| row.day);
        let (from, to) = (request.from.or(days().min()), request.to.or(days().max()));
        let (Some(from), Some(to)) = (from, to) else {
            let text = "the registry has no dates: say which days it is of (--from, --to)";
            return Err(Refusal::new("no-period", text).into());
        };
        if to < from {
            return Err(bad_period(from, to).into());
        }
        let mut comparison = Comparison::new(self, &registry.rows, registry.by_op_id);
        comparison.take_ours(&request.operator, &self.span(from, to))?;
        comparison.take_elsewhere(&request.operator)?;
        let Comparison { theirs, ours, matched, counts, mut differences, more, .. } = comparison;
        differences.sort_by_key(|difference| (difference.line, difference.op_id));
        let bad_lines = registry.bad_lines.into_iter().map(|(line, text)| BadLine { line, text });
        let total = |(payments, sum): (usize, i128)| Total { payments, sum: self.total(sum) };
        Ok(Reconciliation {
            operator: request.operator.clone(),
            from,
            to,
            agrees: counts == Counts::default() && bad_lines.len() == 0,
            theirs: total(theirs),
            ours: total(ours),
            matched: total(matched),
            counts,
            differences,
            more_differences: more,
            bad_lines: bad_lines.collect(),
            more_bad_lines: registry.more_bad_lines,
        })
    }

    fn total(&self, sum: i128) -> String {
        self.money(Money::from_micros(i64::try_from(sum).unwrap_or(i64::MAX)))
    }
}

/// Number and sum.
type Running = (usize, i128);

fn add(running: &mut Running, sum: Money) {
    running.0 += 1;
    running.1 += i128::from(sum.micros());
}

struct Comparison<'a> {
    operations: &'a Operations,
    /// Rows that ours have not been found for yet, by id.
    waiting: HashMap<&'a str, &'a Row>,
    by_op_id: bool,
    theirs: Running,
    ours: Running,
    matched: Running,
    counts: Counts,
    differences: Vec<Difference>,
    more: usize,
}

impl<'a> Comparison<'a> {
    fn new(operations: &'a Operations, rows: &'a [Row], by_op_id: bool) -> Comparison<'a> {
        let mut comparison = Comparison {
            operations,
            waiting: HashMap::with_capacity(rows.len()),
            by_op_id,
            theirs: (0, 0),
            ours: (0, 0),
            matched: (0, 0),
            counts: Counts::default(),
            differences: Vec::new(),
            more: 0,
        };
        for row in rows {
            add(&mut comparison.theirs, row.sum);
            // The first one is compared; each further one is money that they count twice.
            if comparison.waiting.contains_key(row.id.as_str()) {
                comparison.differ(vec!["repeated"], Some(row), None);
            } else {
                comparison.waiting.insert(&row.id, row);
            }
        }
        comparison
    }

    /// Compares every payment of ours in the period.
    fn take_ours(&mut self, operator: &str, span: &Span) -> Result<(), Rejected> {
        let mut filter = PaymentFilter {
            since: Some(span.from),
            until: Some(span.to),
            operator: Some(operator.to_owned()),
            limit: PAGE,
            ..PaymentFilter::default()
        };
        loop {
            let page = self.operations.reader.payments(&filter).map_err(store_trouble)?;
            filter.after = page.last().map(|payment| (payment.time, payment.transfer));
            for payment in &page {
                self.take(payment);
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Looks for the rest of theirs among our payments of other days.
    fn take_elsewhere(&mut self, operator: &str) -> Result<(), Rejected> {
        let ids: Vec<String> = self.waiting.keys().map(|id| (*id).to_owned()).collect();
        let reader = &self.operations.reader;
        for keys in ids.chunks(KEYS) {
            let found = if self.by_op_id {
                let ids = keys.iter().filter_map(|id| id.parse().ok().map(TransferId));
                let found: Result<Vec<_>, _> = ids.map(|id| reader.payment(id)).collect();
                found
                    .map(|found| found.into_iter().flatten().filter(|p| p.key.operator == operator).collect())
            } else {
                reader.payments_of(operator, keys)
            };
            for payment in &found.map_err(store_trouble)? {
                self.take(payment);
            }
        }
        let rest: Vec<&Row> = self.waiting.drain().map(|(_, row)| row).collect();
        for row in rest {
            self.differ(vec!["only-theirs"], Some(row), None);
        }
        Ok(())
    }

    fn take(&mut self, payment: &Payment) {
        let row = match self.by_op_id {
            true => self.waiting.remove(payment.transfer.to_string().as_str()),
            false => self.waiting.remove(payment.key.id.as_str()),
        };
        // Taken back by both sides.
        if row.is_none() && payment.reversed {
            return;
        }
        add(&mut self.ours, payment.sum);
        let Some(row) = row else { return self.differ(vec!["only-ours"], None, Some(payment)) };
        let differs: Vec<&'static str> = [
            ("sum", row.sum != payment.sum),
            ("account", row.account.as_deref().is_some_and(|account| !is_account(payment, account))),
            ("day", row.day.is_some_and(|day| !self.is_day(payment, day))),
            ("reversed", payment.reversed),
        ]
        .into_iter()
        .filter_map(|(what, differs)| differs.then_some(what))
        .collect();
        if differs.is_empty() {
            add(&mut self.matched, payment.sum);
        } else {
            self.differ(differs, Some(row), Some(payment));
        }
    }

    /// The day that we took it on, or the day that the operator gave with it.
    fn is_day(&self, payment: &Payment, day: Day) -> bool {
        let zone = &self.operations.settings.time_zone;
        day_of(payment.time, zone) == day || registry::day(&payment.operator_date, zone) == Some(day)
    }

    fn differ(&mut self, differs: Vec<&'static str>, row: Option<&Row>, payment: Option<&Payment>) {
        for what in &differs {
            *self.counts.of(what) += 1;
        }
        if self.differences.len() >= DIFFERENCES_MAX {
            self.more += 1;
            return;
        }
        let id = row.map(|row| &row.id).or(payment.map(|payment| &payment.key.id));
        self.differences.push(Difference {
            differs,
            id: id.cloned().unwrap_or_default(),
            op_id: payment.map(|payment| payment.transfer.0),
            line: row.map(|row| row.line),
            their_sum: row.map(|row| self.operations.money(row.sum)),
            our_sum: payment.map(|payment| self.operations.money(payment.sum)),
            their_account: row.and_then(|row| row.account.clone()),
            our_account: payment.map(|payment| payment.contract.clone()),
            their_day: row.and_then(|row| row.day),
            our_time: payment.map(|payment| self.operations.time(payment.time)),
        });
    }
}

impl Counts {
    fn of(&mut self, what: &str) -> &mut usize {
        match what {
            "only-theirs" => &mut self.only_theirs,
            "only-ours" => &mut self.only_ours,
            "sum" => &mut self.sum,
            "account" => &mut self.account,
            "day" => &mut self.day,
            "reversed" => &mut self.reversed,
            _ => &mut self.repeated,
        }
    }
}

/// The contract, or whatever the operator named when it paid.
fn is_account(payment: &Payment, account: &str) -> bool {
    account == payment.contract || account == payment.who.trim()
}
