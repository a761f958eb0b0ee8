//! Who has which role in an organization.

use std::collections::HashMap;

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{Bind, DbError, Tx, Unit},
    record,
};

use super::{Assignment, system};

record! {
    struct AssignmentRow {
        user_id: Id<kind::User>,
        role_id: Id<kind::Role>,
        expires_at: Option<Timestamp>,
    }
}

impl From<&AssignmentRow> for Assignment {
    fn from(row: &AssignmentRow) -> Self {
        Self { role: row.role_id, expires_at: row.expires_at }
    }
}

/// The roles of one member.
pub(crate) fn of(tx: &Tx<'_>, user: Id<kind::User>) -> Result<Vec<Assignment>, DbError> {
    let rows: Vec<AssignmentRow> = tx.all(
        "SELECT user_id, role_id, expires_at FROM member_roles WHERE org_id = $1 AND user_id = $2",
        &[&user],
    )?;
    Ok(rows.iter().map(Assignment::from).collect())
}

/// Members whose roles one statement reads.
const BATCH: usize = 20;

/// The roles of several members, as a page of them needs it.
pub(crate) fn of_each(
    tx: &Tx<'_>,
    users: &[Id<kind::User>],
) -> Result<HashMap<Id<kind::User>, Vec<Assignment>>, DbError> {
    let mut found: HashMap<_, Vec<_>> = HashMap::with_capacity(users.len());
    for batch in users.chunks(BATCH) {
        // A text that never changes stays prepared; a batch that is not full repeats its last.
        let Some(last) = batch.last() else { break };
        let params: [&dyn Bind; BATCH] = std::array::from_fn(|at| batch.get(at).unwrap_or(last) as &dyn Bind);
        let rows: Vec<AssignmentRow> = tx.all(
            "SELECT user_id, role_id, expires_at FROM member_roles WHERE org_id = $1 AND user_id IN ($2, $3, $4, \
             $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
            &params,
        )?;
        for row in &rows {
            found.entry(row.user_id).or_default().push(row.into());
        }
    }
    Ok(found)
}

/// Gives a role.
pub(crate) fn assign(
    unit: &Unit<'_>,
    user: Id<kind::User>,
    assignment: Assignment,
    by: Option<Id<kind::User>>,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO member_roles (org_id, user_id, role_id, expires_at, assigned_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[&user, &assignment.role, &assignment.expires_at, &by, &now],
    )?;
    Ok(())
}

/// Takes a role.
pub(crate) fn revoke(unit: &Unit<'_>, user: Id<kind::User>, role: Id<kind::Role>) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM member_roles WHERE org_id = $1 AND user_id = $2 AND role_id = $3",
        &[&user, &role],
    )?;
    Ok(())
}

/// Is there an owner who can act?
pub(crate) fn has_owner(tx: &Tx<'_>, now: Timestamp) -> Result<bool, DbError> {
    let owner: Option<(i64,)> = tx.one(
        "SELECT 1 FROM member_roles r JOIN server_users u ON u.id = r.user_id
         WHERE r.org_id = $1 AND r.role_id = $2 AND (r.expires_at IS NULL OR r.expires_at > $3)
           AND u.status = 'active' LIMIT 1",
        &[&system::OWNER, &now],
    )?;
    Ok(owner.is_some())
}
