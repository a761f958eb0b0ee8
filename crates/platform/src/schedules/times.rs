//! When a schedule fires: cron fields read in a time zone, over the days on which its clocks change.

use chrono::{MappedLocalTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use kernel::Timestamp;

/// The times of a schedule.
///
/// Where clocks change, times of the day and the hours of every day are told apart:
/// - A schedule for certain hours (`30 2 * * *`) follows the clock on the wall. A time that doesn't exist, because the
///   clock is put forward over it, is made up for at the first instant after the change, once, however many times were
///   skipped. A time that exists twice, because the clock is put back, fires the first time only.
/// - A schedule for every hour (`*/15 * * * *`) follows time as it passes: it has nothing to make up for, and fires in
///   the repeated hour, too.
#[derive(Debug, Clone)]
pub struct Times {
    cron: Cron,
    zone: Tz,
}

/// Why there are no such times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    /// The text is no cron expression.
    #[error("the schedule {cron:?} can't be read: {problem}")]
    Cron {
        /// The text.
        cron: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The zone is not in the IANA database.
    #[error("there is no time zone {0:?}; zones have names such as Europe/Berlin")]
    Zone(String),
}

/// Times of the wall that are looked at before giving up. Of a repeated hour none may fire, and it has 3,600 seconds.
const LOOKS: usize = 10_000;

impl Times {
    /// Reads five fields (minute, hour, day, month, weekday), or six with seconds first.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, TimesError> {
        let problem = |problem: String| TimesError::Cron { cron: cron.to_owned(), problem };
        let zone = zone.parse().map_err(|_| TimesError::Zone(zone.to_owned()))?;
        let parser = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .sloppy_ranges(true)
            .build();
        let cron = parser.parse(cron).map_err(|cause| problem(cause.to_string()))?;
        Ok(Self { cron, zone })
    }

    /// The instant of a time of the wall in a zone: the first of two, and the first after the change for none.
    pub fn local(wall: NaiveDateTime, zone: &str) -> Result<Option<Timestamp>, TimesError> {
        let zone = zone.parse().map_err(|_| TimesError::Zone(zone.to_owned()))?;
        Ok(instant(zone, wall))
    }

    /// The first of them after that instant. None if there never is one.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let local = after.with_timezone(&self.zone);
        if self.is_hourly() {
            let next = self.cron.find_next_occurrence(&local, false).ok()?;
            return Some(next.with_timezone(&Utc));
        }
        let mut wall = local.naive_local();
        for _ in 0..LOOKS {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            match instant(self.zone, wall) {
                Some(instant) if instant > after => return Some(instant),
                _ => {}
            }
        }
        None
    }

    fn is_hourly(&self) -> bool {
        let hours = &self.cron.pattern.hours;
        hours.from_wildcard && hours.step == 1
    }
}

/// The instant of a time of the wall: the first of two, and the first after the change for none.
fn instant(zone: Tz, wall: NaiveDateTime) -> Option<Timestamp> {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => Some(time.with_timezone(&Utc)),
        MappedLocalTime::None => Some(GapInfo::new(&wall, &zone)?.end?.with_timezone(&Utc)),
    }
}
