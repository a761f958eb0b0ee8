//! `SET SCHEDULE`: cron expressions and what people say instead, as one canonical form.
//!
//! A cron expression has five fields (minute, hour, day of month, month, day of week), or six with seconds first.
//! When it runs next is the host's business, which knows the time zone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::scalar::date;

/// When a script runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    fields: [Field; 6],
}

/// The values of one cron field; bit `n` stands for the value `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Field {
    bits: u64,
    /// Written as `*`, which matters for days: cron joins day of month and day of week by OR only if neither is.
    any: bool,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// One field of a cron expression is wrong.
    #[error("{field} of the schedule: {problem}")]
    Field {
        /// Which field, in words.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The text is neither cron nor one of the natural forms.
    #[error(
        "`{text}` is no schedule; write five cron fields such as `0 9 * * MON`, or `every 5 minutes`, `daily at 9am`, \
         `every monday at 9:00`"
    )]
    Unknown {
        /// The text, shortened.
        text: String,
    },
}

/// What is known of a cron field.
struct FieldKind {
    name: &'static str,
    min: u8,
    max: u8,
    /// Names of the values from `min` on; their first three letters are enough.
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &[
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];
const WEEKDAYS: &[&str] = &["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

const KINDS: [FieldKind; 6] = [
    FieldKind { name: "second", min: 0, max: 59, names: &[] },
    FieldKind { name: "minute", min: 0, max: 59, names: &[] },
    FieldKind { name: "hour", min: 0, max: 23, names: &[] },
    FieldKind { name: "day of month", min: 1, max: 31, names: &[] },
    FieldKind { name: "month", min: 1, max: 12, names: MONTHS },
    // 7 is Sunday too.
    FieldKind { name: "day of week", min: 0, max: 7, names: WEEKDAYS },
];

const DAY_OF_MONTH: usize = 3;
const MONTH: usize = 4;
const DAY_OF_WEEK: usize = 5;

/// Longest text looked at; every schedule fits many times.
const LENGTH_MAX: usize = 500;

impl Schedule {
    /// Reads a cron expression or a natural form.
    ///
    /// Cron fields take `*`, `?`, numbers, names (`JAN`, `MON`, in any case), ranges `a-b`, steps `*/n`, `a/n` and
    /// `a-b/n`, and lists of these. Ranges may run over the end (`FRI-MON`, `22-2`). Aliases such as `@daily` are
    /// known. Natural forms: `every 5 minutes`, `every hour`, `every 2 days`, `hourly`, `daily`, `weekly`, `monthly`,
    /// `yearly`, `every monday`, `every monday and friday`, `weekdays`, `weekends`, each of whole days with
    /// `at 9am` or `at 14:30`.
    ///
    /// Errors name the field that is wrong. A day that no month of the expression has (`31 2`) is an error too, as it
    /// would never run.
    ///
    /// ```
    /// use basic::schedule::Schedule;
    /// let monday = Schedule::parse("every monday at 9am").unwrap();
    /// assert_eq!(monday.to_string(), "0 9 * * 1");
    /// let error = Schedule::parse("0 25 * * *").unwrap_err();
    /// assert_eq!(error.to_string(), "hour of the schedule: 25 is not between 0 and 23");
    /// ```
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let unknown = || ScheduleError::Unknown { text: text.chars().take(60).collect() };
        if text.len() > LENGTH_MAX {
            return Err(unknown());
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let looks_like_cron =
            words.first().is_some_and(|w| w.starts_with(|c: char| c.is_ascii_digit() || c == '*'));
        if looks_like_cron || matches!(words.len(), 5 | 6) && words[0].starts_with('?') {
            return Self::cron(&words).unwrap_or_else(|| Err(unknown()));
        }
        natural(&text.to_lowercase()).ok_or_else(unknown)
    }

    /// `None` when there are not five or six fields.
    fn cron(words: &[&str]) -> Option<Result<Self, ScheduleError>> {
        let first = match words.len() {
            5 => 1,
            6 => 0,
            _ => return None,
        };
        let mut fields = [Field::single(0); 6];
        for (at, word) in words.iter().enumerate() {
            match KINDS[first + at].parse(word) {
                Ok(field) => fields[first + at] = field,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Self { fields }.possible())
    }

    /// Refuses a day of the month that none of the months has.
    fn possible(self) -> Result<Self, ScheduleError> {
        let longest = |month: u8| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let day = &self.fields[DAY_OF_MONTH];
        let possible = !self.fields[DAY_OF_WEEK].any
            || (1..=12).filter(|m| self.fields[MONTH].has(*m)).any(|m| (1..=longest(m)).any(|d| day.has(d)));
        if possible {
            Ok(self)
        } else {
            Err(KINDS[DAY_OF_MONTH].error("no month of this schedule has this day".to_owned()))
        }
    }

    /// Whether the schedule names seconds, so that it may run more than once a minute or not at the full minute.
    pub fn has_seconds(&self) -> bool {
        self.fields[0] != Field::single(0)
    }

    /// The values of one field in ascending order, for a host that computes the next run: 0 seconds, 1 minutes,
    /// 2 hours, 3 days of the month, 4 months, 5 days of the week from 0, Sunday. Empty for other indexes.
    pub fn values(&self, field: usize) -> impl Iterator<Item = u8> + use<> {
        let bits = self.fields.get(field).map_or(0, |f| f.bits);
        (0..64).filter(move |value| bits >> value & 1 == 1)
    }

    /// Whether a run needs the day of the month *or* the day of the week to fit, as cron has it when both are limited;
    /// else both must fit.
    pub fn either_day(&self) -> bool {
        !self.fields[DAY_OF_MONTH].any && !self.fields[DAY_OF_WEEK].any
    }
}

impl Field {
    fn single(value: u8) -> Self {
        Self { bits: 1 << value, any: false }
    }

    fn has(self, value: u8) -> bool {
        self.bits >> value & 1 == 1
    }
}

impl FieldKind {
    fn error(&self, problem: String) -> ScheduleError {
        ScheduleError::Field { field: self.name, problem }
    }

    fn parse(&self, text: &str) -> Result<Field, ScheduleError> {
        let mut bits = 0;
        for item in text.split(',') {
            bits |= self.item(item)?;
        }
        // Sunday has two numbers; only 0 is kept.
        if self.max == 7 && bits >> 7 & 1 == 1 {
            bits = bits & !(1 << 7) | 1;
        }
        Ok(Field { bits, any: matches!(text, "*" | "?" | "*/1") })
    }

    /// `*`, `a`, `a-b`, each with an optional `/step`.
    fn item(&self, item: &str) -> Result<u64, ScheduleError> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let last = if self.max == 7 { 6 } else { self.max };
        let (from, to) = if matches!(range, "*" | "?") {
            (self.min, last)
        } else if let Some((from, to)) = range.split_once('-') {
            (self.value(from)?, self.value(to)?)
        } else {
            let value = self.value(range)?;
            (value, if step.is_some() { last.max(value) } else { value })
        };
        let size = u32::from(last - self.min) + 1;
        // A range over the end goes on at the beginning.
        let length = if from <= to { u32::from(to - from) } else { size - u32::from(from - to) };
        let values = (0..=length).step_by(step.unwrap_or(1));
        Ok(values.fold(0, |bits, offset| {
            let value = u32::from(from) + offset;
            let value = if value > u32::from(self.max) { value - size } else { value };
            bits | 1 << value
        }))
    }

    fn step(&self, text: &str) -> Result<usize, ScheduleError> {
        match text.parse::<u8>() {
            Ok(step) if (1..=self.max.max(1)).contains(&step) => Ok(usize::from(step)),
            _ => Err(self.error(format!("`/{text}` is no step from 1 to {}", self.max))),
        }
    }

    fn value(&self, text: &str) -> Result<u8, ScheduleError> {
        let named = |name: &&str| name.eq_ignore_ascii_case(text) || name[..3].eq_ignore_ascii_case(text);
        if let Some(at) = self.names.iter().position(named) {
            return Ok(self.min + at as u8);
        }
        if text.is_empty() {
            return Err(self.error("a value is missing".to_owned()));
        }
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.error(format!("`{text}` is not understood")));
        }
        match text.parse::<u8>() {
            Ok(value) if (self.min..=self.max).contains(&value) => Ok(value),
            _ => Err(self.error(format!("{text} is not between {} and {}", self.min, self.max))),
        }
    }

    /// The field in its shortest spelling.
    fn print(&self, field: Field, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = if self.max == 7 { 6 } else { self.max };
        if field.any {
            return f.write_str("*");
        }
        let all = || (self.min..=last).filter(|v| field.has(*v));
        for step in 2..=last {
            let stepped = (self.min..=last).step_by(step.into()).fold(0_u64, |bits, v| bits | 1 << v);
            if stepped == field.bits && all().count() > 2 {
                return write!(f, "*/{step}");
            }
        }
        let mut value = self.min;
        let mut comma = "";
        while value <= last {
            if !field.has(value) {
                value += 1;
                continue;
            }
            let end = (value..=last).take_while(|v| field.has(*v)).last().unwrap_or(value);
            match end - value {
                0 => write!(f, "{comma}{value}")?,
                1 => write!(f, "{comma}{value},{end}")?,
                _ => write!(f, "{comma}{value}-{end}")?,
            }
            comma = ",";
            value = end + 1;
        }
        Ok(())
    }
}

impl fmt::Display for Schedule {
    /// The canonical cron text: five fields, or six if it names seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = usize::from(!self.has_seconds());
        for (at, (kind, field)) in KINDS.iter().zip(&self.fields).enumerate().skip(first) {
            if at > first {
                f.write_str(" ")?;
            }
            kind.print(*field, f)?;
        }
        Ok(())
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.to_string()
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, ScheduleError> {
        Self::parse(&text)
    }
}

/// A natural form in lower case.
fn natural(text: &str) -> Option<Schedule> {
    let text = text.trim();
    let cron = |text: String| Schedule::parse(&text).ok();
    if let Some(alias) = text.strip_prefix('@') {
        return match alias {
            "midnight" => cron("0 0 * * *".into()),
            "annually" => natural("yearly"),
            "hourly" | "daily" | "weekly" | "monthly" | "yearly" => natural(alias),
            _ => None,
        };
    }
    let (what, minute_and_hour) = match text.split_once(" at ") {
        Some((what, time)) => (what.trim_end(), Some(minute_and_hour(time)?)),
        None => (text, None),
    };
    let at = minute_and_hour.as_deref().unwrap_or("0 0");
    let what = what.strip_prefix("on ").unwrap_or(what);
    let what = what.strip_prefix("every ").or_else(|| what.strip_prefix("each ")).unwrap_or(what).trim();
    match what {
        "day" | "daily" => return cron(format!("{at} * * *")),
        "week" | "weekly" => return cron(format!("{at} * * 0")),
        "month" | "monthly" => return cron(format!("{at} 1 * *")),
        "year" | "yearly" | "annually" => return cron(format!("{at} 1 1 *")),
        "weekday" | "weekdays" => return cron(format!("{at} * * 1-5")),
        "weekend" | "weekends" => return cron(format!("{at} * * 0,6")),
        _ => {}
    }
    if let Some(days) = weekdays(what) {
        return cron(format!("{at} * * {days}"));
    }
    let (count, unit) = match what {
        "hourly" => (1, "hour"),
        _ => match what.split_once(char::is_whitespace) {
            Some((count, unit)) => (count.parse::<u8>().ok()?, unit.trim()),
            None => (1, what),
        },
    };
    let unit = unit.strip_suffix('s').filter(|u| !u.is_empty()).unwrap_or(unit);
    match (unit, minute_and_hour.is_some()) {
        ("second" | "sec", false) if count < 60 => cron(format!("*/{count} * * * * *")),
        ("minute" | "min", false) if count < 60 => cron(format!("*/{count} * * * *")),
        ("hour" | "hr" | "h", false) if count < 24 => cron(format!("0 */{count} * * *")),
        ("hour" | "hr" | "h", false) if count == 24 => cron("0 0 * * *".into()),
        ("minute" | "min", false) if count == 60 => cron("0 * * * *".into()),
        ("day", _) => cron(format!("{at} */{count} * *")),
        ("month", _) => cron(format!("{at} 1 */{count} *")),
        _ => None,
    }
}

/// `0 9` for `9am`, `30 14` for `14:30`: minute and hour as cron has them.
fn minute_and_hour(text: &str) -> Option<String> {
    let text = text.trim();
    let time = match text {
        "noon" | "midday" => date::parse_time("12:00"),
        "midnight" => date::parse_time("0:00"),
        _ => date::parse_time(text).or_else(|| {
            let (hour, half) = match text.strip_suffix("am").or_else(|| text.strip_suffix("pm")) {
                Some(hour) => (hour.trim_end(), &text[text.len() - 2..]),
                None => (text.strip_suffix('h').unwrap_or(text), ""),
            };
            date::parse_time(&format!("{hour}:00{half}"))
        }),
    }?;
    Some(time.format("%-M %-H").to_string())
}

/// `1,5` for `monday and fridays`.
fn weekdays(text: &str) -> Option<String> {
    let day = |word: &str| {
        let word = word.strip_suffix('s').filter(|w| w.ends_with("day")).unwrap_or(word);
        WEEKDAYS
            .iter()
            .position(|name| name.eq_ignore_ascii_case(word) || name[..3].eq_ignore_ascii_case(word))
    };
    let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !matches!(*w, "" | "and"));
    let days: Vec<String> = words.map(|word| day(word).map(|at| at.to_string())).collect::<Option<_>>()?;
    (!days.is_empty()).then(|| days.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        Schedule::parse(text).map_or_else(|e| e.to_string(), |s| s.to_string())
    }

    #[test]
    fn cron_expressions() {
        for (text, expected) in [
            ("0 9 * * 1-5", "0 9 * * 1-5"),
            ("*/15 * * * *", "*/15 * * * *"),
            ("0 0 9 * * MON", "0 9 * * 1"),
            ("1 * * * * *", "1 * * * * *"),
            ("0  9,17 1,2,3 jan-mar sun", "0 9,17 1-3 1-3 0"),
            ("0 22-2 * * FRI-MON", "0 0-2,22,23 * * 0,1,5,6"),
            ("5/20 * ? * 7", "5,25,45 * * * 0"),
            ("0 0 29 2 *", "0 0 29 2 *"),
            ("0 0 * * 5-7", "0 0 * * 0,5,6"),
            ("0 0 10-20/5 * *", "0 0 10,15,20 * *"),
            ("0-59 0-23 * * *", "0-59 0-23 * * *"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn natural_forms() {
        for (text, expected) in [
            ("every 5 minutes", "*/5 * * * *"),
            ("every minute", "* * * * *"),
            ("every 1 hour", "0 * * * *"),
            ("every hour", "0 * * * *"),
            ("Every 2 Hours", "0 */2 * * *"),
            ("every 30 seconds", "0,30 * * * * *"),
            ("hourly", "0 * * * *"),
            ("@daily", "0 0 * * *"),
            ("daily", "0 0 * * *"),
            ("daily at 9:30", "30 9 * * *"),
            ("every day at 2:05 pm", "5 14 * * *"),
            ("every monday at 9am", "0 9 * * 1"),
            ("every monday and Friday at noon", "0 12 * * 1,5"),
            ("mon, wed at 8h", "0 8 * * 1,3"),
            ("weekdays at 18:00", "0 18 * * 1-5"),
            ("weekly", "0 0 * * 0"),
            ("monthly at 6am", "0 6 1 * *"),
            ("every 3 days", "0 0 */3 * *"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (text, expected) in [
            ("0 0 * JANX *", "month of the schedule: `JANX` is not understood"),
            ("60 * * * *", "minute of the schedule: 60 is not between 0 and 59"),
            ("* * * * * 8", "day of week of the schedule: 8 is not between 0 and 7"),
            ("*/0 * * * *", "minute of the schedule: `/0` is no step from 1 to 59"),
            ("1,,2 * * * *", "minute of the schedule: a value is missing"),
            ("0 0 31 2,4 *", "day of month of the schedule: no month of this schedule has this day"),
            (
                "x 0 * * *",
                "`x 0 * * *` is no schedule; write five cron fields such as `0 9 * * MON`, or `every 5 minutes`, `daily at 9am`, `every monday at 9:00`",
            ),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
        for text in [
            "",
            "0 9 * *",
            "soon",
            "every",
            "every 90 minutes",
            "every monday at 25:00",
            "every 5 minutes at 9am",
            "@often",
        ] {
            assert!(matches!(Schedule::parse(text), Err(ScheduleError::Unknown { .. })), "{text}");
        }
    }

    #[test]
    fn hosts_read_the_values() {
        let schedule = Schedule::parse("0 9 13 * FRI").unwrap();
        assert!(schedule.either_day() && !schedule.has_seconds());
        assert_eq!(schedule.values(5).collect::<Vec<_>>(), [5]);
        assert_eq!(schedule.values(4).count(), 12);
        assert_eq!(schedule.values(9).count(), 0);
        let stored = serde_json::to_string(&schedule).unwrap();
        assert_eq!(stored, "\"0 9 13 * 5\"");
        assert_eq!(serde_json::from_str::<Schedule>(&stored).unwrap(), schedule);
    }

    proptest! {
        #[test]
        fn the_canonical_text_reads_back(text in "([0-9*?/,-]{1,5}|MON|JAN)( ([0-9*?/,-]{1,5}|MON|JAN)){4,5}", words in "(every |daily|[0-9]{1,2} |minutes|monday|at |9am|,| ){0,6}", any: String) {
            for text in [text, words, any] {
                if let Ok(schedule) = Schedule::parse(&text) {
                    let canonical = schedule.to_string();
                    prop_assert_eq!(Schedule::parse(&canonical), Ok(schedule), "{} as {}", text, canonical);
                }
            }
        }

        #[test]
        fn ranges_agree_with_counting(from in 0_u8..24, to in 0_u8..24, step in 1_u8..24) {
            let schedule = Schedule::parse(&format!("0 {from}-{to}/{step} * * *")).unwrap();
            let mut naive = Vec::new();
            let length = if from <= to { to - from } else { 24 - from + to };
            for offset in 0..=length {
                if offset % step == 0 {
                    naive.push((from + offset) % 24);
                }
            }
            naive.sort_unstable();
            prop_assert_eq!(schedule.values(2).collect::<Vec<_>>(), naive);
        }
    }
}
