//! Removing what was remembered for a while. Nobody sees it any more when its time is over; its row goes within the
//! hour.

use gateway::Module;
use platform::{
    jobs::{JobContext, JobError, JobKind, in_small_units},
    schedules::Schedule,
};
use serde_json::{Value, json};

use super::{Memories, store};

const FORGET: JobKind<()> = JobKind::new("memory.forget");
/// Rows that one unit removes.
const AT_ONCE: u64 = 1000;

/// The job that forgets.
pub(super) fn with_jobs(module: Module, memories: &Memories) -> Module {
    let memories = memories.clone();
    module.job(&FORGET, move |job, ()| forget(job, memories.clone())).schedule(Schedule::new(
        "memory.forget",
        "11 * * * *",
        FORGET.job(&()),
    ))
}

async fn forget(job: JobContext, memories: Memories) -> Result<Value, JobError> {
    let db = memories.db();
    let mut forgotten = 0;
    let now = memories.now();
    for (org,) in db.read_server(move |tx| store::with_ended(tx, now)).await? {
        let forget = || db.write(org, move |unit| store::delete_expired(unit, now, AT_ONCE));
        forgotten += in_small_units(|| job.check(), AT_ONCE, forget).await?;
    }
    Ok(json!({ "forgotten": forgotten }))
}
