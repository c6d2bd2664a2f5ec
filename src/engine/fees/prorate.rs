//! Shares of a month's fee, exact until one rounding (half to even, to the currency's minor unit).

use crate::model::*;

const NANOS: i128 = 1_000_000_000;
const BASIS_POINTS: u32 = 10_000;
const MICRO_DIGITS: usize = 6;

/// `round(fee * days / of)`, less `discount` basis points.
pub fn share(fee: Price, discount: u32, days: i32, of: i32, digits: usize) -> Money {
    let kept = i128::from(BASIS_POINTS - discount.min(BASIS_POINTS));
    let digits = digits.min(MICRO_DIGITS);
    let [unit, step] = [digits, MICRO_DIGITS - digits].map(|n| 10i128.pow(u32::try_from(n).unwrap_or(0)));
    let numerator = i128::from(fee.nanos()) * kept * i128::from(days) * unit;
    let denominator = NANOS * i128::from(BASIS_POINTS) * i128::from(of.max(1));
    let rounded = half_to_even(numerator, denominator);
    i64::try_from(rounded * step).map_or(Money::MAX, Money::from_micros)
}

/// `numerator / denominator`, rounded half to even; the denominator is more than zero.
pub fn half_to_even(numerator: i128, denominator: i128) -> i128 {
    let (quotient, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
        std::cmp::Ordering::Less => quotient,
    }
}

/// A day's part of a month's fee: `f(d) = round(F*d/D) - round(F*(d-1)/D)`. The days of a month add up to `F`.
pub fn of_day(fee: Price, discount: u32, day: Day, digits: usize) -> Money {
    let (d, of) = (day.of_month(), day.month().days());
    share(fee, discount, d, of, digits).saturating_sub(share(fee, discount, d - 1, of, digits))
}

/// The part from `day` to the month's end: `round(F*(D-d+1)/D)`.
pub fn month_rest(fee: Price, discount: u32, day: Day, digits: usize) -> Money {
    let of = day.month().days();
    share(fee, discount, of - day.of_month() + 1, of, digits)
}
