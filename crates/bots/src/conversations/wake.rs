//! Scripts that wait for time: a row and a job, for as long as it takes. The job goes on where the script stopped, on
//! whatever node, and adds what the bot says then.

use gateway::Module;
use kernel::{
    Error, Id, Timestamp,
    id::{ConversationId, JobId, kind::Conversation as ConversationKind},
};
use platform::{
    db::{DbError, Unit},
    jobs::{JobContext, JobError, JobKind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ConversationError, Conversations,
    dialog::Input,
    send::TRIES,
    store::{self, TurnFound},
    turn::Cause,
};

/// Goes on with a script that has waited long enough. Its attempts last for days: nobody else would go on.
const WAKE: JobKind<Sleeper> = JobKind::new("conversations.wake").attempts(100);

/// Where a script waits.
#[derive(Debug, Serialize, Deserialize)]
struct Sleeper {
    conversation_id: ConversationId,
}

/// The job that goes on with the script of a conversation then.
pub(super) fn enqueue(
    unit: &Unit<'_>,
    conversation_id: Id<ConversationKind>,
    at: Timestamp,
) -> Result<JobId, DbError> {
    unit.enqueue(&WAKE.job(&Sleeper { conversation_id }).at(at))
}

/// The job of waking.
pub(super) fn with_jobs(module: Module, conversations: &Conversations) -> Module {
    let conversations = conversations.clone();
    module.job(&WAKE, move |job, sleeper: Sleeper| {
        let conversations = conversations.clone();
        async move { conversations.wake(&job, sleeper.conversation_id).await }
    })
}

impl Conversations {
    async fn wake(&self, job: &JobContext, id: Id<ConversationKind>) -> Result<Value, JobError> {
        let _in_line = self.lines.turn(id, usize::MAX).await;
        let _turn = self.stops.begin(id, &self.surroundings);
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            let found = self.db.read(job.org(), move |tx| match store::for_turn(tx, id)? {
                Some(row) => store::found(tx, id, row).map(Some),
                None => Ok::<_, DbError>(None),
            });
            // What was done before this node could say so, or ended in another way, is done.
            let Some(found) = found.await?.filter(|found| found.row.wake == Some(job.id())) else {
                return Ok(Value::Null);
            };
            if found.row.bot_status != "active" || found.row.staff_active {
                self.sleep_on(job, id).await?;
                return Ok(Value::Null);
            }
            if in_line_of_bot.is_none() {
                in_line_of_bot = self.line_of_bot(found.row.bot_id, None, attempt > 0).await;
                if in_line_of_bot.is_some() {
                    continue;
                }
            }
            match self.go_on(job, id, found).await {
                Err(ConversationError::Busy) => {}
                Err(error) => return Err(Error::from(error).into()),
                Ok(()) => return Ok(Value::Null),
            }
        }
        Err(Error::from(ConversationError::Busy).into())
    }

    async fn go_on(
        &self,
        job: &JobContext,
        id: Id<ConversationKind>,
        TurnFound { row, run }: TurnFound,
    ) -> Result<(), ConversationError> {
        let Some(run) = run else { return Ok(()) };
        // Nobody is there whose rights it could have.
        let scene = self.scene(job.org(), id, &row, None, Some(job.id().to_string()));
        let ran = self.run_heard(&scene, Input::Wake(run.stack)).await?;
        let turn = self.next_turn(&scene, &row, Cause::Woken, Some(ran));
        self.commit(job.org(), turn, |_| Ok(())).await?;
        Ok(())
    }

    /// The bot is off, or silent: its script sleeps on.
    async fn sleep_on(&self, job: &JobContext, id: Id<ConversationKind>) -> Result<(), JobError> {
        let (this, at) = (job.id(), self.surroundings.now() + crate::bots::LOOK_AGAIN);
        job.write(move |unit| {
            let next = enqueue(unit, id, at)?;
            Ok(store::set_wake(unit, id, this, next)?)
        })
        .await
    }
}
