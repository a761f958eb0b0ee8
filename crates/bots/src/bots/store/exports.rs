//! What people said to bots that are deleted, taken along.

use kernel::{
    Id, Timestamp,
    id::kind::{Bot as BotKind, User},
};
use platform::{
    db::{DbError, Migration, ServerTx, Tx, Unit},
    objects::{ObjectHash, Stored},
    record,
};

use super::Named;

/// An export is wanted before anything of the bot is removed, made once, and forgotten some time after the removal.
pub(crate) const EXPORTS: Migration = Migration::new(
    "m20261201_20_bots_exports_of_deleted",
    "CREATE TABLE bot_exports (
        org_id uuid NOT NULL,
        bot_id uuid NOT NULL,
        user_id uuid NOT NULL,
        name text NOT NULL,
        hash bytea,
        size bigint,
        conversations bigint,
        expires_at bigint,
        PRIMARY KEY (org_id, bot_id)
    );
    CREATE INDEX bot_exports_ending ON bot_exports (expires_at) WHERE expires_at IS NOT NULL;",
);

record! {
    /// The conversations with a deleted bot.
    #[derive(Debug, Clone)]
    pub(in crate::bots) struct ExportRow {
        /// Who deleted the bot.
        pub(in crate::bots) user_id: Id<User>,
        /// What the file is called.
        pub(in crate::bots) name: String,
        /// None until it is made.
        pub(in crate::bots) hash: Option<ObjectHash>,
        pub(in crate::bots) size: Option<i64>,
        pub(in crate::bots) conversations: Option<i64>,
        /// None until the bot is removed, or the export given up.
        pub(in crate::bots) expires_at: Option<Timestamp>,
    }
}

impl ExportRow {
    /// Was it not made, and is it not going to be?
    pub(in crate::bots) fn is_given_up(&self) -> bool {
        self.hash.is_none() && self.expires_at.is_some()
    }
}

/// Notes that somebody wants the bot's conversations before they are removed.
pub(in crate::bots) fn want_export(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    user: Id<User>,
    name: &str,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO bot_exports (org_id, bot_id, user_id, name) VALUES ($1, $2, $3, $4)",
        &[&bot, &user, &name],
    )?;
    Ok(())
}

pub(in crate::bots) fn export(tx: &Tx<'_>, bot: Id<BotKind>) -> Result<Option<ExportRow>, DbError> {
    tx.one(
        "SELECT user_id, name, hash, size, conversations, expires_at FROM bot_exports
         WHERE org_id = $1 AND bot_id = $2",
        &[&bot],
    )
}

/// From here on the conversations may be removed.
pub(in crate::bots) fn keep_export(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    made: Stored,
    conversations: i64,
) -> Result<(), DbError> {
    unit.claim_object(made, bot.as_bytes())?;
    unit.execute(
        "UPDATE bot_exports SET hash = $3, size = $4, conversations = $5 WHERE org_id = $1 AND bot_id = $2",
        &[&bot, &made.hash, &i64::try_from(made.size).unwrap_or(i64::MAX), &conversations],
    )?;
    Ok(())
}

/// The bot is removed: its export is kept until then. One that was not made is given up, and only that is remembered.
pub(in crate::bots) fn keep_export_until(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    at: Timestamp,
) -> Result<(), DbError> {
    unit.execute("UPDATE bot_exports SET expires_at = $3 WHERE org_id = $1 AND bot_id = $2", &[&bot, &at])?;
    Ok(())
}

/// Exports that were kept long enough, over all organizations.
pub(in crate::bots) fn ended_exports(tx: &ServerTx<'_>, now: Timestamp) -> Result<Vec<Named>, DbError> {
    tx.across_organizations_with("SELECT org_id, bot_id FROM bot_exports WHERE expires_at <= $1", &[&now])
}

pub(in crate::bots) fn forget_export(unit: &Unit<'_>, bot: Id<BotKind>) -> Result<(), DbError> {
    unit.release_objects(bot.as_bytes())?;
    unit.execute("DELETE FROM bot_exports WHERE org_id = $1 AND bot_id = $2", &[&bot])?;
    Ok(())
}
