//! The dialect's unit (`[cgrates] unit`) and the currency.

use super::super::fees::prorate::half_to_even;
use crate::engine::CallRules;
use crate::model::{Money, Refusal};

const MILLION: i128 = 1_000_000;

fn out_of_range() -> Refusal {
    Refusal::new("out-of-range", "a figure is outside the range of the ledger")
}

/// Currency in millionths as units in millionths, rounded half to even.
pub(super) fn to_units(money: Money, rules: &CallRules) -> Result<Money, Refusal> {
    let unit = i128::from(rules.unit.micros().max(1));
    divided(i128::from(money.micros()) * MILLION, unit).ok_or_else(out_of_range)
}

/// Units in millionths as currency, rounded half to even to `digits` digits once.
pub(super) fn to_currency(units: Money, rules: &CallRules, digits: usize) -> Result<Money, Refusal> {
    let step = 10i128.pow(6u32.saturating_sub(u32::try_from(digits).unwrap_or(6)));
    let steps = divided(i128::from(units.micros()) * i128::from(rules.unit.micros()), MILLION * step);
    let micros = steps.and_then(|steps| i64::try_from(i128::from(steps.micros()) * step).ok());
    micros.map(Money::from_micros).ok_or_else(out_of_range)
}

/// `value / by`, rounded half to even; `by` is more than zero.
fn divided(value: i128, by: i128) -> Option<Money> {
    i64::try_from(half_to_even(value, by)).ok().map(Money::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(unit: i64) -> CallRules {
        CallRules { unit: Money::from_micros(unit), ..CallRules::default() }
    }

    #[test]
    fn a_cent_is_a_hundredth_and_60_35_and_0_1_come_out_as_they_are() {
        let cents = rules(10_000);
        for (units, currency) in [(60_350_000, 603_500), (100_000, 1_000), (-1_000_000, -10_000)] {
            let (units, currency) = (Money::from_micros(units), Money::from_micros(currency));
            assert_eq!(to_currency(units, &cents, 6), Ok(currency));
            assert_eq!(to_units(currency, &cents), Ok(units));
        }
    }

    #[test]
    fn on_a_subscribers_account_half_a_minor_unit_goes_to_the_even_one() {
        let cents = rules(10_000);
        for (units, currency) in
            [(500_000, 0), (1_500_000, 20_000), (2_500_000, 20_000), (-500_000, 0), (60_350_000, 600_000)]
        {
            assert_eq!(to_currency(Money::from_micros(units), &cents, 2), Ok(Money::from_micros(currency)));
        }
    }

    #[test]
    fn what_leaves_the_range_is_refused() {
        assert!(to_units(Money::MAX, &rules(10_000)).is_err());
        assert!(to_currency(Money::MAX, &rules(1_000_000_000), 6).is_err());
    }
}
