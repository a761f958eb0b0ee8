//! What visitors have said, in the tables.

use kernel::{
    Id, Timestamp,
    id::kind::{Conversation, Organization, User},
};
use platform::{
    db::{DbError, ServerTx, Tx, Unit},
    record,
};

/// The conversations of a person that have not ended.
pub(crate) fn going_on(tx: &Tx<'_>, user: Id<User>) -> Result<Vec<Id<Conversation>>, DbError> {
    let rows: Vec<(Id<Conversation>,)> = tx.all(
        "SELECT id FROM conversations WHERE org_id = $1 AND user_id = $2 AND status <> 'ended' ORDER BY id",
        &[&user],
    )?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Has the visitor begun so many conversations?
pub(crate) fn has_begun(tx: &Tx<'_>, visitor: Id<User>, most: i64) -> Result<bool, DbError> {
    let row = tx.one::<(i64,)>(
        "SELECT CAST(1 AS bigint) FROM conversations WHERE org_id = $1 AND user_id = $2 LIMIT 1 OFFSET $3",
        &[&visitor, &(most - 1)],
    )?;
    Ok(row.is_some())
}

/// Gives all that a visitor said, and what bots remember of them, to a user. What the user has of the same name stays
/// theirs. A turn under way is overtaken: it would be written for somebody who is not there any more.
pub(crate) fn give(unit: &Unit<'_>, visitor: Id<User>, user: Id<User>) -> Result<(), DbError> {
    // First of all, so that what a turn writes at this moment is there to be given.
    unit.execute(
        "UPDATE conversations SET rev = rev + 1, fence = fence + 1 WHERE org_id = $1 AND user_id = $2",
        &[&visitor],
    )?;
    for statement in [
        "UPDATE messages SET user_id = $3 WHERE org_id = $1 AND user_id = $2",
        "UPDATE conversation_attachments SET user_id = $3 WHERE org_id = $1 AND user_id = $2
            AND conversation_id IN (SELECT id FROM conversations WHERE org_id = $1 AND user_id = $2)",
        "UPDATE conversations SET user_id = $3, visitors = FALSE WHERE org_id = $1 AND user_id = $2",
        "UPDATE memories SET subject_id = $3 WHERE org_id = $1 AND subject_id = $2 AND NOT EXISTS
            (SELECT 1 FROM memories o WHERE o.org_id = $1 AND o.subject_id = $3 AND o.scope = memories.scope
                AND o.bot_id = memories.bot_id AND o.key = memories.key)",
    ] {
        unit.execute(statement, &[&visitor, &user])?;
    }
    forget(unit, visitor)
}

/// Forgets what bots remember of a visitor who has no conversation any more.
pub(crate) fn forget(unit: &Unit<'_>, visitor: Id<User>) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM memories WHERE org_id = $1 AND subject_id = $2
            AND NOT EXISTS (SELECT 1 FROM conversations WHERE org_id = $1 AND user_id = $2)",
        &[&visitor],
    )?;
    Ok(())
}

record! {
    /// A conversation of a visitor, over all organizations.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct OfVisitor {
        pub(crate) org: Id<Organization>,
        pub(crate) id: Id<Conversation>,
        pub(crate) user: Id<User>,
    }
}

/// Some of the visitors' conversations in which nothing was said since then, the longest silent one first.
pub(crate) fn silent(tx: &ServerTx<'_>, since: Timestamp, most: i64) -> Result<Vec<OfVisitor>, DbError> {
    tx.across_organizations_with(
        "SELECT org_id, id, user_id FROM conversations WHERE visitors AND last_activity < $1
         ORDER BY last_activity LIMIT $2",
        &[&since, &most],
    )
}
