//! Forgetting: lines that are old, and of each bot those before the last ones.

use chrono::TimeDelta;
use gateway::Module;
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Organization},
};
use platform::{
    db::DbError,
    jobs::{JobContext, JobError, JobKind, in_small_units},
    schedules::Schedule,
};
use serde_json::{Value, json};

use super::{Logs, store};

pub(super) const TIDY: JobKind<()> = JobKind::new("bots.tidy_logs");
/// Rows that one unit removes.
const AT_ONCE: i64 = 1000;

/// The job that forgets.
pub(super) fn with_jobs(module: Module, logs: &Logs) -> Module {
    let logs = logs.clone();
    module
        .job(&TIDY, move |job, ()| {
            let logs = logs.clone();
            async move { logs.tidy(Some(&job)).await }
        })
        .schedule(Schedule::new("bots.tidy_logs", "23 * * * *", TIDY.job(&())))
}

impl Logs {
    pub(super) async fn tidy(&self, job: Option<&JobContext>) -> Result<Value, JobError> {
        let (days, kept) = {
            let settings = self.settings.get();
            (settings.log_days, i64::from(settings.log_lines_per_bot))
        };
        let old = self.surroundings.now() - TimeDelta::days(days.into());
        let mut forgotten = 0;
        let bots: Result<_, DbError> = self.db.read_server(store::bots).await;
        for (org, bot) in bots? {
            let end: Result<_, DbError> = self.db.read(org, move |tx| store::end_of(tx, bot, kept)).await;
            forgotten += self.forget(job, org, bot, end?.unwrap_or(old).max(old)).await?;
        }
        Ok(json!({ "forgotten": forgotten }))
    }

    async fn forget(
        &self,
        job: Option<&JobContext>,
        org: Id<Organization>,
        bot: Id<Bot>,
        until: Timestamp,
    ) -> Result<u64, JobError> {
        let check = || job.map_or(Ok(()), JobContext::check);
        let forget = || self.db.write(org, move |unit| store::forget(unit, bot, until, AT_ONCE));
        in_small_units(check, AT_ONCE.unsigned_abs(), forget).await
    }
}
