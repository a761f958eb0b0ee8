//! Values as PostgreSQL sends and takes them, by the types that it reports for a statement.

use std::{error::Error, fmt};

use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use crate::db::{DbError, Value};

/// A value on its way to a parameter, whose type PostgreSQL has told.
pub(super) struct Bound<'a>(pub(super) Value<'a>);

impl fmt::Debug for Bound<'_> {
    /// The library writes parameters into its log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A value does not fit the type of its parameter.
#[derive(Debug, thiserror::Error)]
#[error("a parameter of type {to} does not take {what}")]
pub(super) struct Mismatch {
    to: Type,
    what: &'static str,
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let mismatch = |what| Err(Mismatch { to: to.clone(), what }.into());
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => match *to {
                Type::INT8 => number.to_sql(to, out),
                Type::INT4 => match i32::try_from(number) {
                    Ok(number) => number.to_sql(to, out),
                    Err(_) => mismatch("so large a number"),
                },
                Type::INT2 => match i16::try_from(number) {
                    Ok(number) => number.to_sql(to, out),
                    Err(_) => mismatch("so large a number"),
                },
                Type::BOOL if matches!(number, 0 | 1) => (number == 1).to_sql(to, out),
                Type::FLOAT8 => (number as f64).to_sql(to, out),
                _ => mismatch("a whole number"),
            },
            Value::Real(number) => match *to {
                Type::FLOAT8 => number.to_sql(to, out),
                _ => mismatch("a number with a fraction"),
            },
            Value::Text(text) => {
                if <&str as ToSql>::accepts(to) {
                    text.to_sql(to, out)
                } else {
                    mismatch("text")
                }
            }
            Value::Blob(bytes) => match *to {
                Type::BYTEA => bytes.to_sql(to, out),
                Type::UUID if bytes.len() == 16 => {
                    out.extend_from_slice(bytes);
                    Ok(IsNull::No)
                }
                _ => mismatch("bytes"),
            },
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

struct Raw<'a>(Value<'a>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(from: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *from {
            Type::INT8 => Value::Integer(i64::from_sql(from, raw)?),
            Type::INT4 => Value::Integer(i32::from_sql(from, raw)?.into()),
            Type::INT2 => Value::Integer(i16::from_sql(from, raw)?.into()),
            Type::BOOL => Value::Integer(bool::from_sql(from, raw)?.into()),
            Type::FLOAT8 => Value::Real(f64::from_sql(from, raw)?),
            Type::FLOAT4 => Value::Real(f32::from_sql(from, raw)?.into()),
            Type::UUID | Type::BYTEA => Value::Blob(raw),
            _ if <&str as FromSql>::accepts(from) => Value::Text(<&str>::from_sql(from, raw)?),
            _ => return Err(format!("a column of type {from} can't be read; cast it").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The value of a column, counted from 0.
pub(in crate::db) fn value(row: &Row, at: usize) -> Result<Value<'_>, DbError> {
    let raw: Raw<'_> = row.try_get(at).map_err(|error| {
        DbError::Decode(error.source().map_or_else(|| error.to_string(), ToString::to_string))
    })?;
    Ok(raw.0)
}
