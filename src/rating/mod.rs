//! Rating of calls in the CGRateS dialect: destinations, activation periods, minute buckets, budgets, and what a call costs.
//!
//! Pure values and arithmetic: no clock, no files, no wire. A door parses its JSON with the types here, asks, and
//! serializes the answer; the ledger keeps the budgets.
//!
//! ```text
//! Documents::read(kind, json)   the four files, row by row      -> LoadError "ap.json: element 2: ..."
//! Tariffs::new(&documents)      checked and indexed; share it in an Arc
//! CallDescriptor                serde_json::from_str of params[0]; budget_id() names the payer's budget
//! Rater::new(&tariffs, compat)
//!     .cost(&call, budget)                      GetCost, Get, GetGost -> CallCost (serialize it)
//!     .max_session_time(&call, budget, now)     GetMaxSessionTime     -> Quantity (serialize it)
//!     .debit(&call, budget)                     Debit                 -> Debit { cost, money, budget, .. }
//!     .max_debit(&call, budget, now)            MaxDebit
//! UserBudget                    a value; each method gives the new one or why not
//!     .debit_balance(money)  .debit_sms(n)  .debit_seconds(&tariffs, dialled, n)
//!     .add_volume_discount_seconds(n)  .reset_volume_discount_seconds()
//!     .add_received_call_seconds(plan, n)  .reset_user_budget(plan)
//! RatingError                   Display is the text for the caller, token() for programs, Into<Refusal>
//! ```
//!
//! Units: money ([`Money`](crate::model::Money)) is in millionths of the dialect's unit (`[cgrates] unit`, by default a
//! hundredth of the currency unit), seconds, messages and octets ([`Quantity`]) in millionths, prices and ratios
//! ([`Decimal`]) in billionths. JSON numbers are read by their shortest decimal text and written in shortest decimal
//! form. A call's cost is one exact fraction until it is rounded, half to even, to a millionth.
//!
//! Whom an absent budget means (a subject without one is rated and owes nothing) and how a unit becomes currency is the
//! caller's matter.

mod budget;
mod calltime;
mod compat;
mod cost;
mod descriptor;
mod documents;
mod error;
mod fraction;
mod interval;
mod number;
mod plan;
mod prefix;
mod rater;
mod record;
mod spans;
mod tariffs;
#[cfg(test)]
mod tests;

pub use budget::UserBudget;
pub use calltime::CallTime;
pub use cost::{CallCost, MinuteInfo, TimeSpan};
pub use descriptor::{CallDescriptor, Tor};
pub use documents::{
    ACTIVATION_PERIODS_MAX, DocumentKind, Documents, LoadError, RATES_MAX, ROWS_MAX, RateRow,
};
pub use error::RatingError;
pub use interval::{ActivationPeriod, ClockTime, INTERVALS_MAX, Interval};
pub use number::{Decimal, Quantity};
pub use plan::{
    BUCKETS_MAX, DESTINATION_PREFIXES_MAX, Destination, MinuteBucket, ReceivedCallBonus, THRESHOLDS_MAX,
    TariffPlan, VolumeDiscount,
};
pub use rater::{Debit, Rater};
pub use spans::{CALL_DAYS_MAX, SPANS_MAX};
pub use tariffs::{NAME_OCTETS_MAX, Tariffs};
