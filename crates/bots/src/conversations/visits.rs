//! What becomes of the conversations of visitors: they end with the visit, go to whom the visitor turns out to be, or
//! are forgotten.

use chrono::TimeDelta;
use gateway::Module;
use identity::visitors::{Host, Open};
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, User},
};
use platform::{
    db::{DbError, ServerTx, Tx, Unit},
    jobs::{JobContext, JobError, JobKind, in_small_units},
    schedules::Schedule,
};

use super::{
    Conversations, letters,
    lifecycle::end,
    removal,
    store::{self, ENDED},
};
use crate::bots;

/// Conversations that are begun in one visit: what ends with it, or is given to somebody, is done at once.
pub(super) const MOST: i64 = 50;
/// Days that what a visitor said is kept after the last message.
const KEPT_DAYS: i64 = 7;
/// Conversations that one unit forgets.
const AT_ONCE: u64 = 50;
/// Forgets what visitors said.
const FORGET: JobKind<()> = JobKind::new("conversations.forget_visitors");

/// The job that forgets.
pub(super) fn with_jobs(module: Module, conversations: &Conversations) -> Module {
    let conversations = conversations.clone();
    module.job(&FORGET, move |job, ()| conversations.clone().forget_visitors(job)).schedule(Schedule::new(
        "conversations.forget_visitors",
        "41 * * * *",
        FORGET.job(&()),
    ))
}

impl Conversations {
    async fn forget_visitors(self, job: JobContext) -> Result<serde_json::Value, JobError> {
        let forget = || {
            let since = self.surroundings.now() - TimeDelta::days(KEPT_DAYS);
            self.db.write_server(move |unit| {
                let some = store::silent(unit, since, AT_ONCE.cast_signed())?;
                for &store::OfVisitor { org, id, user } in &some {
                    let unit = unit.org(org);
                    store::lock(&unit, id)?;
                    store::delete(&unit, id)?;
                    store::forget(&unit, user)?;
                    removal::enqueue(&unit, id, None)?;
                }
                Ok::<_, DbError>(some.len() as u64)
            })
        };
        let forgotten = in_small_units(|| job.check(), AT_ONCE, forget).await?;
        Ok(serde_json::json!({ "conversations": forgotten }))
    }
}

impl Host for Conversations {
    fn open(&self, tx: &ServerTx<'_>, named: Option<&str>) -> Result<Option<Open>, DbError> {
        bots::service::open_to_visitors(tx, named)
    }

    fn may_use(&self, tx: &Tx<'_>, bot: Id<Bot>, user: Id<User>, now: Timestamp) -> Result<bool, DbError> {
        letters::reachable(tx, bot, user, now)
    }

    fn moved(&self, unit: &Unit<'_>, visitor: Id<User>, user: Id<User>) -> Result<(), DbError> {
        store::give(unit, visitor, user)
    }

    fn left(&self, unit: &Unit<'_>, visitor: Id<User>) -> Result<(), DbError> {
        let now = unit.surroundings().now();
        for id in store::going_on(unit, visitor)? {
            store::lock(unit, id)?;
            let Some(mut row) = store::get(unit, id)?.filter(|row| row.status != ENDED) else { continue };
            end(unit, &mut row)?;
            row.rev += 1;
            store::save(unit, &row, now)?;
        }
        Ok(())
    }
}
