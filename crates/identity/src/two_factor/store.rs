//! Second factors and their backup codes in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Migration, ServerTx, ServerUnit},
    record,
};

use crate::tokens::TokenHash;

/// A setup that nobody has confirmed yet has no `confirmed_at`. `last_step` is the last one whose code was used, which
/// is what makes a code good once on all nodes.
pub(crate) const TWO_FACTOR: Migration = Migration::new(
    "m20261201_51_identity_two_factor",
    "
CREATE TABLE server_two_factor (
    user_id uuid NOT NULL PRIMARY KEY REFERENCES server_users (id) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    confirmed_at bigint,
    pending_until bigint NOT NULL,
    last_step bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE server_backup_codes (
    user_id uuid NOT NULL REFERENCES server_users (id) ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
",
);

record! {
    /// A second factor, in force or waiting for its confirmation.
    #[derive(Debug, Clone)]
    pub(crate) struct FactorRow {
        pub(crate) sealed: Vec<u8>,
        pub(crate) confirmed_at: Option<Timestamp>,
        pub(crate) pending_until: Timestamp,
        pub(crate) last_step: i64,
    }
}

pub(crate) fn find(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<Option<FactorRow>, DbError> {
    tx.one(
        "SELECT sealed, confirmed_at, pending_until, last_step FROM server_two_factor WHERE user_id = $1",
        &[&user],
    )
}

/// Keeps a setup in place of one that was not confirmed.
pub(crate) fn begin(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    sealed: &[u8],
    pending_until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_two_factor (user_id, sealed, pending_until, last_step, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id) DO UPDATE SET sealed = excluded.sealed, pending_until = excluded.pending_until,
            last_step = excluded.last_step, created_at = excluded.created_at",
        &[&user, &sealed, &pending_until, &-1_i64, &now],
    )?;
    Ok(())
}

/// Puts the setup in force.
pub(crate) fn confirm(unit: &ServerUnit<'_>, user: Id<kind::User>, now: Timestamp) -> Result<(), DbError> {
    unit.execute("UPDATE server_two_factor SET confirmed_at = $2 WHERE user_id = $1", &[&user, &now])?;
    Ok(())
}

/// Uses a step up. Of several units that try with its code only one gets true.
pub(crate) fn use_step(unit: &ServerUnit<'_>, user: Id<kind::User>, step: i64) -> Result<bool, DbError> {
    let moved = unit.execute(
        "UPDATE server_two_factor SET last_step = $2 WHERE user_id = $1 AND last_step < $2",
        &[&user, &step],
    )?;
    Ok(moved == 1)
}

/// Forgets the factor and its backup codes.
pub(crate) fn forget(unit: &ServerUnit<'_>, user: Id<kind::User>) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_two_factor WHERE user_id = $1", &[&user])?;
    unit.execute("DELETE FROM server_backup_codes WHERE user_id = $1", &[&user])?;
    Ok(())
}

/// Keeps these backup codes in place of those before.
pub(crate) fn replace_backup_codes(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    hashes: &[TokenHash],
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_backup_codes WHERE user_id = $1", &[&user])?;
    for hash in hashes {
        unit.execute(
            "INSERT INTO server_backup_codes (user_id, code_hash, created_at) VALUES ($1, $2, $3)",
            &[&user, hash, &now],
        )?;
    }
    Ok(())
}

/// Uses a backup code up. Only one of several units that try gets true.
pub(crate) fn use_backup_code(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    hash: &TokenHash,
) -> Result<bool, DbError> {
    let spent = unit
        .execute("DELETE FROM server_backup_codes WHERE user_id = $1 AND code_hash = $2", &[&user, hash])?;
    Ok(spent == 1)
}

pub(crate) fn count_backup_codes(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<i64, DbError> {
    let count: Option<(i64,)> =
        tx.one("SELECT count(*) FROM server_backup_codes WHERE user_id = $1", &[&user])?;
    Ok(count.map_or(0, |(count,)| count))
}
