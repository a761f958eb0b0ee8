//! Reading the logs of bots.

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Error, Surroundings,
    id::{ConversationId, LogLineId, kind::Conversation},
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{db::Db, settings::Live};
use serde::Serialize;
use utoipa::ToSchema;

use super::store::{self, LineRow};
use crate::{Settings, bots::service::usable};

/// A line that a script left.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogLine {
    /// The line.
    log_id: LogLineId,
    /// When its turn was.
    created_at: DateTime<Utc>,
    /// `info` was printed, `error` is why a script failed.
    #[schema(pattern = "^(info|error)$", example = "error")]
    level: String,
    /// The script.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "start")]
    script: Option<String>,
    /// The line of the script, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// What there is to say.
    #[schema(example = "division by zero")]
    message: String,
    /// Where it happened. A run outside of conversations has an id of its own here.
    conversation_id: ConversationId,
}

impl From<LineRow> for LogLine {
    fn from(row: LineRow) -> Self {
        Self {
            log_id: row.id,
            created_at: row.created_at,
            level: row.level,
            script: row.script,
            line: row.line.map(i64::unsigned_abs),
            message: row.message,
            conversation_id: row.conversation_id,
        }
    }
}

/// The list of lines.
pub(super) enum LogList {}

impl Listed for LogList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("created_at")],
        filters: &[
            FilterField::one_of("level", &["info", "error"], "Of one of these levels."),
            FilterField::texts("script", "Of one of these scripts."),
            FilterField::id::<Conversation>("conversation_id", "From one of these conversations."),
        ],
        search: None,
    };
}

/// The service of logs. A cheap handle.
#[derive(Clone)]
pub(crate) struct Logs {
    pub(super) db: Db,
    pub(super) surroundings: Surroundings,
    pub(super) settings: Live<Settings>,
}

impl Logs {
    pub(crate) fn new(db: Db, surroundings: Surroundings, settings: Live<Settings>) -> Self {
        Self { db, surroundings, settings }
    }

    pub(super) async fn list(
        &self,
        who: Actor,
        named: String,
        request: ListRequest,
    ) -> Result<Page<LogLine>, Error> {
        let now = self.surroundings.now();
        let page: Page<LineRow> = self
            .db
            .read(who.org, move |tx| {
                let bot = usable(tx, &who, Some(&named), now)?;
                Ok::<_, Error>(tx.list(&store::LIST, &request, Some(store::of_bot(bot.id)))?)
            })
            .await?;
        Ok(page.map(LogLine::from))
    }
}
