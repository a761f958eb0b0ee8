//! Days and times of day, as people type them.

use chrono::{DateTime, Days, FixedOffset, NaiveDate};

use crate::scalar::date;

/// Month names, English, Portuguese and Spanish; three letters of any are enough.
const MONTHS: [&[&str]; 12] = [
    &["january", "janeiro", "enero"],
    &["february", "fevereiro", "febrero"],
    &["march", "março", "marzo"],
    &["april", "abril"],
    &["may", "maio", "mayo"],
    &["june", "junho", "junio"],
    &["july", "julho", "julio"],
    &["august", "agosto"],
    &["september", "setembro", "septiembre"],
    &["october", "outubro", "octubre"],
    &["november", "novembro", "noviembre"],
    &["december", "dezembro", "diciembre"],
];

/// A day: any form of a date (its time is dropped), `25 Dec 2024`, `Dec 25, 2024`, `25 de dezembro de 2024`, or today,
/// tomorrow and yesterday counted from `now`.
pub(super) fn day(text: &str, now: DateTime<FixedOffset>) -> Option<NaiveDate> {
    let lower = text.to_lowercase();
    let today = now.date_naive();
    match lower.as_str() {
        "today" | "hoje" => Some(today),
        "tomorrow" | "amanhã" | "amanha" => today.checked_add_days(Days::new(1)),
        "yesterday" | "ontem" => today.checked_sub_days(Days::new(1)),
        _ => date::parse(text, *now.offset()).map(date::Date::day).or_else(|| day_in_words(&lower)),
    }
}

fn day_in_words(lower: &str) -> Option<NaiveDate> {
    let mut words = lower
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '-' | '/' | '.'))
        .filter(|w| !matches!(*w, "" | "de" | "of"));
    let (first, second, year) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || year.len() != 4 {
        return None;
    }
    let (month, day) = month(second).map_or((month(first), second), |found| (Some(found), first));
    let day = ["st", "nd", "rd", "th", "º"].iter().find_map(|end| day.strip_suffix(end)).unwrap_or(day);
    if day.len() > 2 {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok().filter(|y| *y > 0)?, month?, day.parse().ok()?)
}

/// The number of a month by its name or the first letters of it, at least three.
fn month(word: &str) -> Option<u32> {
    let named =
        |names: &&[&str]| names.iter().any(|name| word.chars().count() >= 3 && name.starts_with(word));
    MONTHS.iter().position(named).map(|at| at as u32 + 1)
}

/// A time of day as `HH:mm`, from `14:30`, `2:30 PM`, `2pm`, `14h30`, `14h`.
pub(super) fn hour(text: &str) -> Option<String> {
    let with_minutes = || {
        let lower = text.to_ascii_lowercase();
        let (clock, half) = match lower.strip_suffix("am").or_else(|| lower.strip_suffix("pm")) {
            Some(clock) => (clock.trim_end(), &lower[lower.len() - 2..]),
            None => (lower.as_str(), ""),
        };
        let (hours, minutes) = match clock.split_once('h') {
            Some((hours, minutes)) if half.is_empty() => {
                (hours, if minutes.is_empty() { "00" } else { minutes })
            }
            None if !half.is_empty() => (clock, "00"),
            _ => return None,
        };
        date::parse_time(&format!("{hours}:{minutes}{half}"))
    };
    date::parse_time(text).or_else(with_minutes).map(|time| time.format("%H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_numbers_and_words() {
        let now = DateTime::parse_from_rfc3339("2025-03-01T00:30:00-03:00").unwrap();
        for (text, expected) in [
            ("25/12/2024", "2024-12-25"),
            ("2024-12-25 10:00", "2024-12-25"),
            ("25 Dec 2024", "2024-12-25"),
            ("25-dec-2024", "2024-12-25"),
            ("December 25th, 2024", "2024-12-25"),
            ("25 de Dezembro de 2024", "2024-12-25"),
            ("1º de março de 2025", "2025-03-01"),
            ("Today", "2025-03-01"),
            ("amanhã", "2025-03-02"),
            ("ontem", "2025-02-28"),
            ("31 Feb 2024", "-"),
            ("25 De 2024", "-"),
            ("soon", "-"),
            ("Dec Dec 2024", "-"),
        ] {
            assert_eq!(day(text, now).map_or("-".into(), |d| d.to_string()), expected, "{text}");
        }
    }

    #[test]
    fn times_of_day() {
        for (text, expected) in [
            ("14:30", Some("14:30")),
            ("9:05", Some("09:05")),
            ("2:30 PM", Some("14:30")),
            ("12 am", Some("00:00")),
            ("2pm", Some("14:00")),
            ("14h30", Some("14:30")),
            ("14h", Some("14:00")),
            ("24:00", None),
            ("13 pm", None),
            ("14", None),
            ("noon", None),
        ] {
            assert_eq!(hour(text).as_deref(), expected, "{text}");
        }
    }
}
