//! Why a question of this dialect gets no figure.

use crate::model::Refusal;
use std::fmt;

/// A rejection; nothing was taken. `Display` is the text for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RatingError {
    /// No stored prefix fits the dialled number for this tenant and subject.
    UnknownDestination { tenant: String, subject: String, dialled: String },
    /// Rates exist, but none is in force at any second of the call.
    NoRate,
    /// TimeEnd is before TimeStart.
    EndBeforeStart,
    /// Longer than [`super::CALL_DAYS_MAX`], or in more than [`super::SPANS_MAX`] parts.
    TooLong,
    /// An amount that may not be negative is.
    NegativeAmount,
    /// A figure outside the range of the ledger.
    OutOfRange,
    /// More than the budget holds.
    ExceedsBudget,
    /// MaxDebit of somebody who can pay for no second.
    NoCredit,
    /// A refund of seconds, and no minute bucket fits the number.
    NoBucket,
    /// A reset of a budget that has no tariff plan, or one that is not loaded.
    NoTariffPlan,
}

impl RatingError {
    /// A stable word for programs.
    pub fn token(&self) -> &'static str {
        match self {
            RatingError::UnknownDestination { .. } => "unknown-destination",
            RatingError::NoRate => "no-rate",
            RatingError::EndBeforeStart => "end-before-start",
            RatingError::TooLong => "call-too-long",
            RatingError::NegativeAmount => "negative-amount",
            RatingError::OutOfRange => "out-of-range",
            RatingError::ExceedsBudget => "exceeds-budget",
            RatingError::NoCredit => "no-credit",
            RatingError::NoBucket => "no-bucket",
            RatingError::NoTariffPlan => "no-tariff-plan",
        }
    }
}

impl fmt::Display for RatingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RatingError::UnknownDestination { tenant, subject, dialled } => {
                write!(f, "no rate for {tenant}:{subject}:{dialled}")
            }
            RatingError::NoRate => f.write_str("no rate is in force at the time of the call"),
            RatingError::EndBeforeStart => f.write_str("TimeEnd is before TimeStart"),
            RatingError::TooLong => {
                write!(
                    f,
                    "the call is longer than {} days or {} spans",
                    super::CALL_DAYS_MAX,
                    super::SPANS_MAX
                )
            }
            RatingError::NegativeAmount => f.write_str("Amount is negative"),
            RatingError::OutOfRange => f.write_str("a figure is outside the range of the ledger"),
            // The callers of 2012 compare this text, its spelling included.
            RatingError::ExceedsBudget => f.write_str("Amount excedes budget!"),
            RatingError::NoCredit => f.write_str("no more credit"),
            RatingError::NoBucket => f.write_str("no minute bucket fits the number"),
            RatingError::NoTariffPlan => f.write_str("the budget has no tariff plan"),
        }
    }
}

impl std::error::Error for RatingError {}

impl From<RatingError> for Refusal {
    fn from(error: RatingError) -> Refusal {
        Refusal::new(error.token(), error.to_string())
    }
}
