//! Removing what a deleted conversation had. It can be much, so it is a job, in small units.

use std::time::Duration;

use gateway::Module;
use kernel::{
    Id,
    id::{
        ConversationId,
        kind::{Conversation, User},
    },
};
use platform::{
    db::{DbError, Unit},
    jobs::{JobContext, JobError, JobKind, in_small_units},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store;

/// Its attempts last for days: nobody else would remove it.
const REMOVE: JobKind<Deleted> =
    JobKind::new("conversations.remove").attempts(100).time_limit(Duration::from_hours(6));
/// Rows that one unit removes.
const AT_ONCE: u64 = 1000;

/// A conversation that is no more.
#[derive(Debug, Serialize, Deserialize)]
struct Deleted {
    conversation_id: ConversationId,
}

/// The job of removal.
pub(super) fn with_jobs(module: Module) -> Module {
    module.job(&REMOVE, |job, deleted: Deleted| remove(job, deleted.conversation_id))
}

/// The job that removes what the conversation had.
pub(super) fn enqueue(unit: &Unit<'_>, id: Id<Conversation>, by: Option<Id<User>>) -> Result<(), DbError> {
    let job = REMOVE.job(&Deleted { conversation_id: id }).unique(id.to_string());
    unit.enqueue(&match by {
        Some(user) => job.by(user),
        None => job,
    })?;
    Ok(())
}

async fn remove(job: JobContext, id: Id<Conversation>) -> Result<Value, JobError> {
    let remove = || job.write(move |unit| Ok(store::delete_some(unit, id, AT_ONCE)?));
    in_small_units(|| job.check(), AT_ONCE, remove).await?;
    Ok(Value::Null)
}
