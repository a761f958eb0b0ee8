//! What other rooms may ask of the people of an organization, in their own transactions.

use kernel::{Id, PermissionSet, Timestamp, id::kind};
use platform::db::{DbError, Tx};

use crate::{
    roles::{Effective, store, system},
    users,
};

/// A role as other rooms know it: its id and its name.
pub type RoleName = (Id<kind::Role>, &'static str);

/// The roles that somebody has now.
pub fn roles_of(tx: &Tx<'_>, user: Id<kind::User>, now: Timestamp) -> Result<Vec<RoleName>, DbError> {
    let effective = Effective::of(&store::of(tx, user)?, now);
    Ok(effective.roles.iter().map(|role| (role.id, role.name)).collect())
}

/// The role of that name.
pub fn role_named(name: &str) -> Option<RoleName> {
    system::by_name(name).map(|role| (role.id, role.name))
}

/// The name of a role.
pub fn role_of(id: Id<kind::Role>) -> Option<RoleName> {
    system::by_id(id).map(|role| (role.id, role.name))
}

/// What somebody may do now. None unless they are a member who can sign in.
pub fn permissions_of(
    tx: &Tx<'_>,
    user: Id<kind::User>,
    now: Timestamp,
) -> Result<Option<PermissionSet>, DbError> {
    let member = users::store::member_with_roles(tx, user)?;
    let active = member.filter(|(account, _)| account.status == users::model::Status::Active);
    Ok(active.map(|(_, roles)| Effective::of(&roles, now).permissions))
}

/// The member with that e-mail address, folded as names are compared.
pub fn by_email(tx: &Tx<'_>, key: &str) -> Result<Option<Id<kind::User>>, DbError> {
    let found: Option<(Id<kind::User>,)> =
        tx.one("SELECT user_id FROM members WHERE org_id = $1 AND email_key = $2", &[&key])?;
    Ok(found.map(|(user,)| user))
}

/// The member of that username, folded as names are compared.
pub fn by_username(tx: &Tx<'_>, key: &str) -> Result<Option<Id<kind::User>>, DbError> {
    let found: Option<(Id<kind::User>,)> =
        tx.one("SELECT user_id FROM members WHERE org_id = $1 AND username_key = $2", &[&key])?;
    Ok(found.map(|(user,)| user))
}

/// Is that user a member of the organization?
pub fn is_member(tx: &Tx<'_>, user: Id<kind::User>) -> Result<bool, DbError> {
    users::store::is_member(tx, user)
}
