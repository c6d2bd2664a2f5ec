//! Cutting a call into spans of one price each: the correct reading.

use super::budget::UserBudget;
use super::calltime::{CallTime, NANOS};
use super::error::RatingError;
use super::interval::PricedPeriod;
use super::tariffs::Tariffs;
use std::sync::Arc;

/// The longest call that is rated.
pub const CALL_DAYS_MAX: i64 = 366;
/// Spans of one call.
pub const SPANS_MAX: usize = 2_000;
/// Seconds of a bucket are kept in millionths.
const NANOS_IN_MICRO: i128 = 1_000;

/// A part of a call that is charged in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: CallTime,
    pub(super) end: CallTime,
    pub(super) charge: Charge,
}

/// What charges a part of a call, by index into the call's periods or the budget's buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    Bucket(usize),
    Rate { period: Option<usize>, interval: Option<usize> },
}

impl Piece {
    pub(super) fn nanos(&self) -> i128 {
        self.end.since(self.start)
    }

    pub(super) fn interval<'a>(
        &self,
        periods: &'a [Arc<PricedPeriod>],
    ) -> Option<(&'a Arc<PricedPeriod>, usize)> {
        match self.charge {
            Charge::Rate { period: Some(period), interval: Some(interval) } => {
                periods.get(period).map(|period| (period, interval))
            }
            _ => None,
        }
    }
}

/// Takes the start of a call out of the budget's minute buckets, in their order. Gives those pieces and what is left to be
/// rated; a call that fits into the buckets leaves nothing.
pub(super) fn split_by_buckets(
    call: Piece,
    budget: Option<&UserBudget>,
    tariffs: &Tariffs,
    dialled: &str,
) -> Result<(Vec<Piece>, Option<Piece>), RatingError> {
    let mut pieces = Vec::new();
    let mut rest = call;
    let Some(budget) = budget else { return Ok((pieces, Some(rest))) };
    for index in budget.buckets_for(tariffs, dialled) {
        let held = budget.minute_buckets.get(index).map_or(0, |bucket| bucket.seconds.micros());
        if held <= 0 {
            continue;
        }
        let held = i128::from(held) * NANOS_IN_MICRO;
        let charge = Charge::Bucket(index);
        if rest.nanos() <= held {
            pieces.push(Piece { charge, ..rest });
            return Ok((pieces, None));
        }
        let end = rest.start.plus(held).ok_or(RatingError::OutOfRange)?;
        pieces.push(Piece { charge, end, ..rest });
        rest.start = end;
    }
    Ok((pieces, Some(rest)))
}

/// Cuts a rated part wherever another period or interval comes into force. A span that reaches midnight in an interval
/// without an EndTime, and ends there, gives up its last second, which is listed behind all others: the right margin of
/// such an interval is 23:59:59 in this dialect, and replies have always shown it so.
pub(super) fn split_by_rates(part: Piece, periods: &[Arc<PricedPeriod>]) -> Result<Vec<Piece>, RatingError> {
    let mut runs: Vec<Piece> = Vec::new();
    let mut start = part.start;
    loop {
        let period = periods.iter().rposition(|period| !start.is_before(period.starts()));
        let in_force = period.and_then(|index| periods.get(index));
        let interval = in_force.and_then(|period| period.in_force(start));
        let mut end = part.end;
        let next_period = periods.get(period.map_or(0, |index| index + 1)).map(|period| period.starts());
        for boundary in
            [in_force.map(|period| period.next_boundary(start)), next_period].into_iter().flatten()
        {
            if boundary.is_before(end) {
                end = boundary.at_offset(part.start.offset());
            }
        }
        let charge = Charge::Rate { period, interval };
        match runs.last_mut() {
            Some(run) if run.charge == charge => run.end = end,
            _ => runs.push(Piece { start, end, charge }),
        }
        if runs.len() > SPANS_MAX {
            return Err(RatingError::TooLong);
        }
        if !end.is_before(part.end) {
            break;
        }
        start = end;
    }
    let mut last_seconds = Vec::new();
    for run in &mut runs {
        if let Some(second) = last_second(run, periods) {
            run.end = second.start;
            last_seconds.push(second);
        }
    }
    runs.append(&mut last_seconds);
    Ok(runs)
}

/// The second before midnight, where a run stops there because its interval's day is over.
fn last_second(run: &Piece, periods: &[Arc<PricedPeriod>]) -> Option<Piece> {
    let (period, index) = run.interval(periods)?;
    let interval = period.interval(index)?;
    let local_end = run.end.at_offset(run.start.offset());
    if !local_end.is_midnight() || !interval.runs_to_midnight() || interval.contains(local_end) {
        return None;
    }
    let start = local_end.plus(-NANOS)?;
    run.start.is_before(start).then_some(Piece { start, ..*run })
}
