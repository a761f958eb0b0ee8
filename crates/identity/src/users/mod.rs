//! People: their accounts, what they are called, and what they are in their organization.
//!
//! An account has a home organization, which alone changes its name, address and status. What somebody may do to
//! whom stands in `policy`; what a request makes of an account is worked out in `change`, without a database.

pub(crate) mod change;
pub(crate) mod events;
pub(crate) mod fields;
mod mailed;
pub(crate) mod model;
pub(crate) mod policy;
pub(crate) mod rights;
mod routes;
pub(crate) mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, By, Limit, Module, Repeats, routes};
use kernel::Permission;

pub use model::{CreatedUser, NewUser, Person, Status, User, UserCard, UserPatch, UserRef};
pub use policy::UserError;
pub use rights::{EffectivePermissions, HeldRole, Membership, PermissionAnswer};
pub use service::Users;
pub(crate) use service::{insert, load, lock, seen};

/// The operations on users.
pub(crate) fn module(users: &Users) -> Module {
    const ADMIN: Permission = Permission::ADMIN_USERS;
    const READ: Permission = Permission::USERS_READ;
    const ROLES: Permission = Permission::ADMIN_ROLES;
    // What somebody's script changes of people and their rights would be its author's doing.
    let rights_of = || Access::permission(ROLES).in_person();
    let often = |calls| Limit::per_minute(calls, By::Caller);
    // The router prefers `/users/me` to `/users/{user_id}` whatever the method, so what takes `me` has it twice.
    events::declare(Module::new("users"))
        .route(users, routes!(routes::list), Access::permission(READ).limit(often(60)))
        .route(users, routes!(routes::create), Access::permission(ADMIN).repeats(Repeats::Secret))
        .route(users, routes!(routes::me), Access::authenticated())
        .route(users, routes!(routes::change_me), Access::authenticated().limit(often(30)).in_person())
        .route(users, routes!(routes::get), Access::permission(READ).own("user_id"))
        .route(users, routes!(rights::routes::list_roles), Access::permission(ROLES).own("user_id"))
        .route(users, routes!(rights::routes::give_role), rights_of())
        .route(users, routes!(rights::routes::set_roles), rights_of())
        .route(users, routes!(rights::routes::take_role), rights_of())
        .route(users, routes!(rights::routes::permissions), Access::permission(ROLES).own("user_id"))
        .route(users, routes!(rights::routes::permission), Access::permission(ROLES).own("user_id"))
        .route(users, routes!(rights::routes::list_organizations), Access::permission(ADMIN).own("user_id"))
        .route(
            users,
            routes!(routes::change),
            Access::permission(ADMIN).own("user_id").limit(often(30)).in_person(),
        )
}
