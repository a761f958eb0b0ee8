//! What people say instead of cron.

use super::Schedule;
use super::field::WEEKDAYS;
use crate::scalar::date;

/// A natural form in lower case.
pub(super) fn natural(text: &str) -> Option<Schedule> {
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
    if text == "business hours" {
        return within("hour", BUSINESS_HOURS, BUSINESS_DAYS);
    }
    if let Some(what) = text.strip_suffix(" during business hours") {
        return within(what, BUSINESS_HOURS, BUSINESS_DAYS);
    }
    if let Some((what, hours)) = text.split_once(" from ") {
        let (first, last) = hours.split_once(" to ")?;
        return within(what, &format!("{}-{}", full_hour(first)?, full_hour(last)?), "*");
    }
    if text.starts_with("at ") {
        return natural(&format!("daily {text}"));
    }
    let (what, minute_and_hour) = match text.split_once(" at ") {
        Some((what, time)) => (what.trim_end(), Some(minute_and_hour(time)?)),
        None => (text, None),
    };
    let at = minute_and_hour.as_deref().unwrap_or("0 0");
    let what = what.strip_prefix("on ").unwrap_or(what);
    let what = without_every(what);
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
    let (count, unit) = interval(what)?;
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

const BUSINESS_HOURS: &str = "9-17";
const BUSINESS_DAYS: &str = "1-5";

/// What comes after `every`.
fn without_every(text: &str) -> &str {
    text.strip_prefix("every ").or_else(|| text.strip_prefix("each ")).unwrap_or(text).trim()
}

/// `5` and `minute` for `5 minutes`.
fn interval(text: &str) -> Option<(u8, &str)> {
    let (count, unit) = match text {
        "hourly" => (1, "hour"),
        _ => match text.split_once(char::is_whitespace) {
            Some((count, unit)) => (count.parse().ok()?, unit.trim()),
            None => (1, text),
        },
    };
    Some((count, unit.strip_suffix('s').filter(|unit| !unit.is_empty()).unwrap_or(unit)))
}

/// An interval that is kept only in some hours of some days, both as cron has them.
fn within(what: &str, hours: &str, days: &str) -> Option<Schedule> {
    let cron = match interval(without_every(what))? {
        (count, "minute" | "min") if count < 60 => format!("*/{count} {hours} * * {days}"),
        (count, "hour" | "hr" | "h") if count < 24 => format!("0 {hours}/{count} * * {days}"),
        _ => return None,
    };
    Schedule::parse(&cron).ok()
}

/// `17` for `17`, `5pm` and `17:00`.
fn full_hour(text: &str) -> Option<String> {
    minute_and_hour(text)?.strip_prefix("0 ").map(str::to_owned)
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
