//! The job as the API shows it.

use chrono::{DateTime, Utc};
use kernel::{
    Error, Kind,
    id::{JobId, UserId},
};
use platform::{
    db::DbError,
    jobs::{NotCancelled, NotRetried},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What has become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = JobStatus)]
pub enum Status {
    /// It waits: for a runner, for its time, or for one before it.
    Queued,
    /// It runs.
    Running,
    /// It did what it should.
    Completed,
    /// It failed for good.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// It failed as often as it may.
    Dead,
}

impl From<platform::jobs::Status> for Status {
    fn from(status: platform::jobs::Status) -> Self {
        use platform::jobs::Status as Stored;
        match status {
            Stored::Queued => Self::Queued,
            Stored::Running => Self::Running,
            Stored::Completed => Self::Completed,
            Stored::Failed => Self::Failed,
            Stored::Cancelled => Self::Cancelled,
            Stored::Dead => Self::Dead,
        }
    }
}

/// Work that goes on in the background.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Job {
    /// The job.
    pub job_id: JobId,
    /// What is done, as `domain.what_is_done`.
    #[schema(example = "bots.delete")]
    pub kind: String,
    /// What has become of it.
    pub status: Status,
    /// How far it is, in percent.
    #[schema(minimum = 0, maximum = 100)]
    pub progress: u8,
    /// Attempts that began. One that was handed back because its node stopped does not count.
    pub attempts: u32,
    /// Attempts that it may have before it is dead.
    pub max_attempts: u32,
    /// When it may run, or was to run.
    pub run_at: DateTime<Utc>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When its last attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "The mail server did not answer.")]
    pub error: Option<String>,
    /// What it gave, by its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Who started it; absent if the server did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<UserId>,
}

impl From<platform::jobs::Job> for Job {
    fn from(job: platform::jobs::Job) -> Self {
        Self {
            job_id: job.id,
            kind: job.kind,
            status: job.status.into(),
            progress: job.progress,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            run_at: job.run_at,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            error: job.error,
            result: job.result,
            created_by: job.created_by,
        }
    }
}

/// What can go wrong with jobs.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// There is no such job, or the caller may not know of it.
    #[error("There is no such job.")]
    NotFound,
    /// It can't be run again.
    #[error(transparent)]
    NotRetried(#[from] NotRetried),
    /// It can't be cancelled.
    #[error(transparent)]
    NotCancelled(#[from] NotCancelled),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for JobsError {
    fn from(error: DbError) -> Self {
        NotRetried::superseded(&error).map_or_else(|| Self::Other(error.into()), Self::NotRetried)
    }
}

impl From<JobsError> for Error {
    fn from(error: JobsError) -> Self {
        let message = error.to_string();
        match error {
            JobsError::NotFound => Self::new(Kind::NotFound, message),
            JobsError::NotRetried(NotRetried::NotFailed) => Self::conflict(message, "job_not_failed"),
            JobsError::NotRetried(NotRetried::Superseded) => Self::conflict(message, "job_superseded"),
            JobsError::NotCancelled(_) => Self::conflict(message, "job_finished"),
            JobsError::Other(error) => error,
        }
    }
}
