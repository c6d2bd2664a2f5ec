//! The answer to GetCost: spans, what each costs, and the sum.

use super::budget::UserBudget;
use super::calltime::CallTime;
use super::descriptor::Tor;
use super::error::RatingError;
use super::fraction::Fraction;
use super::interval::{ActivationPeriod, Interval, IntervalJson, PricedPeriod, price_per_nanosecond};
use super::number::{Decimal, Quantity, serialize_money};
use super::spans::{Charge, Piece};
use crate::model::Money;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// What a call costs. Serialized with the members of March 2012 in their order.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallCost {
    #[serde(rename = "TOR")]
    pub tor: Tor,
    #[serde(rename = "CstmId")]
    pub tenant: String,
    pub subject: String,
    /// The prefix that was found, not the number dialled.
    pub destination_prefix: String,
    /// Of all spans, in millionths of the dialect's unit, rounded half to even once. The connect fee is not in it.
    #[serde(serialize_with = "serialize_money")]
    pub cost: Money,
    /// Of the first span's interval; zero when that span comes out of a minute bucket.
    #[serde(serialize_with = "serialize_money")]
    pub connect_fee: Money,
    pub timespans: Vec<TimeSpan>,
    /// Seconds of the budget's buckets that the spans use, by index.
    #[serde(skip)]
    pub(super) bucket_seconds: Vec<(usize, Quantity)>,
}

impl CallCost {
    /// Cost and connect fee together.
    pub fn total(&self) -> Result<Money, RatingError> {
        self.cost.checked_add(self.connect_fee).ok_or(RatingError::OutOfRange)
    }
}

/// A part of a call that is charged in one way.
#[derive(Clone, Debug)]
pub struct TimeSpan {
    pub time_start: CallTime,
    pub time_end: CallTime,
    /// The seconds and price of a minute bucket, where one pays for this span.
    pub minute_info: Option<MinuteInfo>,
    /// What this span adds to the cost, for the ledger; not on the wire. It is the rounded sum up to this span less the
    /// rounded sum before it, so that the spans add up to [`CallCost::cost`] exactly.
    pub cost: Money,
    period: Option<Arc<PricedPeriod>>,
    interval: Option<usize>,
}

impl TimeSpan {
    /// The activation period in effect; absent in a minute bucket and before the first activation.
    pub fn activation_period(&self) -> Option<&ActivationPeriod> {
        self.period.as_ref().map(|period| period.period())
    }

    /// The interval whose price is charged; absent in a minute bucket and where no interval applies.
    pub fn interval(&self) -> Option<&Interval> {
        self.period.as_ref()?.interval(self.interval?)
    }
}

/// What a minute bucket pays for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MinuteInfo {
    pub destination_id: String,
    /// Seconds.
    pub quantity: Quantity,
    /// For a second.
    pub price: Decimal,
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let interval =
            self.period.as_ref().zip(self.interval).map(|(period, index)| IntervalJson(period, index));
        let mut span = s.serialize_struct("TimeSpan", 5)?;
        span.serialize_field("TimeStart", &self.time_start)?;
        span.serialize_field("TimeEnd", &self.time_end)?;
        span.serialize_field("ActivationPeriod", &self.period)?;
        span.serialize_field("Interval", &interval)?;
        span.serialize_field("MinuteInfo", &self.minute_info)?;
        span.end()
    }
}

/// What the pieces of one call are priced with.
pub(super) struct Prices<'a> {
    pub(super) periods: &'a [Arc<PricedPeriod>],
    pub(super) budget: Option<&'a UserBudget>,
    /// Percent off rated time.
    pub(super) discount: Decimal,
}

/// Priced pieces of a call.
#[derive(Debug)]
pub(super) struct Priced {
    pub(super) spans: Vec<TimeSpan>,
    pub(super) cost: Money,
    pub(super) connect_fee: Money,
    pub(super) bucket_seconds: Vec<(usize, Quantity)>,
}

impl Prices<'_> {
    pub(super) fn apply(&self, pieces: &[Piece]) -> Result<Priced, RatingError> {
        let mut spans = Vec::with_capacity(pieces.len());
        let mut bucket_seconds = Vec::new();
        let (mut exact, mut cost) = (Fraction::ZERO, Money::ZERO);
        for piece in pieces {
            let part = self.exact_cost(piece);
            exact = part.and_then(|part| exact.checked_add(part)).ok_or(RatingError::OutOfRange)?;
            let so_far = exact.to_money().ok_or(RatingError::OutOfRange)?;
            let own = so_far.checked_sub(cost).ok_or(RatingError::OutOfRange)?;
            cost = so_far;
            let span = self.span(piece, own)?;
            if let (Charge::Bucket(index), Some(info)) = (piece.charge, &span.minute_info) {
                bucket_seconds.push((index, info.quantity));
            }
            spans.push(span);
        }
        let first = pieces.first().and_then(|piece| piece.interval(self.periods));
        let interval = first.and_then(|(period, index)| period.interval(index));
        let connect_fee = interval.map_or(Money::ZERO, |interval| interval.connect_fee);
        Ok(Priced { spans, cost, connect_fee, bucket_seconds })
    }

    /// In millionths of the unit.
    fn exact_cost(&self, piece: &Piece) -> Option<Fraction> {
        if let Charge::Bucket(index) = piece.charge {
            let bucket = self.budget.and_then(|budget| budget.minute_buckets.get(index))?;
            return price_per_nanosecond(bucket.price, Decimal::ZERO)?.times(piece.nanos());
        }
        let Some((period, index)) = piece.interval(self.periods) else { return Some(Fraction::ZERO) };
        let full = period.price(index)?.times(piece.nanos())?;
        if self.discount == Decimal::ZERO {
            return Some(full);
        }
        const HUNDRED: i128 = 100_000_000_000;
        full.checked_mul(Fraction::new(HUNDRED - i128::from(self.discount.nanos()), HUNDRED)?)
    }

    fn span(&self, piece: &Piece, cost: Money) -> Result<TimeSpan, RatingError> {
        let mut span = TimeSpan {
            time_start: piece.start,
            time_end: piece.end,
            minute_info: None,
            cost,
            period: None,
            interval: None,
        };
        match piece.charge {
            Charge::Bucket(index) => {
                let bucket = self.budget.and_then(|budget| budget.minute_buckets.get(index));
                let bucket = bucket.ok_or(RatingError::OutOfRange)?;
                span.minute_info = Some(MinuteInfo {
                    destination_id: bucket.destination_id.clone(),
                    quantity: seconds(piece.nanos())?,
                    price: bucket.price,
                });
            }
            Charge::Rate { period, interval } => {
                span.period = period.and_then(|index| self.periods.get(index)).cloned();
                span.interval = interval;
            }
        }
        Ok(span)
    }
}

/// Nanoseconds as seconds in millionths, rounded half to even.
pub(super) fn seconds(nanos: i128) -> Result<Quantity, RatingError> {
    let micros = Fraction::new(nanos, 1_000).map(Fraction::rounded);
    micros
        .and_then(|micros| i64::try_from(micros).ok())
        .map(Quantity::from_micros)
        .ok_or(RatingError::OutOfRange)
}
