//! What other rooms may ask of the people of an organization, in their own transactions.

use kernel::{Id, Timestamp, id::kind};
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

/// Is that user a member of the organization?
pub fn is_member(tx: &Tx<'_>, user: Id<kind::User>) -> Result<bool, DbError> {
    users::store::is_member(tx, user)
}
