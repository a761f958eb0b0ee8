//! Running what its time has come for. What becomes of a run and the job of the next one stand in the unit of the run.

use std::sync::Arc;

use gateway::{Module, command::NotWritten};
use kernel::{
    Error, Kind, Timestamp,
    id::{JobId, ScheduleId},
};
use platform::{
    db::{DbError, Unit},
    jobs::{JobContext, JobError, JobKind},
    schedules::Times,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Schedules,
    store::{self, ScheduleRow},
};
use crate::{
    bots::{self, store::BotRow},
    conversations::once::{After, Once, Runner},
};

/// Runs a script when its time has come. Its attempts last for days: nobody else would go on.
const RUN: JobKind<Due> = JobKind::new("bots.scheduled").attempts(100);
/// Runs it now, beside its schedule, because somebody wants that.
pub(super) const RUN_NOW: JobKind<Due> = JobKind::new("bots.scheduled_now").attempts(3);

/// The schedule that is due.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) schedule_id: ScheduleId,
}

/// The job of the next run.
pub(super) fn enqueue(unit: &Unit<'_>, schedule_id: ScheduleId, at: Timestamp) -> Result<JobId, DbError> {
    unit.enqueue(&RUN.job(&Due { schedule_id }).at(at))
}

/// The jobs that run.
pub(super) fn with_jobs(module: Module, schedules: &Schedules) -> Module {
    let (planned, wanted) = (schedules.clone(), schedules.clone());
    module
        .job(&RUN, move |job, due: Due| {
            let schedules = planned.clone();
            async move { schedules.run(&job, due.schedule_id, true).await }
        })
        .job(&RUN_NOW, move |job, due: Due| {
            let schedules = wanted.clone();
            async move { schedules.run(&job, due.schedule_id, false).await }
        })
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
        let this = job.id();
        let after: After = Arc::new(move |unit: &Unit<'_>, failure: Option<&str>| {
            after(unit, id, is_planned.then_some(this), failure)
        });
        let failure = if bot.status == "active" {
            match self.begin(job, &row, &bot, Arc::clone(&after)).await {
                Ok(failure) => return Ok(failure.map_or(Value::Null, Value::from)),
                // The script is to blame.
                Err(error) if error.kind() == Kind::Validation || error.kind() == Kind::Conflict => {
                    error.to_string()
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            "The bot is off.".to_owned()
        };
        job.write(move |unit| {
            after(unit, Some(&failure)).or_else(|error| match error {
                NotWritten::Database(error) => Err(error.into()),
                NotWritten::Overtaken | NotWritten::Refused(_) => Ok(()),
            })
        })
        .await?;
        Ok(Value::Null)
    }

    /// Runs the script as the bot; gives why it failed, if it did.
    async fn begin(
        &self,
        job: &JobContext,
        row: &ScheduleRow,
        bot: &BotRow,
        after: After,
    ) -> Result<Option<String>, Error> {
        let script = self.conversations.script_of(job.org(), bot, &row.script).await?;
        let given: Vec<Value> = row.arguments.read()?;
        let inputs = self.conversations.inputs(&script, given)?;
        let once = Once { program: script.hash().0, inputs, conversation: None, after: Some(after) };
        let ran = self.conversations.run_once(&Runner::bot(job.org(), bot.id), bot.id, once).await?;
        Ok(ran.failure.map(|(_, message)| message))
    }
}

/// Notes what came of a run, and says when the next one is. `job` is the one that ran, where it was planned.
fn after(
    unit: &Unit<'_>,
    id: ScheduleId,
    job: Option<JobId>,
    failure: Option<&str>,
) -> Result<(), NotWritten> {
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
            return Ok(store::delete(unit, id)?);
        };
        let next = Times::parse(cron, &row.timezone).ok().and_then(|times| times.next_after(now));
        store::set_next(unit, id, next)?;
        if let Some(next) = next {
            store::set_job(unit, id, enqueue(unit, id, next)?)?;
        }
    }
    Ok(store::set_last(unit, id, failure, now)?)
}
