//! Roles: what they allow, who has them until when, and who may give them.
//!
//! The system roles are code ([`system`]); others are rows of the organization that made them, and contain what their
//! parents allow. An assignment is a row, too, and may end; from that second it no longer counts. What somebody may do
//! is the union of what their roles allow; their rank is the highest ([`rights`]).

pub(crate) mod change;
pub(crate) mod model;
pub(crate) mod permissions;
mod rights;
mod routes;
pub(crate) mod schema;
mod service;
pub(crate) mod store;
pub(crate) mod system;
#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes};
use kernel::Permission;

pub(crate) use model::RoleName;
pub(crate) use rights::{
    Assignment, Catalogue, CustomRole, Effective, Grant, HeldGroup, Holdings, OWNER_LEVEL, Role, Source,
    may_assign, names,
};
pub use service::Roles;

/// The operations on roles.
pub(crate) fn module(roles: &Roles) -> Module {
    const READ: Access = Access::permission(Permission::ROLES_READ);
    const ADMIN: Access = Access::permission(Permission::ADMIN_ROLES).in_person();
    Module::new("roles")
        .route(roles, routes!(routes::list), READ)
        .route(roles, routes!(routes::create), ADMIN)
        .route(roles, routes!(routes::get), READ)
        .route(roles, routes!(routes::change), ADMIN)
        .route(roles, routes!(routes::delete), ADMIN)
        .route(roles, routes!(routes::list_permissions), READ)
        .route(roles, routes!(routes::change_permissions), ADMIN)
}
