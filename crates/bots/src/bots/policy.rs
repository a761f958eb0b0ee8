//! Who may use a bot: the one function that decides.

use kernel::{Hearer, Id, Permission, Principal, id::kind::User};

use super::Visibility;

/// May the caller use a bot of that visibility, made by that person, on whose lists they stand or not? Those who are
/// denied have been refused before.
pub(super) fn may_use(
    who: &Principal,
    visibility: &str,
    created_by: Option<Id<User>>,
    is_listed: bool,
) -> bool {
    let hearer = Hearer { user: who.user, permissions: who.permissions };
    let visibility = Visibility::read(visibility);
    may_know(&hearer, visibility, created_by) || (is_listed && visibility == Visibility::Private)
}

/// May somebody without an account talk with a bot of that visibility?
pub(super) fn is_open(visibility: &str, anonymous_allowed: bool) -> bool {
    anonymous_allowed && Visibility::read(visibility) == Visibility::Public
}

/// May somebody hear of it? Lists are not looked at.
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
