//! When a script is to run: what scripts write, as times. Pure.

use basic::{Data, scalar::Date, schedule};
use chrono::{FixedOffset, NaiveDateTime, NaiveTime};
use kernel::Timestamp;
use platform::schedules::{Times, TimesError};

/// When a script is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum When {
    /// Again and again, in canonical cron form, from that instant on if one is named.
    Again { cron: String, from: Option<Moment> },
    /// Once.
    Once(Moment),
}

/// A moment as a script names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// An instant, wherever one is.
    At(Timestamp),
    /// What the clock on the wall shows where the bot is.
    Wall(NaiveDateTime),
}

impl When {
    /// Reads what stands before the script: a schedule, or a date and time.
    pub(super) fn read(value: &Data) -> Result<Self, String> {
        if let Some(at) = Moment::read(value) {
            return Ok(Self::Once(at));
        }
        let again = schedule::Schedule::parse(&value.to_string()).map_err(|error| error.to_string())?;
        Ok(Self::Again { cron: again.to_string(), from: None })
    }

    /// The first time after that instant. None if there never is one.
    pub(super) fn first_after(&self, now: Timestamp, zone: &str) -> Result<Option<Timestamp>, TimesError> {
        match self {
            Self::Once(at) => at.instant(zone),
            Self::Again { cron, from } => {
                let from = from.map(|from| from.instant(zone)).transpose()?.flatten();
                let after = from.map_or(now, |from| now.max(from - chrono::TimeDelta::microseconds(1)));
                Ok(Times::parse(cron, zone)?.next_after(after))
            }
        }
    }
}

impl Moment {
    /// The moment that a value names, if it is a date: of a day its beginning.
    pub(super) fn read(value: &Data) -> Option<Self> {
        match value {
            Data::Date(date) => Some(Self::of(*date)),
            Data::Text(text) => {
                let read = |hours| Date::parse(text, FixedOffset::east_opt(hours * 3600)?);
                match (read(0)?, read(1)?) {
                    // What names no zone is another instant in each.
                    (Date::Instant(here), Date::Instant(there)) if here != there => {
                        Some(Self::Wall(here.naive_local()))
                    }
                    (date, _) => Some(Self::of(date)),
                }
            }
            _ => None,
        }
    }

    fn of(date: Date) -> Self {
        match date {
            Date::Instant(instant) => Self::At(instant.to_utc()),
            Date::Day(day) => Self::Wall(day.and_time(NaiveTime::MIN)),
        }
    }

    fn instant(self, zone: &str) -> Result<Option<Timestamp>, TimesError> {
        match self {
            Self::At(instant) => Ok(Some(instant)),
            Self::Wall(wall) => Times::local(wall, zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_schedule_is_again_and_a_date_is_once() {
        let again = |cron: &str| Ok(When::Again { cron: cron.to_owned(), from: None });

        assert_eq!(When::read(&Data::from("every monday at 9am")), again("0 9 * * 1"));
        assert_eq!(When::read(&Data::from("*/5 * * * *")), again("*/5 * * * *"));
        let now = at("2026-11-30T09:00:00Z");
        for (text, instant) in [
            ("2026-12-24 18:00", "2026-12-24T09:00:00Z"),
            ("2026-12-24", "2026-12-23T15:00:00Z"),
            ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
        ] {
            let when = When::read(&Data::from(text)).unwrap();
            assert_eq!(when.first_after(now, "Asia/Tokyo").unwrap(), Some(at(instant)), "{text}");
        }
        assert!(When::read(&Data::from("now and then")).is_err());
    }

    #[test]
    fn a_plan_begins_on_its_day_and_follows_the_clock_of_its_zone() {
        let daily = |from| When::Again { cron: "0 0 * * *".to_owned(), from };
        let now = at("2026-11-30T09:00:00Z");

        assert_eq!(daily(None).first_after(now, "UTC").unwrap(), Some(at("2026-12-01T00:00:00Z")));
        assert_eq!(daily(None).first_after(now, "Europe/Berlin").unwrap(), Some(at("2026-11-30T23:00:00Z")));
        let from = Moment::read(&Data::from("2026-12-24"));
        assert_eq!(daily(from).first_after(now, "UTC").unwrap(), Some(at("2026-12-24T00:00:00Z")));
        let first = daily(from).first_after(now, "America/New_York").unwrap();
        assert_eq!(first, Some(at("2026-12-24T05:00:00Z")));
        assert!(daily(None).first_after(now, "Mars/Olympus").is_err());
    }
}
