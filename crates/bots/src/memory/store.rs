//! The table of memories.

use kernel::{
    Id, Timestamp,
    id::kind::{Conversation, Organization},
};
use platform::{
    db::{DbError, Json, ListOf, ServerTx, Tx, Unit},
    record,
};

use super::model::Owner;

record! {
    /// A value under its key.
    #[derive(Debug, Clone)]
    pub(super) struct MemoryRow {
        pub(super) key: String,
        pub(super) value: Json,
        pub(super) rev: i64,
        pub(super) created_at: Timestamp,
        pub(super) updated_at: Timestamp,
    }
}

/// The memory of one bot.
pub(super) const LIST: ListOf = ListOf {
    from: "memories m",
    columns: "m.key, m.value, m.rev, m.created_at, m.updated_at",
    org: "m.org_id",
    id: "m.id",
    sorts: &[("key", "m.key")],
    filters: &[],
    search: None,
};

/// The value under a key; none where there is none, or where its time is over.
pub(super) fn get(
    tx: &Tx<'_>,
    owner: &Owner,
    key: &str,
    now: Timestamp,
) -> Result<Option<MemoryRow>, DbError> {
    tx.one(
        "SELECT key, value, rev, created_at, updated_at FROM memories
         WHERE org_id = $1 AND scope = $2 AND bot_id = $3 AND subject_id = $4 AND key = $5
            AND (expires_at IS NULL OR expires_at > $6)",
        &[&owner.scope(), owner.bot_bytes(), owner.subject_bytes(), &key, &now],
    )
}

/// All values of an owner whose time is not over, by key.
pub(super) fn all(tx: &Tx<'_>, owner: &Owner, now: Timestamp, limit: i64) -> Result<Vec<MemoryRow>, DbError> {
    tx.all(
        "SELECT key, value, rev, created_at, updated_at FROM memories
         WHERE org_id = $1 AND scope = $2 AND bot_id = $3 AND subject_id = $4
            AND (expires_at IS NULL OR expires_at > $5)
         ORDER BY key LIMIT $6",
        &[&owner.scope(), owner.bot_bytes(), owner.subject_bytes(), &now, &limit],
    )
}

/// Changes the value under a key, if it is there: at that revision, or at any. Gives how many were changed.
pub(super) fn update(
    unit: &Unit<'_>,
    owner: &Owner,
    key: &str,
    (value, expires_at): (&Json, Option<Timestamp>),
    rev: Option<i64>,
    now: Timestamp,
) -> Result<u64, DbError> {
    unit.execute(
        "UPDATE memories SET value = $6, expires_at = $7, rev = rev + 1, updated_at = $8
         WHERE org_id = $1 AND scope = $2 AND bot_id = $3 AND subject_id = $4 AND key = $5
            AND rev = COALESCE($9, rev)",
        &[&owner.scope(), owner.bot_bytes(), owner.subject_bytes(), &key, value, &expires_at, &now, &rev],
    )
}

/// Keeps a new value. False if there is one under the key by now.
pub(super) fn insert(
    unit: &Unit<'_>,
    owner: &Owner,
    key: &str,
    (value, expires_at): (&Json, Option<Timestamp>),
    now: Timestamp,
) -> Result<bool, DbError> {
    let id = unit.surroundings().uuid();
    let inserted = unit.execute(
        "INSERT INTO memories (org_id, scope, bot_id, subject_id, key, id, value, rev, expires_at, created_at,
            updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $9)
         ON CONFLICT (org_id, scope, bot_id, subject_id, key) DO NOTHING",
        &[
            &owner.scope(),
            owner.bot_bytes(),
            owner.subject_bytes(),
            &key,
            id.as_bytes(),
            value,
            &expires_at,
            &now,
        ],
    )?;
    Ok(inserted == 1)
}

/// Has the owner more than so many values whose time is not over?
pub(super) fn has_more_than(
    tx: &Tx<'_>,
    owner: &Owner,
    limit: usize,
    now: Timestamp,
) -> Result<bool, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let beyond = tx.one::<(String,)>(
        "SELECT key FROM memories
         WHERE org_id = $1 AND scope = $2 AND bot_id = $3 AND subject_id = $4
            AND (expires_at IS NULL OR expires_at > $5)
         ORDER BY key LIMIT 1 OFFSET $6",
        &[&owner.scope(), owner.bot_bytes(), owner.subject_bytes(), &now, &limit],
    )?;
    Ok(beyond.is_some())
}

/// Forgets the value under a key: at that revision, or at any. Gives how many were forgotten.
pub(super) fn delete(unit: &Unit<'_>, owner: &Owner, key: &str, rev: Option<i64>) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM memories
         WHERE org_id = $1 AND scope = $2 AND bot_id = $3 AND subject_id = $4 AND key = $5 AND rev = COALESCE($6, rev)",
        &[&owner.scope(), owner.bot_bytes(), owner.subject_bytes(), &key, &rev],
    )
}

/// Forgets all values of an owner.
pub(super) fn clear(unit: &Unit<'_>, owner: &Owner) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM memories WHERE org_id = $1 AND scope = $2 AND bot_id = $3 AND subject_id = $4",
        &[&owner.scope(), owner.bot_bytes(), owner.subject_bytes()],
    )?;
    Ok(())
}

/// Forgets everything of a subject.
pub(crate) fn forget_of(unit: &Unit<'_>, subject: Id<Conversation>) -> Result<(), DbError> {
    unit.execute("DELETE FROM memories WHERE org_id = $1 AND subject_id = $2", &[&subject])?;
    Ok(())
}

/// Organizations that have values whose time is over.
pub(super) fn with_ended(tx: &ServerTx<'_>, now: Timestamp) -> Result<Vec<(Id<Organization>,)>, DbError> {
    tx.across_organizations_with("SELECT DISTINCT org_id FROM memories WHERE expires_at <= $1", &[&now])
}

/// Removes some values whose time is over. Gives how many.
pub(super) fn delete_expired(unit: &Unit<'_>, now: Timestamp, limit: u64) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM memories WHERE org_id = $1 AND id IN
            (SELECT id FROM memories WHERE org_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)",
        &[&now, &i64::try_from(limit).unwrap_or(i64::MAX)],
    )
}
