//! The table of schedules.

use kernel::{
    Id, Timestamp,
    id::{
        JobId, ScheduleId,
        kind::{Bot, Organization, Schedule as ScheduleKind},
    },
};
use platform::{
    db::{DbError, Filter, Json, ListOf, Migration, ServerTx, Tx, Unit},
    record,
};
use sea_query::{Condition, Expr, ExprTrait};

/// `plan` is what makes two of a script the same: what it declares, or the arguments that it was planned with.
pub(crate) const SCHEDULES: Migration = Migration::new(
    "m20261129_60_bots_schedules",
    "CREATE TABLE bot_schedules (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        bot_id uuid NOT NULL,
        script text NOT NULL,
        script_key keytext NOT NULL,
        plan keytext NOT NULL,
        arguments text NOT NULL,
        cron text,
        timezone text NOT NULL,
        declared boolean NOT NULL,
        job uuid,
        next_at bigint,
        last_at bigint,
        last_status text,
        last_error text,
        created_at bigint NOT NULL,
        PRIMARY KEY (org_id, id),
        UNIQUE (org_id, bot_id, script_key, plan)
    );
    CREATE INDEX bot_schedules_of_bot ON bot_schedules (org_id, bot_id, created_at, id);
    CREATE INDEX bot_schedules_next ON bot_schedules (next_at);",
);

record! {
    /// A schedule as the database has it.
    #[derive(Debug, Clone)]
    pub(super) struct ScheduleRow {
        pub(super) id: ScheduleId,
        pub(super) bot_id: Id<Bot>,
        pub(super) script: String,
        /// What makes two of a script the same.
        pub(super) plan: String,
        pub(super) arguments: Json,
        /// None if it runs once.
        pub(super) cron: Option<String>,
        pub(super) timezone: String,
        pub(super) declared: bool,
        /// The job of its next run.
        pub(super) job: Option<JobId>,
        pub(super) next_at: Option<Timestamp>,
        pub(super) last_at: Option<Timestamp>,
        pub(super) last_status: Option<String>,
        pub(super) last_error: Option<String>,
        pub(super) created_at: Timestamp,
    }
}

/// A schedule to be put up.
pub(super) struct Put<'a> {
    pub(super) bot: Id<Bot>,
    pub(super) script: &'a str,
    pub(super) plan: &'a str,
    pub(super) arguments: &'a Json,
    pub(super) cron: Option<&'a str>,
    pub(super) timezone: &'a str,
    pub(super) declared: bool,
    pub(super) next: Timestamp,
}

/// The schedules of one bot.
pub(super) const LIST: ListOf = ListOf {
    from: "bot_schedules s",
    columns:
        "s.id, s.bot_id, s.script, s.plan, s.arguments, s.cron, s.timezone, s.declared, s.job, s.next_at, s.last_at,
        s.last_status, s.last_error, s.created_at",
    org: "s.org_id",
    id: "s.id",
    sorts: &[("created_at", "s.created_at")],
    filters: &[("script", Filter::Text("s.script")), ("declared", Filter::Bool("s.declared"))],
    search: None,
};

/// Those of one bot.
pub(super) fn of_bot(id: Id<Bot>) -> Condition {
    Condition::all().add(Expr::cust("s.bot_id").eq(id.as_bytes().to_vec()))
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, bot_id, script, plan, arguments, cron, timezone, declared, job, next_at, last_at, last_status,
                last_error, created_at
             FROM bot_schedules WHERE org_id = $1",
            $rest
        )
    };
}

pub(super) fn get(tx: &Tx<'_>, id: Id<ScheduleKind>) -> Result<Option<ScheduleRow>, DbError> {
    tx.one(select!(" AND id = $2"), &[&id])
}

/// The schedule of a script with that plan.
pub(super) fn planned(
    tx: &Tx<'_>,
    bot: Id<Bot>,
    script: &str,
    plan: &str,
) -> Result<Option<ScheduleRow>, DbError> {
    let key = kernel::text::key(script);
    tx.one(select!(" AND bot_id = $2 AND script_key = $3 AND plan = $4"), &[&bot, &key, &plan])
}

/// All of a bot. They are limited.
pub(super) fn all_of(tx: &Tx<'_>, bot: Id<Bot>) -> Result<Vec<ScheduleRow>, DbError> {
    tx.all(select!(" AND bot_id = $2"), &[&bot])
}

/// Those of all organizations that should have run before that instant and did not.
pub(super) fn stuck(
    tx: &ServerTx<'_>,
    before: Timestamp,
) -> Result<Vec<(Id<Organization>, ScheduleId)>, DbError> {
    tx.across_organizations_with(
        "SELECT org_id, id FROM bot_schedules WHERE next_at < $1 ORDER BY next_at LIMIT 1000",
        &[&before],
    )
}

/// Puts up a schedule, or changes the one of the same plan; gives its id.
pub(super) fn put(unit: &Unit<'_>, put: &Put<'_>, at: Timestamp) -> Result<ScheduleId, DbError> {
    let id: ScheduleId = unit.surroundings().id_at(at);
    let key = kernel::text::key(put.script);
    let row = unit.one::<(ScheduleId,)>(
        "INSERT INTO bot_schedules (org_id, id, bot_id, script, script_key, plan, arguments, cron, timezone, declared,
            created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (org_id, bot_id, script_key, plan) DO UPDATE SET script = excluded.script, cron = excluded.cron,
            timezone = excluded.timezone
         RETURNING id",
        &[
            &id,
            &put.bot,
            &put.script,
            &key,
            &put.plan,
            put.arguments,
            &put.cron,
            &put.timezone,
            &put.declared,
            &at,
        ],
    )?;
    row.map(|(id,)| id).ok_or_else(|| DbError::Engine("a schedule was not put up".to_owned()))
}

/// Notes when the next run is, and the job that does it.
pub(super) fn set_next(
    unit: &Unit<'_>,
    id: ScheduleId,
    next: Option<(Timestamp, JobId)>,
) -> Result<(), DbError> {
    let (at, job) = next.unzip();
    unit.execute(
        "UPDATE bot_schedules SET next_at = $3, job = $4 WHERE org_id = $1 AND id = $2",
        &[&id, &at, &job],
    )?;
    Ok(())
}

/// Notes what came of a run.
pub(super) fn set_last(
    unit: &Unit<'_>,
    id: ScheduleId,
    failure: Option<&str>,
    at: Timestamp,
) -> Result<(), DbError> {
    let status = if failure.is_some() { "failed" } else { "succeeded" };
    unit.execute(
        "UPDATE bot_schedules SET last_at = $3, last_status = $4, last_error = $5 WHERE org_id = $1 AND id = $2",
        &[&id, &at, &status, &failure],
    )?;
    Ok(())
}

/// Locks the row against other units; false if it is gone.
pub(super) fn lock(unit: &Unit<'_>, id: ScheduleId) -> Result<bool, DbError> {
    Ok(unit.execute("UPDATE bot_schedules SET job = job WHERE org_id = $1 AND id = $2", &[&id])? == 1)
}

pub(super) fn delete(unit: &Unit<'_>, id: ScheduleId) -> Result<(), DbError> {
    unit.execute("DELETE FROM bot_schedules WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}

/// Has the bot more of them than that?
pub(super) fn has_more_than(tx: &Tx<'_>, bot: Id<Bot>, most: usize) -> Result<bool, DbError> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
    let found = tx.one::<(i64,)>(
        "SELECT count(*) FROM (SELECT 1 FROM bot_schedules WHERE org_id = $1 AND bot_id = $2 LIMIT $3) found",
        &[&bot, &limit],
    )?;
    Ok(found.is_some_and(|(number,)| number >= limit))
}

/// Removes what a deleted bot has.
pub(crate) fn forget_of(unit: &Unit<'_>, bot: Id<Bot>) -> Result<(), DbError> {
    for row in all_of(unit, bot)? {
        row.job.map_or(Ok(()), |job| unit.withdraw(job))?;
    }
    unit.execute("DELETE FROM bot_schedules WHERE org_id = $1 AND bot_id = $2", &[&bot])?;
    Ok(())
}
