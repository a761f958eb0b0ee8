//! What organizations decide of their policies, in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Json, Migration, ServerTx, ServerUnit, Unit},
    record,
};

use super::{Policies, model::Decided};
use crate::Settings;

pub(crate) const POLICIES: Migration = Migration::new(
    "m20261201_52_identity_security_policies",
    "
CREATE TABLE server_security_policies (
    org_id uuid NOT NULL PRIMARY KEY REFERENCES server_organizations (id),
    decided text NOT NULL,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
",
);

record! {
    struct Row {
        decided: Json,
        rev: i64,
    }
}

/// What the organization decides, with the revision of that; nothing is revision 0.
pub(crate) fn decided(tx: &ServerTx<'_>, org: Id<kind::Organization>) -> Result<(Decided, i64), DbError> {
    let row: Option<Row> =
        tx.one("SELECT decided, rev FROM server_security_policies WHERE org_id = $1", &[&org])?;
    row.map_or(Ok((Decided::default(), 0)), |row| Ok((row.decided.read()?, row.rev)))
}

/// The policies that hold in the organization.
pub(crate) fn policies(
    tx: &ServerTx<'_>,
    settings: &Settings,
    org: Id<kind::Organization>,
) -> Result<Policies, DbError> {
    Ok(Policies::of(settings, &decided(tx, org)?.0))
}

/// Lets a rule go on for a role whose name has changed.
pub(crate) fn rename_role(unit: &Unit<'_>, from: &str, to: &str, now: Timestamp) -> Result<(), DbError> {
    let (mut decided, _) = decided(unit.server(), unit.org())?;
    let mut named = decided.required_for_roles().iter_mut().filter(|role| *role == from).peekable();
    if named.peek().is_none() {
        return Ok(());
    }
    named.for_each(|role| to.clone_into(role));
    save(unit.server(), unit.org(), &decided, now)
}

pub(crate) fn save(
    unit: &ServerUnit<'_>,
    org: Id<kind::Organization>,
    decided: &Decided,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_security_policies (org_id, decided, rev, created_at, updated_at)
         VALUES ($1, $2, 1, $3, $3)
         ON CONFLICT (org_id) DO UPDATE SET decided = excluded.decided, updated_at = excluded.updated_at,
            rev = server_security_policies.rev + 1",
        &[&org, &Json::of(decided), &now],
    )?;
    Ok(())
}
