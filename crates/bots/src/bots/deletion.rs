//! Removing what a deleted bot had: its conversations, its package. It can be much, so it is a job.

use std::time::Duration;

use gateway::Module;
use kernel::{
    Id,
    id::{BotId, kind::Bot as BotKind},
};
use platform::{
    db::{Db, DbError, Unit},
    jobs::{JobContext, JobError, JobKind},
    schedules::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store;

/// Removes what a deleted bot had.
pub(super) const DELETE: JobKind<DeletedBot> =
    JobKind::new("bots.delete").attempts(10).time_limit(Duration::from_hours(6));

/// Looks for bots whose removal was given up, and begins it again.
const RESUME: JobKind<()> = JobKind::new("bots.resume_deletions");

/// The bot whose removal has begun.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeletedBot {
    bot_id: BotId,
}

/// The jobs of deletion.
pub(super) fn with_jobs(module: Module, db: &Db) -> Module {
    let db = db.clone();
    module
        .job(&DELETE, |job, bot: DeletedBot| remove(job, bot.bot_id))
        .job(&RESUME, move |_, ()| resume(db.clone()))
        .schedule(Schedule::new("bots.resume_deletions", "41 * * * *", RESUME.job(&())))
}

/// The job that removes what the bot had.
pub(super) fn enqueue(
    unit: &Unit<'_>,
    id: Id<BotKind>,
    by: Option<kernel::id::UserId>,
) -> Result<kernel::id::JobId, DbError> {
    let job = DELETE.job(&DeletedBot { bot_id: id }).unique(id.to_string());
    unit.enqueue(&match by {
        Some(user) => job.by(user),
        None => job,
    })
}

/// In small units, so that nobody waits long for the writer, and a node that stops goes on elsewhere.
async fn remove(job: JobContext, id: Id<BotKind>) -> Result<Value, JobError> {
    while job.write(move |unit| Ok(store::delete_some(unit, id)?)).await? {
        job.check()?;
    }
    Ok(Value::Null)
}

async fn resume(db: Db) -> Result<Value, JobError> {
    let resumed = db.write_server(|unit| {
        let bots = store::being_deleted(unit)?;
        for (org, id) in &bots {
            enqueue(&unit.org(*org), *id, None)?;
        }
        Ok::<_, DbError>(bots.len())
    });
    Ok(serde_json::json!({ "bots": resumed.await? }))
}
