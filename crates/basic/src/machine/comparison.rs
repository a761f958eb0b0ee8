//! Comparison: what is equal, what comes first, what lies in what.

use std::cmp::Ordering;

use chrono::FixedOffset;

use super::fault::{Checked, Fault};
use super::heap::Heap;
use super::value::Value;
use crate::scalar::{Number, like, number, text};

impl Heap {
    /// Whether a value stands for none: null, rows without any, and the empty text, as cells of files have it.
    pub(crate) fn is_missing(&self, value: Value) -> bool {
        match value {
            Value::Null => true,
            Value::Text { length, .. } => length == 0,
            Value::Rows(_) => self.items(value).is_none_or(<[Value]>::is_empty),
            _ => false,
        }
    }

    pub(crate) fn is_null(&self, value: Value) -> bool {
        match value {
            Value::Null => true,
            Value::Rows(_) => self.items(value).is_none_or(<[Value]>::is_empty),
            Value::Response(_) => matches!(self.body(value), Value::Null),
            _ => false,
        }
    }

    pub(crate) fn equal(&self, a: Value, b: Value, offset: FixedOffset) -> bool {
        self.equal_at(a, b, offset, 0)
    }

    fn equal_at(&self, a: Value, b: Value, offset: FixedOffset, depth: usize) -> bool {
        // Shared parts are compared at each place they stand, so small values could take very long.
        if depth > 100 || self.is_exhausted() {
            return false;
        }
        if depth > 0 {
            self.spend(1);
        }
        match (a, b) {
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Text { place, length }, Value::Text { place: other, length: count }) => {
                length == count && (place == other || self.read(place, length) == self.str(other, count))
            }
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Response(x), Value::Response(y)) if x == y => true,
            (Value::Response(_), _) => self.equal_at(self.body(a), b, offset, depth + 1),
            (_, Value::Response(_)) => self.equal_at(a, self.body(b), offset, depth + 1),
            (Value::Array(x) | Value::Rows(x), Value::Array(y) | Value::Rows(y)) => {
                let (left, right) = (self.items(a).unwrap_or_default(), self.items(b).unwrap_or_default());
                x == y
                    || (left.len() == right.len()
                        && left.iter().zip(right).all(|(&a, &b)| self.equal_at(a, b, offset, depth + 1)))
            }
            (Value::Object(x) | Value::File(x), Value::Object(y) | Value::File(y)) => {
                x == y || self.objects_equal(a, b, offset, depth)
            }
            _ if self.is_missing(a) || self.is_missing(b) => self.is_missing(a) && self.is_missing(b),
            _ => self.order(a, b, offset) == Some(Ordering::Equal),
        }
    }

    fn objects_equal(&self, a: Value, b: Value, offset: FixedOffset, depth: usize) -> bool {
        let (Some(left), Some(right)) = (self.fields(a), self.fields(b)) else {
            return false;
        };
        left.keys.len() == right.keys.len()
            && left.keys.iter().zip(&left.values).all(|(&key, &value)| {
                let other = self.find(right, key).and_then(|at| right.values.get(at));
                other.is_some_and(|&other| self.equal_at(value, other, offset, depth + 1))
            })
    }

    /// How two values order, where they do.
    pub(crate) fn order(&self, a: Value, b: Value, offset: FixedOffset) -> Option<Ordering> {
        match (a, b) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
            (Value::Text { place, length }, Value::Text { place: other, length: count }) => {
                self.spend_on_text(length.min(count) as usize);
                Some(self.str(place, length).cmp(self.str(other, count)))
            }
            (Value::Day(_) | Value::Instant { .. }, _) | (_, Value::Day(_) | Value::Instant { .. }) => {
                Some(self.as_date(a, offset)?.compare(self.as_date(b, offset)?, offset))
            }
            (Value::Bool(x), Value::Text { place, length }) => self.bool_text(x, place, length),
            (Value::Text { place, length }, Value::Bool(x)) => self.bool_text(x, place, length),
            (Value::Response(_), _) => self.order(self.body(a), b, offset),
            (_, Value::Response(_)) => self.order(a, self.body(b), offset),
            _ => self.as_number(a)?.partial_cmp(&self.as_number(b)?),
        }
    }

    fn bool_text(&self, truth: bool, place: u32, length: u32) -> Option<Ordering> {
        let text = self.read(place, length).trim();
        let read = text.eq_ignore_ascii_case("true") || text == "1";
        let known = read || text.eq_ignore_ascii_case("false") || text == "0";
        (known && read == truth).then_some(Ordering::Equal)
    }

    fn as_number(&self, value: Value) -> Option<Number> {
        match value {
            Value::Null => Some(Number::Int(0)),
            Value::Bool(truth) => Some(Number::Int(i64::from(truth))),
            Value::Text { place, length } => number::parse(self.read(place, length)),
            Value::Duration(micros) => Some(Number::Float(micros as f64 / 1e6)),
            _ => value.number(),
        }
    }

    /// How two values order, where a script compares them.
    pub(crate) fn compare(&self, a: Value, b: Value, offset: FixedOffset) -> Checked<Ordering> {
        // An unset variable is less than any text, as it is less than any positive number.
        let (a, b) = match (self.body(a), self.body(b)) {
            (Value::Null, Value::Text { .. }) if self.as_number(b).is_none() => return Ok(Ordering::Less),
            (Value::Text { .. }, Value::Null) if self.as_number(a).is_none() => return Ok(Ordering::Greater),
            bodies => bodies,
        };
        self.order(a, b, offset).ok_or_else(|| {
            Fault::type_of(format!(
                "{} and {} cannot be compared; VAL(x) reads a number out of a text",
                a.type_name(),
                b.type_name()
            ))
        })
    }

    pub(crate) fn contains(&self, whole: Value, part: Value, offset: FixedOffset) -> Checked<bool> {
        Ok(match whole {
            Value::Array(_) | Value::Rows(_) => {
                self.any_equal(self.items(whole).unwrap_or_default(), part, offset)
            }
            Value::Object(_) => {
                let name = self.display(part)?;
                let wanted = super::fold(&name);
                let object = self.fields(whole);
                self.spend(object.map_or(0, |object| object.keys.len()));
                object.is_some_and(|object| {
                    object.keys.iter().any(|&key| super::fold(self.symbol_name(key)) == wanted)
                })
            }
            Value::Response(_) => self.contains(self.body(whole), part, offset)?,
            _ => text::contains(&self.display(whole)?, &self.display(part)?),
        })
    }

    fn any_equal(&self, items: &[Value], wanted: Value, offset: FixedOffset) -> bool {
        self.spend(items.len());
        items.iter().any(|&item| self.equal(item, wanted, offset))
    }

    pub(crate) fn is_in(&self, value: Value, list: Value, offset: FixedOffset) -> Checked<bool> {
        match self.items(list) {
            Some(items) => Ok(self.any_equal(items, value, offset)),
            None => match list {
                Value::Text { .. } | Value::Object(_) => self.contains(list, value, offset),
                Value::Null => Ok(false),
                _ => Ok(self.equal(value, list, offset)),
            },
        }
    }

    pub(crate) fn like(&self, value: Value, pattern: Value) -> Checked<bool> {
        like::like(&self.display(value)?, &self.display(pattern)?)
            .map_err(|error| Fault::argument(error.to_string()))
    }
    pub(super) fn starts_with(&self, whole: Value, part: Value) -> Checked<bool> {
        let whole = self.display(whole)?;
        Ok(whole.starts_with(&*self.display(part)?))
    }

    pub(super) fn ends_with(&self, whole: Value, part: Value) -> Checked<bool> {
        let whole = self.display(whole)?;
        Ok(whole.ends_with(&*self.display(part)?))
    }

    /// Whether a value passes a test of CASE; the operators are those of [`Op::TestCase`](crate::program::code::Op).
    #[inline]
    pub(super) fn passes(&self, a: Value, operator: u16, b: Value, offset: FixedOffset) -> bool {
        match operator {
            0 => self.equal(a, b, offset),
            1 => !self.equal(a, b, offset),
            _ => self.order(a, b, offset).is_some_and(|order| match operator {
                2 => order == Ordering::Less,
                3 => order != Ordering::Greater,
                4 => order == Ordering::Greater,
                _ => order != Ordering::Less,
            }),
        }
    }

    #[inline]
    pub(super) fn is_between(&self, value: Value, low: Value, high: Value, offset: FixedOffset) -> bool {
        let from = self.order(value, low, offset).is_some_and(|order| order != Ordering::Less);
        let to = self.order(value, high, offset).is_some_and(|order| order != Ordering::Greater);
        from && to
    }
}
