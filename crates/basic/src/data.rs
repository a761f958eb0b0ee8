//! Values at the boundary: detached trees that a host can read, make and send on.
//!
//! Inside the machine arrays and objects are shared and may be cyclic. What crosses the boundary is a copy without
//! sharing; a cycle is refused there.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scalar::{Date, Number, Scalar};

/// A value as it crosses the boundary between machine and host.
///
/// Serializes as what `JSON(v)` prints: dates and files as text, rows as an array, a response as its body.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Data {
    /// No value.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; always finite.
    Number(f64),
    /// A text.
    Text(String),
    /// A day or an instant.
    Date(Date),
    /// A length of time, from `DAYS(n)` and its like.
    Duration(TimeDelta),
    /// An ordered list.
    Array(Vec<Data>),
    /// Fields in the order of their first assignment. Names are unique.
    Object(Vec<(String, Data)>),
    /// What a data command gives: objects and the table they come from.
    Rows(Rows),
    /// A handle on a file.
    File(Box<File>),
    /// The result of an HTTP request.
    Response(Box<Response>),
}

/// Rows of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// The table as the script named it.
    pub table: String,
    /// One object each.
    pub rows: Vec<Data>,
}

/// A handle on a file. Its text form is its URL.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// `filename, name, path, url, size, mime_type, md5, modified`, as far as the host knows them.
    pub fields: Vec<(String, Data)>,
}

/// The result of an HTTP request: behaves like its body, and answers `status`, `headers` and the rest from the envelope.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub status_text: String,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The body: parsed when it is JSON, else text.
    pub body: Data,
}

impl Data {
    /// The field of an object, by its exact name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The field of an object: by its exact name, else ignoring case.
    pub fn get_ignoring_case(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        let folded = || {
            let name = name.to_lowercase();
            fields.iter().find(|(key, _)| key.to_lowercase() == name).map(|(_, value)| value)
        };
        self.get(name).or_else(folded)
    }

    /// The value as a scalar, if it is a single one; lengths of time, files and responses are none.
    pub fn as_scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Self::Null => Scalar::Null,
            Self::Bool(truth) => Scalar::Boolean(*truth),
            Self::Integer(i) => Scalar::Number(Number::Int(*i)),
            Self::Number(f) => Scalar::Number(Number::Float(*f)),
            Self::Date(date) => Scalar::Date(*date),
            Self::Text(text) => Scalar::Text(text),
            _ => return None,
        })
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if this is a number that is one.
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Self::Integer(i) => Some(i),
            Self::Number(f) => Number::Float(f).as_exact_i64(),
            _ => None,
        }
    }

    /// The number as a float, if this is a number.
    pub fn as_number(&self) -> Option<f64> {
        match *self {
            Self::Integer(i) => Some(i as f64),
            Self::Number(f) => Some(f),
            _ => None,
        }
    }

    /// Whether this is [`Data::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// A JSON value as data.
    pub fn from_json(json: serde_json::Value) -> Self {
        serde_json::from_value(json).unwrap_or_default()
    }
}

impl File {
    /// A field of the handle, by its exact name.
    pub fn get(&self, name: &str) -> Option<&Data> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Where the file is reached; what the handle prints.
    pub fn url(&self) -> &str {
        self.get("url").and_then(Data::as_text).unwrap_or_default()
    }
}

/// Prints what the script would say: null is empty, collections are JSON.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(b) => b.fmt(f),
            Self::Integer(i) => i.fmt(f),
            Self::Number(n) => Number::Float(*n).fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Date(date) => date.fmt(f),
            Self::Duration(length) => length.num_seconds().fmt(f),
            Self::File(file) => file.url().fmt(f),
            Self::Response(response) => response.body.fmt(f),
            Self::Array(_) | Self::Object(_) | Self::Rows(_) => {
                f.write_str(&serde_json::to_string(self).unwrap_or_default())
            }
        }
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Integer(i) => serializer.serialize_i64(*i),
            Self::Number(n) => match Number::Float(*n).as_exact_i64() {
                Some(i) => serializer.serialize_i64(i),
                None => serializer.serialize_f64(*n),
            },
            Self::Text(text) => serializer.serialize_str(text),
            Self::Date(date) => serializer.collect_str(date),
            Self::Duration(length) => serializer.serialize_i64(length.num_seconds()),
            Self::Array(items) | Self::Rows(Rows { rows: items, .. }) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::File(file) => serializer.serialize_str(file.url()),
            Self::Response(response) => response.body.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Data, E> {
        Ok(i64::try_from(value).map_or(Data::Number(value as f64), Data::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Data, E> {
        Ok(if value.is_finite() { Data::Number(value) } else { Data::Null })
    }

    fn visit_str<E>(self, value: &str) -> Result<Data, E> {
        Ok(Data::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Data, E> {
        Ok(Data::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Data, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Data::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let mut fields: indexmap::IndexMap<String, Data> = indexmap::IndexMap::new();
        while let Some((name, value)) = map.next_entry()? {
            fields.insert(name, value);
        }
        Ok(Data::Object(fields.into_iter().collect()))
    }
}

macro_rules! data_from {
    ($($source:ty => $make:expr;)*) => { $(
        impl From<$source> for Data {
            fn from(value: $source) -> Self {
                ($make)(value)
            }
        }
    )* };
}

data_from! {
    bool => Data::Bool;
    i64 => Data::Integer;
    String => Data::Text;
    &str => |text: &str| Data::Text(text.to_owned());
    Vec<Data> => Data::Array;
    NaiveDate => |day| Data::Date(Date::Day(day));
    DateTime<FixedOffset> => |instant| Data::Date(Date::Instant(instant));
    serde_json::Value => Data::from_json;
}
