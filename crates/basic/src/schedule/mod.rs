//! `SET SCHEDULE`: cron expressions and what people say instead, as one canonical form.
//!
//! A cron expression has five fields (minute, hour, day of month, month, day of week), or six with seconds first.
//! When it runs next is the host's business, which knows the time zone.

mod field;
mod natural;

use std::fmt;

use serde::{Deserialize, Serialize};

use field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, KINDS, MONTH};
use natural::natural;

/// When a script runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    fields: [Field; 6],
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

/// Longest text looked at; every schedule fits many times.
const LENGTH_MAX: usize = 500;

impl Schedule {
    /// Reads a cron expression or a natural form.
    ///
    /// Cron fields take `*`, `?`, numbers, names (`JAN`, `MON`, in any case), ranges `a-b`, steps `*/n`, `a/n` and
    /// `a-b/n`, and lists of these. Ranges may run over the end (`FRI-MON`, `22-2`). Aliases such as `@daily` are
    /// known. Natural forms: `every 5 minutes`, `every hour`, `every 2 days`, `hourly`, `daily`, `weekly`, `monthly`,
    /// `yearly`, `every monday`, `every monday and friday`, `weekdays`, `weekends`, each of whole days with
    /// `at 9am` or `at 14:30`, `at noon` alone for every day, and minutes and hours with `from 9 to 17` or
    /// `during business hours`, which are those from 9 to 17 on weekdays.
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

#[cfg(test)]
mod tests;
