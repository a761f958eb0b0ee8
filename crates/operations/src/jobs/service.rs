//! What can be done with jobs.

use futures_util::{Stream, StreamExt};
use kernel::{
    Actor, Error, Permission,
    id::JobId,
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Unit},
    jobs::{self, Jobs},
};

use super::{Job, model::JobsError};

/// The list of jobs.
pub(super) enum JobList {}

impl Listed for JobList {
    const SPEC: ListSpec = SPEC;
}

/// What may be asked of the list.
pub(super) const SPEC: ListSpec = ListSpec {
    sorts: &[SortField::desc("created_at"), SortField::desc("run_at")],
    filters: &[
        FilterField::texts("kind", "Doing one of these, such as `bots.delete`."),
        FilterField::one_of(
            "status",
            &["queued", "running", "completed", "failed", "cancelled", "dead"],
            "In one of these states.",
        ),
    ],
    search: None,
};

/// The service of jobs. A cheap handle.
#[derive(Clone)]
pub struct JobService {
    db: Db,
    jobs: Jobs,
}

impl JobService {
    pub(super) fn new(db: Db, jobs: Jobs) -> Self {
        Self { db, jobs }
    }

    /// The jobs of the caller's organization.
    pub(super) async fn list(&self, who: &Actor, request: ListRequest) -> Result<Page<Job>, Error> {
        Ok(self.jobs.list(who.org, request).await?.map(Job::from))
    }

    /// One of them.
    pub(super) async fn get(&self, who: &Actor, id: JobId) -> Result<Job, JobsError> {
        let job = self.jobs.get(who.org, id).await?.ok_or(JobsError::NotFound)?;
        Ok(job.into())
    }

    /// A job that the caller started.
    pub(super) async fn follow(&self, who: &Actor, id: JobId) -> Result<Job, JobsError> {
        let job = self.jobs.get(who.org, id).await?.filter(|job| may_follow(who, job));
        Ok(job.ok_or(JobsError::NotFound)?.into())
    }

    /// A job as it stands, and then as it changes, for whoever started it and for who may see all of them.
    pub(super) async fn watch(
        &self,
        who: &Actor,
        id: JobId,
    ) -> Result<(Job, impl Stream<Item = Job> + Send + use<>), JobsError> {
        let (now, changes) = self.jobs.watch(who.org, id).await?.ok_or(JobsError::NotFound)?;
        if !may_follow(who, &now) && !who.may(Permission::ADMIN_MONITOR) {
            return Err(JobsError::NotFound);
        }
        Ok((now.into(), changes.map(Job::from)))
    }

    pub(super) async fn retry(&self, who: Actor, id: JobId) -> Result<Job, JobsError> {
        self.change(who, id, "job_retried", |jobs, unit, id| {
            Ok(jobs.retry(unit, id)?.ok_or(JobsError::NotFound)??)
        })
        .await
    }

    pub(super) async fn cancel(&self, who: Actor, id: JobId) -> Result<Job, JobsError> {
        self.change(who, id, "job_cancelled", |jobs, unit, id| {
            Ok(jobs.cancel(unit, id)?.ok_or(JobsError::NotFound)??)
        })
        .await
    }

    /// Changes a job, and notes who did.
    async fn change(
        &self,
        who: Actor,
        id: JobId,
        action: &'static str,
        change: fn(&Jobs, &Unit<'_>, JobId) -> Result<jobs::Job, JobsError>,
    ) -> Result<Job, JobsError> {
        let jobs = self.jobs.clone();
        self.db
            .write(who.org, move |unit| {
                let job = change(&jobs, unit, id)?;
                let entry = Audit::by(&who, action, Category::Administrative).on("job", id);
                unit.audit(entry.named(job.kind.as_str()))?;
                Ok(job.into())
            })
            .await
    }
}

/// The one function that decides who may follow a job: whoever started it.
fn may_follow(who: &Actor, job: &jobs::Job) -> bool {
    job.created_by.is_some_and(|user| who.is(user))
}
