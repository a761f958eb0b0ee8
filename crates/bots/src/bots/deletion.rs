//! Removing what a deleted bot had: its conversations, its package. It can be much, so it is a job.

use std::time::Duration;

use gateway::Module;
use kernel::{
    Id,
    id::{BotId, kind::Bot as BotKind},
};
use platform::{
    db::{DbError, Unit},
    jobs::{JobContext, JobError, JobKind},
    schedules::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    exports::{Exports, KEPT},
    store,
};

/// Removes what a deleted bot had. Its attempts last for half a day or so, because the last one gives up the export that
/// is wanted: a store that is away for an hour must not cost anybody their conversations.
pub(super) const DELETE: JobKind<DeletedBot> = JobKind::new("bots.delete")
    .attempts(20)
    .time_limit(Duration::from_hours(6))
    .backoff(Duration::from_secs(10), Duration::from_hours(2));

/// Looks for bots whose removal was given up, and begins it again.
const RESUME: JobKind<()> = JobKind::new("bots.resume_deletions");

/// Removes exports that were kept long enough.
const FORGET: JobKind<()> = JobKind::new("bots.forget_exports");

/// The bot whose removal has begun.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeletedBot {
    bot_id: BotId,
}

/// The jobs of deletion.
pub(super) fn with_jobs(module: Module, exports: &Exports) -> Module {
    let (removes, resumes, forgets) = (exports.clone(), exports.clone(), exports.clone());
    module
        .erases(erase_some)
        .job(&DELETE, move |job, bot: DeletedBot| remove(job, removes.clone(), bot.bot_id))
        .job(&RESUME, move |_, ()| resume(resumes.clone()))
        .schedule(Schedule::new("bots.resume_deletions", "41 * * * *", RESUME.job(&())))
        .job(&FORGET, move |_, ()| forget(forgets.clone()))
        .schedule(Schedule::new("bots.forget_exports", "11 * * * *", FORGET.job(&())))
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

/// In small units, so that nobody waits long for the writer, and a node that stops goes on elsewhere. What is wanted of
/// the conversations is kept, or given up, before any of them is removed.
async fn remove(job: JobContext, exports: Exports, id: Id<BotKind>) -> Result<Value, JobError> {
    Box::pin(exports.make(&job, id)).await?;
    let some = move |unit: &Unit<'_>| {
        let is_more = store::delete_some(unit, id)?;
        if !is_more {
            store::keep_export_until(unit, id, unit.surroundings().now() + KEPT)?;
        }
        Ok(is_more)
    };
    while job.write(some).await? {
        job.check()?;
    }
    exports.told(&job, id).await
}

/// The organization goes: so does some of what one of its bots had, tables that scripts made among it. True while there is
/// another bot.
fn erase_some(unit: &Unit<'_>) -> Result<bool, DbError> {
    let Some(bot) = store::any(unit)? else { return Ok(false) };
    store::delete_some(unit, bot)?;
    Ok(true)
}

async fn resume(exports: Exports) -> Result<Value, JobError> {
    let resumed = exports.db.write_server(|unit| {
        let bots = store::being_deleted(unit)?;
        for (org, id) in &bots {
            let unit = unit.org(*org);
            let by = store::export(&unit, *id)?.map(|export| export.user_id);
            enqueue(&unit, *id, by)?;
        }
        Ok::<_, DbError>(bots.len())
    });
    Ok(json!({ "bots": resumed.await? }))
}

async fn forget(exports: Exports) -> Result<Value, JobError> {
    let now = exports.surroundings.now();
    let forgotten = exports.db.write_server(move |unit| {
        let ended = store::ended_exports(unit, now)?;
        for (org, bot) in &ended {
            store::forget_export(&unit.org(*org), *bot)?;
        }
        Ok::<_, DbError>(ended.len())
    });
    Ok(json!({ "exports": forgotten.await? }))
}
