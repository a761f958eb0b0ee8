//! Removing uploads that nobody has sent.

use chrono::TimeDelta;
use gateway::Module;
use platform::{
    jobs::{JobContext, JobError, JobKind, in_small_units},
    schedules::Schedule,
};
use serde_json::{Value, json};

use crate::conversations::{Conversations, store};

const SWEEP: JobKind<()> = JobKind::new("conversations.sweep_uploads");
/// How long an upload waits to be sent.
const GRACE: TimeDelta = TimeDelta::days(1);
/// Rows that one unit removes.
const AT_ONCE: i64 = 200;

/// The job that sweeps.
pub(in crate::conversations) fn with_jobs(module: Module, conversations: &Conversations) -> Module {
    let conversations = conversations.clone();
    module.job(&SWEEP, move |job, ()| sweep(job, conversations.clone())).schedule(Schedule::new(
        "conversations.sweep_uploads",
        "23 * * * *",
        SWEEP.job(&()),
    ))
}

async fn sweep(job: JobContext, conversations: Conversations) -> Result<Value, JobError> {
    let db = &conversations.db;
    let before = conversations.surroundings.now() - GRACE;
    let mut swept = 0;
    for (org,) in db.read_server(store::with_unsent).await? {
        let sweep = || db.write(org, move |unit| store::delete_unsent(unit, before, AT_ONCE));
        swept += in_small_units(|| job.check(), AT_ONCE.unsigned_abs(), sweep).await?;
    }
    Ok(json!({ "uploads": swept }))
}
