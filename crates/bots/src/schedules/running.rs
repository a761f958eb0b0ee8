//! Running what its time has come for. What becomes of a run and the job of the next one stand in the unit of the run.

use std::sync::Arc;

use chrono::TimeDelta;
use gateway::{
    Module,
    command::{Draft, NotWritten},
};
use kernel::{
    Error, Kind, Timestamp,
    id::{JobId, ScheduleId},
};
use platform::{
    db::{DbError, Unit},
    jobs::{JobContext, JobError, JobKind},
    schedules::{Schedule, Times},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Schedules,
    store::{self, ScheduleRow},
};
use crate::{
    bots::{self, LOOK_AGAIN, store::BotRow},
    conversations::once::{After, Once, Runner},
    logs::Notes,
};

/// Runs a script when its time has come. Its attempts last for days: nobody else would go on.
const RUN: JobKind<Due> = JobKind::new("bots.scheduled").attempts(100);
/// Runs it now, beside its schedule, because somebody wants that.
pub(super) const RUN_NOW: JobKind<Due> = JobKind::new("bots.scheduled_now").attempts(3);
/// Plans anew what lost its job: somebody cancelled it, or it was given up.
const RESUME: JobKind<()> = JobKind::new("bots.resume_schedules");

/// Minutes after which a schedule that did not run is taken for one that lost its job.
const LOST: i64 = 60;

/// The schedule that is due.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) schedule_id: ScheduleId,
}

/// Has it run then: the row and the job name each other.
pub(super) fn plan(unit: &Unit<'_>, schedule_id: ScheduleId, at: Timestamp) -> Result<(), DbError> {
    let job = unit.enqueue(&RUN.job(&Due { schedule_id }).at(at))?;
    store::set_next(unit, schedule_id, Some((at, job)))
}

/// The jobs that run.
pub(super) fn with_jobs(module: Module, schedules: &Schedules) -> Module {
    let (planned, wanted, resumes) = (schedules.clone(), schedules.clone(), schedules.clone());
    module
        .job(&RUN, move |job, due: Due| {
            let schedules = planned.clone();
            async move { schedules.run(&job, due.schedule_id, true).await }
        })
        .job(&RUN_NOW, move |job, due: Due| {
            let schedules = wanted.clone();
            async move { schedules.run(&job, due.schedule_id, false).await }
        })
        .job(&RESUME, move |_, ()| resume(resumes.clone()))
        .schedule(Schedule::new("bots.resume_schedules", "23 * * * *", RESUME.job(&())))
}

async fn resume(schedules: Schedules) -> Result<Value, JobError> {
    let now = schedules.conversations.now();
    let resumed = schedules.db.write_server(move |unit| {
        let stuck = store::stuck(unit, now - TimeDelta::minutes(LOST))?;
        for (org, id) in &stuck {
            plan(&unit.org(*org), *id, now)?;
        }
        Ok::<_, DbError>(stuck.len())
    });
    Ok(json!({ "schedules": resumed.await? }))
}

impl Schedules {
    async fn run(&self, job: &JobContext, id: ScheduleId, is_planned: bool) -> Result<Value, JobError> {
        let found = self.db.read(job.org(), move |tx| {
            let Some(row) = store::get(tx, id)? else { return Ok(None) };
            let bot = bots::store::by_id(tx, row.bot_id)?;
            Ok::<_, DbError>(bot.map(|bot| (row, bot)))
        });
        let Some((row, bot)) = found.await? else { return Ok(Value::Null) };
        // Another job has taken its place, or it is done.
        if is_planned && row.job != Some(job.id()) {
            return Ok(Value::Null);
        }
        if bot.status != "active" {
            return self.pass_over(job, row, is_planned).await;
        }
        match self.begin(job, &row, &bot, is_planned).await {
            Ok(result) => Ok(result),
            // The script is to blame.
            Err(error) if matches!(error.kind(), Kind::Validation | Kind::Conflict) => {
                self.fail(job, &row, is_planned, error.message().to_owned()).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Runs the script as the bot.
    async fn begin(
        &self,
        job: &JobContext,
        row: &ScheduleRow,
        bot: &BotRow,
        is_planned: bool,
    ) -> Result<Value, Error> {
        let script = self.conversations.script_of(job.org(), bot, &row.script).await?;
        let script = script.ok_or_else(|| {
            let message = format!("The package has no script {} that can run.", row.script);
            Error::conflict(message, "script_not_found")
        })?;
        let given: Vec<Value> = row.arguments.read()?;
        let inputs = self.conversations.inputs(&script, given)?;
        let (this, id) = (job.clone(), row.id);
        let after: After = Arc::new(move |unit: &Unit<'_>, failure: Option<&str>| {
            // The run stands only if this attempt still has the job, and then the job is done.
            this.complete_in(unit, &json!({ "failed": failure })).map_err(|error| match error {
                JobError::Interrupted | JobError::NotYet(_) => NotWritten::Interrupted,
                JobError::Retry(error) | JobError::RetryAfter(error, _) | JobError::Fail(error) => {
                    NotWritten::Refused(error.message().to_owned())
                }
            })?;
            Ok(note(unit, id, is_planned.then_some(this.id()), failure)?)
        });
        let name = Some(job.id().to_string());
        let once = Once { program: script.hash().0, inputs, conversation: None, after: Some(after), name };
        let ran = self.conversations.run_once(&Runner::bot(job.org(), bot.id), bot.id, once).await?;
        Ok(json!({ "failed": ran.failure.map(|(_, message)| message) }))
    }

    /// The bot is off: what runs again has its next time, and what was to run once waits on.
    async fn pass_over(
        &self,
        job: &JobContext,
        row: ScheduleRow,
        is_planned: bool,
    ) -> Result<Value, JobError> {
        if row.cron.is_some() || !is_planned {
            return self.fail(job, &row, is_planned, "The bot is off.".to_owned()).await;
        }
        let (id, at) = (row.id, self.conversations.now() + LOOK_AGAIN);
        job.complete_with(move |unit| {
            plan(unit, id, at)?;
            Ok(Value::Null)
        })
        .await
    }

    /// Notes that it could not even begin, for the author, too.
    async fn fail(
        &self,
        job: &JobContext,
        row: &ScheduleRow,
        is_planned: bool,
        failure: String,
    ) -> Result<Value, JobError> {
        let (id, bot, this) = (row.id, row.bot_id, is_planned.then_some(job.id()));
        let said = format!("{}: {failure}", row.script);
        job.complete_with(move |unit| {
            let mut notes = Notes::default();
            notes.begin(bot, unit.surroundings().id());
            notes.failed(&said);
            match notes.write(unit, unit.surroundings().now()) {
                Err(NotWritten::Database(error)) => return Err(error.into()),
                _ => note(unit, id, this, Some(&failure))?,
            }
            Ok(json!({ "failed": failure }))
        })
        .await
    }
}

/// Notes what came of a run, and says when the next one is. `job` is the one that ran, where it was planned.
fn note(unit: &Unit<'_>, id: ScheduleId, job: Option<JobId>, failure: Option<&str>) -> Result<(), DbError> {
    if !store::lock(unit, id)? {
        return Ok(());
    }
    let Some(row) = store::get(unit, id)? else { return Ok(()) };
    let now = unit.surroundings().now();
    if let Some(job) = job {
        if row.job != Some(job) {
            // It was planned anew while it ran: what the run did stands, and the new plan does.
            return Ok(());
        }
        let Some(cron) = &row.cron else {
            // What came of it stands in the bot's log.
            return store::delete(unit, id);
        };
        // The clock of the node that found it due may have been ahead of this one's.
        let after = row.next_at.map_or(now, |at| at.max(now));
        let next = Times::parse(cron, &row.timezone).ok().and_then(|times| times.next_after(after));
        match next {
            Some(next) => plan(unit, id, next)?,
            None => store::set_next(unit, id, None)?,
        }
    }
    store::set_last(unit, id, failure, now)
}
