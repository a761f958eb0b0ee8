//! Dates: instants with an offset, plain days, and calculating with them.
//!
//! Where a plain day meets an instant it stands for its midnight in the offset of the conversation, which the caller
//! passes in. Years run from 1 to 9999, so that every date prints with four digits and reads back.

use std::cmp::Ordering;
use std::fmt;

use chrono::{
    DateTime, Datelike, Days, FixedOffset, Months, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Timelike,
};
use serde::{Deserialize, Serialize};

pub use super::date_text::{parse, parse_time};
pub use super::unit::{Unit, duration};

/// A date of the language.
///
/// Prints as `YYYY-MM-DD HH:mm:ss` or, a day, as `YYYY-MM-DD`. In JSON it is its ISO 8601 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Date {
    /// A calendar day without time.
    Day(NaiveDate),
    /// A point in time, shown in its own offset.
    Instant(DateTime<FixedOffset>),
}

/// Why a date calculation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// The result lies outside the years 1 to 9999.
    #[error("the date lies outside the years 1 to 9999")]
    OutOfRange,
}

/// A part of a date, as `d.year` or `YEAR(d)` give it.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// `year month day hour minute second weekday timestamp`.
    Number(i64),
    /// `date`.
    Date(Date),
    /// `time` and `iso`.
    Text(String),
}

impl Date {
    /// Reads a date text; see [`parse`].
    pub fn parse(text: &str, offset: FixedOffset) -> Option<Self> {
        parse(text, offset)
    }

    /// The calendar day.
    pub fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Instant(at) => at.date_naive(),
        }
    }

    /// The time of day; midnight for a plain day.
    pub fn time(self) -> NaiveTime {
        match self {
            Self::Day(_) => NaiveTime::MIN,
            Self::Instant(at) => at.time(),
        }
    }

    /// The point in time; a plain day begins at midnight in `offset`.
    pub fn instant(self, offset: FixedOffset) -> DateTime<FixedOffset> {
        match self {
            Self::Day(day) => at_midnight(day, offset),
            Self::Instant(at) => at,
        }
    }

    /// Orders two dates in time; a plain day counts from midnight in `offset`.
    pub fn compare(self, other: Self, offset: FixedOffset) -> Ordering {
        match (self, other) {
            (Self::Day(a), Self::Day(b)) => a.cmp(&b),
            _ => self.instant(offset).cmp(&other.instant(offset)),
        }
    }

    /// `WEEKDAY`: 1 for Sunday to 7 for Saturday.
    pub fn weekday(self) -> i64 {
        i64::from(self.day().weekday().number_from_sunday())
    }

    /// Seconds since 1970-01-01 00:00 UTC; a plain day begins at midnight in `offset`.
    pub fn timestamp(self, offset: FixedOffset) -> i64 {
        self.instant(offset).timestamp()
    }

    /// ISO 8601: `2025-03-14`, or `2025-03-14T09:30:00Z` with the offset it has.
    pub fn iso(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Instant(at) => at.trunc_subsecs(0).to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        }
    }

    /// The member or part of that name, ignoring case: `year month day hour minute second weekday date time timestamp
    /// iso`.
    ///
    /// ```
    /// use basic::scalar::{date::Part, Date};
    /// let utc = chrono::FixedOffset::east_opt(0).unwrap();
    /// let date = Date::parse("2025-03-14 09:30", utc).unwrap();
    /// assert_eq!(date.part("weekday", utc), Some(Part::Number(6)));
    /// assert_eq!(date.part("time", utc), Some(Part::Text("09:30:00".into())));
    /// ```
    pub fn part(self, name: &str, offset: FixedOffset) -> Option<Part> {
        let (day, time) = (self.day(), self.time());
        let number = match name.to_ascii_lowercase().as_str() {
            "year" => i64::from(day.year()),
            "month" => i64::from(day.month()),
            "day" => i64::from(day.day()),
            "hour" => i64::from(time.hour()),
            "minute" => i64::from(time.minute()),
            "second" => i64::from(time.second()),
            "weekday" => self.weekday(),
            "timestamp" => self.timestamp(offset),
            "date" => return Some(Part::Date(Self::Day(day))),
            "time" => return Some(Part::Text(time_text(time))),
            "iso" => return Some(Part::Text(self.iso())),
            _ => return None,
        };
        Some(Part::Number(number))
    }

    /// `EOMONTH(d, n)`: the last day of the month that is `months` away.
    pub fn end_of_month(self, months: i64) -> Result<Self, DateError> {
        let first = self.day().with_day(1).ok_or(DateError::OutOfRange)?;
        let next = add_months(first, months.saturating_add(1));
        // The month after December 9999 is out of range although its last day is not.
        match next {
            Ok(next) => next.pred_opt().ok_or(DateError::OutOfRange).and_then(in_range).map(Self::Day),
            Err(_) => add_months(first, months)?.with_day(31).ok_or(DateError::OutOfRange).map(Self::Day),
        }
    }

    /// `DATEADD`: moves by `amount` units. A plain day stays a day (parts of a day round down), months cut the day to
    /// the end of a shorter month, and fractions count except in months and years, where they are cut off.
    ///
    /// ```
    /// use basic::scalar::{Date, Unit};
    /// let utc = chrono::FixedOffset::east_opt(0).unwrap();
    /// let date = Date::parse("2024-01-31", utc).unwrap();
    /// assert_eq!(date.add(1.0, Unit::Month).unwrap().to_string(), "2024-02-29");
    /// ```
    pub fn add(self, amount: f64, unit: Unit) -> Result<Self, DateError> {
        if unit.seconds().is_none() {
            let months = (amount.trunc() * unit.months() as f64) as i64;
            return match self {
                Self::Day(day) => add_months(day, months).map(Self::Day),
                Self::Instant(at) => on_day(at, add_months(at.date_naive(), months)?),
            };
        }
        let length = duration(amount, unit)?;
        match self {
            Self::Day(day) => add_days(day, whole_days(length)),
            Self::Instant(at) => add_to_instant(at, length),
        }
    }

    /// `date + duration`, and `date + n` for `n` seconds: a plain day moved by whole days stays a day, else it becomes
    /// an instant counted from midnight in `offset` (`TODAY() + HOURS(9)` is nine o'clock).
    pub fn plus(self, length: TimeDelta, offset: FixedOffset) -> Result<Self, DateError> {
        match self {
            Self::Day(day) if length == TimeDelta::days(length.num_days()) => {
                add_days(day, length.num_days())
            }
            _ => add_to_instant(self.instant(offset), length),
        }
    }
}

/// `date - date`: seconds from `b` to `a`, with fractions.
pub fn seconds_between(b: Date, a: Date, offset: FixedOffset) -> f64 {
    let span = a.instant(offset) - b.instant(offset);
    span.num_seconds() as f64 + f64::from(span.subsec_nanos()) / 1e9
}

/// `DATEDIFF` with a unit: whole units from `from` to `to`, negative if `to` is earlier.
///
/// Counts what has fully passed: 3 hours 30 minutes are 3 hours, and a month has passed when adding one to `from`
/// does not go beyond `to`.
///
/// ```
/// use basic::scalar::{date::difference, Date, Unit};
/// let utc = chrono::FixedOffset::east_opt(0).unwrap();
/// let day = |text| Date::parse(text, utc).unwrap();
/// assert_eq!(difference(day("2025-03-01"), day("2025-03-14"), Unit::Day, utc), 13);
/// assert_eq!(difference(day("2025-01-31"), day("2025-02-28"), Unit::Month, utc), 1);
/// assert_eq!(difference(day("2025-03-14"), day("2024-03-15"), Unit::Year, utc), 0);
/// ```
pub fn difference(from: Date, to: Date, unit: Unit, offset: FixedOffset) -> i64 {
    if let Some(seconds) = unit.seconds() {
        return (to.instant(offset) - from.instant(offset)).num_seconds() / seconds;
    }
    // Calendar arithmetic needs both in one offset.
    let zone = if let Date::Instant(at) = from { *at.offset() } else { offset };
    let (from, to) = (from.instant(offset).with_timezone(&zone), to.instant(offset).with_timezone(&zone));
    let months = i64::from(to.year() - from.year()) * 12 + i64::from(to.month()) - i64::from(from.month());
    let passed = |months: i64| {
        let day = add_months(from.date_naive(), months).unwrap_or(from.date_naive());
        (day, from.time()).cmp(&(to.date_naive(), to.time()))
    };
    let months = match (months.signum(), passed(months)) {
        (1, Ordering::Greater) => months - 1,
        (-1, Ordering::Less) => months + 1,
        _ => months,
    };
    months / unit.months()
}

/// `DATEDIFF(a, b)` without a unit: calendar days `a - b`, the times of day ignored as SQL does.
pub fn days_sql(a: Date, b: Date) -> i64 {
    (a.day() - b.day()).num_days()
}

/// A time of day as `HH:mm:ss`; what `TIMEVALUE`, `FORMAT_TIME` and the member `time` give.
pub fn time_text(time: NaiveTime) -> String {
    time.format("%H:%M:%S").to_string()
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Instant(at) => {
                write!(f, "{} {:02}:{:02}:{:02}", at.date_naive(), at.hour(), at.minute(), at.second())
            }
        }
    }
}

/// Midnight of a day in an offset.
fn at_midnight(day: NaiveDate, offset: FixedOffset) -> DateTime<FixedOffset> {
    let utc = day.and_time(NaiveTime::MIN) - TimeDelta::seconds(i64::from(offset.local_minus_utc()));
    DateTime::from_naive_utc_and_offset(utc, offset)
}

fn in_range(day: NaiveDate) -> Result<NaiveDate, DateError> {
    if (1..=9999).contains(&day.year()) { Ok(day) } else { Err(DateError::OutOfRange) }
}

fn add_months(day: NaiveDate, months: i64) -> Result<NaiveDate, DateError> {
    let count = u32::try_from(months.unsigned_abs()).map_err(|_| DateError::OutOfRange)?;
    let moved = if months < 0 {
        day.checked_sub_months(Months::new(count))
    } else {
        day.checked_add_months(Months::new(count))
    };
    moved.ok_or(DateError::OutOfRange).and_then(in_range)
}

fn add_days(day: NaiveDate, days: i64) -> Result<Date, DateError> {
    let count = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(count) } else { day.checked_add_days(count) };
    moved.ok_or(DateError::OutOfRange).and_then(in_range).map(Date::Day)
}

/// Whole days of a length, rounded down.
fn whole_days(length: TimeDelta) -> i64 {
    let days = length.num_days();
    if TimeDelta::days(days) > length { days - 1 } else { days }
}

fn add_to_instant(at: DateTime<FixedOffset>, length: TimeDelta) -> Result<Date, DateError> {
    let moved = at.checked_add_signed(length).ok_or(DateError::OutOfRange)?;
    in_range(moved.date_naive())?;
    Ok(Date::Instant(moved))
}

/// The same time of day on another day.
fn on_day(at: DateTime<FixedOffset>, day: NaiveDate) -> Result<Date, DateError> {
    let local = day.and_time(at.time());
    let utc = local.checked_sub_offset(*at.offset()).ok_or(DateError::OutOfRange)?;
    Ok(Date::Instant(DateTime::from_naive_utc_and_offset(utc, *at.offset())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc() -> FixedOffset {
        FixedOffset::east_opt(0).unwrap()
    }

    fn date(text: &str) -> Date {
        parse(text, utc()).unwrap()
    }

    fn added(text: &str, amount: f64, unit: Unit) -> String {
        date(text).add(amount, unit).map_or_else(|e| e.to_string(), |d| d.to_string())
    }

    #[test]
    fn a_day_stays_a_day_and_month_ends_clamp() {
        assert_eq!(added("2024-01-31", 1.0, Unit::Month), "2024-02-29");
        assert_eq!(added("2024-02-29", 1.0, Unit::Year), "2025-02-28");
        assert_eq!(added("2024-03-31", -1.0, Unit::Month), "2024-02-29");
        assert_eq!(added("2024-01-01", 30.0, Unit::Hour), "2024-01-02");
        assert_eq!(added("2024-01-01", -1.0, Unit::Second), "2023-12-31");
        assert_eq!(added("2024-01-31 10:00", 1.0, Unit::Month), "2024-02-29 10:00:00");
        assert_eq!(added("2024-01-31 10:00", 1.5, Unit::Hour), "2024-01-31 11:30:00");
        assert_eq!(added("2024-01-31", 2.0, Unit::Week), "2024-02-14");
        assert_eq!(added("9999-12-31", 1.0, Unit::Day), "the date lies outside the years 1 to 9999");
        assert_eq!(added("2024-01-31", f64::MAX, Unit::Month), "the date lies outside the years 1 to 9999");
    }

    #[test]
    fn a_duration_turns_a_day_into_an_instant_only_when_it_must() {
        let day = date("2025-03-14");
        assert_eq!(day.plus(duration(2.0, Unit::Day).unwrap(), utc()).unwrap().to_string(), "2025-03-16");
        assert_eq!(
            day.plus(duration(9.0, Unit::Hour).unwrap(), utc()).unwrap().to_string(),
            "2025-03-14 09:00:00"
        );
        let now = date("2025-03-14 09:30");
        assert_eq!(
            now.plus(-duration(2.0, Unit::Hour).unwrap(), utc()).unwrap().to_string(),
            "2025-03-14 07:30:00"
        );
    }

    #[test]
    fn differences_count_what_has_passed() {
        let between = |a, b, unit| difference(date(a), date(b), unit, utc());
        assert_eq!(between("2025-03-01", "2025-03-14", Unit::Day), 13);
        assert_eq!(between("2025-03-14 06:00", "2025-03-14 09:30", Unit::Hour), 3);
        assert_eq!(between("2025-03-14 23:00", "2025-03-15 01:00", Unit::Day), 0);
        assert_eq!(between("2024-02-29", "2025-02-28", Unit::Year), 1);
        assert_eq!(between("2025-02-28", "2024-02-29", Unit::Year), 0);
        assert_eq!(between("2025-01-15 12:00", "2025-02-15 11:59", Unit::Month), 0);
        assert_eq!(between("2025-02-15", "2025-01-15", Unit::Month), -1);
        assert_eq!(days_sql(date("2025-03-15 01:00"), date("2025-03-14 23:00")), 1);
    }

    #[test]
    fn ends_of_months() {
        let end = |text, n| date(text).end_of_month(n).map(|d| d.to_string());
        assert_eq!(end("2024-01-15", 1), Ok("2024-02-29".into()));
        assert_eq!(end("2024-12-31 10:00", 0), Ok("2024-12-31".into()));
        assert_eq!(end("9999-12-01", 0), Ok("9999-12-31".into()));
        assert_eq!(end("9999-12-01", 1), Err(DateError::OutOfRange));
        assert_eq!(end("2024-12-01", i64::MAX), Err(DateError::OutOfRange));
    }

    #[test]
    fn parts_of_a_date() {
        let at = date("2025-03-14T09:30:05.250-03:00");
        assert_eq!(at.part("ISO", utc()), Some(Part::Text("2025-03-14T09:30:05-03:00".into())));
        assert_eq!(at.part("timestamp", utc()), Some(Part::Number(1_741_955_405)));
        assert_eq!(at.part("date", utc()), Some(Part::Date(date("2025-03-14"))));
        assert_eq!(at.part("weekday", utc()), Some(Part::Number(6)));
        assert_eq!(date("2025-03-16").weekday(), 1);
        assert_eq!(at.part("era", utc()), None);
    }

    #[test]
    fn a_day_is_its_midnight_beside_an_instant() {
        let brazil = FixedOffset::west_opt(3 * 3600).unwrap();
        let day = date("2025-03-14");
        assert_eq!(day.timestamp(brazil) - day.timestamp(utc()), 3 * 3600);
        assert_eq!(day.compare(date("2025-03-14 00:00"), utc()), Ordering::Equal);
        assert_eq!(day.compare(date("2025-03-14 00:00:01"), utc()), Ordering::Less);
        let passed = seconds_between(date("2025-03-14 09:00"), date("2025-03-14 09:00:01.500"), utc());
        assert!((passed - 1.5).abs() < 1e-9);
    }
}
