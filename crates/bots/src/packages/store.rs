//! The tables of versions and programs.

use kernel::{
    Id, Timestamp,
    id::kind::{Bot as BotKind, User},
};
use platform::{
    db::{DbError, Json, Tx, Unit},
    record,
};

record! {
    /// A state of a bot's package.
    #[derive(Debug, Clone)]
    pub(crate) struct VersionRow {
        pub(crate) number: i64,
        pub(crate) files: Json,
        pub(crate) scripts: Json,
        /// Its settings. None where it was made before they were kept.
        pub(crate) config: Option<Json>,
        /// What the settings hide.
        pub(crate) secrets: Option<Vec<u8>>,
    }
}

record! {
    /// A state of a bot's package as a list shows it.
    #[derive(Debug, Clone)]
    pub(super) struct VersionHead {
        pub(super) number: i64,
        pub(super) action: Option<String>,
        pub(super) summary: Option<Json>,
        pub(super) created_by: Option<Id<User>>,
        pub(super) created_at: Timestamp,
    }
}

/// How a state came to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) action: &'static str,
    pub(super) summary: &'a Json,
    pub(super) by: Option<Id<User>>,
    pub(super) at: Timestamp,
}

/// States that a list shows.
const LISTED: i64 = 100;

/// The last states, newest first.
pub(super) fn versions(tx: &Tx<'_>, bot: Id<BotKind>) -> Result<Vec<VersionHead>, DbError> {
    tx.all(
        "SELECT number, action, summary, created_by, created_at FROM bot_versions
         WHERE org_id = $1 AND bot_id = $2 ORDER BY number DESC LIMIT $3",
        &[&bot, &LISTED],
    )
}

pub(crate) fn version(tx: &Tx<'_>, bot: Id<BotKind>, number: i64) -> Result<Option<VersionRow>, DbError> {
    tx.one(
        "SELECT number, files, scripts, config, secrets FROM bot_versions WHERE org_id = $1 AND bot_id = $2 AND number = $3",
        &[&bot, &number],
    )
}

pub(super) fn insert_version(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    row: &VersionRow,
    made: &Made<'_>,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO bot_versions (org_id, bot_id, number, files, scripts, config, secrets, action, summary,
            created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            &bot,
            &row.number,
            &row.files,
            &row.scripts,
            &row.config,
            &row.secrets,
            &made.action,
            made.summary,
            &made.by,
            &made.at,
        ],
    )?;
    Ok(())
}

/// The settings of a state, and what they hide.
type Settings = (Option<Json>, Option<Vec<u8>>);

pub(crate) fn settings(tx: &Tx<'_>, bot: Id<BotKind>, number: i64) -> Result<Option<Settings>, DbError> {
    tx.one(
        "SELECT config, secrets FROM bot_versions WHERE org_id = $1 AND bot_id = $2 AND number = $3",
        &[&bot, &number],
    )
}

/// Keeps a program, or notes that the version uses it, too.
pub(super) fn keep_program(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    hash: &[u8; 32],
    bytes: &[u8],
    version: i64,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO bot_programs (org_id, bot_id, hash, bytes, version, since) VALUES ($1, $2, $3, $4, $5, $5)
         ON CONFLICT (org_id, bot_id, hash) DO UPDATE SET version = excluded.version",
        &[&bot, hash, &bytes, &version],
    )?;
    Ok(())
}

/// Notes that the version still uses a program kept before.
pub(super) fn renew_program(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    hash: &[u8; 32],
    version: i64,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE bot_programs SET version = $4 WHERE org_id = $1 AND bot_id = $2 AND hash = $3",
        &[&bot, hash, &version],
    )?;
    Ok(())
}

/// Points the bot at its new state.
pub(super) fn set_current(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    version: i64,
    start_program: Option<[u8; 32]>,
    package: &Json,
    config: &Json,
    at: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE bots SET rev = rev + 1, version = $3, start_program = $4, package = $5, config = $6,
            updated_at = $7, last_activity = $7
         WHERE org_id = $1 AND id = $2",
        &[&bot, &version, &start_program, package, config, &at],
    )?;
    Ok(())
}

/// The number of the last state that is kept beside so many newer ones. Numbers have gaps where only data was saved.
pub(super) fn oldest_kept(tx: &Tx<'_>, bot: Id<BotKind>, newer: i64) -> Result<Option<i64>, DbError> {
    let row = tx.one::<(i64,)>(
        "SELECT number FROM bot_versions WHERE org_id = $1 AND bot_id = $2 ORDER BY number DESC LIMIT 1 OFFSET $3",
        &[&bot, &newer],
    )?;
    Ok(row.map(|(number,)| number))
}

/// Forgets states before the oldest kept one, but for those that a run began with: it ends with their programs, also
/// with those of scripts that it has yet to call.
pub(super) fn forget_before(unit: &Unit<'_>, bot: Id<BotKind>, oldest: i64) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM bot_versions WHERE org_id = $1 AND bot_id = $2 AND number < $3 AND NOT EXISTS (
            SELECT 1 FROM conversation_runs r
            WHERE r.org_id = bot_versions.org_id AND r.bot_id = bot_versions.bot_id
                AND r.version = bot_versions.number)",
        &[&bot, &oldest],
    )?;
    unit.execute(
        "DELETE FROM bot_programs WHERE org_id = $1 AND bot_id = $2 AND version < $3 AND NOT EXISTS (
            SELECT 1 FROM conversation_runs r
            WHERE r.org_id = bot_programs.org_id AND r.bot_id = bot_programs.bot_id AND r.program = bot_programs.hash)
            AND NOT EXISTS (
            SELECT 1 FROM conversation_runs r
            WHERE r.org_id = bot_programs.org_id AND r.bot_id = bot_programs.bot_id
                AND r.version BETWEEN bot_programs.since AND bot_programs.version)",
        &[&bot, &oldest],
    )?;
    Ok(())
}

/// Forgets a version that was made by that action, unless a run began with it. It is followed by one that has all of its
/// programs.
pub(super) fn forget_data_version(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    number: i64,
    action: &'static str,
) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM bot_versions WHERE org_id = $1 AND bot_id = $2 AND number = $3 AND action = $4 AND NOT EXISTS (
            SELECT 1 FROM conversation_runs r
            WHERE r.org_id = bot_versions.org_id AND r.bot_id = bot_versions.bot_id
                AND r.version = bot_versions.number)",
        &[&bot, &number, &action],
    )?;
    Ok(())
}

/// The bytes of a program.
pub(crate) fn program(tx: &Tx<'_>, bot: Id<BotKind>, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, DbError> {
    let row = tx.one::<(Vec<u8>,)>(
        "SELECT bytes FROM bot_programs WHERE org_id = $1 AND bot_id = $2 AND hash = $3",
        &[&bot, hash],
    )?;
    Ok(row.map(|(bytes,)| bytes))
}
