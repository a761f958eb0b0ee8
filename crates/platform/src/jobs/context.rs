//! What a handler gets beside its payload: how to say how far it is, to notice that it should stop, and to make its
//! effects stand or fall with its job.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering},
    },
    time::Duration,
};

use kernel::{
    Error, Kind,
    id::{
        Id, JobId,
        kind::{Organization, User},
    },
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Backoff, Settings,
    lifecycle::{Ending, LeaseLost},
    store::{self, Beside},
    watching,
};
use crate::{
    bus::Bus,
    db::{Db, DbError, Json, Unit},
};

/// Why an attempt did not do what it should. The sentence of the error is shown with the job; its cause is logged.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may succeed another time.
    #[error("{0}")]
    Retry(Error),
    /// The same, and when it makes sense to try.
    #[error("{0}")]
    RetryAfter(Error, Duration),
    /// It never will.
    #[error("{0}")]
    Fail(Error),
    /// What it waits for has not come: it is looked at again after that long. The attempt does not count, and the job
    /// keeps its place in its line.
    #[error("The job waits.")]
    NotYet(Duration),
    /// It stopped because it was asked to, or because another node has the job now.
    #[error("The job was interrupted.")]
    Interrupted,
}

impl JobError {
    /// A failure that may pass, with a sentence for people.
    pub fn retry(sentence: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::Retry(Error::new(Kind::Unavailable, sentence))
    }

    /// A failure for good, with a sentence for people.
    pub fn fail(sentence: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::Fail(Error::new(Kind::Conflict, sentence))
    }
}

impl From<DbError> for JobError {
    fn from(error: DbError) -> Self {
        Self::Retry(error.into())
    }
}

/// What is not there, not allowed or not well formed stays so; what failed on our side may pass.
impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Internal
            | Kind::Unavailable
            | Kind::InsufficientStorage
            | Kind::RateLimited
            | Kind::Locked
            | Kind::PreconditionFailed => Self::Retry(error),
            _ => Self::Fail(error),
        }
    }
}

impl From<LeaseLost> for JobError {
    fn from(_: LeaseLost) -> Self {
        Self::Interrupted
    }
}

/// One attempt at a job. A cheap handle.
#[derive(Clone)]
pub struct JobContext(pub(super) Arc<Attempt>);

pub(super) struct Attempt {
    pub(super) db: Db,
    pub(super) bus: Bus,
    pub(super) settings: Settings,
    pub(super) backoff: Backoff,
    pub(super) org: Id<Organization>,
    pub(super) id: JobId,
    pub(super) created_by: Option<Id<User>>,
    pub(super) number: u32,
    pub(super) max_attempts: u32,
    pub(super) fence: i64,
    pub(super) progress: AtomicU8,
    /// When the lease ends, in microseconds, as far as this node knows.
    pub(super) held_until: AtomicI64,
    /// Cancellation was asked for.
    pub(super) cancel: CancellationToken,
    /// The lease is lost: others may have the job.
    pub(super) lost: CancellationToken,
    /// The server stops.
    pub(super) stopping: CancellationToken,
    /// What came of the job is written already.
    pub(super) settled: AtomicBool,
}

impl JobContext {
    /// The job.
    pub fn id(&self) -> JobId {
        self.0.id
    }

    /// The organization it belongs to.
    pub fn org(&self) -> Id<Organization> {
        self.0.org
    }

    /// Who started it; none if the server did.
    pub fn created_by(&self) -> Option<Id<User>> {
        self.0.created_by
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.number
    }

    /// Is there none after this one?
    pub fn is_last_attempt(&self) -> bool {
        self.0.number >= self.0.max_attempts
    }

    /// Rises with each attempt: a receiver that keeps the highest it has seen can refuse what comes late.
    pub fn fence(&self) -> i64 {
        self.0.fence
    }

    /// Should it stop, because somebody cancelled it or another node has it?
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_cancelled() || self.0.lost.is_cancelled()
    }

    /// Waits until it should stop for good. After a grace period the handler is dropped.
    pub async fn cancelled(&self) {
        tokio::select! {
            () = self.0.cancel.cancelled() => {}
            () = self.0.lost.cancelled() => {}
        }
    }

    /// Errors if a job of many steps should not begin another one: it was cancelled, or the server stops and another
    /// node can go on.
    pub fn check(&self) -> Result<(), JobError> {
        let stops = self.is_cancelled() || self.0.stopping.is_cancelled();
        if stops { Err(JobError::Interrupted) } else { Ok(()) }
    }

    /// Notes how far it is, 0 to 100. Written only when the number changes.
    pub async fn progress(&self, percent: u8) -> Result<(), JobError> {
        let percent = percent.min(100);
        if self.0.progress.swap(percent, Ordering::Relaxed) == percent {
            return Ok(());
        }
        let this = Arc::clone(&self.0);
        let noted = self.0.db.write(self.0.org, move |unit| {
            watching::tell(&this.bus, unit, this.id, this.created_by);
            store::note_progress(unit, this.id, this.fence, percent)
        });
        if noted.await? { Ok(()) } else { Err(JobError::Interrupted) }
    }

    /// A unit of work of the job's organization, which stays only while this attempt still has the job.
    pub async fn write<T, F>(&self, work: F) -> Result<T, JobError>
    where
        F: FnOnce(&Unit<'_>) -> Result<T, JobError> + Clone + Send + 'static,
        T: Send + 'static,
    {
        let (id, fence) = (self.0.id, self.0.fence);
        let written = self.0.db.write(self.0.org, move |unit| {
            if !store::hold(unit, id, fence)? {
                return Err(JobError::Interrupted);
            }
            work(unit)
        });
        written.await
    }

    /// The last unit of work: what it does and the job's completion stand together or not at all. What it gives is the
    /// job's result, which the handler then returns.
    pub async fn complete_with<F>(&self, work: F) -> Result<Value, JobError>
    where
        F: FnOnce(&Unit<'_>) -> Result<Value, JobError> + Clone + Send + 'static,
    {
        let this = self.clone();
        let completed = self.0.db.write(self.0.org, move |unit| {
            if !store::hold(unit, this.0.id, this.0.fence)? {
                return Err(JobError::Interrupted);
            }
            let result = work(unit)?;
            this.complete_in(unit, &result)?;
            Ok(result)
        });
        completed.await
    }

    /// The same in a unit of work of somebody else's: all that it does stands together with the job's completion, and
    /// only while this attempt still has the job.
    pub fn complete_in(&self, unit: &Unit<'_>, result: &Value) -> Result<(), JobError> {
        settle(unit, &self.0, Ending::Completed, Some(result))??;
        let attempt = Arc::clone(&self.0);
        unit.after_commit(move || attempt.settled.store(true, Ordering::Release));
        Ok(())
    }
}

/// Writes how an attempt ended, if it still has the job.
pub(super) fn settle(
    unit: &Unit<'_>,
    attempt: &Attempt,
    ending: Ending,
    result: Option<&Value>,
) -> Result<Result<super::Status, LeaseLost>, DbError> {
    let Some(row) = store::lock(unit, attempt.id)? else { return Ok(Err(LeaseLost)) };
    let (now, random) = (unit.surroundings().now(), unit.surroundings().seed());
    let course = row.course()?.settle(attempt.fence, ending, attempt.backoff, now, random);
    let Ok(course) = course else { return Ok(Err(LeaseLost)) };
    let result = result.filter(|result| !result.is_null()).map(Json::of);
    let beside = Beside { result: result.as_ref(), forget_at: attempt.settings.forget_at(course.stage, now) };
    store::save(unit, &row, &course, &beside, now)?;
    watching::tell(&attempt.bus, unit, attempt.id, attempt.created_by);
    Ok(Ok(course.stage.status()))
}
