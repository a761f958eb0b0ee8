//! Who may use a bot: the one function that decides.

use kernel::{Actor, Hearer, Id, Permission, id::kind::User};

use super::Visibility;

/// May the caller use a bot of that visibility, made by that person? Where not, there is no such bot.
pub(crate) fn may_use(who: &Actor, visibility: &str, created_by: Option<Id<User>>) -> bool {
    let hearer = Hearer { user: who.user, permissions: who.permissions };
    may_know(&hearer, Visibility::read(visibility), created_by)
}

/// The same for whoever would hear of it.
pub(super) fn may_know(who: &Hearer, visibility: Visibility, created_by: Option<Id<User>>) -> bool {
    if who.may(Permission::ADMIN_BOTS) {
        return true;
    }
    match visibility {
        Visibility::Public | Visibility::Organization => true,
        Visibility::Private => created_by == Some(who.user),
        Visibility::Admin => false,
    }
}
