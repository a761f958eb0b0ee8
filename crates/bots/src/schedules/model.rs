//! What a schedule is to clients.

use chrono::{DateTime, Utc};
use kernel::{Error, Kind, id::ScheduleId};
use platform::db::DbError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::store::ScheduleRow;

/// A script that runs at times.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Schedule {
    #[serde(rename = "schedule_id")]
    id: ScheduleId,
    /// The script.
    #[schema(example = "report")]
    script: String,
    /// What its PARAMs are given, in their order.
    #[schema(value_type = Vec<Value>, example = json!(["short"]))]
    arguments: Value,
    /// When it runs, as a cron expression of five fields, or six with seconds first. Absent if it runs once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0 9 * * 1")]
    cron: Option<String>,
    /// The time zone of the expression.
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// Does the script say so itself? Then the schedule goes when its line does.
    declared: bool,
    /// When it runs next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_run_at: Option<DateTime<Utc>>,
    /// When it ran last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run_at: Option<DateTime<Utc>>,
    /// What came of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(succeeded|failed)$", example = "succeeded")]
    last_status: Option<String>,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<ScheduleRow> for Schedule {
    fn from(row: ScheduleRow) -> Self {
        Self {
            id: row.id,
            script: row.script,
            arguments: row.arguments.read().unwrap_or_default(),
            cron: row.cron,
            timezone: row.timezone,
            declared: row.declared,
            next_run_at: row.next_at,
            last_run_at: row.last_at,
            last_status: row.last_status,
            last_error: row.last_error,
            created_at: row.created_at,
        }
    }
}

/// Why something can't be done with schedules.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScheduleError {
    /// There is none of that id with the bot.
    #[error("There is no such schedule.")]
    NotFound,
    /// Any other.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for ScheduleError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<ScheduleError> for Error {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::NotFound => Self::new(Kind::NotFound, error.to_string()),
            ScheduleError::Other(error) => error,
        }
    }
}
