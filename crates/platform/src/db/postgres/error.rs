//! PostgreSQL's errors in the terms of both databases.

use std::error::Error as _;

use tokio_postgres::{
    Error,
    error::{DbError as Refusal, SqlState},
};

use super::{session::Trouble, values::Mismatch};
use crate::db::DbError;

/// What an error means for the work, and what its caller is told.
pub(super) fn told(error: &Error) -> (Trouble, DbError) {
    if let Some(refusal) = error.as_db_error() {
        return refused(refusal);
    }
    if let Some(mismatch) = error.source().and_then(|source| source.downcast_ref::<Mismatch>()) {
        return (Trouble::Refused, DbError::Mismatch(mismatch.to_string()));
    }
    let mut text = error.to_string();
    if let Some(cause) = error.source() {
        text = format!("{text}: {cause}");
    }
    (Trouble::Lost, DbError::Unavailable(text))
}

/// The one place that reads the server's error codes (PostgreSQL documentation, appendix A).
fn refused(refusal: &Refusal) -> (Trouble, DbError) {
    let (code, message) = (refusal.code(), refusal.message());
    let constraint = || refusal.constraint().unwrap_or_default().to_owned();
    let text = || format!("{message} ({})", code.code());
    match *code {
        SqlState::UNIQUE_VIOLATION | SqlState::CHECK_VIOLATION | SqlState::EXCLUSION_VIOLATION => {
            (Trouble::Refused, DbError::Violation(constraint()))
        }
        SqlState::FOREIGN_KEY_VIOLATION => (Trouble::Refused, DbError::ForeignKey),
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            (Trouble::Conflict, DbError::Busy)
        }
        SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED => (Trouble::Refused, DbError::Busy),
        SqlState::DISK_FULL => (Trouble::Refused, DbError::Full),
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => (Trouble::Refused, DbError::Corrupt(text())),
        // A pooler between us and the server may have given us another connection of its own.
        SqlState::INVALID_SQL_STATEMENT_NAME => (Trouble::Stale, DbError::Unavailable(text())),
        SqlState::FEATURE_NOT_SUPPORTED if message.contains("cached plan") => {
            (Trouble::Stale, DbError::Unavailable(text()))
        }
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => (Trouble::Lost, DbError::Unavailable(text())),
        SqlState::INVALID_PASSWORD
        | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        | SqlState::INVALID_CATALOG_NAME => (Trouble::Refused, DbError::Unavailable(text())),
        _ => match &code.code()[..2] {
            "08" => (Trouble::Lost, DbError::Unavailable(text())),
            // Too little of something, or the system under the server.
            "53" | "58" => (Trouble::Refused, DbError::Unavailable(text())),
            _ => (Trouble::Refused, DbError::Engine(text())),
        },
    }
}
