//! Arithmetic: the operators on numbers, and the number functions.
//!
//! Integers stay integers while they fit and become floats when they do not; a float that would become infinite is an
//! error, so scripts never see infinity or not-a-number.

use super::decimal::Decimal;
use super::number::{MathError, Number, Result};
use Number::{Float, Int};

/// `a + b`.
///
/// ```
/// use basic::scalar::{math::add, Number};
/// assert_eq!(add(Number::Int(2), Number::Int(3)), Ok(Number::Int(5)));
/// assert!(matches!(add(Number::Int(i64::MAX), Number::Int(1)), Ok(Number::Float(_))));
/// ```
#[inline]
pub fn add(a: Number, b: Number) -> Result {
    either(a, b, i64::checked_add, |a, b| a + b)
}

/// `a - b`.
#[inline]
pub fn subtract(a: Number, b: Number) -> Result {
    either(a, b, i64::checked_sub, |a, b| a - b)
}

/// `a * b`.
#[inline]
pub fn multiply(a: Number, b: Number) -> Result {
    either(a, b, i64::checked_mul, |a, b| a * b)
}

#[inline]
fn either(
    a: Number,
    b: Number,
    ints: impl Fn(i64, i64) -> Option<i64>,
    floats: impl Fn(f64, f64) -> f64,
) -> Result {
    if let (Int(a), Int(b)) = (a, b)
        && let Some(result) = ints(a, b)
    {
        return Ok(Int(result));
    }
    Number::finite(floats(a.as_f64(), b.as_f64()))
}

/// `a / b`: an integer when two integers divide without rest, else a float.
///
/// Errors with [`MathError::DivisionByZero`] when `b` is zero.
///
/// ```
/// use basic::scalar::{math::divide, Number};
/// assert_eq!(divide(Number::Int(8), Number::Int(2)).unwrap().to_string(), "4");
/// assert_eq!(divide(Number::Int(7), Number::Int(2)).unwrap().to_string(), "3.5");
/// ```
#[inline]
pub fn divide(a: Number, b: Number) -> Result {
    if b.is_zero() {
        return Err(MathError::DivisionByZero);
    }
    if let (Int(a), Int(b)) = (a, b)
        && a.checked_rem(b) == Some(0)
    {
        return Ok(Int(a / b));
    }
    Number::finite(a.as_f64() / b.as_f64())
}

/// `a MOD b` and `a % b`: the rest of the division, with the sign of `a`; fractions are kept (`5.5 MOD 2` is 1.5).
///
/// Errors with [`MathError::DivisionByZero`] when `b` is zero.
#[inline]
pub fn modulo(a: Number, b: Number) -> Result {
    if b.is_zero() {
        return Err(MathError::DivisionByZero);
    }
    match (a, b) {
        // The one overflowing case, i64::MIN by -1, has rest 0.
        (Int(a), Int(b)) => Ok(Int(a.wrapping_rem(b))),
        _ => Number::finite(a.as_f64() % b.as_f64()),
    }
}

/// `base ^ exponent`: an integer when both are integers, the exponent is not negative and the result fits.
///
/// Errors for zero to a negative power, for a negative base with a fractional exponent, and beyond the float range.
pub fn power(base: Number, exponent: Number) -> Result {
    if let (Int(base), Int(exponent)) = (base, exponent)
        && let Ok(exponent) = u32::try_from(exponent)
        && let Some(result) = base.checked_pow(exponent)
    {
        return Ok(Int(result));
    }
    if base.is_zero() && exponent.is_negative() {
        return Err(MathError::DivisionByZero);
    }
    Number::finite(base.as_f64().powf(exponent.as_f64()))
}

/// Unary minus.
#[inline]
pub fn negate(n: Number) -> Number {
    match n {
        Int(i) => i.checked_neg().map_or(Float(-(i as f64)), Int),
        Float(f) => Float(-f),
    }
}

/// `ABS`: the distance from zero.
pub fn abs(n: Number) -> Number {
    if n.is_negative() { negate(n) } else { n }
}

/// `SGN`: -1, 0 or 1.
pub fn sign(n: Number) -> i64 {
    if n.is_zero() {
        0
    } else if n.is_negative() {
        -1
    } else {
        1
    }
}

/// `INT` and `FIX`: cuts off the fraction, towards zero.
pub fn truncate(n: Number) -> Number {
    whole(n, f64::trunc)
}

/// `FLOOR`: the next whole number below.
pub fn floor(n: Number) -> Number {
    whole(n, f64::floor)
}

/// `CEIL` and `CEILING`: the next whole number above.
pub fn ceil(n: Number) -> Number {
    whole(n, f64::ceil)
}

fn whole(n: Number, to_whole: impl Fn(f64) -> f64) -> Number {
    match n {
        Int(_) => n,
        Float(f) => Float(to_whole(f)).simplified(),
    }
}

/// `ROUND(n, digits)`: half away from zero, in decimal as the number reads (`ROUND(1.005, 2)` is 1.01).
///
/// Negative `digits` round before the point. `CINT` is this with 0 digits.
///
/// ```
/// use basic::scalar::{math::round, Number};
/// assert_eq!(round(Number::Float(-2.5), 0), Number::Int(-3));
/// assert_eq!(round(Number::Float(1.005), 2).to_string(), "1.01");
/// assert_eq!(round(Number::Int(1250), -2), Number::Int(1300));
/// ```
pub fn round(n: Number, digits: i64) -> Number {
    match n {
        Int(_) if digits >= 0 => n,
        // No float has digits beyond these.
        _ => match Decimal::of(n).rounded(digits.clamp(-400, 400) as i32).to_number() {
            Float(f) if !f.is_finite() => n,
            rounded => rounded,
        },
    }
}

/// `SQR` and `SQRT`. Errors for negative numbers.
pub fn square_root(n: Number) -> Result {
    Number::finite(n.as_f64().sqrt())
}

/// `EXP`: e to the power of `n`. Errors when the result is too large.
pub fn exp(n: Number) -> Result {
    Number::finite(n.as_f64().exp())
}

/// `LOG`: the natural logarithm. Errors unless `n` is above zero.
pub fn log(n: Number) -> Result {
    positive(n).and_then(|f| Number::finite(f.ln()))
}

/// `LOG10`: the decimal logarithm. Errors unless `n` is above zero.
pub fn log10(n: Number) -> Result {
    positive(n).and_then(|f| Number::finite(f.log10()))
}

fn positive(n: Number) -> Result<f64> {
    let value = n.as_f64();
    if value > 0.0 { Ok(value) } else { Err(MathError::Undefined) }
}

/// `SIN` of an angle in radians.
pub fn sin(n: Number) -> Result {
    Number::finite(n.as_f64().sin())
}

/// `COS` of an angle in radians.
pub fn cos(n: Number) -> Result {
    Number::finite(n.as_f64().cos())
}

/// `TAN` of an angle in radians.
pub fn tan(n: Number) -> Result {
    Number::finite(n.as_f64().tan())
}

/// `ATN`: the angle in radians with this tangent.
pub fn arctangent(n: Number) -> Result {
    Number::finite(n.as_f64().atan())
}

/// `RND()`: random bits as a float in [0, 1), evenly spread.
pub fn unit_float(random: u64) -> f64 {
    // A float has 53 bits of precision.
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// `RANDOM(a, b)`: random bits as a whole number from the lower to the higher bound, both included, in either order.
///
/// The spread is even to within one part in 2^64 divided by the size of the range.
///
/// ```
/// use basic::scalar::math::random_between;
/// assert_eq!(random_between(0, 1, 6), 1);
/// assert_eq!(random_between(u64::MAX, 1, 6), 6);
/// ```
pub fn random_between(random: u64, a: i64, b: i64) -> i64 {
    let (low, high) = (i128::from(a.min(b)), i128::from(a.max(b)));
    let size = (high - low + 1) as u128;
    let offset = (u128::from(random) * size) >> 64;
    (low + offset as i128) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn division_keeps_integers_where_it_can() {
        assert_eq!(divide(Int(7), Int(2)).unwrap().to_string(), "3.5");
        assert!(matches!(divide(Int(8), Int(2)), Ok(Int(4))));
        assert!(matches!(divide(Int(i64::MIN), Int(-1)), Ok(Float(_))));
        assert_eq!(divide(Int(1), Float(0.0)), Err(MathError::DivisionByZero));
        assert_eq!(modulo(Int(i64::MIN), Int(-1)), Ok(Int(0)));
        assert_eq!(modulo(Int(-7), Int(3)), Ok(Int(-1)));
        assert_eq!(modulo(Float(5.5), Int(2)), Ok(Float(1.5)));
    }

    #[test]
    fn power_leaves_the_integers_only_when_it_must() {
        assert!(matches!(power(Int(4), Int(2)), Ok(Int(16))));
        assert_eq!(power(Int(2), Int(64)), Ok(Float(18_446_744_073_709_551_616.0)));
        assert_eq!(power(Int(2), Int(-1)), Ok(Float(0.5)));
        assert_eq!(power(Int(0), Int(-1)), Err(MathError::DivisionByZero));
        assert_eq!(power(Int(-8), Float(0.5)), Err(MathError::Undefined));
        assert_eq!(power(Int(10), Int(400)), Err(MathError::OutOfRange));
    }

    #[test]
    fn fractions_are_cut_as_named() {
        assert_eq!(truncate(Float(-2.7)), Int(-2));
        assert_eq!(floor(Float(-2.1)), Int(-3));
        assert_eq!(ceil(Float(2.1)), Int(3));
        assert!(matches!(floor(Float(1e300)), Float(_)));
        assert_eq!(abs(Int(i64::MIN)), Float(9_223_372_036_854_775_808.0));
        assert_eq!(round(Float(2.345), 2).to_string(), "2.35");
        assert_eq!(round(Float(f64::MAX), -400), Int(0));
        assert_eq!(
            round(Float(f64::MAX), -308),
            Float(f64::MAX),
            "200…0 is beyond the floats, so nothing is rounded"
        );
    }

    #[test]
    fn what_has_no_result_is_an_error() {
        assert_eq!(square_root(Int(-1)), Err(MathError::Undefined));
        assert_eq!(log(Int(0)), Err(MathError::Undefined));
        assert_eq!(exp(Int(1000)), Err(MathError::OutOfRange));
        assert_eq!(multiply(Float(1e200), Float(1e200)), Err(MathError::OutOfRange));
    }

    proptest! {
        #[test]
        fn integer_arithmetic_agrees_with_wide_integers(a: i64, b: i64) {
            let wide = |exact: i128, result: Result| match i64::try_from(exact) {
                Ok(int) => matches!(result, Ok(Int(i)) if i == int),
                Err(_) => matches!(result, Ok(Float(f)) if ((f - exact as f64) / f).abs() < 1e-15),
            };
            let (x, y) = (i128::from(a), i128::from(b));
            prop_assert!(wide(x + y, add(Int(a), Int(b))));
            prop_assert!(wide(x - y, subtract(Int(a), Int(b))));
            prop_assert!(wide(x * y, multiply(Int(a), Int(b))));
            prop_assert!(wide(-x, Ok(negate(Int(a)))));
            if b != 0 {
                prop_assert_eq!(modulo(Int(a), Int(b)), Ok(Int((x % y) as i64)));
                prop_assert_eq!(x % y == 0, matches!(divide(Int(a), Int(b)), Ok(Int(_))) || x / y > i128::from(i64::MAX));
            }
        }

        #[test]
        fn results_are_finite_or_errors(a in proptest::num::f64::NORMAL, b in proptest::num::f64::NORMAL) {
            let results = [add(Float(a), Float(b)), multiply(Float(a), Float(b)), divide(Float(a), Float(b)),
                modulo(Float(a), Float(b)), power(Float(a), Float(b)), tan(Float(a)), exp(Float(a)), log(Float(b))];
            for number in results.into_iter().flatten() {
                prop_assert!(number.as_f64().is_finite());
            }
            prop_assert!(round(Float(a), b as i64).as_f64().is_finite());
        }

        #[test]
        fn random_numbers_stay_between_their_bounds(random: u64, a: i64, b: i64) {
            let n = random_between(random, a, b);
            prop_assert!(a.min(b) <= n && n <= a.max(b));
            prop_assert!((0.0..1.0).contains(&unit_float(random)));
        }
    }
}
