//! Removing what a bot had.

use kernel::{Id, id::kind::Bot as BotKind};
use platform::db::{DbError, ServerTx, Tx, Unit};

use super::Named;
use crate::{
    conversations::{delete_conversation, delete_some_of_conversation, overtake},
    hooks, schedules,
};

/// From here on there is no such bot; its slug is free at once.
pub(in crate::bots) fn begin_deletion(unit: &Unit<'_>, id: Id<BotKind>) -> Result<(), DbError> {
    let freed = format!("{id}.deleting");
    unit.execute(
        "UPDATE bots SET rev = rev + 1, status = 'deleting', slug = $3 WHERE org_id = $1 AND id = $2",
        &[&id, &freed],
    )?;
    Ok(())
}

/// Bots whose removal has begun and not ended, over all organizations.
pub(in crate::bots) fn being_deleted(tx: &ServerTx<'_>) -> Result<Vec<Named>, DbError> {
    tx.across_organizations("SELECT org_id, id FROM bots WHERE status = 'deleting'")
}

/// Rows that one unit removes, about.
const ROWS_AT_ONCE: u64 = 1000;

/// Any bot of the organization.
pub(in crate::bots) fn any(tx: &Tx<'_>) -> Result<Option<Id<BotKind>>, DbError> {
    let found = tx.one::<(Id<BotKind>,)>("SELECT id FROM bots WHERE org_id = $1 LIMIT 1", &[])?;
    Ok(found.map(|(id,)| id))
}

/// Removes some of what the bot had. True while there is more.
pub(in crate::bots) fn delete_some(unit: &Unit<'_>, id: Id<BotKind>) -> Result<bool, DbError> {
    let mut removed = 0;
    while removed < ROWS_AT_ONCE {
        let found = unit.one::<(Id<kernel::id::kind::Conversation>,)>(
            "SELECT id FROM conversations WHERE org_id = $1 AND bot_id = $2 LIMIT 1",
            &[&id],
        )?;
        let Some((conversation,)) = found else {
            let left = ROWS_AT_ONCE - removed;
            if forget_some(unit, id, left)?
                || forget_log(unit, id, left)?
                || crate::tables::store::remove_some(unit, id, left)?
            {
                return Ok(true);
            }
            delete_itself(unit, id)?;
            return Ok(false);
        };
        // A turn under way has written before this, or finds that it was overtaken.
        overtake(unit, conversation)?;
        let left = ROWS_AT_ONCE - removed;
        let rows = delete_some_of_conversation(unit, conversation, left)?;
        removed += rows + 1;
        if rows < left {
            delete_conversation(unit, conversation)?;
        }
    }
    Ok(true)
}

/// Removes some of what it remembers. True while there may be more.
fn forget_some(unit: &Unit<'_>, id: Id<BotKind>, most: u64) -> Result<bool, DbError> {
    let forgotten = unit.execute(
        "DELETE FROM memories WHERE org_id = $1 AND id IN
            (SELECT id FROM memories WHERE org_id = $1 AND bot_id = $2 LIMIT $3)",
        &[&id, &i64::try_from(most).unwrap_or(i64::MAX)],
    )?;
    Ok(forgotten == most)
}

/// Removes some of what its scripts left. True while there may be more.
fn forget_log(unit: &Unit<'_>, id: Id<BotKind>, most: u64) -> Result<bool, DbError> {
    let forgotten = unit.execute(
        "DELETE FROM bot_logs WHERE org_id = $1 AND id IN
            (SELECT id FROM bot_logs WHERE org_id = $1 AND bot_id = $2 LIMIT $3)",
        &[&id, &i64::try_from(most).unwrap_or(i64::MAX)],
    )?;
    Ok(forgotten == most)
}

fn delete_itself(unit: &Unit<'_>, id: Id<BotKind>) -> Result<(), DbError> {
    schedules::forget_of(unit, id)?;
    hooks::forget_of(unit, id)?;
    for table in [
        "DELETE FROM bot_access WHERE org_id = $1 AND bot_id = $2",
        "DELETE FROM bot_programs WHERE org_id = $1 AND bot_id = $2",
        "DELETE FROM bot_versions WHERE org_id = $1 AND bot_id = $2",
        "DELETE FROM bots WHERE org_id = $1 AND id = $2",
    ] {
        unit.execute(table, &[&id])?;
    }
    Ok(())
}
