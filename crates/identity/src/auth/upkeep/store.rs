//! Links and registrations whose time is over, in the database.

use kernel::{
    Id, Timestamp,
    id::kind::{Organization, User},
};
use platform::db::{DbError, ServerTx, ServerUnit};

use crate::{auth::store::Purpose, roles::system};

/// Links that one unit forgets at the most.
pub(super) const LINKS: u64 = 500;
/// Accounts that one unit erases at the most.
pub(super) const ACCOUNTS: u64 = 50;

/// An account with its home.
type AtHome = (Id<User>, Id<Organization>);

/// Forgets some of the links that are not good any more; gives their number.
pub(super) fn forget_links(unit: &ServerUnit<'_>, now: Timestamp) -> Result<u64, DbError> {
    unit.execute(
        "DELETE FROM server_one_time_tokens WHERE token_hash IN
            (SELECT token_hash FROM server_one_time_tokens WHERE expires_at <= $1 LIMIT $2)",
        &[&now, &LINKS.cast_signed()],
    )
}

/// Some accounts with their home, made before then, whose address waits for a confirmation that nobody can give any
/// more. Those that own an organization, or were taken into a group or into another organization, stay.
/// The status stands in the statement: by a parameter neither engine takes the index of those few.
pub(super) fn unconfirmed(
    tx: &ServerTx<'_>,
    before: Timestamp,
    now: Timestamp,
) -> Result<Vec<AtHome>, DbError> {
    tx.across_organizations_with(
        "SELECT u.id, u.home_org_id FROM server_users u
         WHERE u.status = 'pending_verification' AND u.created_at <= $1
            AND NOT EXISTS (SELECT 1 FROM server_one_time_tokens t
                WHERE t.user_id = u.id AND t.purpose = $2 AND t.expires_at > $3)
            AND NOT EXISTS (SELECT 1 FROM members m WHERE m.user_id = u.id AND m.org_id <> u.home_org_id)
            AND NOT EXISTS (SELECT 1 FROM group_members g WHERE g.org_id = u.home_org_id AND g.user_id = u.id)
            AND NOT EXISTS (SELECT 1 FROM member_roles r
                WHERE r.org_id = u.home_org_id AND r.user_id = u.id AND r.role_id = $4)
         ORDER BY u.created_at LIMIT $5",
        &[&before, &Purpose::ConfirmEmail.as_str(), &now, &system::OWNER, &ACCOUNTS.cast_signed()],
    )
}

/// Is there a link that still confirms the address of that account?
pub(super) fn has_link(tx: &ServerTx<'_>, user: Id<User>, now: Timestamp) -> Result<bool, DbError> {
    let found: Option<(i64,)> = tx.one(
        "SELECT CAST(count(*) AS bigint) FROM server_one_time_tokens
         WHERE user_id = $1 AND purpose = $2 AND expires_at > $3",
        &[&user, &Purpose::ConfirmEmail.as_str(), &now],
    )?;
    Ok(found.is_some_and(|(links,)| links > 0))
}
