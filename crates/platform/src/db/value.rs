//! What goes into a statement and what comes out of a row, in the terms of both databases.

use std::fmt;

use chrono::DateTime;
use kernel::{Id, Timestamp};

use super::DbError;

/// A value on its way into a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A number, an instant in microseconds, or 0 and 1 for false and true.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Bytes: ids, hashes, states of machines.
    Blob(&'a [u8]),
}

/// What can be bound to a parameter.
pub trait Bind {
    /// The value to bind.
    fn value(&self) -> Value<'_>;
}

macro_rules! bind {
    ($($type:ty: |$this:ident| $value:expr;)*) => {
        $(impl Bind for $type {
            fn value(&self) -> Value<'_> {
                let $this = self;
                $value
            }
        })*
    };
}

bind! {
    i64: |this| Value::Integer(*this);
    i32: |this| Value::Integer((*this).into());
    u32: |this| Value::Integer((*this).into());
    u8: |this| Value::Integer((*this).into());
    bool: |this| Value::Integer((*this).into());
    f64: |this| Value::Real(*this);
    str: |this| Value::Text(this);
    String: |this| Value::Text(this);
    [u8]: |this| Value::Blob(this);
    Vec<u8>: |this| Value::Blob(this);
    [u8; 16]: |this| Value::Blob(this);
    [u8; 32]: |this| Value::Blob(this);
    Timestamp: |this| Value::Integer(this.timestamp_micros());
}

impl<K> Bind for Id<K> {
    fn value(&self) -> Value<'_> {
        Value::Blob(self.as_bytes())
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Bind::value)
    }
}

/// A JSON document, kept as text. For what is never queried by its inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(String);

impl Json {
    /// The document of a value. What can't be written as JSON becomes null.
    pub fn of(value: &impl serde::Serialize) -> Self {
        Self(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }

    /// Bytes of its text.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Reads the document.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, DbError> {
        serde_json::from_str(&self.0).map_err(|cause| DbError::Decode(cause.to_string()))
    }
}

impl Bind for Json {
    fn value(&self) -> Value<'_> {
        Value::Text(&self.0)
    }
}

/// A value as a row holds it.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a>(pub(super) Value<'a>);

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Value::Null => "nothing",
            Value::Integer(_) => "a whole number",
            Value::Real(_) => "a number with a fraction",
            Value::Text(_) => "text",
            Value::Blob(_) => "bytes",
        })
    }
}

/// What can be read from a column.
pub trait Column: Sized {
    /// Reads it; an error names what was found instead.
    fn read(cell: Cell<'_>) -> Result<Self, DbError>;
}

fn unexpected<T>(wanted: &str, found: Cell<'_>) -> Result<T, DbError> {
    Err(DbError::Decode(format!("a column holds {found} instead of {wanted}")))
}

impl Column for i64 {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        if let Value::Integer(number) = cell.0 { Ok(number) } else { unexpected("a number", cell) }
    }
}

macro_rules! narrow {
    ($($type:ty)*) => {
        $(impl Column for $type {
            fn read(cell: Cell<'_>) -> Result<Self, DbError> {
                let wide = i64::read(cell)?;
                Self::try_from(wide).map_err(|_| DbError::Decode(format!("{wide} is out of range")))
            }
        })*
    };
}

narrow! { i32 u32 u8 u64 }

impl Column for bool {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        i64::read(cell).map(|value| value != 0)
    }
}

impl Column for f64 {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        if let Value::Real(number) = cell.0 { Ok(number) } else { unexpected("a number", cell) }
    }
}

impl Column for String {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        if let Value::Text(text) = cell.0 { Ok(text.to_owned()) } else { unexpected("text", cell) }
    }
}

impl Column for Vec<u8> {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        if let Value::Blob(bytes) = cell.0 { Ok(bytes.to_vec()) } else { unexpected("bytes", cell) }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        let bytes = if let Value::Blob(bytes) = cell.0 { bytes.try_into().ok() } else { None };
        bytes.map_or_else(|| unexpected("bytes of a fixed number", cell), Ok)
    }
}

impl<K> Column for Id<K> {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        <[u8; 16]>::read(cell).map(|bytes| Self::from_uuid(uuid::Uuid::from_bytes(bytes)))
    }
}

impl Column for Timestamp {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        let micros = i64::read(cell)?;
        DateTime::from_timestamp_micros(micros).map_or_else(|| unexpected("an instant", cell), Ok)
    }
}

impl Column for Json {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        String::read(cell).map(Self)
    }
}

/// A value as the database holds it, whatever it is: for what looks at rows without trusting them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    /// It is no value that both databases know, such as a text that is not UTF-8.
    Unreadable,
}

#[cfg(test)]
impl Bind for Raw {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null | Self::Unreadable => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Real(number) => Value::Real(*number),
            Self::Text(text) => Value::Text(text),
            Self::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

impl Column for Raw {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        Ok(match cell.0 {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Real(number) => Self::Real(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Blob(bytes) => Self::Blob(bytes.to_vec()),
        })
    }
}

impl<T: Column> Column for Option<T> {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        if cell.0 == Value::Null { Ok(None) } else { T::read(cell).map(Some) }
    }
}
