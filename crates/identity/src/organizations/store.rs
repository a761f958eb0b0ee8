//! Organizations in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Json, Migration, ServerTx, ServerUnit, Tx},
    record,
};

use super::{model::Described, settings::Decided};
use crate::roles::system;

/// An organization whose `deleted_at` is set waits for its erasure: nobody belongs to it any more.
pub(crate) const ORGANIZATIONS: Migration = Migration::new(
    "m20261202_42_identity_organizations",
    "
ALTER TABLE server_organizations ADD COLUMN description text;
ALTER TABLE server_organizations ADD COLUMN logo_url text;
ALTER TABLE server_organizations ADD COLUMN website text;
ALTER TABLE server_organizations ADD COLUMN settings text;
ALTER TABLE server_organizations ADD COLUMN settings_rev bigint NOT NULL DEFAULT 0;
ALTER TABLE server_organizations ADD COLUMN deleted_at bigint;
CREATE INDEX server_organizations_deleted ON server_organizations (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX server_users_by_home ON server_users (home_org_id, id);
CREATE INDEX server_sessions_by_org ON server_sessions (org_id);
",
);

record! {
    /// An organization with what is counted of it.
    #[derive(Debug, Clone)]
    pub(crate) struct OrganizationRow {
        pub(crate) id: Id<kind::Organization>,
        pub(crate) rev: i64,
        pub(crate) name: String,
        pub(crate) slug: String,
        pub(crate) description: Option<String>,
        pub(crate) logo_url: Option<String>,
        pub(crate) website: Option<String>,
        pub(crate) created_at: Timestamp,
        pub(crate) updated_at: Timestamp,
        pub(crate) owner_id: Option<Id<kind::User>>,
        pub(crate) member_count: i64,
    }
}

/// A statement that reads [`OrganizationRow`]s of the user `$1`; `$2` is the role of owners.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.rev, o.name, o.slug, o.description, o.logo_url, o.website, o.created_at, o.updated_at,
                (SELECT r.user_id FROM member_roles r WHERE r.org_id = o.id AND r.role_id = $2
                    AND r.expires_at IS NULL ORDER BY r.created_at, r.user_id LIMIT 1),
                (SELECT CAST(count(*) AS bigint) FROM members c WHERE c.org_id = o.id)
             FROM members m JOIN server_organizations o ON o.id = m.org_id
             WHERE m.user_id = $1 AND o.deleted_at IS NULL",
            $rest
        )
    };
}

/// The organizations that somebody belongs to.
pub(crate) fn of_user(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<Vec<OrganizationRow>, DbError> {
    tx.across_organizations_with(select!(""), &[&user, &system::OWNER])
}

/// One of them.
pub(crate) fn one_of_user(
    tx: &ServerTx<'_>,
    user: Id<kind::User>,
    org: Id<kind::Organization>,
) -> Result<Option<OrganizationRow>, DbError> {
    Ok(tx.across_organizations_with(select!(" AND o.id = $3"), &[&user, &system::OWNER, &org])?.pop())
}

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

/// Makes another organization.
pub(super) fn insert(
    unit: &ServerUnit<'_>,
    id: Id<kind::Organization>,
    new: &Described,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_organizations (id, name, slug, description, logo_url, website, rev, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)",
        &[&id, &new.name, &new.slug, &new.description, &new.logo_url, &new.website, &now],
    )?;
    Ok(())
}

/// Is that slug some organization's?
pub(super) fn is_taken(tx: &ServerTx<'_>, slug: &str) -> Result<bool, DbError> {
    let found: Option<(i64,)> = tx.one("SELECT 1 FROM server_organizations WHERE slug = $1", &[&slug])?;
    Ok(found.is_some())
}

/// Writes what may change of an organization.
pub(super) fn save(
    unit: &ServerUnit<'_>,
    id: Id<kind::Organization>,
    to: &Described,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_organizations SET name = $2, slug = $3, description = $4, logo_url = $5, website = $6,
            updated_at = $7, rev = rev + 1
         WHERE id = $1",
        &[&id, &to.name, &to.slug, &to.description, &to.logo_url, &to.website, &now],
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

/// Is there such an organization that has not been deleted?
pub(crate) fn is_there(tx: &ServerTx<'_>, id: Id<kind::Organization>) -> Result<bool, DbError> {
    let found: Option<(i64,)> =
        tx.one("SELECT 1 FROM server_organizations WHERE id = $1 AND deleted_at IS NULL", &[&id])?;
    Ok(found.is_some())
}

record! {
    struct SettingsRow {
        settings: Option<Json>,
        settings_rev: i64,
    }
}

/// What the organization decided of its settings, with the revision of that.
pub(crate) fn decided(tx: &ServerTx<'_>, id: Id<kind::Organization>) -> Result<(Decided, i64), DbError> {
    let row: Option<SettingsRow> =
        tx.one("SELECT settings, settings_rev FROM server_organizations WHERE id = $1", &[&id])?;
    let Some(row) = row else { return Ok((Decided::default(), 0)) };
    Ok((Decided::stored(row.settings.as_ref())?, row.settings_rev))
}

pub(super) fn save_settings(
    unit: &ServerUnit<'_>,
    id: Id<kind::Organization>,
    decided: &Decided,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_organizations SET settings = $2, settings_rev = settings_rev + 1 WHERE id = $1",
        &[&id, &Json::of(decided)],
    )?;
    Ok(())
}

/// How many people belong to the organization.
pub(crate) fn count_members(tx: &Tx<'_>) -> Result<i64, DbError> {
    let count: Option<(i64,)> =
        tx.one("SELECT CAST(count(*) AS bigint) FROM members WHERE org_id = $1", &[])?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Notes that the organization waits for its erasure.
pub(super) fn mark_deleted(
    unit: &ServerUnit<'_>,
    id: Id<kind::Organization>,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_organizations SET deleted_at = $2, rev = rev + 1 WHERE id = $1",
        &[&id, &now],
    )?;
    Ok(())
}

/// Does the organization wait for its erasure?
pub(super) fn is_deleted(tx: &ServerTx<'_>, id: Id<kind::Organization>) -> Result<bool, DbError> {
    let found: Option<(i64,)> =
        tx.one("SELECT 1 FROM server_organizations WHERE id = $1 AND deleted_at IS NOT NULL", &[&id])?;
    Ok(found.is_some())
}

/// The organizations that wait for their erasure.
pub(super) fn deleted(tx: &ServerTx<'_>) -> Result<Vec<(Id<kind::Organization>,)>, DbError> {
    tx.all("SELECT id FROM server_organizations WHERE deleted_at IS NOT NULL", &[])
}

/// Some of the accounts that belong to the organization.
pub(super) fn accounts_at(
    tx: &ServerTx<'_>,
    org: Id<kind::Organization>,
    most: i64,
) -> Result<Vec<(Id<kind::User>,)>, DbError> {
    tx.all("SELECT id FROM server_users WHERE home_org_id = $1 ORDER BY id LIMIT $2", &[&org, &most])
}

/// Where an account belongs whose home goes: to an organization that it owns, else to the first that it joined.
pub(super) fn other_home(
    tx: &ServerTx<'_>,
    user: Id<kind::User>,
) -> Result<Option<Id<kind::Organization>>, DbError> {
    let found: Vec<(Id<kind::Organization>,)> = tx.across_organizations_with(
        "SELECT m.org_id FROM members m
         LEFT JOIN member_roles r ON r.org_id = m.org_id AND r.user_id = m.user_id AND r.role_id = $2
         JOIN server_organizations o ON o.id = m.org_id
         WHERE m.user_id = $1 AND o.deleted_at IS NULL
         ORDER BY CASE WHEN r.role_id IS NULL THEN 1 ELSE 0 END, m.joined_at, m.org_id LIMIT 1",
        &[&user, &system::OWNER],
    )?;
    Ok(found.first().map(|(org,)| *org))
}

/// Gives an account another home.
pub(super) fn move_home(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    home: Id<kind::Organization>,
) -> Result<(), DbError> {
    unit.execute("UPDATE server_users SET home_org_id = $2, rev = rev + 1 WHERE id = $1", &[&user, &home])?;
    unit.execute("UPDATE server_sessions SET home_org_id = $2 WHERE user_id = $1", &[&user, &home])?;
    Ok(())
}

/// Removes an account with everything that only it has.
pub(crate) fn delete_account(unit: &ServerUnit<'_>, user: Id<kind::User>) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_users WHERE id = $1", &[&user])?;
    Ok(())
}

/// Removes an organization that has nothing any more, if it was deleted before then. Otherwise it keeps its row without a
/// word of what it was, so that it is looked at again: a request that was under way may still write.
pub(super) fn forget(
    unit: &ServerUnit<'_>,
    id: Id<kind::Organization>,
    before: Timestamp,
) -> Result<(), DbError> {
    let gone =
        unit.execute("DELETE FROM server_organizations WHERE id = $1 AND deleted_at <= $2", &[&id, &before])?;
    if gone == 0 {
        let nothing: Option<&str> = None;
        unit.execute(
            "UPDATE server_organizations SET name = '', slug = $2, description = $3, logo_url = $3, website = $3,
                settings = $3, rev = rev + 1
             WHERE id = $1 AND deleted_at IS NOT NULL",
            &[&id, &id.to_string(), &nothing],
        )?;
    }
    Ok(())
}
