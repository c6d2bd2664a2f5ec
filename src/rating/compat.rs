//! Cutting a call into spans as the rater of March 2012 did, for those who must reproduce its figures.
//!
//! It differs from the correct reading where that algorithm went wrong: a whole day inside a long call gets the wrong
//! interval, a call that starts at an activation time or before the first one takes another period's rates, the end of
//! an interval is inclusive and the lower price then stays, an interval strictly inside the call is not cut out.

use super::calltime::CallTime;
use super::error::RatingError;
use super::interval::{Interval, PricedPeriod};
use super::spans::{Charge, Piece, SPANS_MAX};
use std::sync::Arc;

/// One span while it is being cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) start: CallTime,
    pub(super) end: CallTime,
    period: usize,
    pub(super) interval: Option<usize>,
}

/// Cuts what the buckets left over. `call_start` is the TimeStart of the request, by which the first period is chosen even
/// where another time is rated.
pub(super) fn split_by_rates(
    part: Piece,
    call_start: CallTime,
    periods: &[Arc<PricedPeriod>],
) -> Result<Vec<Piece>, RatingError> {
    if periods.is_empty() {
        return Ok(vec![part]);
    }
    let mut spans = split_by_periods(part, call_start, periods);
    let mut next = 0;
    while let Some(mut span) = spans.get(next).copied() {
        let Some(period) = periods.get(span.period) else { return Err(RatingError::OutOfRange) };
        for index in 0..period.period().intervals.len() {
            spans.extend(split_by_interval(&mut span, period, index));
            if spans.len() > SPANS_MAX {
                return Err(RatingError::TooLong);
            }
        }
        if let Some(place) = spans.get_mut(next) {
            *place = span;
        }
        next += 1;
    }
    let piece = |span: &Cut| Piece {
        start: span.start,
        end: span.end,
        charge: Charge::Rate { period: Some(span.period), interval: span.interval },
    };
    Ok(spans.iter().map(piece).collect())
}

/// The first period is the last one strictly before the call, or simply the first. A later one cuts only while every span
/// before the one that it lies in is cut by it too, which is why a third period never cuts anything.
fn split_by_periods(part: Piece, call_start: CallTime, periods: &[Arc<PricedPeriod>]) -> Vec<Cut> {
    let mut spans = vec![Cut::new(part.start, part.end)];
    let mut past = false;
    for (index, period) in periods.iter().enumerate() {
        let at = period.starts();
        if !past && at.is_before(call_start) {
            spans.iter_mut().for_each(|span| span.period = index);
            continue;
        }
        past = true;
        let mut next = 0;
        while let Some(span) = spans.get_mut(next).filter(|span| span.contains(at)) {
            let later = Cut { start: at, period: index, ..*span };
            span.end = at;
            spans.push(later);
            next += 1;
        }
    }
    spans
}

impl Cut {
    pub(super) fn new(start: CallTime, end: CallTime) -> Cut {
        Cut { start, end, period: 0, interval: None }
    }

    /// Both ends are outside.
    pub(super) fn contains(&self, time: CallTime) -> bool {
        self.start.is_before(time) && time.is_before(self.end)
    }

    fn attach(&mut self, period: &PricedPeriod, index: usize) {
        let attached = self.interval.and_then(|attached| period.interval(attached));
        let displaced = match (attached, period.interval(index)) {
            (Some(attached), Some(interval)) => interval.displaces(attached),
            _ => true,
        };
        if displaced {
            self.interval = Some(index);
        }
    }
}

/// Attaches the interval to the span, or to the part of it that lies at one of the interval's margins; gives the part
/// that was cut off.
pub(super) fn split_by_interval(span: &mut Cut, period: &PricedPeriod, index: usize) -> Option<Cut> {
    let interval = period.interval(index)?;
    match (interval.contains(span.start), interval.contains(span.end)) {
        (false, false) => None,
        (true, true) => {
            span.attach(period, index);
            None
        }
        (true, false) => {
            let cut = right_margin(interval, span.start);
            span.attach(period, index);
            (cut != span.start).then(|| {
                let rest = Cut { start: cut, interval: None, ..*span };
                span.end = cut;
                rest
            })
        }
        (false, true) => {
            let cut = left_margin(interval, span.end);
            (cut != span.end).then(|| {
                let mut rest = Cut { start: cut, interval: None, ..*span };
                span.end = cut;
                rest.attach(period, index);
                rest
            })
        }
    }
}

fn right_margin(interval: &Interval, time: CallTime) -> CallTime {
    time.at_local(time.day(), interval.end_time.0.unwrap_or(super::calltime::DAY_SECONDS - 1))
}

fn left_margin(interval: &Interval, time: CallTime) -> CallTime {
    time.at_local(time.day(), interval.start_time.0.unwrap_or(0))
}
