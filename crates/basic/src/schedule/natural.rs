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
