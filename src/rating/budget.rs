//! User budgets: money, messages, octets and seconds of one subject, and what each method does to them.
//!
//! A budget is a value. Every operation gives the budget that comes out, or the reason why nothing happens.

use super::error::RatingError;
use super::fraction::Fraction;
use super::number::{Amount, Decimal, Quantity, serialize_money};
use super::plan::{BUCKETS_MAX, MinuteBucket, TariffPlan};
use super::record::{List, record};
use super::tariffs::Tariffs;
use crate::model::Money;
use serde::Serialize;
use std::cmp::Reverse;

/// What one subject has. Prepaid budgets are kept above zero, postpaid ones below.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserBudget {
    /// The subject; the tenant is no part of it.
    pub id: String,
    /// In millionths of the dialect's unit (`[cgrates] unit`), not of the currency.
    #[serde(serialize_with = "serialize_money")]
    pub credit: Money,
    pub sms_credit: Quantity,
    /// Octets.
    pub traffic: Quantity,
    /// Seconds called so far, by which the plan's discount is chosen.
    pub volume_discount_seconds: Quantity,
    /// Seconds received since the last bonus.
    pub received_call_seconds: Quantity,
    #[serde(rename = "ResetDayOfTheMonth")]
    pub reset_day: u8,
    /// Id of the tariff plan; may be empty.
    #[serde(rename = "TariffPlanId")]
    pub tariff_plan: String,
    pub minute_buckets: Vec<MinuteBucket>,
}

record! { UserBudget {
    id: "Id" as String,
    credit: "Credit" as Amount,
    sms_credit: "SmsCredit" as Quantity,
    traffic: "Traffic" as Quantity,
    volume_discount_seconds: "VolumeDiscountSeconds" as Quantity,
    received_call_seconds: "ReceivedCallSeconds" as Quantity,
    reset_day: "ResetDayOfTheMonth" as u8,
    tariff_plan: "TariffPlanId" as String,
    minute_buckets: "MinuteBuckets" as List<MinuteBucket, BUCKETS_MAX>,
} }

impl UserBudget {
    /// DebitBalance: takes `amount`, a negative one adds. May leave the credit below zero.
    pub fn debit_balance(&self, amount: Money) -> Result<UserBudget, RatingError> {
        let credit = self.credit.checked_sub(amount).ok_or(RatingError::OutOfRange)?;
        Ok(UserBudget { credit, ..self.clone() })
    }

    /// DebitSMS: takes messages, never more than there are; a negative amount adds.
    pub fn debit_sms(&self, amount: Quantity) -> Result<UserBudget, RatingError> {
        if amount > self.sms_credit {
            return Err(RatingError::ExceedsBudget);
        }
        let sms_credit = self.sms_credit.checked_sub(amount).ok_or(RatingError::OutOfRange)?;
        Ok(UserBudget { sms_credit, ..self.clone() })
    }

    /// DebitSeconds: takes seconds from the buckets that fit the number, in their order, and from the credit what
    /// they cost. All or nothing. A negative amount gives seconds back to the first of these buckets, and their price
    /// to the credit.
    pub fn debit_seconds(
        &self,
        tariffs: &Tariffs,
        dialled: &str,
        amount: Quantity,
    ) -> Result<UserBudget, RatingError> {
        let order = self.buckets_for(tariffs, dialled);
        let mut taken = Vec::new();
        if amount.is_negative() {
            taken.push((*order.first().ok_or(RatingError::NoBucket)?, amount));
        } else {
            let mut missing = amount;
            for index in order {
                let held = self.minute_buckets.get(index).map_or(Quantity::ZERO, |bucket| bucket.seconds);
                let part = held.min(missing).max(Quantity::ZERO);
                missing = missing.checked_sub(part).ok_or(RatingError::OutOfRange)?;
                taken.push((index, part));
            }
            if missing > Quantity::ZERO {
                return Err(RatingError::ExceedsBudget);
            }
        }
        let price = self.price_of(&taken)?;
        let budget = self.take_seconds(&taken)?.debit_balance(price)?;
        if price.is_positive() && budget.credit.is_negative() {
            return Err(RatingError::ExceedsBudget);
        }
        Ok(budget)
    }

    /// AddVolumeDiscountSeconds.
    pub fn add_volume_discount_seconds(&self, amount: Quantity) -> Result<UserBudget, RatingError> {
        let volume_discount_seconds = add(self.volume_discount_seconds, amount)?;
        Ok(UserBudget { volume_discount_seconds, ..self.clone() })
    }

    /// ResetVolumeDiscountSeconds.
    pub fn reset_volume_discount_seconds(&self) -> UserBudget {
        UserBudget { volume_discount_seconds: Quantity::ZERO, ..self.clone() }
    }

    /// AddRecievedCallSeconds: when the plan's limit is reached it is taken off once and the bonus given once. Without
    /// a plan, or with a limit of zero, seconds are only counted.
    pub fn add_received_call_seconds(
        &self,
        plan: Option<&TariffPlan>,
        amount: Quantity,
    ) -> Result<UserBudget, RatingError> {
        let mut budget = self.clone();
        budget.received_call_seconds = add(self.received_call_seconds, amount)?;
        let Some(plan) = plan.filter(|plan| plan.received_call_seconds_limit > Quantity::ZERO) else {
            return Ok(budget);
        };
        let limit = plan.received_call_seconds_limit;
        if budget.received_call_seconds < limit {
            return Ok(budget);
        }
        budget.received_call_seconds =
            budget.received_call_seconds.checked_sub(limit).ok_or(RatingError::OutOfRange)?;
        let Some(bonus) = &plan.received_call_bonus else { return Ok(budget) };
        budget.credit = budget.credit.checked_add(bonus.credit).ok_or(RatingError::OutOfRange)?;
        budget.sms_credit = add(budget.sms_credit, bonus.sms_credit)?;
        budget.traffic = add(budget.traffic, bonus.traffic)?;
        if let Some(extra) = &bonus.minute_bucket {
            let same = |bucket: &&mut MinuteBucket| bucket.destination_id == extra.destination_id;
            for bucket in budget.minute_buckets.iter_mut().filter(same) {
                bucket.seconds = add(bucket.seconds, extra.seconds)?;
            }
        }
        Ok(budget)
    }

    /// ResetUserBudget: messages, traffic and buckets as the plan says; money and counters stay.
    pub fn reset_user_budget(&self, plan: Option<&TariffPlan>) -> Result<UserBudget, RatingError> {
        let plan = plan.ok_or(RatingError::NoTariffPlan)?;
        Ok(UserBudget {
            sms_credit: plan.sms_credit,
            traffic: plan.traffic,
            minute_buckets: plan.minute_buckets.clone(),
            ..self.clone()
        })
    }

    /// Seconds of all buckets that fit the number, of priced ones only what the credit buys.
    pub fn seconds_for(&self, tariffs: &Tariffs, dialled: &str) -> Result<Quantity, RatingError> {
        // Billionths of millionths, so that seconds times price is exact.
        let mut credit = i128::from(self.credit.micros().max(0)) * 1_000_000_000;
        let mut seconds = Quantity::ZERO;
        for index in self.buckets_for(tariffs, dialled) {
            let Some(bucket) = self.minute_buckets.get(index) else { continue };
            let mut usable = bucket.seconds.max(Quantity::ZERO);
            let price = i128::from(bucket.price.nanos());
            if price > 0 {
                let bought = i64::try_from(credit / price).map_or(usable, Quantity::from_micros);
                usable = usable.min(bought);
                credit -= i128::from(usable.micros()) * price;
            }
            seconds = add(seconds, usable)?;
        }
        Ok(seconds)
    }

    /// Indexes of the buckets whose destination has a prefix of the number: priority descending, longest prefix
    /// first, price ascending, then as listed. Empty buckets are among them.
    pub(super) fn buckets_for(&self, tariffs: &Tariffs, dialled: &str) -> Vec<usize> {
        let mut fitting: Vec<_> = (0..)
            .zip(&self.minute_buckets)
            .filter_map(|(index, bucket)| {
                let precision = tariffs.precision(&bucket.destination_id, dialled)?;
                Some(((Reverse(bucket.priority), Reverse(precision), bucket.price), index))
            })
            .collect();
        fitting.sort();
        fitting.into_iter().map(|(_, index)| index).collect()
    }

    /// The budget without these seconds of these buckets; their price is not taken.
    pub(super) fn take_seconds(&self, taken: &[(usize, Quantity)]) -> Result<UserBudget, RatingError> {
        let mut budget = self.clone();
        for (index, seconds) in taken {
            if let Some(bucket) = budget.minute_buckets.get_mut(*index) {
                bucket.seconds = bucket.seconds.checked_sub(*seconds).ok_or(RatingError::OutOfRange)?;
            }
        }
        Ok(budget)
    }

    fn price_of(&self, taken: &[(usize, Quantity)]) -> Result<Money, RatingError> {
        let mut sum: i128 = 0;
        for (index, seconds) in taken {
            let price = self.minute_buckets.get(*index).map_or(Decimal::ZERO, |bucket| bucket.price);
            let part = i128::from(seconds.micros()) * i128::from(price.nanos());
            sum = sum.checked_add(part).ok_or(RatingError::OutOfRange)?;
        }
        let exact = Fraction::new(sum, 1_000_000_000);
        exact.and_then(Fraction::to_money).ok_or(RatingError::OutOfRange)
    }
}

fn add(held: Quantity, amount: Quantity) -> Result<Quantity, RatingError> {
    held.checked_add(amount).ok_or(RatingError::OutOfRange)
}
