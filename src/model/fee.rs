//! What the fee rules remember of subscribers and accounts (rules.md, Fees, Promised payment, Pause).

use super::{AccountId, Day, Money, Month, PlanId, SubscriberId, Timestamp};
use serde::{Deserialize, Serialize};

/// Where the fees of one subscriber stand. Kept apart from the subscriber because it changes every day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeState {
    pub subscriber: SubscriberId,
    /// The last day whose fee was decided: posted, not covered, or not owed.
    pub decided: Day,
    /// The plan's fee is posted to this day, this day included.
    pub plan_through: Day,
    /// The same for each service that the subscriber has, by its name.
    pub services_through: Vec<(String, Day)>,
    /// The fee of `decided` that could not be posted; zero when none is due.
    pub due: Money,
    /// When `due` shuts the gate; None: it does already.
    pub due_cut_at: Option<Timestamp>,
}

/// What the rules remember of an account's shortage and promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    pub account: AccountId,
    /// When a balance below zero shuts the gate; None: at once. Set by a fee, cleared by any other cause.
    pub negative_cut_at: Option<Timestamp>,
    pub promise: Option<Promise>,
    /// Month of the last promise taken, and how many were taken in it.
    pub promises_month: Option<Month>,
    pub promises_taken: u32,
    /// The last notice given before a cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed: Option<Noticed>,
}

/// A notice that was given before a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// The day of the cut.
    pub cut: Day,
    /// Which notice: so many days before.
    pub days: i32,
}

impl AccountState {
    pub fn new(account: AccountId) -> AccountState {
        AccountState {
            account,
            negative_cut_at: None,
            promise: None,
            promises_month: None,
            promises_taken: 0,
            noticed: None,
        }
    }

    /// `p`: the sum of the open promise.
    pub fn promised(&self) -> Money {
        self.promise.as_ref().map_or(Money::ZERO, |promise| promise.sum)
    }
}

/// An open promised payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    pub sum: Money,
    pub taken: Timestamp,
    /// When it lapses.
    pub until: Timestamp,
}

/// What a subscriber has beside its plan; kept with the subscriber.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscriberTerms {
    /// Recurring services, charged beside the plan.
    pub services: Vec<SubscribedService>,
    pub discount: Option<Discount>,
    pub pause: Option<Pause>,
    /// Days of pause used in a calendar year.
    pub pause_days: Vec<(i32, i32)>,
    /// A plan that begins on a later day.
    pub next_plan: Option<(PlanId, Day)>,
}

impl SubscriberTerms {
    /// Hundredths of a percent that are not charged on `day`.
    pub fn discount_on(&self, day: Day) -> u32 {
        let discount = self.discount.as_ref().filter(|d| d.until.is_none_or(|until| day <= until));
        discount.map_or(0, |discount| discount.basis_points)
    }
}

/// A recurring service of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribedService {
    /// Name of the [`super::Service`].
    pub name: String,
    pub from: Day,
    /// Last day; None: until it is taken away.
    pub until: Option<Day>,
}

/// A share of every fee that is not charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// Hundredths of a percent: 1,000 is 10 %; at most 10,000.
    pub basis_points: u32,
    /// Last day; None: for ever.
    pub until: Option<Day>,
}

/// A pause at own wish, whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub from: Day,
    /// Last day of it.
    pub to: Day,
}

impl Pause {
    pub fn holds_on(self, day: Day) -> bool {
        (self.from..=self.to).contains(&day)
    }
}
