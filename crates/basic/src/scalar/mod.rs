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
mod unit;

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
    /// The value of a text that came without a type: a cell of a CSV file or spreadsheet, a bare word in a filter.
    ///
    /// A plain number becomes a number, `true` and `false` booleans, everything else stays text. A number with a
    /// leading zero or plus, or a whole one too long for an integer, is a code and stays text.
    ///
    /// ```
    /// use basic::scalar::{Number, Scalar};
    /// assert_eq!(Scalar::from_cell("-1.50"), Scalar::Number(Number::Float(-1.5)));
    /// assert_eq!(Scalar::from_cell("007"), Scalar::Text("007"));
    /// assert_eq!(Scalar::from_cell("True"), Scalar::Boolean(true));
    /// ```
    pub fn from_cell(text: &'a str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let plain = all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
        if plain
            && let Some(number) = number::parse(text)
            && (digits.contains('.') || matches!(number, Number::Int(_)))
        {
            return Self::Number(number);
        }
        if text.eq_ignore_ascii_case("true") {
            Self::Boolean(true)
        } else if text.eq_ignore_ascii_case("false") {
            Self::Boolean(false)
        } else {
            Self::Text(text)
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_what_they_look_like() {
        let number = |int: i64| Scalar::Number(Number::Int(int));
        for (text, value) in [
            ("0", number(0)),
            ("-12", number(-12)),
            ("0.5", Scalar::Number(Number::Float(0.5))),
            ("FALSE", Scalar::Boolean(false)),
        ] {
            assert_eq!(Scalar::from_cell(text), value, "{text}");
        }
        for text in [
            "",
            "007",
            "+551199",
            "1.",
            ".5",
            "1e5",
            " 1",
            "1,200",
            "99999999999999999999",
            "00.5",
            "-",
            "yes",
        ] {
            assert_eq!(Scalar::from_cell(text), Scalar::Text(text));
        }
    }
}
