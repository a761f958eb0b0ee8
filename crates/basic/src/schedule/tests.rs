//! Schedules as scripts write them.

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
        ("at 9:30am", "30 9 * * *"),
        ("at noon", "0 12 * * *"),
        ("every hour from 9 to 17", "0 9-17 * * *"),
        ("every 20 minutes from 8am to 6pm", "*/20 8-18 * * *"),
        ("business hours", "0 9-17 * * 1-5"),
        ("every 15 minutes during business hours", "*/15 9-17 * * 1-5"),
        ("every 2 hours during business hours", "0 9,11,13,15,17 * * 1-5"),
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
        "every hour from 9:30 to 17",
        "every day during business hours",
        "every hour from 9",
        "at",
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
