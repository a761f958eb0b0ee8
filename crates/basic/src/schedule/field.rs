//! One field of a cron expression.

use std::fmt;

use super::ScheduleError;

/// The values of one cron field; bit `n` stands for the value `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Field {
    pub(super) bits: u64,
    /// Written as `*`, which matters for days: cron joins day of month and day of week by OR only if neither is.
    pub(super) any: bool,
}

/// What is known of a cron field.
pub(super) struct FieldKind {
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
pub(super) const WEEKDAYS: &[&str] =
    &["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

pub(super) const KINDS: [FieldKind; 6] = [
    FieldKind { name: "second", min: 0, max: 59, names: &[] },
    FieldKind { name: "minute", min: 0, max: 59, names: &[] },
    FieldKind { name: "hour", min: 0, max: 23, names: &[] },
    FieldKind { name: "day of month", min: 1, max: 31, names: &[] },
    FieldKind { name: "month", min: 1, max: 12, names: MONTHS },
    // 7 is Sunday too.
    FieldKind { name: "day of week", min: 0, max: 7, names: WEEKDAYS },
];

pub(super) const DAY_OF_MONTH: usize = 3;
pub(super) const MONTH: usize = 4;
pub(super) const DAY_OF_WEEK: usize = 5;

impl Field {
    pub(super) fn single(value: u8) -> Self {
        Self { bits: 1 << value, any: false }
    }

    pub(super) fn has(self, value: u8) -> bool {
        self.bits >> value & 1 == 1
    }
}

impl FieldKind {
    pub(super) fn error(&self, problem: String) -> ScheduleError {
        ScheduleError::Field { field: self.name, problem }
    }

    pub(super) fn parse(&self, text: &str) -> Result<Field, ScheduleError> {
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
    pub(super) fn print(&self, field: Field, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
