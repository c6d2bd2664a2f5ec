//! What holds for every price list, call and budget.

use crate::model::Money;
use crate::rating::{
    ActivationPeriod, CallDescriptor, CallTime, ClockTime, Decimal, Destination, Documents, Interval,
    MinuteBucket, Quantity, RateRow, Rater, RatingError, Tariffs, UserBudget,
};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// 2012-02-26, a Sunday before a leap day.
const BASE: i64 = 1_330_214_400;

prop_compose! {
    fn interval()(
        month in prop_oneof![4 => Just(0u8), 1 => 1..4u8],
        month_day in prop_oneof![4 => Just(0u8), 1 => 25..30u8],
        week_days in prop_oneof![Just(vec![]), prop::collection::vec(0..7u8, 1..5)],
        start in prop_oneof![Just(None), (0..12i64).prop_map(|hour| Some(hour * 3600 + 59))],
        end in prop_oneof![Just(None), (13..24i64, 0..60i64).prop_map(|(hour, second)| Some(hour * 3600 + second))],
        ponder in 0..3i64,
        price in 0..1000i64,
        billing_unit in prop::sample::select(vec![0, 100_000_000, 1_000_000_000, 60_000_000_000]),
    ) -> Interval {
        Interval {
            month, month_day, week_days,
            start_time: ClockTime(start),
            end_time: ClockTime(end),
            ponder: Decimal::from_nanos(ponder),
            connect_fee: Money::ZERO,
            price: Decimal::from_nanos(price * 1_000_000),
            billing_unit: Decimal::from_nanos(billing_unit),
        }
    }
}

prop_compose! {
    fn period()(at in -86_400 * 2..86_400 * 3i64, intervals in prop::collection::vec(interval(), 0..5))
        -> ActivationPeriod
    {
        ActivationPeriod { activation_time: moment(at, 0, 0), intervals }
    }
}

fn moment(seconds: i64, nanos: i64, offset: i32) -> CallTime {
    let micros = crate::model::Timestamp::from_seconds(BASE + seconds);
    CallTime::from_timestamp(micros, offset).plus(i128::from(nanos)).unwrap()
}

fn tariffs(periods: &[ActivationPeriod]) -> Tariffs {
    let row = RateRow {
        tenant: "t".into(),
        subject: "s".into(),
        prefix: "07".into(),
        activation_periods: periods.to_vec(),
    };
    let destination = Destination { id: "d".into(), prefixes: vec!["07".into()] };
    Tariffs::new(&Documents { rates: vec![row], destinations: vec![destination], ..Documents::default() })
        .unwrap()
}

fn call(time_start: CallTime, time_end: CallTime) -> CallDescriptor {
    CallDescriptor {
        tenant: "t".into(),
        subject: "s".into(),
        destination: "0723".into(),
        time_start,
        time_end,
        ..CallDescriptor::default()
    }
}

/// Cost in millionths; a call without any rate costs nothing.
fn cost(tariffs: &Tariffs, start: CallTime, end: CallTime) -> i64 {
    match Rater::new(tariffs, false).cost(&call(start, end), None) {
        Ok(cost) => cost.cost.micros(),
        Err(RatingError::NoRate) => 0,
        Err(other) => panic!("{other}"),
    }
}

/// The same by looking at every second with another calendar. In sixtieths of a millionth.
fn cost_by_seconds(periods: &[ActivationPeriod], start: i64, seconds: i64, offset: i32) -> i128 {
    let mut periods = periods.to_vec();
    periods.sort_by_key(|period| period.activation_time.moment());
    (start..start + seconds).map(|second| second_price(&periods, second, offset)).sum()
}

fn second_price(periods: &[ActivationPeriod], second: i64, offset: i32) -> i128 {
    let Some(period) = periods.iter().rfind(|period| !moment(second, 0, 0).is_before(period.activation_time))
    else {
        return 0;
    };
    let at = Timestamp::from_second(BASE).unwrap() + SignedDuration::from_secs(second);
    let local = Offset::from_seconds(offset).unwrap().to_datetime(at);
    let clock = i64::from(local.hour()) * 3600 + i64::from(local.minute()) * 60 + i64::from(local.second());
    let applies = |interval: &&Interval| {
        let end = interval.end_time.0.unwrap_or(86_400);
        let end = if end % 60 == 59 { end + 1 } else { end };
        (interval.month == 0 || i64::from(interval.month) == i64::from(local.month()))
            && (interval.month_day == 0 || i64::from(interval.month_day) == i64::from(local.day()))
            && (interval.week_days.is_empty()
                || interval
                    .week_days
                    .iter()
                    .any(|day| i64::from(*day) == i64::from(local.weekday().to_sunday_zero_offset())))
            && interval.start_time.0.is_none_or(|start| start <= clock)
            && clock < end
    };
    let best = period
        .intervals
        .iter()
        .filter(applies)
        .min_by_key(|interval| (-interval.ponder.nanos(), interval.price));
    best.map_or(0, |interval| {
        let per_unit = i128::from(interval.price.nanos()) * 60 / 1_000;
        match interval.billing_unit.nanos() {
            100_000_000 => per_unit * 10,
            60_000_000_000 => per_unit / 60,
            _ => per_unit,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_call_costs_what_its_seconds_cost_one_by_one(
        periods in prop::collection::vec(period(), 1..4),
        start in -86_400..86_400 * 3i64,
        seconds in 0..40_000i64,
        quarters in -48..56i32,
    ) {
        let offset = quarters * 900;
        let found = cost(&tariffs(&periods), moment(start, 0, offset), moment(start + seconds, 0, offset));
        let exact = cost_by_seconds(&periods, start, seconds, offset);
        let distance = i128::from(found) * 60 - exact;
        prop_assert!(distance.abs() <= 30, "{found} against {exact}/60");
    }

    #[test]
    fn a_call_cut_in_two_costs_the_same(
        periods in prop::collection::vec(period(), 1..4),
        start in -86_400..86_400 * 3i64,
        seconds in 0..200_000i64,
        cut in 0..200_000i64,
        nanos in 0..1_000_000_000i64,
    ) {
        let tariffs = tariffs(&periods);
        let (from, to) = (moment(start, nanos, 0), moment(start + seconds, nanos, 0));
        let between = moment(start + cut.min(seconds), nanos, 0);
        let parts = cost(&tariffs, from, between) + cost(&tariffs, between, to);
        let whole = cost(&tariffs, from, to);
        // Three figures are rounded, each by half a millionth at most.
        prop_assert!((parts - whole).abs() <= 1, "{parts} against {whole}");
        prop_assert!(whole >= 0);
        prop_assert!(cost(&tariffs, from, between) <= whole);
    }

    #[test]
    fn spans_cover_the_call_exactly_and_add_up(
        periods in prop::collection::vec(period(), 1..4),
        start in -86_400..86_400 * 3i64,
        length in 1..300_000_000_000_000i64,
        buckets in prop::collection::vec((0..10_000_000_000i64, 0..2_000_000_000i64), 0..3),
    ) {
        let tariffs = tariffs(&periods);
        let bucket = |(seconds, price)| MinuteBucket {
            seconds: Quantity::from_micros(seconds),
            priority: 0,
            price: Decimal::from_nanos(price),
            destination_id: "d".into(),
        };
        let minute_buckets: Vec<MinuteBucket> = buckets.into_iter().map(bucket).collect();
        let budget = UserBudget { minute_buckets, ..UserBudget::default() };
        let call = call(moment(start, 0, 0), moment(start, length, 0));
        let cost = match Rater::new(&tariffs, false).cost(&call, Some(&budget)) {
            Err(RatingError::NoRate) => return Ok(()),
            other => other.unwrap(),
        };
        let mut spans = cost.timespans.clone();
        spans.sort_by_key(|span| span.time_start.moment());
        prop_assert_eq!(spans.first().unwrap().time_start, call.time_start);
        prop_assert_eq!(spans.last().unwrap().time_end, call.time_end);
        prop_assert!(spans.windows(2).all(|pair| pair[0].time_end == pair[1].time_start));
        prop_assert!(spans.iter().all(|span| span.time_start.is_before(span.time_end)));
        prop_assert_eq!(spans.iter().map(|span| span.cost.micros()).sum::<i64>(), cost.cost.micros());
        prop_assert!(cost.timespans.iter().all(|span| !span.cost.is_negative()));

        let debit = Rater::new(&tariffs, false).debit(&call, Some(&budget)).unwrap();
        let after = debit.budget.unwrap();
        let held = |budget: &UserBudget| budget.minute_buckets.iter().map(|bucket| bucket.seconds.micros()).sum::<i64>();
        prop_assert_eq!(held(&budget) - held(&after), debit.bucket_seconds.micros());
        prop_assert!(after.minute_buckets.iter().all(|bucket| !bucket.seconds.is_negative()));
        prop_assert_eq!(after.credit.micros(), -debit.money.micros());
    }

    #[test]
    fn nothing_that_can_be_asked_panics(
        periods in prop::collection::vec(period(), 0..4),
        tor in any::<i64>(),
        destination in prop_oneof!["07[0-9]{0,40}", "\\PC{0,20}"],
        start in any::<i64>(),
        end in prop_oneof![any::<i64>(), -10_000_000_000_000_000..10_000_000_000_000_000i64],
        offsets in (-86_340..86_340i32, -86_340..86_340i32),
        amount in any::<i64>(),
        credit in any::<i64>(),
        seconds in any::<i64>(),
        price in any::<i64>(),
        compat in any::<bool>(),
    ) {
        let tariffs = tariffs(&periods);
        let at = |micros, offset| CallTime::from_timestamp(crate::model::Timestamp::from_micros(micros), offset);
        let time_start = at(start, offsets.0);
        let call = CallDescriptor {
            tor: crate::rating::Tor::Number(tor),
            destination,
            amount: Quantity::from_micros(amount),
            ..call(time_start, at(start.saturating_add(end), offsets.1))
        };
        let bucket = MinuteBucket {
            seconds: Quantity::from_micros(seconds),
            price: Decimal::from_nanos(price),
            destination_id: "d".into(),
            ..MinuteBucket::default()
        };
        let budget =
            UserBudget { credit: Money::from_micros(credit), minute_buckets: vec![bucket], ..UserBudget::default() };
        let rater = Rater::new(&tariffs, compat);
        let amount = call.amount;
        if let Ok(cost) = rater.cost(&call, Some(&budget)) {
            prop_assert!(serde_json::to_string(&cost).is_ok());
        }
        let _ = rater.max_session_time(&call, Some(&budget), time_start);
        let _ = rater.debit(&call, Some(&budget));
        let _ = rater.max_debit(&call, Some(&budget), time_start);
        let _ = budget.debit_balance(amount.as_money());
        let _ = budget.debit_sms(amount);
        let _ = budget.debit_seconds(&tariffs, &call.destination, amount);
        let _ = budget.add_volume_discount_seconds(amount);
        let _ = budget.add_received_call_seconds(None, amount);
    }

    #[test]
    fn no_text_makes_a_descriptor_panic(
        text in r#"\{("(TOR|timestart|TimeEnd|Amount|Subject|x)":("[0-9TZ:.+-]{0,30}"|-?[0-9]{1,25}(\.[0-9]{1,20})?(e[0-9]{1,3})?|null|\[\]),?){0,4}\}"#,
    ) {
        let _ = serde_json::from_str::<CallDescriptor>(&text);
    }
}
