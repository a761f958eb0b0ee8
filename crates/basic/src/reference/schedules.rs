//! The table of what SET SCHEDULE understands.

use crate::schedule::Schedule;

/// Forms with what they mean.
const FORMS: &[(&str, &str)] = &[
    ("0 9 * * *", "every day at nine"),
    ("30 8 * * MON-FRI", "on Monday to Friday at half past eight"),
    ("*/15 * * * *", "every quarter of an hour"),
    ("0 9,17 * * *", "every day at nine and at five in the afternoon"),
    ("0 0 1 JAN,JUL *", "on the first of January and of July at midnight"),
    ("0 22-2 * * FRI-MON", "every hour from ten in the evening to two, on Friday to Monday"),
    ("30 0 9 * * *", "every day at nine and thirty seconds: six fields, seconds first"),
    ("every minute", "every minute"),
    ("every 5 minutes", "every five minutes"),
    ("every 30 seconds", "every thirty seconds"),
    ("every hour", "every hour, on the hour"),
    ("hourly", "every hour, on the hour"),
    ("every 2 hours", "every second hour"),
    ("daily", "every day at midnight"),
    ("daily at 9:30", "every day at half past nine"),
    ("every 3 days", "on every third day of the month at midnight"),
    ("every monday at 9am", "every Monday at nine"),
    ("every monday and friday at noon", "on Mondays and Fridays at noon"),
    ("at noon", "every day at noon"),
    ("every hour from 9 to 17", "every hour from nine in the morning to five in the afternoon"),
    ("business hours", "every hour from nine to five, on Monday to Friday"),
    (
        "every 30 minutes during business hours",
        "every half hour from nine to half past five, on Monday to Friday",
    ),
    ("weekdays at 18:00", "on Monday to Friday at six in the evening"),
    ("weekends", "on Saturday and Sunday at midnight"),
    ("weekly", "every Sunday at midnight"),
    ("monthly at 6am", "on the first of every month at six"),
    ("yearly", "on the first of January at midnight"),
    ("@daily", "every day at midnight"),
];

/// All forms with the cron expression they stand for.
pub(super) fn forms() -> String {
    let rows = FORMS.iter().map(|(form, meaning)| {
        let cron = Schedule::parse(form).map(|schedule| format!("`{schedule}`")).unwrap_or_default();
        [format!("`{form}`"), (*meaning).to_owned(), cron]
    });
    super::table(["written", "when the script runs", "as cron"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_a_schedule() {
        for (form, _) in FORMS {
            assert!(Schedule::parse(form).is_ok(), "{form}");
        }
    }
}
