//! Arithmetic, and what `+` and `-` do to texts, dates and collections.

use chrono::FixedOffset;

use super::fault::{Checked, Fault};
use super::heap::Heap;
use super::value::Value;
use crate::scalar::{Date, Number, math};

const DAY_MICROS: i64 = 86_400_000_000;

impl Heap {
    pub(crate) fn add(&mut self, a: Value, b: Value, offset: FixedOffset) -> Checked<Value> {
        match (a, b) {
            (Value::Text { place, length }, Value::Text { place: other, length: count }) => {
                self.append_value((place, length), (other, count))
            }
            (Value::Text { place, length }, _) => {
                let mut text = String::new();
                self.display_into(b, &mut text)?;
                self.append(place, length, &text)
            }
            (_, Value::Text { .. }) => self.concat(a, b),
            (Value::Int(a), Value::Int(b)) => Ok(math::add(a.into(), b.into())?.into()),
            (Value::Day(_) | Value::Instant { .. }, _) => self.shift_date(a, b, 1, offset),
            (_, Value::Day(_) | Value::Instant { .. }) => self.shift_date(b, a, 1, offset),
            (Value::Duration(a), Value::Duration(b)) => Ok(Value::Duration(a.saturating_add(b))),
            (Value::Array(_) | Value::Rows(_), Value::Array(_) | Value::Rows(_)) => {
                let mut items = self.items(a).unwrap_or_default().to_vec();
                self.spend((items.len() + self.items(b).map_or(0, <[Value]>::len)) >> 2);
                items.extend_from_slice(self.items(b).unwrap_or_default());
                self.check_entries(items.len())?;
                Ok(self.array(items))
            }
            (Value::Object(_), Value::Object(_)) => self.merged(a, b),
            (Value::Response(_), _) => {
                let a = self.body(a);
                self.add(a, b, offset)
            }
            (_, Value::Response(_)) => {
                let b = self.body(b);
                self.add(a, b, offset)
            }
            _ => Ok(math::add(self.to_number(a)?, self.to_number(b)?)?.into()),
        }
    }

    /// Adds what may have been written as a subtraction of its opposite.
    pub(super) fn add_small(&mut self, a: Value, b: i16, offset: FixedOffset) -> Checked<Value> {
        match a {
            // A date some seconds earlier, a text with a number: what `+` does. `-` never joins texts.
            Value::Text { .. } if b < 0 => self.subtract(a, Value::Int(-i64::from(b)), offset),
            _ => self.add(a, Value::Int(i64::from(b)), offset),
        }
    }

    #[inline]
    pub(super) fn concat(&mut self, a: Value, b: Value) -> Checked<Value> {
        match (a, b) {
            (Value::Text { place, length }, Value::Text { place: other, length: count }) => {
                self.append_value((place, length), (other, count))
            }
            _ => self.joined(&[a, b]),
        }
    }

    /// The texts of values, one behind the other.
    pub(super) fn joined(&mut self, values: &[Value]) -> Checked<Value> {
        let mut text = String::new();
        for &value in values {
            self.display_into(value, &mut text)?;
        }
        self.checked_text(text)
    }

    fn merged(&mut self, a: Value, b: Value) -> Checked<Value> {
        let copy = self.fields(a).cloned().unwrap_or_default();
        let copy = self.object(copy);
        let more = self.fields(b).cloned().unwrap_or_default();
        self.spend(more.keys.len() + self.fields(copy).map_or(0, |fields| fields.keys.len()));
        for (key, value) in more.keys.into_iter().zip(more.values) {
            self.set_field(copy, key, value)?;
        }
        Ok(copy)
    }

    pub(crate) fn subtract(&mut self, a: Value, b: Value, offset: FixedOffset) -> Checked<Value> {
        let is_date = |value| matches!(value, Value::Day(_) | Value::Instant { .. });
        match (a, b) {
            _ if is_date(a) => {
                match self.as_date(b, offset).filter(|_| is_date(b) || self.as_str(b).is_some()) {
                    Some(other) => {
                        let date = self.to_date(a, offset)?;
                        let seconds = crate::scalar::date::seconds_between(other, date, offset);
                        Ok(Number::finite(seconds)?.simplified().into())
                    }
                    None => self.shift_date(a, b, -1, offset),
                }
            }
            _ if is_date(b) && self.as_date(a, offset).is_some() => {
                let a = self.to_date(a, offset)?.into();
                self.subtract(a, b, offset)
            }
            (Value::Duration(a), Value::Duration(b)) => Ok(Value::Duration(a.saturating_sub(b))),
            _ => Ok(math::subtract(self.to_number(a)?, self.to_number(b)?)?.into()),
        }
    }

    /// A date some seconds or a duration later. A day stays a day as long as whole days are added.
    fn shift_date(&mut self, date: Value, by: Value, sign: i64, offset: FixedOffset) -> Checked<Value> {
        let micros = match by {
            Value::Duration(micros) => micros,
            Value::Day(_) | Value::Instant { .. } => return Err(Fault::type_of("two dates cannot be added")),
            _ => {
                let seconds = self.to_number(by)?.as_f64() * 1e6;
                if seconds.abs() > 1e18 {
                    return Err(Fault::argument("the date lies outside the years 1 to 9999"));
                }
                seconds as i64
            }
        };
        let length = chrono::TimeDelta::microseconds(micros.saturating_mul(sign));
        let start = self.to_date(date, offset)?;
        if let Date::Day(day) = start
            && micros % DAY_MICROS != 0
        {
            let midnight = Date::Instant(Date::Day(day).instant(offset));
            return Ok(midnight.plus(length, offset)?.into());
        }
        Ok(start.plus(length, offset)?.into())
    }

    pub(crate) fn arithmetic(&mut self, operator: Arithmetic, a: Value, b: Value) -> Checked<Value> {
        let (a, b) = match (a, b) {
            (Value::Duration(micros), _) if operator == Arithmetic::Multiply && b.number().is_some() => {
                let product = micros as f64 * self.to_number(b)?.as_f64();
                return Ok(Value::Duration(product as i64));
            }
            _ => (self.to_number(a)?, self.to_number(b)?),
        };
        let result = match operator {
            Arithmetic::Multiply => math::multiply(a, b),
            Arithmetic::Divide => math::divide(a, b),
            Arithmetic::Modulo => math::modulo(a, b),
            Arithmetic::Power => math::power(a, b),
        };
        Ok(result?.into())
    }
}

/// The operators on numbers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Multiply,
    Divide,
    Modulo,
    Power,
}
