//! Schedules: jobs that are enqueued again and again, at times that people write as cron in their time zone.
//!
//! A schedule is a row with the instant at which it fires next. Whichever node comes first locks the row, enqueues the
//! job and moves the instant on, in one unit of work: of several nodes one fires, and a node that dies in between has
//! fired wholly or not at all. What was missed while no node ran is made up for once, however often it was missed. A
//! schedule whose last job has not ended doesn't add another.

mod store;
#[cfg(test)]
mod tests;
mod times;

use kernel::id::{Id, kind::Organization};

use crate::{
    db::{Db, DbError, Migration, ServerUnit, Unit},
    jobs::{NewJob, Work},
};
pub use times::{Times, TimesError};

/// `owner` is what a schedule belongs to and goes with: `server` for those in code.
pub(crate) const TABLE: Migration = Migration::new(
    "m20261129_04_platform_schedules",
    "CREATE TABLE schedules (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        owner keytext NOT NULL,
        name keytext NOT NULL,
        kind keytext NOT NULL,
        payload text NOT NULL,
        max_attempts bigint NOT NULL,
        cron text NOT NULL,
        timezone text NOT NULL,
        enabled boolean NOT NULL,
        next_at bigint NOT NULL,
        last_at bigint,
        created_by uuid,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        PRIMARY KEY (org_id, id),
        UNIQUE (org_id, owner, name)
    );
    CREATE INDEX schedules_next ON schedules (next_at) WHERE enabled;",
);

/// The owner of the schedules in code.
const SERVER: &str = "server";

/// A schedule: which job, when.
#[derive(Debug, Clone)]
pub struct Schedule {
    name: String,
    cron: String,
    timezone: String,
    job: NewJob,
}

impl Schedule {
    /// A schedule of that name, with times in UTC.
    pub fn new(name: impl Into<String>, cron: impl Into<String>, job: NewJob) -> Self {
        Self { name: name.into(), cron: cron.into(), timezone: "UTC".to_owned(), job }
    }

    /// Times are those of a zone of the IANA database, such as `Europe/Berlin`.
    #[must_use]
    pub fn in_zone(self, timezone: impl Into<String>) -> Self {
        Self { timezone: timezone.into(), ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of its jobs.
    pub fn kind(&self) -> &str {
        &self.job.kind
    }

    /// When it fires.
    pub fn times(&self) -> Result<Times, TimesError> {
        Times::parse(&self.cron, &self.timezone)
    }
}

impl Unit<'_> {
    /// Puts up a schedule of that owner, or changes the one of its name. One that says what it said before keeps the
    /// time at which it fires next.
    pub fn put_schedule(&self, owner: &str, schedule: &Schedule) -> Result<Result<(), TimesError>, DbError> {
        let now = self.surroundings().now();
        let next = match schedule.times() {
            Ok(times) => times.next_after(now),
            Err(error) => return Ok(Err(error)),
        };
        store::put(self, owner, schedule, next, now)?;
        self.signal_work();
        Ok(Ok(()))
    }
}

/// Puts up what the node's modules want to happen regularly, and takes down what no module wants any more. All of it
/// belongs to the server, and so to the organization `home`.
pub(crate) async fn put_up(db: &Db, home: Id<Organization>, wanted: Vec<Schedule>) -> Result<(), DbError> {
    db.write(home, move |unit| {
        for schedule in &wanted {
            if let Err(error) = unit.put_schedule(SERVER, schedule)? {
                tracing::error!(name = schedule.name, %error, "a schedule can't be read");
            }
        }
        let names: Vec<&str> = wanted.iter().map(Schedule::name).collect();
        store::retain(unit, SERVER, &names)
    })
    .await
}

/// Fires some of the schedules whose time has come; gives their number.
pub(crate) fn fire_some(unit: &ServerUnit<'_>, work: &Work) -> Result<u64, DbError> {
    let now = unit.surroundings().now();
    let due = store::take_due(&unit.everywhere(), now)?;
    let number = due.len() as u64;
    for row in due {
        let unit = unit.org(row.org_id);
        if work.handler(&row.kind).is_none() {
            // A newer node knows it, and fires it when it comes by.
            store::move_on(&unit, row.id, None, Some(now + UNKNOWN), now)?;
            continue;
        }
        let next = match Times::parse(&row.cron, &row.timezone) {
            Ok(times) => times.next_after(now),
            Err(error) => {
                tracing::error!(name = row.name, %error, "a schedule can't be read and is switched off");
                store::move_on(&unit, row.id, None, None, now)?;
                continue;
            }
        };
        store::move_on(&unit, row.id, Some(now), next, now)?;
        unit.enqueue(&row.job())?;
    }
    Ok(number)
}

/// How long a node leaves a schedule alone whose jobs it does not know.
const UNKNOWN: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
