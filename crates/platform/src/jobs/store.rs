//! The table of jobs: the only statements on it.

use kernel::{
    Timestamp,
    id::{
        Id, JobId,
        kind::{Organization, User},
    },
    list::{ListRequest, Page},
};
use uuid::Uuid;

use super::{
    Job, NewJob, Status,
    job::LIST,
    kind::{InLine, Start},
    lifecycle::{Course, Lease, Stage},
};
use crate::{
    db::{Bind, Cell, Column, DbError, Everywhere, Json, ListError, Taking, Tx, Unit, Value, taking},
    objects, record,
};

/// The columns of a [`Row`], in its order.
macro_rules! columns {
    () => {
        "org_id, id, kind, payload, place, status, attempts, max_attempts, run_at, lease_owner, lease_until, fence,
         cancel_asked, line, error, progress, created_by, started_at"
    };
}

record! {
    /// A job as a runner needs it.
    #[derive(Debug, Clone)]
    pub(crate) struct Row {
        pub(crate) org_id: Id<Organization>,
        pub(crate) id: JobId,
        pub(crate) kind: String,
        pub(crate) payload: Json,
        place: String,
        status: Status,
        attempts: u32,
        pub(crate) max_attempts: u32,
        run_at: Timestamp,
        lease_owner: Option<[u8; 16]>,
        lease_until: Option<Timestamp>,
        fence: i64,
        cancel_asked: bool,
        line: Option<String>,
        error: Option<String>,
        pub(crate) progress: u8,
        pub(crate) created_by: Option<Id<User>>,
        started_at: Option<Timestamp>,
    }
}

record! {
    /// A job as it is shown.
    struct Shown {
        id: JobId,
        kind: String,
        status: Status,
        progress: u8,
        attempts: u32,
        max_attempts: u32,
        run_at: Timestamp,
        error: Option<String>,
        result: Option<Json>,
        created_by: Option<Id<User>>,
        created_at: Timestamp,
        started_at: Option<Timestamp>,
        finished_at: Option<Timestamp>,
    }
}

record! {
    /// What there is to do, and when there will be more.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Outlook {
        /// An event waits for the relay.
        pub(crate) event: Option<i64>,
        /// A job is due.
        pub(crate) due: Option<i64>,
        /// The first of those whose time has not come.
        pub(crate) later: Option<Timestamp>,
        /// The first lease to end.
        pub(crate) lease: Option<Timestamp>,
        /// The first schedule to fire.
        pub(crate) schedule: Option<Timestamp>,
    }
}

impl Column for Status {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        let text = String::read(cell)?;
        Self::read(&text).ok_or_else(|| DbError::Decode(format!("{text} is no status of a job")))
    }
}

impl Bind for Status {
    fn value(&self) -> Value<'_> {
        Value::Text(self.as_str())
    }
}

impl Stage {
    const fn place(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Later => "later",
            Self::Behind => "behind",
            Self::Leased(_) => "leased",
            Self::Done(_) => "done",
        }
    }

    pub(crate) const fn status(self) -> Status {
        match self {
            Self::Due | Self::Later | Self::Behind => Status::Queued,
            Self::Leased(_) => Status::Running,
            Self::Done(status) => status,
        }
    }
}

impl Row {
    pub(crate) fn course(&self) -> Result<Course, DbError> {
        let stage = match (self.place.as_str(), self.lease_owner, self.lease_until) {
            ("due", ..) => Stage::Due,
            ("later", ..) => Stage::Later,
            ("behind", ..) => Stage::Behind,
            ("leased", Some(owner), Some(until)) => {
                Stage::Leased(Lease { owner: Uuid::from_bytes(owner), until })
            }
            ("done", ..) => Stage::Done(self.status),
            (place, ..) => return Err(DbError::Decode(format!("a job stands in the place {place}"))),
        };
        Ok(Course {
            stage,
            attempts: self.attempts,
            max_attempts: self.max_attempts,
            run_at: self.run_at,
            fence: self.fence,
            cancel_asked: self.cancel_asked,
            error: self.error.clone(),
        })
    }
}

impl From<Shown> for Job {
    fn from(row: Shown) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            status: row.status,
            progress: row.progress,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            run_at: row.run_at,
            error: row.error,
            result: row.result.and_then(|json| json.read().ok()),
            created_by: row.created_by,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

pub(super) fn get(tx: &Tx<'_>, id: JobId) -> Result<Option<Job>, DbError> {
    let row: Option<Shown> = tx.one(
        "SELECT id, kind, status, progress, attempts, max_attempts, run_at, error, result, created_by, created_at,
            started_at, finished_at
         FROM jobs WHERE org_id = $1 AND id = $2",
        &[&id],
    )?;
    Ok(row.map(Job::from))
}

pub(super) fn list(tx: &Tx<'_>, request: &ListRequest) -> Result<Page<Job>, ListError> {
    Ok(tx.list::<Shown>(&LIST, request, None)?.map(Job::from))
}

/// Removes the jobs of the organization that nobody does, and asks those to stop that somebody does; gives how many those
/// are.
pub(crate) fn abandon(unit: &Unit<'_>) -> Result<u64, DbError> {
    unit.execute("DELETE FROM jobs WHERE org_id = $1 AND place <> 'leased'", &[])?;
    unit.execute("UPDATE jobs SET cancel_asked = $2 WHERE org_id = $1 AND place = 'leased'", &[&true])
}

/// Writes a new job. Of one that is to be unique and waits or runs already, gives that one's id instead.
pub(crate) fn insert(unit: &Unit<'_>, new: &NewJob) -> Result<JobId, DbError> {
    let now = unit.surroundings().now();
    let run_at = match new.start {
        Start::Now => now,
        Start::After(delay) => now + delay,
        Start::At(time) => time,
    };
    let stage = match &new.place {
        Some(InLine { line, .. }) if is_busy(unit, line)? => Stage::Behind,
        _ if run_at > now => Stage::Later,
        _ => Stage::Due,
    };
    let id: JobId = unit.surroundings().id_at(now);
    let inserted = unit.execute(
        "INSERT INTO jobs (org_id, id, kind, payload, status, place, progress, attempts, max_attempts, run_at, fence,
            cancel_asked, unique_key, line, line_at, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8, 0, FALSE, $9, $10, $11, $12, $13)
         ON CONFLICT (org_id, kind, unique_key) WHERE unique_key IS NOT NULL AND place <> 'done' DO NOTHING",
        &[
            &id,
            &new.kind,
            &new.payload,
            &stage.status(),
            &stage.place(),
            &new.max_attempts,
            &run_at,
            &new.unique,
            &new.place.as_ref().map(|place| &place.line),
            &new.place.as_ref().map(|place| place.number),
            &new.by,
            &now,
        ],
    )?;
    if inserted > 0 {
        return Ok(id);
    }
    let present: Option<(JobId,)> = unit.one(
        "SELECT id FROM jobs WHERE org_id = $1 AND kind = $2 AND unique_key = $3 AND place <> 'done'",
        &[&new.kind, &new.unique],
    )?;
    match present {
        Some((present,)) => Ok(present),
        // It ended between the two statements.
        None => insert(unit, new),
    }
}

/// Has a job of the line not ended? Then the last of them is locked until the unit ends: it can't end without seeing
/// who stands behind it.
fn is_busy(unit: &Unit<'_>, line: &str) -> Result<bool, DbError> {
    loop {
        let last: Option<(JobId,)> = unit.one(
            "SELECT id FROM jobs WHERE org_id = $1 AND line = $2 AND place <> 'done' ORDER BY line_at DESC LIMIT 1",
            &[&line],
        )?;
        let Some((last,)) = last else { return Ok(false) };
        let locked = unit.execute(
            "UPDATE jobs SET fence = fence WHERE org_id = $1 AND id = $2 AND place <> 'done'",
            &[&last],
        )?;
        if locked > 0 {
            return Ok(true);
        }
    }
}

/// The job, locked until the unit ends.
pub(crate) fn lock(unit: &Unit<'_>, id: JobId) -> Result<Option<Row>, DbError> {
    // An UPDATE locks the row on every database.
    unit.one(
        concat!("UPDATE jobs SET fence = fence WHERE org_id = $1 AND id = $2 RETURNING ", columns!()),
        &[&id],
    )
}

/// What is written beside the course of a job.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside<'a> {
    pub(crate) result: Option<&'a Json>,
    /// When it can be forgotten, if it has ended.
    pub(crate) forget_at: Option<Timestamp>,
}

/// Writes where a locked job stands now. When it has ended, the next of its line is due, or waits
/// for its time.
pub(crate) fn save(
    unit: &Unit<'_>,
    row: &Row,
    course: &Course,
    beside: &Beside<'_>,
    now: Timestamp,
) -> Result<(), DbError> {
    let lease = match course.stage {
        Stage::Leased(lease) => Some(lease),
        _ => None,
    };
    let begins = lease.is_some() && row.place != "leased";
    let ended = matches!(course.stage, Stage::Done(_));
    let progress = if course.stage == Stage::Done(Status::Completed) { 100 } else { row.progress };
    // One that is run again by hand has left its line, which went on without it.
    let line = row.line.as_deref().filter(|_| row.place != "done");
    unit.execute(
        "UPDATE jobs SET status = $3, place = $4, attempts = $5, run_at = $6, lease_owner = $7, lease_until = $8,
            fence = $9, cancel_asked = $10, error = $11, result = $12, progress = $13, started_at = $14,
            finished_at = $15, forget_at = $16, line = $17
         WHERE org_id = $1 AND id = $2",
        &[
            &row.id,
            &course.stage.status(),
            &course.stage.place(),
            &course.attempts,
            &course.run_at,
            &lease.map(|lease| lease.owner.into_bytes()),
            &lease.map(|lease| lease.until),
            &course.fence,
            &course.cancel_asked,
            &course.error,
            &beside.result,
            &progress,
            &(if begins { Some(now) } else { row.started_at }),
            &ended.then_some(now),
            &beside.forget_at,
            &line,
        ],
    )?;
    if ended
        && let Some(line) = line
        && row.place != "behind"
    {
        unit.execute(
            "UPDATE jobs SET place = CASE WHEN run_at > $3 THEN 'later' ELSE 'due' END WHERE org_id = $1 AND id = (
                SELECT id FROM jobs WHERE org_id = $1 AND line = $2 AND place <> 'done' AND place = 'behind'
                ORDER BY line_at LIMIT 1)",
            &[&line, &now],
        )?;
    }
    if lease.is_none() {
        // Others may be due now: this one again, or the next of its line.
        unit.signal_work();
    }
    Ok(())
}

const DUE: Taking = taking!(
    concat!(
        "SELECT ",
        columns!(),
        " FROM jobs WHERE place = 'due' AND org_id > $1 ORDER BY org_id, run_at, id LIMIT 1"
    ),
    ""
);

/// The first due job of the next organization after that one that has any, taken for this unit: whoever goes round
/// the organizations so serves each in turn, however much the others have.
pub(crate) fn take_due(everywhere: &Everywhere<'_>, after: Uuid) -> Result<Option<Row>, DbError> {
    everywhere.one(everywhere.taking(&DUE), &[&after.into_bytes()])
}

const EXPIRED: Taking = taking!(
    concat!(
        "SELECT ",
        columns!(),
        " FROM jobs WHERE place = 'leased' AND lease_until <= $1 ORDER BY lease_until LIMIT 100"
    ),
    ""
);

/// Some of the jobs whose leases have ended, taken for this unit.
pub(crate) fn take_expired(everywhere: &Everywhere<'_>, now: Timestamp) -> Result<Vec<Row>, DbError> {
    everywhere.all(everywhere.taking(&EXPIRED), &[&now])
}

const PROMOTE: Taking = taking!(
    "UPDATE jobs SET place = 'due' WHERE (org_id, id) IN (
        SELECT org_id, id FROM jobs WHERE place = 'later' AND run_at <= $1 ORDER BY run_at LIMIT 500",
    ")"
);

/// Makes some of those due whose time has come; gives their number.
pub(crate) fn promote(everywhere: &Everywhere<'_>, now: Timestamp) -> Result<u64, DbError> {
    everywhere.execute(everywhere.taking(&PROMOTE), &[&now])
}

/// Prolongs a lease. Tells whether cancellation was asked for; None if the lease is lost.
pub(crate) fn renew(
    everywhere: &Everywhere<'_>,
    (org, id, fence): (Id<Organization>, JobId, i64),
    until: Timestamp,
) -> Result<Option<bool>, DbError> {
    let row: Option<(bool,)> = everywhere.one(
        "UPDATE jobs SET lease_until = $4 WHERE org_id = $1 AND id = $2 AND fence = $3 AND place = 'leased'
         RETURNING cancel_asked",
        &[&org, &id, &fence, &until],
    )?;
    Ok(row.map(|(cancel_asked,)| cancel_asked))
}

/// Locks a job that is still held with that fence number. False if it isn't.
pub(crate) fn hold(unit: &Unit<'_>, id: JobId, fence: i64) -> Result<bool, DbError> {
    let held = unit.execute(
        "UPDATE jobs SET fence = fence WHERE org_id = $1 AND id = $2 AND fence = $3 AND place = 'leased'",
        &[&id, &fence],
    )?;
    Ok(held > 0)
}

/// Removes a job that waits for its time.
pub(crate) fn withdraw(unit: &Unit<'_>, id: JobId) -> Result<(), DbError> {
    unit.execute("DELETE FROM jobs WHERE org_id = $1 AND id = $2 AND place = 'later'", &[&id])?;
    Ok(())
}

/// Notes how far a job is. False if it isn't held with that fence number.
pub(crate) fn note_progress(unit: &Unit<'_>, id: JobId, fence: i64, progress: u8) -> Result<bool, DbError> {
    let held = unit.execute(
        "UPDATE jobs SET progress = $4 WHERE org_id = $1 AND id = $2 AND fence = $3 AND place = 'leased'",
        &[&id, &fence, &progress],
    )?;
    Ok(held > 0)
}

/// What there is to do: five looks at the ends of indexes.
pub(crate) fn outlook(everywhere: &Everywhere<'_>) -> Result<Outlook, DbError> {
    let outlook = everywhere.one(
        "SELECT (SELECT seq FROM outbox ORDER BY seq LIMIT 1),
            (SELECT run_at FROM jobs WHERE place = 'due' LIMIT 1),
            (SELECT run_at FROM jobs WHERE place = 'later' ORDER BY run_at LIMIT 1),
            (SELECT lease_until FROM jobs WHERE place = 'leased' ORDER BY lease_until LIMIT 1),
            (SELECT next_at FROM schedules WHERE enabled ORDER BY next_at LIMIT 1)",
        &[],
    )?;
    outlook.ok_or_else(|| DbError::Engine("a statement without FROM gave no row".to_owned()))
}

/// How many jobs are due, as far as it is worth counting.
pub(crate) fn count_due(everywhere: &Everywhere<'_>) -> Result<u64, DbError> {
    let counted: Option<(u64,)> = everywhere
        .one("SELECT count(*) FROM (SELECT 1 FROM jobs WHERE place = 'due' LIMIT 10000) some_due", &[])?;
    Ok(counted.map_or(0, |(count,)| count))
}

/// Jobs that one unit forgets at the most.
pub(crate) const FORGOTTEN_AT_ONCE: u64 = 500;

const FORGET: Taking = taking!(
    "DELETE FROM jobs WHERE (org_id, id) IN (
        SELECT org_id, id FROM jobs WHERE place = 'done' AND forget_at <= $1 ORDER BY forget_at LIMIT 500",
    ") RETURNING org_id, id"
);

/// Forgets some of those that have been remembered long enough, and gives back the objects that they had; gives their
/// number.
pub(crate) fn forget(everywhere: &Everywhere<'_>, now: Timestamp) -> Result<u64, DbError> {
    let forgotten: Vec<(Id<Organization>, JobId)> = everywhere.all(everywhere.taking(&FORGET), &[&now])?;
    for (org, id) in &forgotten {
        objects::release(everywhere, *org, id.as_bytes())?;
    }
    Ok(forgotten.len() as u64)
}

/// How the database goes about what runners ask again and again, with the index that each is to seek in.
#[cfg(test)]
pub(crate) fn plans(
    everywhere: &Everywhere<'_>,
    now: Timestamp,
) -> Result<Vec<(&'static str, crate::db::Plan)>, DbError> {
    let plan = |statement: &Taking, param: &dyn Bind| everywhere.plan(everywhere.taking(statement), &[param]);
    Ok(vec![
        ("jobs_due", plan(&DUE, &Uuid::nil().into_bytes())?),
        ("jobs_leased", plan(&EXPIRED, &now)?),
        ("jobs_later", plan(&PROMOTE, &now)?),
        ("jobs_done", plan(&FORGET, &now)?),
    ])
}
