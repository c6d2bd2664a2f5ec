//! `[billing]`: limits of the ledger. Fees by the calendar are not served by this version, and so neither are the
//! keys that steer them.

use super::currency::Currency;
use super::error::Fault;
use super::section::Section;
use super::tree::{Node, Value};
use crate::model::Money;

const PAYMENT_MAX_UNITS: i32 = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    /// Largest sum of one payment.
    pub payment_max: Money,
}

impl Default for Billing {
    fn default() -> Billing {
        Billing { payment_max: Money::from_units(PAYMENT_MAX_UNITS) }
    }
}

impl Billing {
    pub(super) fn read(section: &mut Section<'_>, currency: &Currency) -> Billing {
        let mut billing = Billing::default();
        section.value("payment-max", &mut billing.payment_max, |node| read_sum(node, currency.exponent));
        for key in ["cut-at", "cut-days", "outage-grace", "catch-up-days-max", "vat"] {
            section.not_served(key);
        }
        billing
    }
}

fn read_sum(node: &Node, exponent: usize) -> Result<Money, Fault> {
    let what =
        format!("a sum above zero such as \"1000000.00\", with at most {exponent} digits after the point");
    let written = match &node.value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Integer(Some(number)) => number.to_string(),
        _ => return Err(node.expected(&what)),
    };
    Money::parse(&written, exponent).ok().filter(|sum| sum.is_positive()).ok_or_else(|| node.expected(&what))
}
