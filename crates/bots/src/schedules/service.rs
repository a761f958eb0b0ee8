//! What can be done with schedules.

use gateway::command::Run;
use kernel::{
    Actor, Error,
    id::{JobId, ScheduleId},
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{
    audit::{Audit, Category},
    db::Db,
    settings::Live,
};

use super::{
    model::{Schedule, ScheduleError},
    running::{Due, RUN_NOW},
    store::{self, ScheduleRow},
};
use crate::{Settings, bots::service::usable, conversations::Conversations};

/// The list of schedules.
pub(super) enum ScheduleList {}

impl Listed for ScheduleList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::asc("created_at")],
        filters: &[
            FilterField::texts("script", "Of one of these scripts."),
            FilterField::one_of("declared", &["true", "false"], "Whether scripts say so themselves."),
        ],
        search: None,
    };
}

/// The service of schedules. A cheap handle.
#[derive(Clone)]
pub(crate) struct Schedules {
    pub(super) db: Db,
    pub(super) conversations: Conversations,
    pub(super) settings: Live<Settings>,
}

impl Schedules {
    /// The service over the given adapters, and over what runs scripts.
    pub(crate) fn new(db: Db, conversations: Conversations, settings: Live<Settings>) -> Self {
        Self { db, conversations, settings }
    }

    pub(super) async fn list(
        &self,
        who: Actor,
        named: String,
        request: ListRequest,
    ) -> Result<Page<Schedule>, Error> {
        let now = self.conversations.now();
        let page: Page<ScheduleRow> = self
            .db
            .read(who.org, move |tx| {
                let bot = usable(tx, &who, Some(&named), now)?;
                Ok::<_, Error>(tx.list(&store::LIST, &request, Some(store::of_bot(bot.id)))?)
            })
            .await?;
        Ok(page.map(Schedule::from))
    }

    /// The job that runs it now, beside its schedule.
    pub(super) async fn run_now(
        &self,
        who: Actor,
        named: String,
        schedule_id: ScheduleId,
    ) -> Result<JobId, ScheduleError> {
        let now = self.conversations.now();
        self.db
            .write(who.org, move |unit| {
                let bot = usable(unit, &who, Some(&named), now).map_err(Error::from)?;
                let row = store::get(unit, schedule_id)?.filter(|row| row.bot_id == bot.id);
                let row = row.ok_or(ScheduleError::NotFound)?;
                let audit = Audit::by(&who, "schedule_run", Category::DataModification).on("bot", bot.id);
                unit.audit(audit.named(&bot.name).detail("script", row.script))?;
                Ok(unit.enqueue(&RUN_NOW.job(&Due { schedule_id }).by(who.user))?)
            })
            .await
    }

    /// Has the package as it stands that script, and can it run?
    pub(super) async fn has_script(&self, run: &Run, name: &str) -> Result<bool, Error> {
        let (bot, name) = (run.bot, name.to_owned());
        let found = self.db.read(run.org, move |tx| crate::bots::store::by_id(tx, bot)).await?;
        let Some(found) = found else { return Ok(false) };
        Ok(self.conversations.script_of(run.org, &found, &name).await?.is_some())
    }
}
