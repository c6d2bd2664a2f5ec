//! Exact fractions: a call's cost is added up here and rounded once.

use crate::model::Money;

/// `numerator / denominator`, reduced, denominator above zero. Every operation is checked: what does not fit into 128
/// bits has no answer rather than a wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    pub(super) const ZERO: Fraction = Fraction { numerator: 0, denominator: 1 };

    /// `None` for a denominator that is not above zero.
    pub(super) fn new(numerator: i128, denominator: i128) -> Option<Fraction> {
        if denominator <= 0 {
            return None;
        }
        let divisor = greatest_common_divisor(numerator, denominator)?;
        Some(Fraction { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    pub(super) fn checked_add(self, other: Fraction) -> Option<Fraction> {
        if self.denominator == other.denominator {
            return Some(Fraction { numerator: self.numerator.checked_add(other.numerator)?, ..self });
        }
        let divisor = greatest_common_divisor(self.denominator, other.denominator)?;
        let left = self.numerator.checked_mul(other.denominator / divisor)?;
        let right = other.numerator.checked_mul(self.denominator / divisor)?;
        let denominator = (self.denominator / divisor).checked_mul(other.denominator)?;
        Some(Fraction { numerator: left.checked_add(right)?, denominator })
    }

    pub(super) fn checked_mul(self, other: Fraction) -> Option<Fraction> {
        // Across first, so that the products stay small.
        let left = Fraction::new(self.numerator, other.denominator)?;
        let right = Fraction::new(other.numerator, self.denominator)?;
        Some(Fraction {
            numerator: left.numerator.checked_mul(right.numerator)?,
            denominator: left.denominator.checked_mul(right.denominator)?,
        })
    }

    pub(super) fn times(self, count: i128) -> Option<Fraction> {
        Some(Fraction { numerator: self.numerator.checked_mul(count)?, ..self })
    }

    /// The nearest integer, half to even.
    pub(super) fn rounded(self) -> i128 {
        let quotient = self.numerator.div_euclid(self.denominator);
        let remainder = self.numerator.rem_euclid(self.denominator);
        // Compared with what is left, because twice the remainder may not fit.
        match remainder.cmp(&(self.denominator - remainder)) {
            std::cmp::Ordering::Greater => quotient + 1,
            std::cmp::Ordering::Equal if remainder != 0 => quotient + quotient.rem_euclid(2),
            _ => quotient,
        }
    }

    /// A fraction of millionths as money, rounded half to even. `None` outside the range of money.
    pub(super) fn to_money(self) -> Option<Money> {
        i64::try_from(self.rounded()).ok().map(Money::from_micros)
    }
}

/// `None` only where a magnitude has no signed form.
fn greatest_common_divisor(a: i128, b: i128) -> Option<i128> {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a.max(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour_on_both_sides_of_zero() {
        for (numerator, denominator, rounded) in [
            (1, 2, 0),
            (3, 2, 2),
            (5, 2, 2),
            (-1, 2, 0),
            (-3, 2, -2),
            (7, 3, 2),
            (8, 3, 3),
            (-7, 3, -2),
            (4, 1, 4),
        ] {
            let fraction = Fraction::new(numerator, denominator).unwrap();
            assert_eq!(fraction.rounded(), rounded, "{numerator}/{denominator}");
        }
    }

    #[test]
    fn thirds_add_up_to_one() {
        let third = Fraction::new(1, 3).unwrap();
        let sum = third.checked_add(Fraction::new(2, 6).unwrap()).unwrap().checked_add(third).unwrap();
        assert_eq!(sum.rounded(), 1);
        assert_eq!(sum.checked_add(Fraction::new(1, 2).unwrap()).unwrap().rounded(), 2);
        assert_eq!(third.checked_mul(Fraction::new(9, 10).unwrap()), Fraction::new(3, 10));
    }

    #[test]
    fn what_does_not_fit_has_no_answer() {
        let huge = Fraction::new(i128::MAX, 1).unwrap();
        assert_eq!(huge.checked_add(huge), None);
        assert_eq!(huge.times(2), None);
        assert_eq!(huge.to_money(), None);
        assert_eq!(Fraction::new(1, 0), None);
    }
}
