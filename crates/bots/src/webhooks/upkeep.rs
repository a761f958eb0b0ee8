//! What is done regularly: deliveries are forgotten after a while, and webhooks that have failed for too long are
//! switched off even if nothing was sent lately.

use chrono::TimeDelta;
use gateway::Module;
use kernel::{Id, id::WebhookId, id::kind::Organization};
use platform::{
    db::DbError,
    jobs::{JobContext, JobError, JobKind, in_small_units},
    schedules::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Webhooks, model::DisabledReason, sending::switch_off, store};

/// Forgets old deliveries and switches off what fails.
pub(super) const TIDY: JobKind<()> = JobKind::new("webhooks.tidy");
/// Removes the deliveries of a webhook that was deleted.
pub(super) const FORGET: JobKind<Deleted> = JobKind::new("webhooks.forget").attempts(10);

/// The webhook that is gone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Deleted {
    pub(super) webhook_id: WebhookId,
}

/// The jobs of upkeep.
pub(super) fn with_jobs(module: Module, webhooks: &Webhooks) -> Module {
    let tidies = webhooks.clone();
    module
        .job(&TIDY, move |job, ()| {
            let webhooks = tidies.clone();
            async move { webhooks.tidy(job).await }
        })
        .job(&FORGET, |job, deleted: Deleted| forget(job, deleted.webhook_id))
        .schedule(Schedule::new("webhooks.tidy", "17 * * * *", TIDY.job(&())))
}

async fn forget(job: JobContext, webhook: WebhookId) -> Result<Value, JobError> {
    let forget = || job.write(move |unit| Ok(store::forget_of(unit, webhook)?));
    in_small_units(|| job.check(), store::AT_ONCE, forget).await?;
    Ok(Value::Null)
}

impl Webhooks {
    pub(super) async fn tidy(&self, job: JobContext) -> Result<Value, JobError> {
        let organizations: Result<_, DbError> = self.db().read_server(store::organizations).await;
        let mut forgotten = 0;
        for org in organizations? {
            forgotten += self.forget_old(&job, org).await?;
        }
        let disabled = self.switch_off_failing().await?;
        Ok(json!({ "forgotten": forgotten, "disabled": disabled }))
    }

    async fn forget_old(&self, job: &JobContext, org: Id<Organization>) -> Result<u64, JobError> {
        let before = self.now() - TimeDelta::days(self.settings().webhook_delivery_days.into());
        let forget = || self.db().write(org, move |unit| store::forget_before(unit, before));
        in_small_units(|| job.check(), store::AT_ONCE, forget).await
    }

    async fn switch_off_failing(&self) -> Result<u64, DbError> {
        let now = self.now();
        let patience = TimeDelta::days(self.settings().webhook_days_without_success.into());
        let failing = self.db().read_server(store::failing).await?;
        let mut disabled = 0;
        for (org, id, _) in failing.into_iter().filter(|(.., since)| now - *since >= patience) {
            let switched = self.db().write(org, move |unit| {
                store::lock(unit, id)?;
                // One that succeeded meanwhile stays.
                let hook = store::get(unit, id)?;
                let hook =
                    hook.filter(|hook| hook.failing_since.is_some_and(|since| now - since >= patience));
                let Some(hook) = hook else { return Ok(0) };
                switch_off(unit, &hook, DisabledReason::Failing, now)?;
                Ok::<_, DbError>(1)
            });
            disabled += switched.await?;
        }
        Ok(disabled)
    }
}
