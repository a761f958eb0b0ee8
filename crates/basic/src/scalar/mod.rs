//! What the language knows about single values: numbers, dates, texts, and how they are read and written.
//!
//! Everything here works on plain Rust values (`i64`, `f64`, `&str`, chrono) and returns plain values. The machine
//! keeps its own value representation and calls these functions with what it finds inside; nothing here knows arrays,
//! objects, clocks or random numbers.

use std::borrow::Cow;

pub mod compare;
pub mod date;
mod date_text;
pub mod decimal;
pub mod format;
mod format_number;

pub mod like;
pub mod math;
pub mod number;
pub mod text;

pub use date::{Date, DateError, Unit};
pub use number::{MathError, Number};

/// One value that is not a collection, as FORMAT and the filters take it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// An instant or a day.
    Date(Date),
    /// A text.
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    /// The text of the value: nothing for null, else as TALK would say it.
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Boolean(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}
