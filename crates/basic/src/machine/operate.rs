//! Operators: arithmetic, comparison, members.

use std::cmp::Ordering;

use chrono::FixedOffset;

use super::fault::{Checked, Fault};
use super::heap::{Cell, Heap, Object};
use super::value::Value;
use crate::scalar::date::Part;
use crate::scalar::{Date, Number, like, math, number, text};
use crate::step::ErrorCode;

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

    pub(crate) fn concat(&mut self, a: Value, b: Value) -> Checked<Value> {
        let mut text = String::new();
        self.display_into(a, &mut text)?;
        self.display_into(b, &mut text)?;
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

    // ---- comparison ----

    fn is_missing(&self, value: Value) -> bool {
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
                self.spend_on_text(length as usize);
                length == count && (place == other || self.str(place, length) == self.str(other, count))
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
        let text = self.str(place, length).trim();
        let read = text.eq_ignore_ascii_case("true") || text == "1";
        let known = read || text.eq_ignore_ascii_case("false") || text == "0";
        (known && read == truth).then_some(Ordering::Equal)
    }

    fn as_number(&self, value: Value) -> Option<Number> {
        match value {
            Value::Null => Some(Number::Int(0)),
            Value::Bool(truth) => Some(Number::Int(i64::from(truth))),
            Value::Text { place, length } => number::parse(self.str(place, length)),
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

    // ---- members ----

    pub(crate) fn member(&mut self, value: Value, symbol: u32, offset: FixedOffset) -> Checked<Value> {
        if let Value::Object(place) = value
            && let Cell::Object(object) = self.cell(place)
            && let Some(at) = object.exact(symbol)
        {
            return Ok(object.values.get(at).copied().unwrap_or(Value::Null));
        }
        self.slow_member(value, symbol, offset)
    }

    fn slow_member(&mut self, value: Value, symbol: u32, offset: FixedOffset) -> Checked<Value> {
        if let Some(found) = self.own_member(value, symbol) {
            return Ok(found);
        }
        let folded = self.symbol_name(self.folded(symbol)).to_owned();
        match value {
            Value::Response(place) => {
                if let Some(found) = self.envelope(place, &folded) {
                    return Ok(found);
                }
                let body = self.body(value);
                return self.slow_member(body, symbol, offset);
            }
            Value::Day(_) | Value::Instant { .. } => {
                let part = value.date().and_then(|date| date.part(&folded, offset));
                return Ok(match part {
                    Some(Part::Number(number)) => Value::Int(number),
                    Some(Part::Date(date)) => date.into(),
                    Some(Part::Text(text)) => self.text(text),
                    None => Value::Null,
                });
            }
            // What a model answered in JSON opens like an object.
            Value::Text { place, length } if self.str(place, length).trim_start().starts_with(['{', '[']) => {
                let text = self.str(place, length).to_owned();
                if let Some(parsed) = self.parse_json(&text) {
                    return self.slow_member(parsed?, symbol, offset);
                }
            }
            _ => {}
        }
        Ok(match folded.as_str() {
            "length" | "count" | "size" => match value {
                Value::Text { place, length } if folded == "length" => {
                    Value::Int(text::length(self.str(place, length)) as i64)
                }
                Value::Object(_) => {
                    Value::Int(self.fields(value).map_or(0, |object| object.keys.len()) as i64)
                }
                _ => self.items(value).map_or(Value::Null, |items| Value::Int(items.len() as i64)),
            },
            "items" if self.items(value).is_some() => value,
            _ => Value::Null,
        })
    }

    /// A field of an object, or of the first of rows.
    fn own_member(&self, value: Value, symbol: u32) -> Option<Value> {
        match value {
            Value::Object(_) | Value::File(_) => {
                let object = self.fields(value)?;
                object.values.get(self.find(object, symbol)?).copied()
            }
            Value::Rows(_) => self.own_member(self.first_row(value)?, symbol),
            Value::Response(_) => {
                let name = self.symbol_name(self.folded(symbol));
                // `http_status` is always the number of the envelope.
                if name == "http_status" { None } else { self.own_member(self.body(value), symbol) }
            }
            _ => None,
        }
    }

    /// The first of rows, if it is an object: rows could contain themselves.
    fn first_row(&self, rows: Value) -> Option<Value> {
        let first = self.body(*self.items(rows)?.first()?);
        matches!(first, Value::Object(_) | Value::File(_)).then_some(first)
    }

    fn envelope(&mut self, place: u32, name: &str) -> Option<Value> {
        let Cell::Response(response) = self.cell(place) else {
            return None;
        };
        match name {
            "status" | "http_status" => Some(Value::Int(i64::from(response.status))),
            "ok" => Some(Value::Bool(response.status < 400)),
            "data" => Some(response.body),
            "statustext" | "status_text" => {
                let text = response.status_text.clone();
                Some(self.text(text))
            }
            "headers" => {
                let headers: Object = response.headers.clone();
                Some(self.object(headers))
            }
            _ => None,
        }
    }

    pub(crate) fn set_member(&mut self, object: Value, symbol: u32, value: Value) -> Checked<()> {
        match object {
            Value::Object(_) | Value::File(_) => self.set_field(object, symbol, value),
            Value::Rows(_) => match self.first_row(object) {
                Some(first) => self.set_field(first, symbol, value),
                None => Err(self.null_write(symbol)),
            },
            Value::Response(_) => {
                let body = self.body(object);
                self.set_member(body, symbol, value)
            }
            Value::Null => Err(self.null_write(symbol)),
            _ => {
                let name = self.symbol_name(symbol);
                Err(Fault::type_of(format!("{} has no member {name} to set", object.type_name())))
            }
        }
    }

    fn null_write(&self, symbol: u32) -> Box<Fault> {
        let name = self.symbol_name(symbol);
        Fault::new(ErrorCode::NullWrite, format!("{name} cannot be set: what it should belong to is null"))
    }

    pub(crate) fn index(&mut self, value: Value, index: Value, offset: FixedOffset) -> Checked<Value> {
        if let (Value::Array(_), Value::Int(at)) = (value, index) {
            let items = self.items(value).unwrap_or_default();
            return Ok(usize::try_from(at).ok().and_then(|at| items.get(at)).copied().unwrap_or(Value::Null));
        }
        match value {
            Value::Array(_) | Value::Rows(_) => {
                if let Some(name) = self.as_str(index)
                    && number::parse(name).is_none()
                {
                    let name = name.to_owned();
                    let symbol = self.intern(&name);
                    return self.member(value, symbol, offset);
                }
                let at = self.to_number(index)?;
                let items = self.items(value).unwrap_or_default();
                let at = at.as_exact_i64().and_then(|at| usize::try_from(at).ok());
                Ok(at.and_then(|at| items.get(at)).copied().unwrap_or(Value::Null))
            }
            Value::Object(_) | Value::File(_) => {
                let name = self.display(index)?.into_owned();
                let symbol = self.intern(&name);
                self.member(value, symbol, offset)
            }
            Value::Response(_) => {
                if let Some(name) = self.as_str(index) {
                    let name = name.to_owned();
                    let symbol = self.intern(&name);
                    return self.member(value, symbol, offset);
                }
                let body = self.body(value);
                self.index(body, index, offset)
            }
            Value::Text { place, length } => {
                let Some(at) = self.to_number(index)?.as_exact_i64().filter(|at| *at >= 0) else {
                    return Ok(Value::Null);
                };
                self.spend_on_text((at as usize).min(length as usize));
                let found = self.str(place, length).chars().nth(at as usize);
                Ok(found.map_or(Value::Null, |c| self.text(c)))
            }
            _ => Ok(Value::Null),
        }
    }

    pub(crate) fn set_index(&mut self, value: Value, index: Value, item: Value) -> Checked<()> {
        match value {
            Value::Array(_) | Value::Rows(_) if number_like(self, index) => {
                let at = self.to_number(index)?.as_exact_i64().and_then(|at| usize::try_from(at).ok());
                let at = at.ok_or_else(|| Fault::argument("an index is a whole number from 0"))?;
                self.check_entries(at.saturating_add(1))?;
                let mut grown = 0;
                if let Some(items) = self.items_mut(value) {
                    let before = items.capacity();
                    if at >= items.len() {
                        items.resize(at + 1, Value::Null);
                    }
                    if let Some(slot) = items.get_mut(at) {
                        *slot = item;
                    }
                    grown = (items.capacity() - before) * std::mem::size_of::<Value>();
                }
                self.grown(grown);
                Ok(())
            }
            Value::Null => Err(Fault::new(ErrorCode::NullWrite, "an element of null cannot be set")),
            _ => {
                let name = self.display(index)?.into_owned();
                let symbol = self.intern(&name);
                self.set_member(value, symbol, item)
            }
        }
    }
}

fn number_like(heap: &Heap, index: Value) -> bool {
    match index {
        Value::Text { place, length } => number::parse(heap.str(place, length)).is_some(),
        _ => true,
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
