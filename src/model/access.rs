//! How a subscriber stands: let through, out of money, paused or blocked (rules.md, States).

use super::Money;
use serde::{Deserialize, Serialize};

/// What the gate does with a subscriber's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Forwarded, shaped by the plan.
    LetThrough,
    /// Web goes to the captive page: money is missing.
    Negbal,
    /// Web goes to the captive page: paused at own wish.
    Paused,
    /// Refused: blocked by the administrator, outside its validity, or closed.
    Blocked,
}

impl Verdict {
    /// Stable lower-case word of this verdict.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::LetThrough => "let-through",
            Verdict::Negbal => "negbal",
            Verdict::Paused => "paused",
            Verdict::Blocked => "blocked",
        }
    }
}

/// Why a subscriber is not let through; the first that applies, in the order of [`Verdict`]'s severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Reason {
    /// Blocked by an administrator, with the reason given then.
    Administrator { text: String },
    /// Before `valid-from`.
    NotYetValid,
    /// After `valid-until`.
    Expired,
    /// The account is closed.
    AccountClosed,
    /// Paused at own wish.
    Paused,
    /// `avail` is below zero by this much.
    Shortage { missing: Money },
    /// Today's fee is not covered; this much more covers it.
    FeeDue { missing: Money },
}

impl Reason {
    /// One stable word, for lists, metrics and `find --json`.
    pub fn token(&self) -> &'static str {
        match self {
            Reason::Administrator { .. } => "blocked-by-administrator",
            Reason::NotYetValid => "not-yet-valid",
            Reason::Expired => "expired",
            Reason::AccountClosed => "account-closed",
            Reason::Paused => "paused",
            Reason::Shortage { .. } => "no-money",
            Reason::FeeDue { .. } => "fee-due",
        }
    }
}

/// The three flags of the rules and what follows from them. The flags are independent of each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// `avail < 0`, or the fee is due and not covered, and the hour of cuts has come.
    pub negbal: bool,
    /// Blocked for any reason of the rules, a pause included (so the lists show it).
    pub blocked: bool,
    /// Paused at own wish, and not blocked by anything else.
    pub paused: bool,
    pub verdict: Verdict,
    /// None exactly when `verdict` is [`Verdict::LetThrough`].
    pub reason: Option<Reason>,
}

impl Standing {
    /// The standing of somebody with no reason to be held back.
    pub fn let_through() -> Standing {
        Standing { negbal: false, blocked: false, paused: false, verdict: Verdict::LetThrough, reason: None }
    }
}
