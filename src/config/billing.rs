//! `[billing]`: limits of the ledger, the hours of cuts, promised payments and pauses.

use super::currency::Currency;
use super::error::Fault;
use super::section::Section;
use super::tree::{Node, Value};
use crate::model::{BillingRules, Money, basis_points};
use std::time::Duration;

const MINUTES_OF_DAY: u16 = 24 * 60;
/// Longest grace after an outage.
const GRACE_MAX: Duration = Duration::from_secs(7 * 86_400);
const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn read(section: &mut Section<'_>, currency: &Currency) -> BillingRules {
    let mut billing = BillingRules::default();
    let digits = currency.exponent;
    let positive = |node: &Node| sum(node, digits).and_then(|sum| above_zero(node, sum, digits));
    let price = |node: &Node| sum(node, digits);
    section
        .value("payment-max", &mut billing.payment_max, positive)
        .parsed("cut-at", &mut billing.cut_at, "a time of day such as \"10:00\"", time_of_day)
        .parsed("cut-days", &mut billing.cut_days, DAYS, days)
        .parsed("outage-grace", &mut billing.outage_grace, GRACE, grace)
        .number("catch-up-days-max", &mut billing.catch_up_days_max, 1..=366)
        .parsed("vat", &mut billing.vat_basis_points, "\"none\" or a rate such as \"20%\"", vat)
        .value("pause-fee", &mut billing.pause_fee, price)
        .value("promise-sum", &mut billing.promise_sum, positive)
        .number("promise-days", &mut billing.promise_days, 1..=31)
        .value("promise-price", &mut billing.promise_price, price)
        .number("promises-per-month", &mut billing.promises_per_month, 0..=31)
        .boolean("require-synchronised-clock", &mut billing.require_synchronised_clock);
    billing
}
const DAYS: &str = "days such as \"mon-sun\", \"mon-fri\" or \"mon,wed,fri\"";
const GRACE: &str = "a time such as \"3h\" or \"90m\", at most 7 days, or \"0\"";

/// A sum of zero or more.
fn sum(node: &Node, digits: usize) -> Result<Money, Fault> {
    let what = format!("a sum such as \"1.50\", with at most {digits} digits after the point");
    let written = match &node.value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Integer(Some(number)) => number.to_string(),
        _ => return Err(node.expected(&what)),
    };
    Money::parse(&written, digits).ok().filter(|sum| !sum.is_negative()).ok_or_else(|| node.expected(&what))
}

fn above_zero(node: &Node, sum: Money, digits: usize) -> Result<Money, Fault> {
    let what =
        format!("a sum above zero such as \"1000000.00\", with at most {digits} digits after the point");
    Some(sum).filter(|sum| sum.is_positive()).ok_or_else(|| node.expected(&what))
}

/// Minutes from midnight.
pub(super) fn time_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |part: &str| {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let minutes = number(minutes).filter(|n| *n < 60 && minutes.len() == 2)?;
    Some(number(hours)? * 60 + minutes).filter(|at| *at < MINUTES_OF_DAY)
}

/// Days and ranges of days, separated by commas; a range may run over the week's end.
fn days(text: &str) -> Option<[bool; 7]> {
    let place = |word: &str| WEEK.iter().position(|day| *day == word.trim());
    let mut found = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (place(first)?, place(last)?);
        loop {
            *found.get_mut(at)? = true;
            if at == last {
                break;
            }
            at = (at + 1) % WEEK.len();
        }
    }
    Some(found)
}

fn grace(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "" if digits == "0" => 1,
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    Some(Duration::from_secs(seconds)).filter(|grace| *grace <= GRACE_MAX)
}

/// Hundredths of a percent.
fn vat(text: &str) -> Option<Option<u32>> {
    if text == "none" {
        return Some(None);
    }
    basis_points(text).filter(|_| text.ends_with('%')).map(Some)
}
