//! Jobs over HTTP.

use gateway::{Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::{id::JobId, list::Page};

use super::{Job, JobService, service::JobList};

/// Background jobs of the organization.
///
/// Those of the server itself belong to the server's first organization.
#[utoipa::path(
    get,
    path = "/admin/jobs",
    params(ListQuery<JobList>),
    responses((status = 200, body = Envelope<Page<Job>>)),
)]
pub(super) async fn list(
    State(jobs): State<JobService>,
    Caller(who): Caller,
    query: ListQuery<JobList>,
) -> Result<Reply<Page<Job>>> {
    Ok(Reply::ok(jobs.list(&who, query.0).await?))
}

/// One job.
///
/// With its attempts and why the last one failed.
#[utoipa::path(
    get,
    path = "/admin/jobs/{job_id}",
    params(("job_id" = JobId, Path)),
    responses((status = 200, body = Envelope<Job>)),
)]
pub(super) async fn get(
    State(jobs): State<JobService>,
    Caller(who): Caller,
    Path(id): Path<JobId>,
) -> Result<Reply<Job>> {
    Ok(Reply::ok(jobs.get(&who, id).await?))
}

/// Run a failed or dead job again.
///
/// From its first attempt, at once.
#[utoipa::path(
    post,
    path = "/admin/jobs/{job_id}/retry",
    params(("job_id" = JobId, Path)),
    responses(
        (status = 200, body = Envelope<Job>),
        (status = 409, description = "`job_not_failed`, or `job_superseded` by another that does the same"),
    ),
)]
pub(super) async fn retry(
    State(jobs): State<JobService>,
    Caller(who): Caller,
    Path(id): Path<JobId>,
) -> Result<Reply<Job>> {
    Ok(Reply::ok(jobs.retry(who, id).await?))
}

/// Cancel a waiting or running job.
///
/// One that waits is cancelled at once. One that runs is asked to stop, still shows as `running`, and is dropped if it
/// does not stop within seconds; if it is done before that, it is `completed`.
#[utoipa::path(
    post,
    path = "/admin/jobs/{job_id}/cancel",
    params(("job_id" = JobId, Path)),
    responses((status = 200, body = Envelope<Job>), (status = 409, description = "`job_finished`")),
)]
pub(super) async fn cancel(
    State(jobs): State<JobService>,
    Caller(who): Caller,
    Path(id): Path<JobId>,
) -> Result<Reply<Job>> {
    Ok(Reply::ok(jobs.cancel(who, id).await?))
}

/// How far a job is that the caller started.
///
/// What every 202 points at.
#[utoipa::path(
    get,
    path = "/jobs/{job_id}",
    params(("job_id" = JobId, Path)),
    responses((status = 200, body = Envelope<Job>)),
)]
pub(super) async fn follow(
    State(jobs): State<JobService>,
    Caller(who): Caller,
    Path(id): Path<JobId>,
) -> Result<Reply<Job>> {
    Ok(Reply::ok(jobs.follow(&who, id).await?))
}
