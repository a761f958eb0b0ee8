//! Who may use a bot: the one function that decides.

use kernel::{Actor, Id, Permission, id::kind::User};

use super::Visibility;

/// May the caller use a bot of that visibility, made by that person? Where not, there is no such bot.
pub(crate) fn may_use(who: &Actor, visibility: &str, created_by: Option<Id<User>>) -> bool {
    if who.may(Permission::ADMIN_BOTS) {
        return true;
    }
    match Visibility::read(visibility) {
        Visibility::Public | Visibility::Organization => true,
        Visibility::Private => created_by == Some(who.user),
        Visibility::Admin => false,
    }
}
