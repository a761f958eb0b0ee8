//! Comparing values of different kinds.

use std::cmp::Ordering;

use chrono::FixedOffset;

use super::date::{self, Date};
use super::number::{self, Number};
use super::{Scalar, text};

/// `a = b`.
///
/// Null and the empty text are equal. A number and a text that is a number compare as numbers, and so do booleans
/// (1 and 0) beside numbers; a date and a text that is a date compare as dates (read in `offset`); a boolean and
/// another text by the texts `true` and `false`, ignoring case. Two texts compare exactly. What cannot be compared is
/// not equal.
///
/// ```
/// use basic::scalar::{compare::equal, Number, Scalar};
/// let utc = chrono::FixedOffset::east_opt(0).unwrap();
/// assert!(equal(Scalar::Number(Number::Int(5)), Scalar::Text("5.0"), utc));
/// assert!(equal(Scalar::Null, Scalar::Text(""), utc));
/// assert!(!equal(Scalar::Text("Abc"), Scalar::Text("abc"), utc));
/// ```
pub fn equal(a: Scalar<'_>, b: Scalar<'_>, offset: FixedOffset) -> bool {
    if is_missing(a) || is_missing(b) {
        return is_missing(a) && is_missing(b);
    }
    match (a, b) {
        (Scalar::Boolean(truth), Scalar::Text(text)) | (Scalar::Text(text), Scalar::Boolean(truth))
            if number::parse(text).is_none() =>
        {
            text.trim().eq_ignore_ascii_case(if truth { "true" } else { "false" })
        }
        _ => order(a, b, offset) == Some(Ordering::Equal),
    }
}

/// Whether a value counts as absent: null or the empty text.
pub fn is_missing(value: Scalar<'_>) -> bool {
    matches!(value, Scalar::Null | Scalar::Text(""))
}

/// `a < b` and the like: the order of two values, `None` where they have none.
///
/// Numbers by value, dates in time, texts by code point; a text beside a number or date is read as one. Null has no
/// order; the machine decides what it counts as.
pub fn order(a: Scalar<'_>, b: Scalar<'_>, offset: FixedOffset) -> Option<Ordering> {
    match (a, b) {
        (Scalar::Text(a), Scalar::Text(b)) => Some(a.cmp(b)),
        (Scalar::Date(a), Scalar::Date(b)) => Some(a.compare(b, offset)),
        (Scalar::Date(a), Scalar::Text(b)) => Some(a.compare(date::parse(b, offset)?, offset)),
        (Scalar::Text(a), Scalar::Date(b)) => Some(date::parse(a, offset)?.compare(b, offset)),
        (Scalar::Date(_) | Scalar::Null, _) | (_, Scalar::Date(_) | Scalar::Null) => None,
        _ => as_number(a)?.partial_cmp(&as_number(b)?),
    }
}

fn as_number(value: Scalar<'_>) -> Option<Number> {
    match value {
        Scalar::Number(number) => Some(number),
        Scalar::Boolean(truth) => Some(Number::Int(i64::from(truth))),
        Scalar::Text(text) => number::parse(text),
        Scalar::Null | Scalar::Date(_) => None,
    }
}

/// An order of all values for sorting: nothing first, then booleans, numbers (also as texts), dates, and texts by code
/// point. It is total, so mixed columns sort in one way only.
pub fn sort_order(a: Scalar<'_>, b: Scalar<'_>, offset: FixedOffset) -> Ordering {
    SortKey::of(a).compare(&SortKey::of(b), offset)
}

/// The kinds in their order.
#[derive(Clone, Copy)]
enum SortKey<'a> {
    Missing,
    Boolean(bool),
    Number(Number),
    Date(Date),
    Text(&'a str),
}

impl<'a> SortKey<'a> {
    fn of(value: Scalar<'a>) -> Self {
        match value {
            // Not-a-number, which only a host could bring in, has no place among the numbers.
            Scalar::Number(number) if number.as_f64().is_nan() => Self::Missing,
            Scalar::Null | Scalar::Text("") => Self::Missing,
            Scalar::Boolean(truth) => Self::Boolean(truth),
            Scalar::Number(number) => Self::Number(number),
            Scalar::Date(date) => Self::Date(date),
            Scalar::Text(text) => number::parse(text).map_or(Self::Text(text), Self::Number),
        }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Boolean(_) => 1,
            Self::Number(_) => 2,
            Self::Date(_) => 3,
            Self::Text(_) => 4,
        }
    }

    fn compare(&self, other: &Self, offset: FixedOffset) -> Ordering {
        match (*self, *other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(&b),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Date(a), Self::Date(b)) => a.compare(b, offset),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

/// `a CONTAINS b` for single values: the text of one within the text of the other, ignoring case.
pub fn contains(a: Scalar<'_>, b: Scalar<'_>) -> bool {
    text::contains(&a.to_text(), &b.to_text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utc() -> FixedOffset {
        FixedOffset::east_opt(0).unwrap()
    }

    fn number(int: i64) -> Scalar<'static> {
        Scalar::Number(Number::Int(int))
    }

    #[test]
    fn values_of_different_kinds() {
        let day = Scalar::Date(date::parse("2025-03-14", utc()).unwrap());
        assert!(equal(day, Scalar::Text("14/03/2025"), utc()) && !equal(day, Scalar::Text("soon"), utc()));
        assert!(
            equal(Scalar::Boolean(true), Scalar::Text("TRUE"), utc())
                && equal(Scalar::Boolean(true), number(1), utc())
        );
        assert!(equal(Scalar::Boolean(false), Scalar::Text("0"), utc()));
        assert!(!equal(number(0), Scalar::Null, utc()) && !equal(number(0), Scalar::Text(""), utc()));
        assert_eq!(order(Scalar::Text("10"), number(9), utc()), Some(Ordering::Greater));
        assert_eq!(order(Scalar::Text("10"), Scalar::Text("9"), utc()), Some(Ordering::Less));
        assert_eq!(order(Scalar::Text("ten"), number(9), utc()), None);
        assert_eq!(order(Scalar::Null, number(9), utc()), None);
        assert_eq!(order(day, number(9), utc()), None);
    }

    fn scalar() -> impl Strategy<Value = (u8, i64, String)> {
        (0_u8..6, -3_i64..3, "[a0-2.]{0,2}")
    }

    fn build((kind, int, text): &(u8, i64, String)) -> Scalar<'_> {
        match kind {
            0 => Scalar::Null,
            1 => Scalar::Boolean(*int > 0),
            2 => number(*int),
            3 => Scalar::Number(Number::Float(*int as f64 / 2.0)),
            4 => Scalar::Date(
                date::parse("2025-03-14", utc())
                    .and_then(|d| d.add(*int as f64, date::Unit::Day).ok())
                    .unwrap(),
            ),
            _ => Scalar::Text(text),
        }
    }

    proptest! {
        #[test]
        fn sorting_is_a_total_order(a in scalar(), b in scalar(), c in scalar()) {
            let (a, b, c) = (build(&a), build(&b), build(&c));
            let order = |a, b| sort_order(a, b, utc());
            prop_assert_eq!(order(a, b), order(b, a).reverse());
            if order(a, b).is_le() && order(b, c).is_le() {
                prop_assert!(order(a, c).is_le());
            }
            prop_assert_eq!(equal(a, b, utc()), equal(b, a, utc()));
        }
    }
}
