//! Preferences in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Json, Migration, ServerTx, ServerUnit, Tx, Unit},
    record,
};

use super::model::Decided;

/// The bot is of one organization, so it stands with the membership there. A bot that is gone may still stand here:
/// whether somebody may use it is asked when it is shown.
pub(crate) const PREFERENCES: Migration = Migration::new(
    "m20261202_40_identity_user_settings",
    "
CREATE TABLE server_user_settings (
    user_id uuid NOT NULL PRIMARY KEY REFERENCES server_users (id) ON DELETE CASCADE,
    decided text NOT NULL,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
ALTER TABLE members ADD COLUMN default_bot uuid;
",
);

record! {
    struct SettingsRow {
        decided: Json,
        rev: i64,
    }
}

/// What somebody decided, with the revision of that; nothing is revision 0.
pub(crate) fn decided(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<(Decided, i64), DbError> {
    let row: Option<SettingsRow> =
        tx.one("SELECT decided, rev FROM server_user_settings WHERE user_id = $1", &[&user])?;
    row.map_or(Ok((Decided::default(), 0)), |row| Ok((row.decided.read()?, row.rev)))
}

pub(crate) fn save(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    decided: &Decided,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_user_settings (user_id, decided, rev, created_at, updated_at)
         VALUES ($1, $2, 1, $3, $3)
         ON CONFLICT (user_id) DO UPDATE SET decided = excluded.decided, updated_at = excluded.updated_at,
            rev = server_user_settings.rev + 1",
        &[&user, &Json::of(decided), &now],
    )?;
    Ok(())
}

/// The bot that a member chose, if they chose one.
pub(crate) fn default_bot(tx: &Tx<'_>, user: Id<kind::User>) -> Result<Option<Id<kind::Bot>>, DbError> {
    let found: Option<(Option<Id<kind::Bot>>,)> =
        tx.one("SELECT default_bot FROM members WHERE org_id = $1 AND user_id = $2", &[&user])?;
    Ok(found.and_then(|(bot,)| bot))
}

pub(crate) fn set_default_bot(
    unit: &Unit<'_>,
    user: Id<kind::User>,
    bot: Option<Id<kind::Bot>>,
) -> Result<(), DbError> {
    unit.execute("UPDATE members SET default_bot = $3 WHERE org_id = $1 AND user_id = $2", &[&user, &bot])?;
    Ok(())
}
