//! What becomes of the groups of somebody who leaves.

use kernel::{Id, Timestamp, id::kind};
use platform::db::{DbError, Unit};

use crate::roles::system;

/// Groups that somebody alone owned go to the owner of the organization who has been it for the longest time. To be
/// called while they are still a member.
pub(crate) fn hand_over(unit: &Unit<'_>, from: Id<kind::User>, now: Timestamp) -> Result<(), DbError> {
    let orphaned: Vec<(Id<kind::Group>,)> = unit.all(
        "SELECT m.group_id FROM group_members m WHERE m.org_id = $1 AND m.user_id = $2 AND m.role = 'owner'
            AND NOT EXISTS (SELECT 1 FROM group_members o WHERE o.org_id = m.org_id AND o.group_id = m.group_id
                AND o.user_id <> m.user_id AND o.role = 'owner' AND o.status = 'active')",
        &[&from],
    )?;
    let heir: Option<(Id<kind::User>,)> = unit.one(
        "SELECT r.user_id FROM member_roles r JOIN server_users u ON u.id = r.user_id
         WHERE r.org_id = $1 AND r.role_id = $2 AND r.user_id <> $3 AND r.expires_at IS NULL AND u.status = 'active'
         ORDER BY r.created_at, r.user_id LIMIT 1",
        &[&system::OWNER, &from],
    )?;
    let Some((heir,)) = heir else { return Ok(()) };
    for (group,) in orphaned {
        let id: Id<kind::Membership> = unit.surroundings().id_at(now);
        unit.execute(
            "INSERT INTO group_members (org_id, group_id, user_id, id, role, permissions, status, added_by, rev,
                joined_at, updated_at)
             VALUES ($1, $2, $3, $4, 'owner', '', 'active', $3, 1, $5, $5)
             ON CONFLICT (org_id, group_id, user_id) DO UPDATE SET role = excluded.role, status = excluded.status,
                updated_at = excluded.updated_at, rev = group_members.rev + 1",
            &[&group, &heir, &id, &now],
        )?;
    }
    Ok(())
}
