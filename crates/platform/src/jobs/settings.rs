//! What an operator may set about jobs.

use std::time::Duration;

use chrono::TimeDelta;
use kernel::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Status, lifecycle::Stage};

/// How jobs run on this node, and how long they are remembered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Jobs that run at once on this node; with 0 it runs none.
    #[schemars(range(max = 1024))]
    pub workers: usize,
    /// Seconds after which the jobs of a node that has died are taken over.
    #[schemars(range(max = 3600))]
    pub lease_seconds: u64,
    /// Seconds after which a node looks for work that nobody told it of.
    #[schemars(range(max = 3600))]
    pub poll_seconds: u64,
    /// Seconds that running jobs get to finish when the server stops; then they are handed back.
    #[schemars(range(max = 3600))]
    pub stop_seconds: u64,
    /// Seconds that a cancelled job gets to stop by itself.
    #[schemars(range(max = 3600))]
    pub cancel_grace_seconds: u64,
    /// Days for which completed and cancelled jobs are remembered.
    #[schemars(range(max = 36_500))]
    pub keep_completed_days: u32,
    /// Days for which failed and dead jobs are remembered.
    #[schemars(range(max = 36_500))]
    pub keep_failed_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 4,
            lease_seconds: 30,
            poll_seconds: 30,
            stop_seconds: 10,
            cancel_grace_seconds: 10,
            keep_completed_days: 7,
            keep_failed_days: 30,
        }
    }
}

impl Settings {
    /// At least three seconds: a lease is renewed three times before it ends.
    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.max(3))
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_secs(self.poll_seconds.max(1))
    }

    pub(super) fn stop(&self) -> Duration {
        Duration::from_secs(self.stop_seconds)
    }

    pub(super) fn cancel_grace(&self) -> Duration {
        Duration::from_secs(self.cancel_grace_seconds)
    }

    /// When a job that ends now is forgotten. None if it doesn't end.
    pub(super) fn forget_at(&self, stage: Stage, now: Timestamp) -> Option<Timestamp> {
        let days = match stage {
            Stage::Done(Status::Failed | Status::Dead) => self.keep_failed_days,
            Stage::Done(_) => self.keep_completed_days,
            _ => return None,
        };
        Some(now + TimeDelta::days(days.into()))
    }
}
