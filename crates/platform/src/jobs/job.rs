//! A job as it is shown, and how jobs are listed.

use kernel::{
    Timestamp,
    id::{Id, JobId, kind::User},
};
use serde::Serialize;
use serde_json::Value;

use crate::db::{DbError, Filter, ListOf};

/// What has become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
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

impl Status {
    /// All of them, in the order of a job's life.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Completed, Self::Failed, Self::Cancelled, Self::Dead];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Its kind, `domain.what_is_done`.
    pub kind: String,
    /// What has become of it.
    pub status: Status,
    /// How far it is, 0 to 100.
    pub progress: u8,
    /// Attempts that began, without those that were handed back.
    pub attempts: u32,
    /// Attempts that it may have.
    pub max_attempts: u32,
    /// When it may run, or was to run.
    pub run_at: Timestamp,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// What a completed one gives.
    pub result: Option<Value>,
    /// Who started it; none if the server did.
    pub created_by: Option<Id<User>>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A job that has ended can't be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The job has ended already.")]
pub struct NotCancelled;

/// Why a job is not run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRetried {
    /// It has not failed.
    #[error("Only a failed or dead job can be run again.")]
    NotFailed,
    /// Another job does the same by now, and there may be only one.
    #[error("Another job that does the same waits or runs already.")]
    Superseded,
}

impl NotRetried {
    /// Is this why the unit failed?
    pub fn superseded(error: &DbError) -> Option<Self> {
        error.violates("jobs_org_id_kind_unique_key_key").then_some(Self::Superseded)
    }
}

const STATUSES: &[(&str, &str)] = &[
    ("queued", "queued"),
    ("running", "running"),
    ("completed", "completed"),
    ("failed", "failed"),
    ("cancelled", "cancelled"),
    ("dead", "dead"),
];

/// The jobs of an organization.
pub const LIST: ListOf = ListOf {
    from: "jobs j",
    columns: "j.id, j.kind, j.status, j.progress, j.attempts, j.max_attempts, j.run_at, j.error, j.result,
        j.created_by, j.created_at, j.started_at, j.finished_at",
    org: "j.org_id",
    id: "j.id",
    sorts: &[("created_at", "j.created_at"), ("run_at", "j.run_at")],
    filters: &[
        ("kind", Filter::Indexed(&Filter::Text("j.kind"), &["created_at"])),
        ("status", Filter::Indexed(&Filter::OneOf("j.status", STATUSES), &["created_at"])),
    ],
    search: None,
};
