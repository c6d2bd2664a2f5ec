//! What the configuration sets of the rules of money.

use crate::model::Money;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Rules that the configuration sets.
#[derive(Clone, Debug)]
pub struct Settings {
    pub time_zone: TimeZone,
    /// Digits of the currency's minor unit (2 for RUB).
    pub currency_digits: usize,
    pub payment_max: Money,
    pub billing: BillingRules,
    pub calls: CallRules,
}

/// `[cgrates]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRules {
    /// What 1 of the dialect is in the currency.
    pub unit: Money,
    /// Figures of 2012, errors of its algorithm included.
    pub compat_2012: bool,
}

/// `[billing]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingRules {
    /// Minutes from midnight at which a shortage caused by a fee takes effect.
    pub cut_at: u16,
    /// Monday to Sunday.
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
    pub promises_per_month: u32,
    /// How long a session's reservation holds without news of the session.
    pub reservation_term: Duration,
    /// No fees while the machine's clock does not say that it is right.
    pub require_synchronised_clock: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            time_zone: TimeZone::UTC,
            currency_digits: 2,
            payment_max: Money::from_units(1_000_000),
            billing: BillingRules::default(),
            calls: CallRules::default(),
        }
    }
}

impl Default for CallRules {
    fn default() -> CallRules {
        CallRules { unit: Money::from_micros(10_000), compat_2012: false }
    }
}

impl Default for BillingRules {
    fn default() -> BillingRules {
        BillingRules {
            cut_at: 10 * 60,
            cut_days: [true; 7],
            outage_grace: Duration::from_secs(3 * 3600),
            catch_up_days_max: 7,
            vat_basis_points: None,
            pause_fee: Money::ZERO,
            promise_sum: Money::from_units(100),
            promise_days: 3,
            promise_price: Money::ZERO,
            promises_per_month: 1,
            reservation_term: Duration::from_secs(3 * 300),
            require_synchronised_clock: true,
        }
    }
}
