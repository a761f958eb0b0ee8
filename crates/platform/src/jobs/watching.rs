//! Watching one job: told over the bus when somebody's job has changed, looked at again and again besides.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use kernel::id::{
    Id, JobId,
    kind::{Organization, User},
};
use tokio::time::timeout;

use super::{Job, Jobs};
use crate::{
    bus::{Bus, Subscription},
    db::{Db, Unit},
};

/// How long a watcher believes that nothing has changed of which it would be told: hints can be lost.
const LOOKS_AGAIN: Duration = Duration::from_secs(30);
/// The same of what the server does for itself, which is told to nobody.
const LOOKS_AT_OWN: Duration = Duration::from_secs(2);

fn topic(job: JobId) -> String {
    format!("jobs.changed {job}")
}

/// Once the unit is committed, on every node: whoever watches the job looks at it. What the server does for itself is
/// too much to be told of, and few look at it.
pub(super) fn tell(bus: &Bus, unit: &Unit<'_>, job: JobId, started_by: Option<Id<User>>) {
    if started_by.is_some() {
        let bus = bus.clone();
        unit.after_commit(move || bus.publish(&topic(job), Bytes::new()));
    }
}

/// One watcher's view of a job.
struct Watcher {
    db: Db,
    org: Id<Organization>,
    hints: Subscription,
    seen: Job,
}

impl Watcher {
    async fn next(&mut self) -> Option<Job> {
        loop {
            // Whatever is heard, the job is looked at.
            let patience = if self.seen.created_by.is_some() { LOOKS_AGAIN } else { LOOKS_AT_OWN };
            if let Ok(None) = timeout(patience, self.hints.next()).await {
                return None;
            }
            let id = self.seen.id;
            match self.db.read(self.org, move |tx| super::store::get(tx, id)).await {
                Ok(Some(job)) if job != self.seen => {
                    self.seen = job.clone();
                    return Some(job);
                }
                Ok(Some(_)) => {}
                // Forgotten.
                Ok(None) => return None,
                Err(error) => tracing::warn!(%error, "a job that is watched could not be read"),
            }
        }
    }
}

impl Jobs {
    /// A job as it is now, and then each time that it has changed, until it is forgotten. None if there is none.
    pub async fn watch(
        &self,
        org: Id<Organization>,
        id: JobId,
    ) -> Result<Option<(Job, impl Stream<Item = Job> + Send + use<>)>, crate::db::DbError> {
        // Before the look: what changes in between is heard.
        let hints = self.bus.subscribe(&topic(id));
        let Some(seen) = self.get(org, id).await? else { return Ok(None) };
        let watcher = Watcher { db: self.db.clone(), org, hints, seen: seen.clone() };
        let changes = stream::unfold(watcher, |mut watcher| async move {
            let job = Box::pin(watcher.next()).await?;
            Some((job, watcher))
        });
        Ok(Some((seen, changes)))
    }
}
