//! Conversions: texts, numbers, dates, truth, and the way in and out of the heap.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{FixedOffset, TimeDelta};

use super::fault::{Checked, Fault};
use super::heap::{Cell, Heap, Object, Response, Rows};
use super::value::Value;
use crate::data::{self, Data};
use crate::scalar::{Date, Number, number};

/// How deep values may nest where they leave the heap.
const MAX_DEPTH: usize = 100;

impl Heap {
    pub(crate) fn truth(&self, value: Value) -> bool {
        match value {
            Value::Null => false,
            Value::Bool(truth) => truth,
            Value::Int(i) => i != 0,
            Value::Float(f) => f != 0.0,
            Value::Text { place, length } => {
                let text = self.str(place, length);
                !(text.is_empty() || text == "false" || text == "0")
            }
            Value::Array(_) | Value::Rows(_) => self.items(value).is_some_and(|items| !items.is_empty()),
            Value::Object(_) => self.fields(value).is_some_and(|object| !object.keys.is_empty()),
            Value::Response(place) => match self.cell(place) {
                Cell::Response(response) => response.status < 400,
                _ => false,
            },
            Value::Day(_) | Value::Instant { .. } | Value::Duration(_) | Value::File(_) => true,
        }
    }

    /// The text of a value, as TALK says it.
    pub(crate) fn display(&self, value: Value) -> Checked<Cow<'_, str>> {
        Ok(match value {
            Value::Text { place, length } => Cow::Borrowed(self.str(place, length)),
            _ => {
                let mut text = String::new();
                self.display_into(value, &mut text)?;
                Cow::Owned(text)
            }
        })
        .inspect(|text: &Cow<'_, str>| self.spend_on_text(text.len()))
    }

    pub(crate) fn display_into(&self, value: Value, out: &mut String) -> Checked<()> {
        match value {
            Value::Null => {}
            Value::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
            Value::Int(i) => {
                let _ = write!(out, "{i}");
            }
            Value::Float(f) => {
                let _ = write!(out, "{}", Number::Float(f));
            }
            Value::Text { place, length } => {
                out.push_str(self.read(place, length));
            }
            Value::Day(_) | Value::Instant { .. } => {
                if let Some(date) = value.date() {
                    let _ = write!(out, "{date}");
                }
            }
            Value::Duration(micros) => {
                let _ = write!(out, "{}", Number::Float(micros as f64 / 1e6).simplified());
            }
            Value::File(_) => {
                if let Some(url) = self.file_field(value, "url") {
                    self.display_into(url, out)?;
                }
            }
            Value::Response(_) => self.display_into(self.body(value), out)?,
            Value::Array(_) | Value::Object(_) | Value::Rows(_) => self.json_into(value, out)?,
        }
        self.check_text(out.len())
    }

    fn file_field(&self, file: Value, name: &str) -> Option<Value> {
        let fields = self.fields(file)?;
        let at = fields.keys.iter().position(|&key| self.symbol_name(key) == name)?;
        fields.values.get(at).copied()
    }

    /// Compact JSON.
    pub(crate) fn json_into(&self, value: Value, out: &mut String) -> Checked<()> {
        self.json_at(value, out, 0)
    }

    fn json_at(&self, value: Value, out: &mut String, depth: usize) -> Checked<()> {
        if depth > MAX_DEPTH {
            return Err(Fault::argument("a value that contains itself, or nests too deep, has no JSON"));
        }
        self.check_text(out.len())?;
        self.spend(1);
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Duration(_) => {
                self.display_into(value, out)?;
            }
            Value::Text { place, length } => {
                quote(self.read(place, length), out);
            }
            Value::Day(_) | Value::Instant { .. } | Value::File(_) => quote(&self.display(value)?, out),
            Value::Array(_) | Value::Rows(_) => {
                out.push('[');
                for (index, &item) in self.items(value).unwrap_or_default().iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.json_at(item, out, depth + 1)?;
                }
                out.push(']');
            }
            Value::Object(_) => {
                out.push('{');
                if let Some(object) = self.fields(value) {
                    for (index, (&key, &field)) in object.keys.iter().zip(&object.values).enumerate() {
                        if index > 0 {
                            out.push(',');
                        }
                        quote(self.symbol_name(key), out);
                        out.push(':');
                        self.json_at(field, out, depth + 1)?;
                    }
                }
                out.push('}');
            }
            Value::Response(_) => self.json_at(self.body(value), out, depth + 1)?,
        }
        Ok(())
    }

    /// A value as a number, where one is needed.
    pub(crate) fn to_number(&self, value: Value) -> Checked<Number> {
        match value {
            Value::Int(i) => Ok(Number::Int(i)),
            Value::Float(f) => Ok(Number::Float(f)),
            Value::Null => Ok(Number::Int(0)),
            Value::Bool(truth) => Ok(Number::Int(i64::from(truth))),
            Value::Duration(micros) => Ok(Number::Float(micros as f64 / 1e6).simplified()),
            Value::Text { place, length } => {
                let text = self.read(place, length);
                number::parse(text).ok_or_else(|| {
                    let shown: String = text.chars().take(40).collect();
                    Fault::type_of(format!("expected a number, found \"{shown}\""))
                })
            }
            Value::Response(_) => self.to_number(self.body(value)),
            _ => Err(Fault::type_of(format!("expected a number, found {}", with_article(value.type_name())))),
        }
    }

    pub(crate) fn to_integer(&self, value: Value) -> Checked<i64> {
        match self.to_number(value)? {
            Number::Int(i) => Ok(i),
            Number::Float(f) => Ok(f as i64),
        }
    }

    /// A value as a date, where one is needed.
    pub(crate) fn to_date(&self, value: Value, offset: FixedOffset) -> Checked<Date> {
        self.as_date(value, offset).ok_or_else(|| {
            let found = match self.as_str(value) {
                Some(text) => format!("\"{}\"", text.chars().take(40).collect::<String>()),
                None => value.type_name().to_owned(),
            };
            Fault::type_of(format!("expected a date, found {found}"))
        })
    }

    pub(crate) fn as_date(&self, value: Value, offset: FixedOffset) -> Option<Date> {
        match value {
            Value::Text { place, length } => Date::parse(self.read(place, length), offset),
            Value::Response(_) => self.as_date(self.body(value), offset),
            _ => value.date(),
        }
    }

    // ---- the way out ----

    /// A detached copy.
    pub(crate) fn to_data(&self, value: Value) -> Checked<Data> {
        self.to_data_within(value, &mut self.copy_limit())
    }

    /// A detached copy, its size taken from the bytes that are left for several.
    pub(crate) fn to_data_within(&self, value: Value, budget: &mut usize) -> Checked<Data> {
        self.data_at(value, 0, budget)
    }

    fn data_at(&self, value: Value, depth: usize, budget: &mut usize) -> Checked<Data> {
        if depth > MAX_DEPTH {
            return Err(Fault::argument(
                "a value that contains itself, or nests too deep, cannot leave the script",
            ));
        }
        // Shared parts are copied at each place they stand, so a small heap could become a large tree.
        let text = self.as_str(value).map_or(0, str::len);
        self.spend(1);
        self.check_work()?;
        *budget = budget
            .checked_sub(std::mem::size_of::<Data>() + text)
            .ok_or_else(|| Fault::limit("a value is too large to leave the script"))?;
        let mut list = |items: &[Value]| {
            items.iter().map(|&item| self.data_at(item, depth + 1, budget)).collect::<Checked<Vec<_>>>()
        };
        Ok(match value {
            Value::Null => Data::Null,
            Value::Bool(truth) => Data::Bool(truth),
            Value::Int(i) => Data::Integer(i),
            Value::Float(f) => Data::Number(f),
            Value::Text { place, length } => Data::Text(self.str(place, length).to_owned()),
            Value::Day(_) | Value::Instant { .. } => value.date().map_or(Data::Null, Data::Date),
            Value::Duration(micros) => Data::Duration(TimeDelta::microseconds(micros)),
            Value::Array(place) => match self.cell(place) {
                Cell::Array(items) => Data::Array(list(items)?),
                _ => Data::Null,
            },
            Value::Rows(place) => match self.cell(place) {
                Cell::Rows(rows) => {
                    Data::Rows(data::Rows { table: rows.table.clone(), rows: list(&rows.items)? })
                }
                _ => Data::Null,
            },
            Value::Object(_) => Data::Object(self.fields_data(self.fields(value), depth, budget)?),
            Value::File(_) => Data::File(Box::new(data::File {
                fields: self.fields_data(self.fields(value), depth, budget)?,
            })),
            Value::Response(place) => match self.cell(place) {
                Cell::Response(response) => {
                    let headers = self.fields_data(Some(&response.headers), depth, budget)?;
                    Data::Response(Box::new(data::Response {
                        status: response.status,
                        status_text: response.status_text.clone(),
                        headers: headers.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
                        body: self.data_at(response.body, depth + 1, budget)?,
                    }))
                }
                _ => Data::Null,
            },
        })
    }

    fn fields_data(
        &self,
        object: Option<&Object>,
        depth: usize,
        budget: &mut usize,
    ) -> Checked<Vec<(String, Data)>> {
        let Some(object) = object else {
            return Ok(Vec::new());
        };
        let pairs = object.keys.iter().zip(&object.values);
        pairs
            .map(|(&key, &value)| {
                Ok((self.symbol_name(key).to_owned(), self.data_at(value, depth + 1, budget)?))
            })
            .collect()
    }

    // ---- the way in ----

    pub(crate) fn take_data(&mut self, data: Data) -> Checked<Value> {
        self.value_at(data, 0)
    }

    fn value_at(&mut self, data: Data, depth: usize) -> Checked<Value> {
        if depth > MAX_DEPTH {
            return Err(Fault::limit("the value nests too deep"));
        }
        self.spend(1);
        Ok(match data {
            Data::Null => Value::Null,
            Data::Bool(truth) => Value::Bool(truth),
            Data::Integer(i) => Value::Int(i),
            Data::Number(f) if f.is_finite() => Value::Float(f),
            Data::Number(_) => Value::Null,
            Data::Text(text) => self.checked_text(text)?,
            Data::Date(date) => date.into(),
            Data::Duration(length) => Value::Duration(length.num_microseconds().unwrap_or(i64::MAX)),
            Data::Array(items) => {
                let items = self.values(items, depth)?;
                self.array(items)
            }
            Data::Rows(rows) => {
                let items = self.values(rows.rows, depth)?;
                self.rows(Rows { table: rows.table, items })
            }
            Data::Object(fields) => {
                let object = self.object_from(fields, depth)?;
                self.object(object)
            }
            Data::File(file) => {
                let object = self.object_from(file.fields, depth)?;
                self.file(object)
            }
            Data::Response(response) => {
                let headers =
                    response.headers.into_iter().map(|(name, value)| (name, Data::Text(value))).collect();
                let headers = self.object_from(headers, depth)?;
                // A response inside a response is its body.
                let body = self.value_at(response.body, depth + 1)?;
                let body = self.body(body);
                self.response(Response {
                    status: response.status,
                    status_text: response.status_text,
                    headers,
                    body,
                })
            }
        })
    }

    fn values(&mut self, items: Vec<Data>, depth: usize) -> Checked<Vec<Value>> {
        self.check_entries(items.len())?;
        items.into_iter().map(|item| self.value_at(item, depth + 1)).collect()
    }

    fn object_from(&mut self, fields: Vec<(String, Data)>, depth: usize) -> Checked<Object> {
        self.check_entries(fields.len())?;
        let mut object = Object::default();
        for (name, field) in fields {
            let key = self.intern(&name);
            let value = self.value_at(field, depth + 1)?;
            match object.exact(key).and_then(|at| object.values.get_mut(at)) {
                Some(slot) => *slot = value,
                None => object.push(key, value, |key| self.folded(key)),
            }
        }
        Ok(object)
    }

    /// The value of a JSON text.
    pub(crate) fn parse_json(&mut self, text: &str) -> Option<Checked<Value>> {
        self.spend(text.len() >> 3);
        let data: Data = serde_json::from_str(text.trim()).ok()?;
        Some(self.take_data(data))
    }
}

fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'o']) { "an" } else { "a" };
    match name {
        "null" | "rows" => name.to_owned(),
        _ => format!("{article} {name}"),
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}
