//! The questions of the dialect: what does a call cost, how long may it last, what is taken for it.

use super::budget::UserBudget;
use super::calltime::{CallTime, DAY_SECONDS, NANOS};
use super::compat;
use super::cost::{CallCost, Priced, Prices};
use super::descriptor::CallDescriptor;
use super::error::RatingError;
use super::interval::PricedPeriod;
use super::number::{Decimal, Quantity};
use super::spans::{self, CALL_DAYS_MAX, Charge, Piece};
use super::tariffs::{Rates, Tariffs};
use crate::model::Money;
use std::sync::Arc;

/// GetMaxSessionTime tries the whole amount, nine tenths of it, and so on down to one tenth.
const TRIES: i64 = 10;

/// Rates calls by one set of tariffs.
#[derive(Clone, Copy, Debug)]
pub struct Rater<'a> {
    tariffs: &'a Tariffs,
    compat_2012: bool,
}

/// A call that was rated, and its payer's budget after it.
#[derive(Clone, Debug)]
pub struct Debit {
    pub cost: CallCost,
    /// Cost and connect fee, as taken from the credit.
    pub money: Money,
    /// Seconds taken from minute buckets, all together.
    pub bucket_seconds: Quantity,
    /// `None` when there was no budget: rated, and nothing taken.
    pub budget: Option<UserBudget>,
}

impl<'a> Rater<'a> {
    /// `compat_2012` (`[cgrates] compat-2012`) gives the figures of 2012, errors of its algorithm included.
    pub fn new(tariffs: &'a Tariffs, compat_2012: bool) -> Rater<'a> {
        Rater { tariffs, compat_2012 }
    }

    /// GetCost: buckets first, then rates with the plan's volume discount. Takes nothing.
    pub fn cost(&self, call: &CallDescriptor, budget: Option<&UserBudget>) -> Result<CallCost, RatingError> {
        let (prefix, rates) = self.rates_of(call).ok_or_else(|| unknown_destination(call))?;
        let priced = self.price(call, call.time_start, call.time_end, budget, rates)?;
        Ok(CallCost {
            tor: call.tor.clone(),
            tenant: call.tenant.clone(),
            subject: call.subject.clone(),
            destination_prefix: prefix.to_owned(),
            cost: priced.cost,
            connect_fee: priced.connect_fee,
            timespans: priced.spans,
            bucket_seconds: priced.bucket_seconds,
        })
    }

    /// GetMaxSessionTime, in seconds, for a call that begins `now`. Without a budget the amount that was asked for. With no
    /// credit at all the free seconds, however few were asked for; with a negative one nothing.
    pub fn max_session_time(
        &self,
        call: &CallDescriptor,
        budget: Option<&UserBudget>,
        now: CallTime,
    ) -> Result<Quantity, RatingError> {
        let Some(budget) = budget else { return Ok(call.amount) };
        if budget.credit == Money::ZERO {
            return budget.seconds_for(self.tariffs, &call.destination);
        }
        if call.amount.is_negative() && !self.compat_2012 {
            return Err(RatingError::NegativeAmount);
        }
        let no_rates = Rates::default();
        let rates = match self.rates_of(call) {
            Some((_, rates)) => rates,
            None if self.compat_2012 => &no_rates,
            None => return Err(unknown_destination(call)),
        };
        let mut budget = budget.clone();
        for tenths in (1..=TRIES).rev() {
            let amount = tenths_of(call.amount, tenths)?;
            let end = now.plus(i128::from(amount.micros()) * 1_000).ok_or(RatingError::TooLong)?;
            let priced = self.price(call, now, end, Some(&budget), rates)?;
            let total = priced.cost.checked_add(priced.connect_fee).ok_or(RatingError::OutOfRange)?;
            if total < budget.credit {
                return Ok(amount);
            }
            if self.compat_2012 {
                // Its tries used up the buckets they looked at.
                budget = budget.take_seconds(&priced.bucket_seconds)?;
            }
        }
        Ok(Quantity::ZERO)
    }

    /// Debit: rates the call and takes its cost and connect fee from the credit, which may go below zero, and its bucket
    /// seconds from the buckets.
    pub fn debit(&self, call: &CallDescriptor, budget: Option<&UserBudget>) -> Result<Debit, RatingError> {
        let cost = self.cost(call, budget)?;
        let money = cost.total()?;
        let mut bucket_seconds = Quantity::ZERO;
        for (_, seconds) in &cost.bucket_seconds {
            bucket_seconds = bucket_seconds.checked_add(*seconds).ok_or(RatingError::OutOfRange)?;
        }
        let after = |budget: &UserBudget| budget.take_seconds(&cost.bucket_seconds)?.debit_balance(money);
        let budget = budget.map(after).transpose()?;
        Ok(Debit { cost, money, bucket_seconds, budget })
    }

    /// MaxDebit: debits a call that begins at TimeStart and lasts as long as [`Rater::max_session_time`] allows.
    pub fn max_debit(
        &self,
        call: &CallDescriptor,
        budget: Option<&UserBudget>,
        now: CallTime,
    ) -> Result<Debit, RatingError> {
        let seconds = self.max_session_time(call, budget, now)?;
        if seconds == Quantity::ZERO {
            return Err(RatingError::NoCredit);
        }
        let time_end = call.time_start.plus(i128::from(seconds.micros()) * 1_000);
        let time_end = time_end.ok_or(RatingError::TooLong)?;
        self.debit(&CallDescriptor { time_end, ..call.clone() }, budget)
    }

    fn rates_of<'d>(&self, call: &'d CallDescriptor) -> Option<(&'d str, &'a Rates)> {
        let of = |subject| self.tariffs.rates_for(&call.tenant, subject, &call.destination);
        of(&call.subject).or_else(|| of(&call.fallback_subject))
    }

    fn price(
        &self,
        call: &CallDescriptor,
        start: CallTime,
        end: CallTime,
        budget: Option<&UserBudget>,
        periods: &[Arc<PricedPeriod>],
    ) -> Result<Priced, RatingError> {
        let nanos = end.since(start);
        if nanos < 0 && !self.compat_2012 {
            return Err(RatingError::EndBeforeStart);
        }
        if nanos.abs() > i128::from(CALL_DAYS_MAX * DAY_SECONDS) * NANOS {
            return Err(RatingError::TooLong);
        }
        let whole = Piece { start, end, charge: Charge::Rate { period: None, interval: None } };
        let (mut pieces, rest) = spans::split_by_buckets(whole, budget, self.tariffs, &call.destination)?;
        if let Some(rest) = rest {
            pieces.append(&mut match self.compat_2012 {
                true => compat::split_by_rates(rest, call.time_start, periods)?,
                false => spans::split_by_rates(rest, periods)?,
            });
        }
        let unrated = |piece: &Piece| matches!(piece.charge, Charge::Rate { interval: None, .. });
        if nanos != 0 && !self.compat_2012 && pieces.iter().all(unrated) {
            return Err(RatingError::NoRate);
        }
        Prices { periods, budget, discount: self.discount(budget) }.apply(&pieces)
    }

    fn discount(&self, budget: Option<&UserBudget>) -> Decimal {
        let plan = budget.and_then(|budget| Some((budget, self.tariffs.plan(&budget.tariff_plan)?)));
        plan.map_or(Decimal::ZERO, |(budget, plan)| plan.volume_discount(budget.volume_discount_seconds))
    }
}

fn unknown_destination(call: &CallDescriptor) -> RatingError {
    RatingError::UnknownDestination {
        tenant: call.tenant.clone(),
        subject: call.subject.clone(),
        dialled: call.destination.clone(),
    }
}

/// Rounded half to even to millionths of a second.
fn tenths_of(amount: Quantity, tenths: i64) -> Result<Quantity, RatingError> {
    let nanos = i128::from(amount.micros()) * i128::from(tenths) * 1_000 / i128::from(TRIES);
    super::cost::seconds(nanos)
}
