//! The tables of the settings, and their queries.

use kernel::{Id, Timestamp, id::kind};
use serde_json::Value;

use crate::{
    config::Values,
    db::{DbError, Json, Migration, ServerTx, ServerUnit},
};

/// What is changed now, and what was changed when by whom. The one row of the revision is what changes wait for, so
/// that they come one after the other, whichever node they are made on.
pub const TABLES: Migration = Migration::new(
    "m20261129_30_platform_settings",
    "CREATE TABLE server_settings_revision (
        revision bigint NOT NULL
    );
    INSERT INTO server_settings_revision (revision) VALUES (0);
    CREATE TABLE server_settings (
        name keytext PRIMARY KEY,
        value text NOT NULL
    );
    CREATE TABLE server_setting_changes (
        name keytext NOT NULL,
        revision bigint NOT NULL,
        old_value text NOT NULL,
        new_value text NOT NULL,
        changed_by uuid NOT NULL,
        changed_at bigint NOT NULL,
        PRIMARY KEY (name, revision)
    );",
);

/// Changes of one key that are kept. The audit log keeps all.
const KEPT: i64 = 100;

/// A change of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// What was in force before.
    pub old_value: Value,
    /// What was in force from then on.
    pub new_value: Value,
    /// Who changed it.
    pub changed_by: Id<kind::User>,
    /// When.
    pub changed_at: Timestamp,
}

/// How often the settings have been changed.
pub(super) fn revision(tx: &ServerTx<'_>) -> Result<i64, DbError> {
    let row: Option<(i64,)> = tx.one("SELECT revision FROM server_settings_revision", &[])?;
    Ok(row.map_or(0, |(revision,)| revision))
}

/// Takes the next revision. Others who want to change something wait until this unit is over.
pub(super) fn next_revision(unit: &ServerUnit<'_>) -> Result<i64, DbError> {
    unit.execute("UPDATE server_settings_revision SET revision = revision + 1", &[])?;
    revision(unit)
}

/// What is changed now.
pub(super) fn changes(tx: &ServerTx<'_>) -> Result<Values, DbError> {
    let rows: Vec<(String, Json)> = tx.all("SELECT name, value FROM server_settings", &[])?;
    rows.into_iter().map(|(name, value)| Ok((name, value.read()?))).collect()
}

/// Stores a change, or that there is none any more.
pub(super) fn put(unit: &ServerUnit<'_>, name: &str, value: Option<&Value>) -> Result<(), DbError> {
    match value {
        Some(value) => unit.execute(
            "INSERT INTO server_settings (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            &[&name, &Json::of(value)],
        )?,
        None => unit.execute("DELETE FROM server_settings WHERE name = $1", &[&name])?,
    };
    Ok(())
}

/// Writes down what was changed, and forgets what is long past.
pub(super) fn note(unit: &ServerUnit<'_>, name: &str, revision: i64, past: &Past) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_setting_changes (name, revision, old_value, new_value, changed_by, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            &name,
            &revision,
            &Json::of(&past.old_value),
            &Json::of(&past.new_value),
            &past.changed_by,
            &past.changed_at,
        ],
    )?;
    unit.execute(
        "DELETE FROM server_setting_changes WHERE name = $1 AND revision <= (
            SELECT revision FROM server_setting_changes WHERE name = $1 ORDER BY revision DESC LIMIT 1 OFFSET $2
        )",
        &[&name, &KEPT],
    )?;
    Ok(())
}

/// The latest changes of a key, newest first.
pub(super) fn history(tx: &ServerTx<'_>, name: &str) -> Result<Vec<Past>, DbError> {
    let rows: Vec<(Json, Json, Id<kind::User>, Timestamp)> = tx.all(
        "SELECT old_value, new_value, changed_by, changed_at FROM server_setting_changes
         WHERE name = $1 ORDER BY revision DESC",
        &[&name],
    )?;
    let past = rows.into_iter().map(|(old_value, new_value, changed_by, changed_at)| {
        Ok(Past { old_value: old_value.read()?, new_value: new_value.read()?, changed_by, changed_at })
    });
    past.collect()
}
