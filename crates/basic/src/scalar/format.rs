//! `FORMAT`: values as text by a pattern.
//!
//! No pattern is an error: a bot should say something odd rather than nothing. What a pattern does not explain is
//! written as it stands.

use std::fmt::Write;

use chrono::{Datelike, FixedOffset, Timelike};

use super::date::{self, Date};
use super::number;
use super::text::TooLong;
use super::{Scalar, format_number};

pub use super::format_number::format_number;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// `FORMAT(v, pattern)`: dates by date patterns, numbers by number patterns, texts by text patterns.
///
/// A text that is a number takes a number pattern, and one that is a date takes a date pattern (read in `offset` where
/// it names none). Null gives the empty text, a boolean its text. An empty pattern gives the text of the value, and so
/// does a pattern that asks nothing of a value of that kind. Errors when the result would exceed `limit` bytes.
///
/// ```
/// use basic::scalar::{format::format, Number, Scalar};
/// let utc = chrono::FixedOffset::east_opt(0).unwrap();
/// let format = |value, pattern| format(value, pattern, utc, 1000).unwrap();
/// assert_eq!(format(Scalar::Number(Number::Float(1234.5)), "#,##0.00"), "1,234.50");
/// assert_eq!(format(Scalar::Text("2025-03-14"), "DD/MM/YYYY"), "14/03/2025");
/// assert_eq!(format(Scalar::Text("abc"), "!"), "ABC");
/// ```
pub fn format(
    value: Scalar<'_>,
    pattern: &str,
    offset: FixedOffset,
    limit: usize,
) -> Result<String, TooLong> {
    let result = match value {
        Scalar::Null => String::new(),
        Scalar::Boolean(truth) => truth.to_string(),
        Scalar::Number(number) => format_number(number, pattern),
        Scalar::Date(date) => format_date(date, pattern),
        Scalar::Text(text) => {
            if format_number::is_number_pattern(pattern)
                && let Some(number) = number::parse(text)
            {
                format_number(number, pattern)
            } else if is_date_pattern(pattern)
                && let Some(date) = date::parse(text, offset)
            {
                format_date(date, pattern)
            } else {
                format_text(text, pattern)
            }
        }
    };
    if result.len() > limit { Err(TooLong { limit }) } else { Ok(result) }
}

/// A piece of a date pattern.
enum Piece<'a> {
    Literal(&'a str),
    Field(Field),
}

#[derive(Clone, Copy)]
enum Field {
    Year,
    ShortYear,
    Month,
    PaddedMonth,
    ShortMonthName,
    MonthName,
    Day,
    PaddedDay,
    ShortWeekday,
    Weekday,
    Hour,
    PaddedHour,
    Hour12,
    PaddedHour12,
    Minute,
    PaddedMinute,
    Second,
    PaddedSecond,
    Millisecond,
    AmPm,
}

impl Field {
    /// The field a run of one letter means. Years and days in either case; upper `M` is the month, lower the minute.
    fn from_run(letter: u8, length: usize) -> Option<Self> {
        Some(match (letter, length) {
            (b'Y' | b'y', 4) => Self::Year,
            (b'Y' | b'y', 2) => Self::ShortYear,
            (b'M', 1) => Self::Month,
            (b'M', 2) => Self::PaddedMonth,
            (b'M', 3) => Self::ShortMonthName,
            (b'M', 4) => Self::MonthName,
            (b'D' | b'd', 1) => Self::Day,
            (b'D' | b'd', 2) => Self::PaddedDay,
            (b'D' | b'd', 3) => Self::ShortWeekday,
            (b'D' | b'd', 4) => Self::Weekday,
            (b'H', 1) => Self::Hour,
            (b'H', 2) => Self::PaddedHour,
            (b'h', 1) => Self::Hour12,
            (b'h', 2) => Self::PaddedHour12,
            (b'm', 1) => Self::Minute,
            (b'm', 2) => Self::PaddedMinute,
            (b's', 1) => Self::Second,
            (b's', 2) => Self::PaddedSecond,
            (b'f', 3) => Self::Millisecond,
            (b't', 2) => Self::AmPm,
            _ => return None,
        })
    }

    fn write(self, date: Date, out: &mut String) {
        let (day, time) = (date.day(), date.time());
        let (afternoon, hour12) = time.hour12();
        let (value, width) = match self {
            Self::Year => (day.year() as u32, 4),
            Self::ShortYear => (day.year().rem_euclid(100) as u32, 2),
            Self::Month => (day.month(), 1),
            Self::PaddedMonth => (day.month(), 2),
            Self::Day => (day.day(), 1),
            Self::PaddedDay => (day.day(), 2),
            Self::Hour => (time.hour(), 1),
            Self::PaddedHour => (time.hour(), 2),
            Self::Hour12 => (hour12, 1),
            Self::PaddedHour12 => (hour12, 2),
            Self::Minute => (time.minute(), 1),
            Self::PaddedMinute => (time.minute(), 2),
            Self::Second => (time.second(), 1),
            Self::PaddedSecond => (time.second(), 2),
            Self::Millisecond => (time.nanosecond() / 1_000_000 % 1000, 3),
            Self::MonthName => return out.push_str(month_name(date)),
            Self::ShortMonthName => return out.push_str(&month_name(date)[..3]),
            Self::Weekday => return out.push_str(weekday_name(date)),
            Self::ShortWeekday => return out.push_str(&weekday_name(date)[..3]),
            Self::AmPm => return out.push_str(if afternoon { "PM" } else { "AM" }),
        };
        // Writing to a text cannot fail.
        let _ = write!(out, "{value:0width$}");
    }
}

fn month_name(date: Date) -> &'static str {
    MONTHS[date.day().month0() as usize]
}

fn weekday_name(date: Date) -> &'static str {
    WEEKDAYS[date.day().weekday().num_days_from_sunday() as usize]
}

/// Splits a date pattern. A word is fields only if every letter of it is part of one (`T` and `Z` may part them, as in
/// ISO dates); so the `de` of `D de MMMM` stays what it is. Letters of other scripts are no part of words, as in
/// `YYYY年M月D日`.
fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    if is_of_single_letters(pattern) {
        return pattern.split_inclusive(|_| true).map(single_letter).collect();
    }
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let is_word = is_latin(first);
        let end = rest.find(|c: char| is_latin(c) != is_word).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match if is_word { fields(run) } else { None } {
            Some(fields) => pieces.extend(fields),
            None => pieces.push(Piece::Literal(run)),
        }
        rest = after;
    }
    pieces
}

/// Whether a character is a letter of the Latin script, perhaps with an accent: one that words like `às` consist of.
fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || (matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') && c.is_alphabetic())
}

/// Whether a pattern is one like `Ymd_His`, in which each letter stands alone.
fn is_of_single_letters(pattern: &str) -> bool {
    let letters = || pattern.bytes().filter(u8::is_ascii_alphabetic);
    let repeats =
        pattern.as_bytes().windows(2).any(|pair| pair[0] == pair[1] && pair[0].is_ascii_alphabetic());
    // Only Y and i mean nothing to the other patterns.
    !repeats
        && letters().all(|letter| b"YmdHis".contains(&letter))
        && letters().any(|letter| b"Yi".contains(&letter))
}

fn single_letter(letter: &str) -> Piece<'_> {
    Piece::Field(match letter {
        "Y" => Field::Year,
        "m" => Field::PaddedMonth,
        "d" => Field::PaddedDay,
        "H" => Field::PaddedHour,
        "i" => Field::PaddedMinute,
        "s" => Field::PaddedSecond,
        _ => return Piece::Literal(letter),
    })
}

fn fields(word: &str) -> Option<Vec<Piece<'_>>> {
    let mut fields = Vec::new();
    let mut at = 0;
    let bytes = word.as_bytes();
    while let Some(&letter) = bytes.get(at) {
        let length = bytes[at..].iter().take_while(|b| **b == letter).count();
        match Field::from_run(letter, length) {
            Some(field) => fields.push(Piece::Field(field)),
            None if matches!(letter, b'T' | b'Z') && length == 1 => {
                fields.push(Piece::Literal(&word[at..=at]));
            }
            None => return None,
        }
        at += length;
    }
    Some(fields)
}

/// Whether a pattern names any part of a date.
pub fn is_date_pattern(pattern: &str) -> bool {
    pieces(pattern).iter().any(|piece| matches!(piece, Piece::Field(_)))
}

/// A date by a pattern: `YYYY YY MMMM MMM MM M dddd ddd DD D HH H hh h mm m ss s fff tt`, `Y` and `D` in either case;
/// everything else, and words that are not made of these, stands for itself. Names are English.
///
/// ```
/// use basic::scalar::{format::format_date, Date};
/// let utc = chrono::FixedOffset::east_opt(0).unwrap();
/// let date = Date::parse("2025-03-14 09:05", utc).unwrap();
/// assert_eq!(format_date(date, "dddd, D MMMM YYYY, h:mm tt"), "Friday, 14 March 2025, 9:05 AM");
/// assert_eq!(format_date(date, "YYYY-MM-01"), "2025-03-01");
/// ```
pub fn format_date(date: Date, pattern: &str) -> String {
    let pieces = pieces(pattern);
    if !pieces.iter().any(|piece| matches!(piece, Piece::Field(_))) {
        return date.to_string();
    }
    let mut out = String::with_capacity(pattern.len() + 8);
    for piece in pieces {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Field(field) => field.write(date, &mut out),
        }
    }
    out
}

/// A text by a pattern: each `@` takes one character and the last takes the rest; `!` writes what follows in upper,
/// `&` in lower case. A pattern of `!` or `&` without `@` takes the whole text there. Without any of them the text
/// stays as it is.
///
/// ```
/// use basic::scalar::format::format_text;
/// assert_eq!(format_text("12345678", "@@@@-@"), "1234-5678");
/// assert_eq!(format_text("Ada", "Dear !"), "Dear ADA");
/// ```
pub fn format_text(text: &str, pattern: &str) -> String {
    if !pattern.contains(['@', '!', '&']) {
        return text.to_owned();
    }
    let takes_all = if pattern.contains('@') { pattern.rfind('@') } else { pattern.find(['!', '&']) };
    let mut out = String::with_capacity(pattern.len() + text.len());
    let mut rest = text.chars();
    let mut case = '@';
    for (at, c) in pattern.char_indices() {
        if matches!(c, '!' | '&') {
            case = c;
        }
        if takes_all == Some(at) {
            push_cased(&mut out, rest.as_str(), case);
            rest = "".chars();
        } else if c == '@' {
            let before = rest.as_str();
            rest.next();
            push_cased(&mut out, &before[..before.len() - rest.as_str().len()], case);
        } else if !matches!(c, '!' | '&') {
            out.push(c);
        }
    }
    out
}

fn push_cased(out: &mut String, text: &str, case: char) {
    match case {
        '!' => out.extend(text.chars().flat_map(char::to_uppercase)),
        '&' => out.extend(text.chars().flat_map(char::to_lowercase)),
        _ => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Number;
    use proptest::prelude::*;

    fn utc() -> FixedOffset {
        FixedOffset::east_opt(0).unwrap()
    }

    fn date(text: &str, pattern: &str) -> String {
        format_date(date::parse(text, utc()).unwrap(), pattern)
    }

    #[test]
    fn date_patterns() {
        let at = "2025-03-04 21:05:09.042";
        for (pattern, expected) in [
            ("Ymd_His", "20250304_210509"),
            ("d/m/Y H:i", "04/03/2025 21:05"),
            ("YYYYMMDD", "20250304"),
            ("YYYY-MM-DD HH:mm:ss", "2025-03-04 21:05:09"),
            ("yyyy-MM-ddTHH:mm:ss.fffZ", "2025-03-04T21:05:09.042Z"),
            ("dd/MM/yy", "04/03/25"),
            ("D M YY H h m s", "4 3 25 21 9 5 9"),
            ("ddd dddd DDD MMM MMMM", "Tue Tuesday Tue Mar March"),
            ("hh:mm tt", "09:05 PM"),
            ("YYYY-MM-01", "2025-03-01"),
            ("D de MMMM de YYYY às HH", "4 de March de 2025 às 21"),
            ("YYYY年M月D日", "2025年3月4日"),
            ("HH시mm분", "21시05분"),
            ("D мая YYYYг.", "4 мая 2025г."),
            ("D días de MMMM", "4 días de March"),
            ("", "2025-03-04 21:05:09"),
            ("no letters of dates", "2025-03-04 21:05:09"),
        ] {
            assert_eq!(date(at, pattern), expected, "{pattern}");
        }
        assert_eq!(date("2025-03-04", "HH:mm"), "00:00");
        assert_eq!(date("2025-03-04 00:30", "h tt"), "12 AM");
    }

    #[test]
    fn text_patterns() {
        for (text, pattern, expected) in [
            ("abc", "@", "abc"),
            ("abc", "@@@@@", "abc"),
            ("1234567890", "(@@) @@@@-@@@@", "(12) 3456-7890"),
            ("aBc", "!", "ABC"),
            ("aBc", "<&>", "<abc>"),
            ("abc", "!@&@", "Abc"),
            ("ABC", "!@&@", "Abc"),
            ("abc", "#", "abc"),
        ] {
            assert_eq!(format_text(text, pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn texts_are_read_as_what_the_pattern_asks_for() {
        let by = |text, pattern| format(Scalar::Text(text), pattern, utc(), 1000).unwrap();
        assert_eq!(by("1234.5", "#,##0.00"), "1,234.50");
        assert_eq!(by("2025-03-04", "DD.MM."), "04.03.");
        assert_eq!(by("hello", "#,##0.00"), "hello");
        assert_eq!(by("hello", "YYYY"), "hello");
        assert_eq!(format(Scalar::Null, "0.00", utc(), 9).as_deref(), Ok(""));
    }

    proptest! {
        #[test]
        fn any_pattern_gives_a_text_within_the_limit(pattern: String, likely in "[YyMDdHhmsft#0,.%+@!&$ CN2\\[\\]pt-]{0,24}", text: String, float: f64) {
            for pattern in [pattern, likely] {
                let values = [Scalar::Text(&text), Scalar::Number(Number::Float(float)), Scalar::Null,
                    Scalar::Date(date::parse("2025-03-04 09:30", utc()).unwrap())];
                for value in values {
                    if let Ok(result) = format(value, &pattern, utc(), 4000) {
                        prop_assert!(result.len() <= 4000);
                    }
                }
            }
        }
    }
}
