//! The journal of payments, and totals of days.

use super::Operations;
use super::money::store_trouble;
use super::statement::bad_period;
use crate::engine::{midnight, moment};
use crate::model::*;
use crate::storage::{PaymentFilter, Span};
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Payments that one question gives at most; further ones are asked for with `after`.
const LINES_MAX: usize = 10_000;
/// Payments where the caller does not say.
const LINES_DEFAULT: usize = 100;
/// Days that totals are given for at most: three years.
const DAYS_MAX: i32 = 1_097;

/// Which payments are asked for; texts as people write them, absent: all.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaymentQuery {
    /// A day or a moment.
    pub since: Option<String>,
    /// A day, which is in it, or a moment, which is not.
    pub until: Option<String>,
    /// Code of the payment operator.
    pub operator: Option<String>,
    /// Contract, login, address or MAC.
    pub who: Option<String>,
    /// Decimal text: this sum or more.
    pub sum_from: Option<String>,
    /// Decimal text: up to and including this sum.
    pub sum_to: Option<String>,
    /// Only those that were taken back, or only those that were not.
    pub reversed: Option<bool>,
    /// Only what follows this operation in the list, which begins with the newest.
    pub after: Option<i64>,
    /// Payments at most, 10000 or less; absent: 100.
    pub limit: Option<usize>,
}

/// A line of `payments`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PaymentRow {
    pub op_id: i64,
    pub pay_operator: String,
    pub pay_id_str: String,
    pub contract_number: String,
    pub sum_in: String,
    pub time: String,
    pub reversed: bool,
}

/// Which totals are asked for.
#[derive(Clone, Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsQuery {
    /// First day.
    pub from: Day,
    /// Last day; at most 1097 days in all.
    pub to: Day,
}

/// Totals of each day, of the days that have any.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct TotalsPage {
    pub from: Day,
    pub to: Day,
    pub operators: Vec<DayOfOperator>,
    pub revenue: Vec<DayOfRevenue>,
}

/// Payments by the day they were taken, reversals by the day they were made: a day that is over does not change.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct DayOfOperator {
    pub day: Day,
    pub operator: String,
    pub payments: i64,
    pub sum: String,
    pub reversed: i64,
    pub reversed_sum: String,
    /// `sum` less `reversed_sum`.
    pub net: String,
}

/// Revenue by the day it is for, less what was given back.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct DayOfRevenue {
    pub day: Day,
    pub kind: String,
    pub postings: i64,
    pub sum: String,
}

impl Operations {
    /// Payments, newest first. Blocks on the store.
    pub fn payments(&self, query: &PaymentQuery) -> Result<Vec<PaymentRow>, Rejected> {
        let filter = self.payment_filter(query)?;
        let payments = self.reader.payments(&filter).map_err(store_trouble)?;
        Ok(payments.into_iter().map(|payment| self.payment_row(payment)).collect())
    }

    fn payment_filter(&self, query: &PaymentQuery) -> Result<PaymentFilter, Rejected> {
        let sum = |text: &Option<String>| text.as_deref().map(|text| self.sum(text)).transpose();
        let account = match &query.who {
            Some(who) => Some(self.who(who)?.account.id),
            None => None,
        };
        let after = match query.after.map(TransferId) {
            Some(id) => {
                let payment = self.reader.payment(id).map_err(store_trouble)?;
                let payment = payment
                    .ok_or_else(|| Refusal::new("not-found", format!("operation {id} is not a payment")))?;
                Some((payment.time, id))
            }
            None => None,
        };
        Ok(PaymentFilter {
            since: moment(query.since.as_deref().unwrap_or_default(), &self.settings.time_zone)?,
            until: self.end_of(query.until.as_deref().unwrap_or_default())?,
            account,
            operator: query.operator.clone(),
            sum_from: sum(&query.sum_from)?,
            sum_to: sum(&query.sum_to)?,
            reversed: query.reversed,
            after,
            limit: query.limit.unwrap_or(LINES_DEFAULT).min(LINES_MAX),
        })
    }

    fn payment_row(&self, payment: Payment) -> PaymentRow {
        PaymentRow {
            op_id: payment.transfer.0,
            pay_operator: payment.key.operator,
            pay_id_str: payment.key.id,
            contract_number: payment.contract,
            sum_in: self.money(payment.sum),
            time: self.time(payment.time),
            reversed: payment.reversed,
        }
    }

    /// Totals of each day of a period. Blocks on the store.
    pub fn totals(&self, query: &TotalsQuery) -> Result<TotalsPage, Rejected> {
        let TotalsQuery { from, to } = *query;
        let days = to.since(from).saturating_add(1);
        if days < 1 {
            return Err(bad_period(from, to).into());
        }
        if days > DAYS_MAX {
            let text = format!("{days} days; totals are given for at most {DAYS_MAX}");
            return Err(Refusal::new("period-too-long", text).into());
        }
        let spans: Vec<Span> = (0..days).map(|n| self.span(from.plus(n), from.plus(n))).collect();
        let totals = self.reader.totals(&spans).map_err(store_trouble)?;
        let mut page = TotalsPage { from, to, operators: Vec::new(), revenue: Vec::new() };
        for (span, totals) in spans.iter().zip(totals) {
            page.operators.extend(totals.operators.into_iter().map(|total| DayOfOperator {
                day: span.first,
                payments: total.payments,
                sum: self.money(total.sum),
                reversed: total.reversed,
                reversed_sum: self.money(total.reversed_sum),
                net: self.money(total.sum.saturating_sub(total.reversed_sum)),
                operator: total.operator,
            }));
            page.revenue.extend(totals.revenue.into_iter().map(|total| DayOfRevenue {
                day: span.first,
                kind: total.kind,
                postings: total.postings,
                sum: self.money(total.sum),
            }));
        }
        Ok(page)
    }

    /// Days as moments of the server's zone.
    pub(super) fn span(&self, first: Day, last: Day) -> Span {
        let zone = &self.settings.time_zone;
        Span { first, last, from: midnight(first, zone), to: midnight(last.next(), zone) }
    }
}
