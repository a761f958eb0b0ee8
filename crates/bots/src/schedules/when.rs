//! When a script is to run: what scripts write, as times. Pure.

use basic::{Data, scalar::Date, schedule};
use chrono::{DateTime, FixedOffset, NaiveTime};
use kernel::Timestamp;
use platform::schedules::{Times, TimesError};

/// When a script is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum When {
    /// Again and again, in canonical cron form, from that instant on if one is named.
    Again { cron: String, from: Option<Timestamp> },
    /// Once.
    Once(Timestamp),
}

impl When {
    /// Reads what stands before the script: a schedule, or a date and time.
    pub(super) fn read(value: &Data, now: DateTime<FixedOffset>) -> Result<Self, String> {
        if let Some(at) = instant(value, now) {
            return Ok(Self::Once(at));
        }
        let again = schedule::Schedule::parse(&value.to_string()).map_err(|error| error.to_string())?;
        Ok(Self::Again { cron: again.to_string(), from: None })
    }

    /// The first time after that instant. None if there never is one.
    pub(super) fn first_after(&self, now: Timestamp, zone: &str) -> Result<Option<Timestamp>, TimesError> {
        match self {
            Self::Once(at) => Ok(Some(*at)),
            Self::Again { cron, from } => {
                let after = from.map_or(now, |from| now.max(from - chrono::TimeDelta::microseconds(1)));
                Ok(Times::parse(cron, zone)?.next_after(after))
            }
        }
    }
}

/// The instant that a value names, if it is a date: of a day its beginning.
pub(super) fn instant(value: &Data, now: DateTime<FixedOffset>) -> Option<Timestamp> {
    let date = match value {
        Data::Date(date) => *date,
        Data::Text(text) => Date::parse(text, *now.offset())?,
        _ => return None,
    };
    Some(match date {
        Date::Instant(instant) => instant.to_utc(),
        Date::Day(day) => day.and_time(NaiveTime::MIN).and_local_timezone(*now.offset()).single()?.to_utc(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read(value: &Data) -> Result<When, String> {
        When::read(value, at("2026-11-30T09:00:00Z").fixed_offset())
    }

    #[test]
    fn a_schedule_is_again_and_a_date_is_once() {
        let again = |cron: &str| Ok(When::Again { cron: cron.to_owned(), from: None });

        assert_eq!(read(&Data::from("every monday at 9am")), again("0 9 * * 1"));
        assert_eq!(read(&Data::from("*/5 * * * *")), again("*/5 * * * *"));
        assert_eq!(read(&Data::from("2026-12-24 18:00")), Ok(When::Once(at("2026-12-24T18:00:00Z"))));
        assert_eq!(read(&Data::from("2026-12-24")), Ok(When::Once(at("2026-12-24T00:00:00Z"))));
        assert!(read(&Data::from("now and then")).is_err());
    }

    #[test]
    fn a_plan_begins_on_its_day_and_follows_the_clock_of_its_zone() {
        let daily = |from| When::Again { cron: "0 0 * * *".to_owned(), from };
        let now = at("2026-11-30T09:00:00Z");

        assert_eq!(daily(None).first_after(now, "UTC").unwrap(), Some(at("2026-12-01T00:00:00Z")));
        assert_eq!(daily(None).first_after(now, "Europe/Berlin").unwrap(), Some(at("2026-11-30T23:00:00Z")));
        let from = Some(at("2026-12-24T00:00:00Z"));
        assert_eq!(daily(from).first_after(now, "UTC").unwrap(), from);
        assert!(daily(None).first_after(now, "Mars/Olympus").is_err());
    }
}
