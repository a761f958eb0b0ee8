//! Mails that wait, in the database.

use kernel::Timestamp;
use uuid::Uuid;

use crate::{
    db::{DbError, ServerUnit, Tx, Unit},
    record,
};

/// Rows that one sweep takes away at the most.
pub(super) const AT_ONCE: u64 = 500;

record! {
    /// A mail that waits.
    #[derive(Debug, Clone)]
    pub(super) struct Row {
        pub(super) sealed: Vec<u8>,
        pub(super) expires_at: Timestamp,
        pub(super) created_at: Timestamp,
    }
}

pub(super) fn insert(
    unit: &Unit<'_>,
    id: Uuid,
    sealed: &[u8],
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO mails (org_id, id, sealed, expires_at, created_at) VALUES ($1, $2, $3, $4, $5)",
        &[id.as_bytes(), &sealed, &expires_at, &now],
    )?;
    Ok(())
}

pub(super) fn find(tx: &Tx<'_>, id: Uuid) -> Result<Option<Row>, DbError> {
    tx.one("SELECT sealed, expires_at, created_at FROM mails WHERE org_id = $1 AND id = $2", &[id.as_bytes()])
}

pub(super) fn forget(unit: &Unit<'_>, id: Uuid) -> Result<(), DbError> {
    unit.execute("DELETE FROM mails WHERE org_id = $1 AND id = $2", &[id.as_bytes()])?;
    Ok(())
}

/// Forgets mails whose time is over. Gives their number.
pub(super) fn sweep(unit: &ServerUnit<'_>, now: Timestamp) -> Result<u64, DbError> {
    unit.everywhere().execute(
        "DELETE FROM mails WHERE (org_id, id) IN
            (SELECT org_id, id FROM mails WHERE expires_at <= $1 ORDER BY expires_at LIMIT 500)",
        &[&now],
    )
}
