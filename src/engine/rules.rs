//! What the configuration sets of the rules of money.

use crate::model::{BillingRules, EventRules, Money};
use jiff::tz::TimeZone;
use std::time::Duration;

/// Rules that the configuration sets.
#[derive(Clone, Debug)]
pub struct Settings {
    pub time_zone: TimeZone,
    /// Digits of the currency's minor unit (2 for RUB).
    pub currency_digits: usize,
    pub billing: BillingRules,
    /// How long a session's reservation holds without news of the session.
    pub reservation_term: Duration,
    pub calls: CallRules,
    /// Who is told of what.
    pub events: EventRules,
}

/// `[cgrates]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRules {
    /// What 1 of the dialect is in the currency.
    pub unit: Money,
    /// Figures of 2012, errors of its algorithm included.
    pub compat_2012: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            time_zone: TimeZone::UTC,
            currency_digits: 2,
            billing: BillingRules::default(),
            reservation_term: Duration::from_secs(3 * 300),
            calls: CallRules::default(),
            events: EventRules::default(),
        }
    }
}

impl Default for CallRules {
    fn default() -> CallRules {
        CallRules { unit: Money::from_micros(10_000), compat_2012: false }
    }
}
