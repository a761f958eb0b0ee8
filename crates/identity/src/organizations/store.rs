//! Organizations in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::db::{DbError, ServerTx, ServerUnit};

/// The server's first organization.
pub(crate) fn first(tx: &ServerTx<'_>) -> Result<Option<Id<kind::Organization>>, DbError> {
    let found: Option<(Id<kind::Organization>,)> =
        tx.one("SELECT id FROM server_organizations WHERE founding = $1", &[&true])?;
    Ok(found.map(|(id,)| id))
}

pub(crate) fn insert_first(
    unit: &ServerUnit<'_>,
    id: Id<kind::Organization>,
    name: &str,
    slug: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_organizations (id, name, slug, founding, rev, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 1, $5, $5)",
        &[&id, &name, &slug, &true, &now],
    )?;
    Ok(())
}

pub(crate) fn rename(
    unit: &ServerUnit<'_>,
    id: Id<kind::Organization>,
    name: &str,
    slug: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_organizations SET name = $2, slug = $3, updated_at = $4, rev = rev + 1 WHERE id = $1",
        &[&id, &name, &slug, &now],
    )?;
    Ok(())
}

/// Locks the organization: whoever counts its owners before taking one away does it alone.
pub(crate) fn lock(unit: &ServerUnit<'_>, id: Id<kind::Organization>) -> Result<(), DbError> {
    // An UPDATE locks the row on every database; SELECT … FOR UPDATE does not exist on SQLite.
    unit.execute("UPDATE server_organizations SET rev = rev WHERE id = $1", &[&id])?;
    Ok(())
}
