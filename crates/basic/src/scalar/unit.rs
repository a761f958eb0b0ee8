//! Units of time, and lengths counted in them.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::date::DateError;

/// What an amount of time is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    Second,
    /// 60 seconds.
    Minute,
    /// 3600 seconds.
    Hour,
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
    /// Calendar months; the day is cut to the last of a shorter month.
    Month,
    /// Twelve calendar months.
    Year,
}

impl Unit {
    /// The unit a word names, ignoring case and blanks around it: names, plurals, and `s min h d w m yyyy` among other
    /// short forms. A lone `m` is a month.
    ///
    /// ```
    /// use basic::scalar::Unit;
    /// assert_eq!(Unit::from_word("Days"), Some(Unit::Day));
    /// assert_eq!(Unit::from_word("m"), Some(Unit::Month));
    /// assert_eq!(Unit::from_word("2025-01-01"), None);
    /// ```
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim();
        // Longer than every unit name: spares lowering long texts.
        if word.len() > 8 {
            return None;
        }
        Some(match word.to_ascii_lowercase().as_str() {
            "s" | "ss" | "sec" | "secs" | "second" | "seconds" => Self::Second,
            "min" | "mins" | "mi" | "n" | "minute" | "minutes" => Self::Minute,
            "h" | "hh" | "hr" | "hrs" | "hour" | "hours" => Self::Hour,
            "d" | "dd" | "day" | "days" => Self::Day,
            "w" | "ww" | "wk" | "week" | "weeks" => Self::Week,
            "m" | "mm" | "mon" | "month" | "months" => Self::Month,
            "y" | "yy" | "yyyy" | "year" | "years" => Self::Year,
            _ => return None,
        })
    }

    /// The singular name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// How long the unit is in seconds, unless that depends on the calendar.
    pub fn seconds(self) -> Option<i64> {
        match self {
            Self::Second => Some(1),
            Self::Minute => Some(60),
            Self::Hour => Some(3600),
            Self::Day => Some(86_400),
            Self::Week => Some(604_800),
            Self::Month | Self::Year => None,
        }
    }

    /// How many months the unit is, where it is counted in them.
    pub(super) fn months(self) -> i64 {
        if self == Self::Year { 12 } else { 1 }
    }
}

/// `DAYS(n)`, `HOURS(n)` …: a length of time, in whole nanoseconds where the amount allows.
///
/// Errors beyond the range of dates, and for months and years, which have no fixed length.
pub fn duration(amount: f64, unit: Unit) -> Result<TimeDelta, DateError> {
    let seconds = amount * unit.seconds().ok_or(DateError::OutOfRange)? as f64;
    // Ten thousand years, so that no later sum can leave the range of chrono.
    if seconds.is_nan() || seconds.abs() > 3.2e11 {
        return Err(DateError::OutOfRange);
    }
    let nanos = ((seconds - seconds.trunc()) * 1e9).round() as i64;
    Ok(TimeDelta::seconds(seconds.trunc() as i64) + TimeDelta::nanoseconds(nanos))
}
