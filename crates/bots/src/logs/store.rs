//! The table of lines.

use kernel::{
    Id, Timestamp,
    id::{
        ConversationId, LogLineId,
        kind::{Bot, Conversation, LogLine, Organization},
    },
};
use platform::{
    db::{DbError, Filter, ListOf, ServerTx, Tx, Unit},
    record,
};
use sea_query::{Condition, Expr, ExprTrait};

use super::Line;

record! {
    /// A line as the database has it.
    #[derive(Debug, Clone)]
    pub(super) struct LineRow {
        pub(super) id: LogLineId,
        pub(super) conversation_id: ConversationId,
        pub(super) level: String,
        pub(super) script: Option<String>,
        pub(super) line: Option<i64>,
        pub(super) message: String,
        pub(super) created_at: Timestamp,
    }
}

const LEVELS: &[(&str, &str)] = &[("info", "info"), ("error", "error")];

pub(super) const LIST: ListOf = ListOf {
    from: "bot_logs l",
    columns: "l.id, l.conversation_id, l.level, l.script, l.line, l.message, l.created_at",
    org: "l.org_id",
    id: "l.id",
    sorts: &[("created_at", "l.created_at")],
    filters: &[
        ("level", Filter::OneOf("l.level", LEVELS)),
        ("script", Filter::Text("l.script")),
        ("conversation_id", Filter::Id("l.conversation_id", "conv")),
    ],
    search: None,
};

/// Those of one bot.
pub(super) fn of_bot(id: Id<Bot>) -> Condition {
    Condition::all().add(Expr::cust("l.bot_id").eq(id.as_bytes().to_vec()))
}

pub(super) fn append(
    unit: &Unit<'_>,
    bot: Id<Bot>,
    conversation: Id<Conversation>,
    line: &Line,
    at: Timestamp,
) -> Result<(), DbError> {
    let id: Id<LogLine> = unit.surroundings().id_at(at);
    unit.execute(
        "INSERT INTO bot_logs (org_id, id, bot_id, conversation_id, level, script, line, message, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            &id,
            &bot,
            &conversation,
            &line.level.as_str(),
            &line.script,
            &line.at.map(i64::from),
            &line.message,
            &at,
        ],
    )?;
    Ok(())
}

/// A bot, after its organization.
pub(super) type OwnedBot = (Id<Organization>, Id<Bot>);

/// Bots that have lines.
pub(super) fn bots(tx: &ServerTx<'_>) -> Result<Vec<OwnedBot>, DbError> {
    tx.across_organizations("SELECT DISTINCT org_id, bot_id FROM bot_logs")
}

/// When the line after the newest so many was written.
pub(super) fn end_of(tx: &Tx<'_>, bot: Id<Bot>, kept: i64) -> Result<Option<Timestamp>, DbError> {
    let row = tx.one::<(Timestamp,)>(
        "SELECT created_at FROM bot_logs WHERE org_id = $1 AND bot_id = $2
         ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $3",
        &[&bot, &kept],
    )?;
    Ok(row.map(|(at,)| at))
}

/// Forgets some lines up to that instant.
pub(super) fn forget(unit: &Unit<'_>, bot: Id<Bot>, until: Timestamp, at_once: i64) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM bot_logs WHERE org_id = $1 AND id IN (
            SELECT id FROM bot_logs WHERE org_id = $1 AND bot_id = $2 AND created_at <= $3
            ORDER BY created_at, id LIMIT $4)",
        &[&bot, &until, &at_once],
    )
}
