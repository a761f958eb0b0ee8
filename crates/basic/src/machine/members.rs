//! Members and elements: reading and setting them.

use chrono::FixedOffset;

use super::fault::{Checked, Fault};
use super::heap::{Cell, Heap, Object};
use super::value::Value;
use crate::scalar::date::Part;
use crate::scalar::{number, text};
use crate::step::ErrorCode;

impl Heap {
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
            Value::Text { place, length }
                if self.read(place, length).trim_start().starts_with(['{', '[']) =>
            {
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
                    Value::Int(text::length(self.read(place, length)) as i64)
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
                match self.known_symbol(&name) {
                    Some(symbol) => self.member(value, symbol, offset),
                    // Looking for a key that no object has should not keep it.
                    None if !is_collection_member(&name) => Ok(Value::Null),
                    None => {
                        let symbol = self.intern(&name);
                        self.member(value, symbol, offset)
                    }
                }
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

/// Whether every collection answers a member of this name.
fn is_collection_member(name: &str) -> bool {
    ["length", "count", "size", "items"].iter().any(|member| name.eq_ignore_ascii_case(member))
}

fn number_like(heap: &Heap, index: Value) -> bool {
    match index {
        Value::Text { place, length } => number::parse(heap.read(place, length)).is_some(),
        _ => true,
    }
}
