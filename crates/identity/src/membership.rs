//! What other rooms may ask of the people of an organization, in their own transactions.

use std::borrow::Cow;

use kernel::{Id, PermissionSet, Timestamp, id::kind};
use platform::db::{DbError, Tx};

use crate::{
    groups,
    roles::{Effective, store, system},
    users,
};

/// A role as other rooms know it: its id and its name.
pub type RoleName = (Id<kind::Role>, Cow<'static, str>);

/// The roles that somebody has now, by themselves and by their groups.
pub fn roles_of(tx: &Tx<'_>, user: Id<kind::User>, now: Timestamp) -> Result<Vec<RoleName>, DbError> {
    let holdings = store::holdings(tx, user)?.unwrap_or_default();
    let effective = Effective::of(&holdings, now);
    Ok(effective.roles.into_iter().map(|role| (role.id, role.name)).collect())
}

/// What somebody belongs to now: by themselves, and by their groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belonging {
    /// Their roles.
    pub roles: Vec<Id<kind::Role>>,
    /// The groups that they are members of, themselves or through those above.
    pub groups: Vec<Id<kind::Group>>,
}

/// The roles and groups that somebody has now.
pub fn belonging(tx: &Tx<'_>, user: Id<kind::User>, now: Timestamp) -> Result<Belonging, DbError> {
    let holdings = store::holdings(tx, user)?.unwrap_or_default();
    let roles = Effective::of(&holdings, now).roles.into_iter().map(|role| role.id).collect();
    let groups = holdings.groups.into_iter().filter(|group| group.is_member).map(|group| group.id).collect();
    Ok(Belonging { roles, groups })
}

/// Is there such a group in the organization?
pub fn is_group(tx: &Tx<'_>, group: Id<kind::Group>) -> Result<bool, DbError> {
    Ok(groups::store::find(tx, group)?.is_some())
}

/// Is one of those roles called so, or what that name is read as?
pub fn is_among(roles: &[RoleName], name: &str) -> bool {
    let meant = system::by_name(name).map_or(name, |role| &role.name);
    roles.iter().any(|(_, own)| own == meant)
}

/// The role of that name in the organization.
pub fn role_named(tx: &Tx<'_>, name: &str) -> Result<Option<RoleName>, DbError> {
    if let Some(role) = system::by_name(name) {
        return Ok(Some((role.id, role.name.clone())));
    }
    let custom = store::by_name(tx, name)?;
    Ok(custom.map(|(id, name)| (id, name.into())))
}

/// The name of a role.
pub fn role_of(tx: &Tx<'_>, id: Id<kind::Role>) -> Result<Option<RoleName>, DbError> {
    if let Some(role) = system::by_id(id) {
        return Ok(Some((id, role.name.clone())));
    }
    Ok(store::find(tx, id)?.map(|row| (id, row.name.into())))
}

/// What somebody may do now. None unless they are a member who can sign in.
pub fn permissions_of(
    tx: &Tx<'_>,
    user: Id<kind::User>,
    now: Timestamp,
) -> Result<Option<PermissionSet>, DbError> {
    let Some(holdings) = store::holdings(tx, user)? else { return Ok(None) };
    let account = users::store::find(tx.server(), user)?;
    let active = account.filter(|account| account.status == users::model::Status::Active);
    Ok(active.map(|_| Effective::of(&holdings, now).permissions))
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
