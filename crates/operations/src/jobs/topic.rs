//! Jobs as topics of the WebSocket.

use futures_util::{StreamExt, stream};
use gateway::{Following, Socket, Topic, module::BoxFuture};
use kernel::{Actor, Surroundings, id::JobId};

use super::{
    JobService,
    model::{JobsError, Status},
};

/// A job is followed by whoever may read it.
pub(super) struct JobTopic {
    jobs: JobService,
    world: Surroundings,
}

impl JobTopic {
    pub(super) fn new(jobs: &JobService, world: &Surroundings) -> Self {
        Self { jobs: jobs.clone(), world: world.clone() }
    }

    async fn one(&self, who: &Actor, id: String) -> Result<Following, JobsError> {
        let job: JobId = id.parse().map_err(|_| JobsError::NotFound)?;
        let (now, changes) = self.jobs.watch(who, job).await?;
        let states = stream::iter([now]).chain(changes).map(|job| (event_of(job.status), job));
        Ok(Following::events("job", id, states, self.world.clone()))
    }
}

/// What has happened to a job in that state.
const fn event_of(status: Status) -> &'static str {
    match status {
        Status::Queued => "job.queued",
        Status::Running => "job.running",
        Status::Completed => "job.completed",
        Status::Failed => "job.failed",
        Status::Cancelled => "job.cancelled",
        Status::Dead => "job.dead",
    }
}

impl Topic for JobTopic {
    fn id(&self, text: &str) -> Option<String> {
        text.parse().ok().map(|id: JobId| id.to_string())
    }

    fn follow<'a>(
        &'a self,
        who: &'a Actor,
        _: &'a Socket,
        ids: Vec<String>,
    ) -> BoxFuture<'a, kernel::Result<Vec<Following>>> {
        Box::pin(async move {
            let mut all = Vec::with_capacity(ids.len());
            for id in ids {
                all.push(self.one(who, id).await?);
            }
            Ok(all)
        })
    }
}
