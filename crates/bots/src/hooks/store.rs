//! The table of hooks: those that a package declares, each with its secret.

use std::collections::BTreeSet;

use kernel::{Id, Timestamp, id::kind::Bot};
use platform::db::{DbError, Migration, Tx, Unit};

pub(crate) const HOOKS: Migration = Migration::new(
    "m20261129_61_bots_hooks",
    "CREATE TABLE bot_hooks (
        org_id uuid NOT NULL,
        bot_id uuid NOT NULL,
        name_key keytext NOT NULL,
        secret bytea NOT NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (org_id, bot_id, name_key)
    );
    CREATE TABLE bot_hook_messages (
        org_id uuid NOT NULL,
        bot_id uuid NOT NULL,
        name_key keytext NOT NULL,
        message keytext NOT NULL,
        taken_at bigint NOT NULL,
        PRIMARY KEY (org_id, bot_id, name_key, message)
    );
    CREATE INDEX bot_hook_messages_by_time ON bot_hook_messages (org_id, bot_id, name_key, taken_at);
    CREATE UNIQUE INDEX bots_by_id ON bots (id);",
);

/// The folded names of a bot's hooks.
pub(super) fn names(tx: &Tx<'_>, bot: Id<Bot>) -> Result<BTreeSet<String>, DbError> {
    let rows =
        tx.all::<(String,)>("SELECT name_key FROM bot_hooks WHERE org_id = $1 AND bot_id = $2", &[&bot])?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// The sealed secret of a hook.
pub(super) fn secret(tx: &Tx<'_>, bot: Id<Bot>, key: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = tx.one::<(Vec<u8>,)>(
        "SELECT secret FROM bot_hooks WHERE org_id = $1 AND bot_id = $2 AND name_key = $3",
        &[&bot, &key],
    )?;
    Ok(row.map(|(secret,)| secret))
}

pub(super) fn insert(
    unit: &Unit<'_>,
    bot: Id<Bot>,
    key: &str,
    secret: &[u8],
    at: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO bot_hooks (org_id, bot_id, name_key, secret, created_at) VALUES ($1, $2, $3, $4, $5)",
        &[&bot, &key, &secret, &at],
    )?;
    Ok(())
}

pub(super) fn delete(unit: &Unit<'_>, bot: Id<Bot>, key: &str) -> Result<(), DbError> {
    for table in [
        "DELETE FROM bot_hook_messages WHERE org_id = $1 AND bot_id = $2 AND name_key = $3",
        "DELETE FROM bot_hooks WHERE org_id = $1 AND bot_id = $2 AND name_key = $3",
    ] {
        unit.execute(table, &[&bot, &key])?;
    }
    Ok(())
}

/// Was a message of that name taken?
pub(super) fn is_taken(tx: &Tx<'_>, bot: Id<Bot>, key: &str, message: &str) -> Result<bool, DbError> {
    let row = tx.one::<(i64,)>(
        "SELECT 1 FROM bot_hook_messages WHERE org_id = $1 AND bot_id = $2 AND name_key = $3 AND message = $4",
        &[&bot, &key, &message],
    )?;
    Ok(row.is_some())
}

/// Notes that a message was taken, and forgets those taken before that instant. False if it was taken already.
pub(super) fn take(
    unit: &Unit<'_>,
    (bot, key): (Id<Bot>, &str),
    message: &str,
    at: Timestamp,
    forget_before: Timestamp,
) -> Result<bool, DbError> {
    unit.execute(
        "DELETE FROM bot_hook_messages WHERE org_id = $1 AND bot_id = $2 AND name_key = $3 AND taken_at < $4",
        &[&bot, &key, &forget_before],
    )?;
    let taken = unit.execute(
        "INSERT INTO bot_hook_messages (org_id, bot_id, name_key, message, taken_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        &[&bot, &key, &message, &at],
    )?;
    Ok(taken == 1)
}

/// Removes what a deleted bot has.
pub(crate) fn forget_of(unit: &Unit<'_>, bot: Id<Bot>) -> Result<(), DbError> {
    unit.execute("DELETE FROM bot_hook_messages WHERE org_id = $1 AND bot_id = $2", &[&bot])?;
    unit.execute("DELETE FROM bot_hooks WHERE org_id = $1 AND bot_id = $2", &[&bot])?;
    Ok(())
}
