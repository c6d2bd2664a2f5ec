//! What is sold beside plans: services and packages.

use super::{Charge, Money, Period, Price};
use serde::{Deserialize, Serialize};

/// Something sold once or by the period beside the plan (a public address, TV, a call-out).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Unique; what the subscriber sees.
    pub name: String,
    pub fee: Price,
    /// [`Period::None`]: charged once, when it is added.
    pub period: Period,
    pub charge: Charge,
}

/// Minutes, messages and traffic sold at once, with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Unique; what the subscriber sees.
    pub name: String,
    pub price: Money,
    pub minutes: u32,
    pub sms: u32,
    pub mib: u32,
    /// Days that it lasts, the day of the purchase included; 0: for ever.
    pub days: u32,
    /// Destination that the minutes are for; empty: any.
    pub destination: String,
}
