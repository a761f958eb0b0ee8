//! Values inside a machine: sixteen bytes, copied freely. What is large lives in the heap.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};

use crate::scalar::{Date, Number};

/// A value. Numbers in the collections' variants are places in the heap.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// The first `length` bytes of a text of the heap. A text may grow in place behind values that share its beginning,
    /// which makes building a text piece by piece linear. Places from [`CONSTANT`] on are texts of the program.
    Text {
        place: u32,
        length: u32,
    },
    /// Days from the common era.
    Day(i32),
    /// Microseconds from the epoch, shown with an offset in seconds.
    Instant {
        offset: i32,
        micros: i64,
    },
    /// Microseconds.
    Duration(i64),
    Array(u32),
    Object(u32),
    Rows(u32),
    File(u32),
    Response(u32),
}

/// The first place of texts that belong to the program.
pub(crate) const CONSTANT: u32 = 1 << 31;

impl Value {
    pub(crate) fn number(self) -> Option<Number> {
        match self {
            Self::Int(i) => Some(Number::Int(i)),
            Self::Float(f) => Some(Number::Float(f)),
            _ => None,
        }
    }

    pub(crate) fn date(self) -> Option<Date> {
        match self {
            Self::Day(days) => NaiveDate::from_num_days_from_ce_opt(days).map(Date::Day),
            Self::Instant { offset, micros } => {
                let offset = FixedOffset::east_opt(offset)?;
                Some(Date::Instant(DateTime::from_timestamp_micros(micros)?.with_timezone(&offset)))
            }
            _ => None,
        }
    }

    /// What an author calls the type.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) | Self::Float(_) => "number",
            Self::Text { .. } => "string",
            Self::Day(_) | Self::Instant { .. } => "date",
            Self::Duration(_) => "duration",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Rows(_) => "rows",
            Self::File(_) => "file",
            Self::Response(_) => "response",
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(i) => Self::Int(i),
            Number::Float(f) => Self::Float(f),
        }
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        match date {
            Date::Day(day) => Self::Day(day.num_days_from_ce()),
            Date::Instant(instant) => Self::Instant {
                offset: instant.offset().local_minus_utc(),
                micros: instant.timestamp_micros(),
            },
        }
    }
}
