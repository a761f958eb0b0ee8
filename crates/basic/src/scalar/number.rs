//! Numbers: 64-bit integers that become 64-bit floats when they no longer fit, their text, and their arithmetic.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A number of the language.
///
/// Floats made by the functions of this module are always finite. Two numbers are equal when they mean the same
/// number: `Int(2) == Float(2.0)`. In JSON a number is a number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// Everything else, and whole numbers that do not fit.
    Float(f64),
}

/// Why a calculation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MathError {
    /// The divisor is zero (`/`, `MOD`, zero to a negative power).
    #[error("division by zero")]
    DivisionByZero,
    /// The result is larger than a 64-bit float can hold (about 1.8e308).
    #[error("the result is too large for a number")]
    OutOfRange,
    /// The operation is not defined there, such as the square root of a negative number.
    #[error("the operation is not defined for this number")]
    Undefined,
}

/// Result of a calculation.
pub type Result<T = Number> = std::result::Result<T, MathError>;

/// 2^63, the first float above every `i64`; its negation is exactly `i64::MIN`.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

impl Number {
    /// The number as a float; integers beyond 2^53 are rounded to the nearest.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(i) => i as f64,
            Self::Float(f) => f,
        }
    }

    /// The integer this number is exactly, whichever way it is stored.
    ///
    /// ```
    /// use basic::scalar::Number;
    /// assert_eq!(Number::Float(4.0).as_exact_i64(), Some(4));
    /// assert_eq!(Number::Float(4.5).as_exact_i64(), None);
    /// ```
    pub fn as_exact_i64(self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(i),
            Self::Float(f) if f.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&f) => Some(f as i64),
            Self::Float(_) => None,
        }
    }

    /// A float as a number: refuses infinity and not-a-number, keeps whole values floats.
    pub fn finite(value: f64) -> Result {
        if value.is_finite() {
            Ok(Self::Float(value))
        } else if value.is_nan() {
            Err(MathError::Undefined)
        } else {
            Err(MathError::OutOfRange)
        }
    }

    /// An integer where the number is whole and fits, else the same number.
    #[must_use]
    pub fn simplified(self) -> Self {
        self.as_exact_i64().map_or(self, Self::Int)
    }

    /// Whether the number is zero (the only number that is false).
    pub fn is_zero(self) -> bool {
        match self {
            Self::Int(i) => i == 0,
            Self::Float(f) => f == 0.0,
        }
    }

    /// Whether the number is below zero.
    pub fn is_negative(self) -> bool {
        match self {
            Self::Int(i) => i < 0,
            Self::Float(f) => f < 0.0,
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    /// Compares exactly: an integer beyond 2^53 is not rounded before it is compared with a float.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => compare_int_float(a, b),
            (Self::Float(a), Self::Int(b)) => compare_int_float(b, a).map(Ordering::reverse),
        }
    }
}

fn compare_int_float(int: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float >= TWO_TO_63 {
        return Some(Ordering::Less);
    }
    if float < -TWO_TO_63 {
        return Some(Ordering::Greater);
    }
    // In range, so the whole part converts exactly; what is left decides a tie.
    let whole = float.trunc();
    Some(int.cmp(&(whole as i64)).then(0.0.partial_cmp(&(float - whole))?))
}

impl fmt::Display for Number {
    /// Shortest text that reads back as the same number: no exponent, no `.0`, no `-0`.
    ///
    /// A whole float in the range of the integers prints all its digits, because its text reads back as an integer.
    ///
    /// ```
    /// use basic::scalar::Number;
    /// assert_eq!(Number::Float(3.0).to_string(), "3");
    /// assert_eq!(Number::Float(0.1 + 0.2).to_string(), "0.30000000000000004");
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.simplified() {
            Self::Int(i) => i.fmt(f),
            Self::Float(value) => value.fmt(f),
        }
    }
}

/// Reads a text that is a number and nothing else.
///
/// Blanks around it and a leading sign are allowed; digits may stand before, after, or on both sides of one point.
/// There is no exponent and no grouping, as in the literals of the language. A whole number that does not fit an
/// integer becomes a float, and one that does not fit that (beyond 1.8e308) is no number.
///
/// ```
/// use basic::scalar::number::parse;
/// use basic::scalar::Number;
/// assert_eq!(parse(" -12 "), Some(Number::Int(-12)));
/// assert_eq!(parse("1.50"), Some(Number::Float(1.5)));
/// assert_eq!(parse("1,200"), None);
/// ```
pub fn parse(text: &str) -> Option<Number> {
    let text = text.trim();
    let (number, rest) = leading(text)?;
    rest.is_empty().then_some(number)
}

/// `VAL`: the number a text begins with, 0 where it begins with none.
///
/// ```
/// use basic::scalar::number::val;
/// assert_eq!(val(" 12.5 kg").to_string(), "12.5");
/// assert_eq!(val("about 3").to_string(), "0");
/// ```
pub fn val(text: &str) -> Number {
    leading(text.trim_start()).map_or(Number::Int(0), |(number, _)| number)
}

/// The longest number at the start of `text`, and what follows it.
fn leading(text: &str) -> Option<(Number, &str)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = count_digits(unsigned);
    let after = &unsigned[whole..];
    let fraction = after.strip_prefix('.').map(count_digits);
    let digits = match fraction {
        // A lone point is no number; "5." reads as 5.
        Some(0) | None if whole == 0 => return None,
        Some(fraction) => whole + 1 + fraction,
        None => whole,
    };
    let end = text.len() - unsigned.len() + digits;
    let (literal, rest) = text.split_at(end);
    let number = match literal.parse::<i64>() {
        Ok(int) => Number::Int(int),
        Err(_) => Number::finite(literal.parse::<f64>().ok()?).ok()?,
    };
    Some((number, rest))
}

fn count_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_print_the_shortest_way() {
        let cases = [
            (Number::Int(-7), "-7"),
            (Number::Float(-0.0), "0"),
            (Number::Float(2.0), "2"),
            (Number::Float(1e21), "1000000000000000000000"),
            (Number::Float(1e-7), "0.0000001"),
            (Number::Float(0.1), "0.1"),
        ];
        for (number, text) in cases {
            assert_eq!(number.to_string(), text);
        }
    }

    #[test]
    fn number_text_is_a_literal_with_sign() {
        assert_eq!(parse("+5"), Some(Number::Int(5)));
        assert_eq!(parse(".5"), Some(Number::Float(0.5)));
        assert_eq!(parse("5."), Some(Number::Float(5.0)));
        assert_eq!(parse("9223372036854775808"), Some(Number::Float(TWO_TO_63)));
        for text in ["", " ", ".", "-", "+.", "1e5", "0x10", "1 2", "- 1", "inf", "NaN", "1.2.3", "٣"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn val_takes_what_the_text_begins_with() {
        for (text, number) in
            [("12abc", "12"), ("-3.5kg", "-3.5"), ("$5", "0"), ("1,234", "1"), ("1.2.3", "1.2"), ("", "0")]
        {
            assert_eq!(val(text).to_string(), number, "{text:?}");
        }
    }

    #[test]
    fn an_integer_and_a_float_compare_exactly() {
        let big = (1_i64 << 53) + 1;
        assert!(Number::Int(big) > Number::Float(big as f64));
        assert!(Number::Int(i64::MAX) < Number::Float(TWO_TO_63));
        assert_eq!(Number::Int(i64::MIN), Number::Float(-TWO_TO_63));
        assert!(Number::Int(-1) > Number::Float(-1.5));
        assert!(Number::Int(-2) < Number::Float(-1.5));
        assert_eq!(Number::Int(0), Number::Float(-0.0));
    }

    proptest! {
        #[test]
        fn text_reads_back_as_the_same_number(int: i64, float in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(parse(&Number::Int(int).to_string()), Some(Number::Int(int)));
            prop_assert_eq!(parse(&Number::Float(float).to_string()), Some(Number::Float(float)));
        }

        #[test]
        fn reading_any_text_never_fails_badly(text: String) {
            let read = parse(&text);
            if let Some(number) = read {
                prop_assert_eq!(val(&text), number);
            }
        }

        #[test]
        fn mixed_comparison_agrees_with_wide_integers(a: i64, b in -2_000_000_000_000_000_000_i64..2_000_000_000_000_000_000) {
            // Every integral float below 2^62 is an i128 exactly.
            let float = b as f64;
            prop_assert_eq!(Number::Int(a).partial_cmp(&Number::Float(float)), Some(i128::from(a).cmp(&(float as i128))));
        }
    }
}
