//! The table of schedules.

use kernel::{
    Timestamp,
    id::{
        Id,
        kind::{Organization, Schedule as ScheduleKind, User},
    },
};

use super::Schedule;
use crate::{
    db::{DbError, Everywhere, Json, Taking, Unit, taking},
    jobs::NewJob,
    record,
};

record! {
    /// A schedule whose time has come.
    pub(super) struct Row {
        pub(super) org_id: Id<Organization>,
        pub(super) id: Id<ScheduleKind>,
        pub(super) name: String,
        pub(super) kind: String,
        payload: Json,
        max_attempts: u32,
        pub(super) cron: String,
        pub(super) timezone: String,
        created_by: Option<Id<User>>,
    }
}

impl Row {
    /// The job to enqueue. It is one at a time.
    pub(super) fn job(self) -> NewJob {
        NewJob::stored(self.kind, self.payload, self.max_attempts, self.created_by)
            .unique(self.id.to_string())
    }
}

/// Writes a schedule, by its owner and name. Without a next time it is off.
pub(super) fn put(
    unit: &Unit<'_>,
    owner: &str,
    schedule: &Schedule,
    next: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    let id: Id<ScheduleKind> = unit.surroundings().id_at(now);
    let job = &schedule.job;
    unit.execute(
        "INSERT INTO schedules (org_id, id, owner, name, kind, payload, max_attempts, cron, timezone, enabled, next_at,
            created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
         ON CONFLICT (org_id, owner, name) DO UPDATE SET kind = excluded.kind, payload = excluded.payload,
            max_attempts = excluded.max_attempts, cron = excluded.cron, timezone = excluded.timezone,
            enabled = excluded.enabled, next_at = excluded.next_at, updated_at = excluded.updated_at
         WHERE schedules.kind <> excluded.kind OR schedules.payload <> excluded.payload
            OR schedules.max_attempts <> excluded.max_attempts OR schedules.cron <> excluded.cron
            OR schedules.timezone <> excluded.timezone",
        &[
            &id,
            &owner,
            &schedule.name,
            &job.kind,
            &job.payload,
            &job.max_attempts,
            &schedule.cron,
            &schedule.timezone,
            &next.is_some(),
            &next.unwrap_or(now),
            &job.by,
            &now,
        ],
    )?;
    Ok(())
}

/// Takes down those of the owner that have none of these names.
pub(super) fn retain(unit: &Unit<'_>, owner: &str, names: &[&str]) -> Result<(), DbError> {
    let present: Vec<(Id<ScheduleKind>, String)> =
        unit.all("SELECT id, name FROM schedules WHERE org_id = $1 AND owner = $2", &[&owner])?;
    for (id, _) in present.iter().filter(|(_, name)| !names.contains(&name.as_str())) {
        unit.execute("DELETE FROM schedules WHERE org_id = $1 AND id = $2", &[id])?;
    }
    Ok(())
}

const DUE: Taking = taking!(
    "SELECT org_id, id, name, kind, payload, max_attempts, cron, timezone, created_by
     FROM schedules WHERE enabled AND next_at <= $1 ORDER BY next_at LIMIT 50",
    ""
);

/// Some of those whose time has come, taken for this unit.
pub(super) fn take_due(everywhere: &Everywhere<'_>, now: Timestamp) -> Result<Vec<Row>, DbError> {
    everywhere.all(everywhere.taking(&DUE), &[&now])
}

/// Sets when it fires next, and when it fired if it did. Without a next time it is off.
pub(super) fn move_on(
    unit: &Unit<'_>,
    id: Id<ScheduleKind>,
    fired: Option<Timestamp>,
    next: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE schedules SET last_at = COALESCE($3, last_at), enabled = $4, next_at = $5
         WHERE org_id = $1 AND id = $2",
        &[&id, &fired, &next.is_some(), &next.unwrap_or(now)],
    )?;
    Ok(())
}
