//! What an operator may set of the rules of money (contract, `[billing]`; rules.md).

use super::Money;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingRules {
    /// Largest sum of one payment.
    pub payment_max: Money,
    /// Minutes from midnight at which a shortage caused by a fee takes effect.
    pub cut_at: u16,
    /// Monday to Sunday; at least one.
    pub cut_days: [bool; 7],
    /// After an outage no new shortage takes effect for this long.
    pub outage_grace: Duration,
    /// Days of fees that are made up without an operator's word.
    pub catch_up_days_max: i32,
    /// Hundredths of a percent, included in prices; None: no VAT.
    pub vat_basis_points: Option<u32>,
    /// Price of a day of a pause.
    pub pause_fee: Money,
    pub promise_sum: Money,
    pub promise_days: i32,
    pub promise_price: Money,
    /// Of one account in a calendar month; 0: none are given.
    pub promises_per_month: u32,
    /// No fees while the machine's clock does not say that it is right.
    pub require_synchronised_clock: bool,
}

impl Default for BillingRules {
    fn default() -> BillingRules {
        BillingRules {
            payment_max: Money::from_units(1_000_000),
            cut_at: 10 * 60,
            cut_days: [true; 7],
            outage_grace: Duration::from_secs(3 * 3_600),
            catch_up_days_max: 7,
            vat_basis_points: None,
            pause_fee: Money::ZERO,
            promise_sum: Money::from_units(100),
            promise_days: 3,
            promise_price: Money::ZERO,
            promises_per_month: 1,
            require_synchronised_clock: true,
        }
    }
}
