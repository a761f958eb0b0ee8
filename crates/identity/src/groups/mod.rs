//! Groups of people: who is in them, what they may do there, and what the group allows them everywhere.
//!
//! Groups stand above each other. What a group allows, members of its children have, too, unless a child says that it
//! inherits no permissions; its members are members of a child that says that it inherits members. Every organization
//! has five that carry the roles of their rank, or are of everyone; these have the same ids everywhere, so that code can
//! name them, and a trigger makes their rows with the organization.
//!
//! Within a group a membership has a role and powers (`policy.rs`), which say nothing of anything outside. Whoever lets
//! somebody in gives them what the group allows, and so must have it themselves, and outrank it.

mod error;
mod events;
mod group_roles;
pub(crate) mod members;
pub(crate) mod model;
mod of_user;
mod policy;
mod requests;
mod routes;
pub(crate) mod schema;
mod seats;
mod service;
pub(crate) mod store;
mod succession;
#[cfg(test)]
mod tests;

use gateway::{Access, By, Limit, Module, routes as documented};
use kernel::{Id, Permission, Standing, id::kind};
use uuid::Uuid;

pub use error::GroupError;
pub use service::Groups;
pub(crate) use succession::hand_over;

/// The group of everyone: all members of the organization, and nobody else.
pub(crate) const EVERYONE: Id<kind::Group> =
    Id::from_uuid(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0005));

/// The operations on groups.
pub(crate) fn module(groups: &Groups) -> Module {
    let reads = |access: Access| access.limit(Limit::per_minute(100, By::Caller));
    // Groups carry rights: what a script changes of them would be its author's, with the rights of whoever runs it.
    let writes = |access: Access| access.limit(Limit::per_minute(20, By::Caller)).in_person();
    let read = || reads(Access::permission(Permission::GROUPS_READ));
    let create = || writes(Access::permission(Permission::GROUPS_CREATE));
    let write = || writes(Access::permission(Permission::GROUPS_WRITE)).standing(Standing::GroupAdmin);
    let member = || read().standing(Standing::GroupMember);
    let module = with_members(events::declare(Module::new("groups")), groups, &member, &write);
    module
        .route(groups, documented!(routes::list), read())
        .route(groups, documented!(routes::create), create())
        .route(groups, documented!(routes::get), read())
        .route(groups, documented!(routes::change), write())
        .route(
            groups,
            documented!(routes::delete),
            writes(Access::permission(Permission::GROUPS_DELETE)).standing(Standing::GroupOwner),
        )
        .route(groups, documented!(routes::permissions), member())
        .route(
            groups,
            documented!(routes::change_permissions),
            writes(Access::permission(Permission::ADMIN_GROUPS)),
        )
        .route(groups, documented!(routes::list_subgroups), read())
        .route(groups, documented!(routes::create_subgroup), create().standing(Standing::GroupAdmin))
        .route(
            groups,
            documented!(routes::list_of_user),
            reads(Access::permission(Permission::ADMIN_USERS)).own("user_id"),
        )
}

fn with_members(
    module: Module,
    groups: &Groups,
    member: &dyn Fn() -> Access,
    write: &dyn Fn() -> Access,
) -> Module {
    let signed_in = || Access::authenticated().limit(Limit::per_minute(20, By::Caller));
    let admin = || {
        let read = Access::permission(Permission::GROUPS_READ).standing(Standing::GroupAdmin);
        read.limit(Limit::per_minute(100, By::Caller))
    };
    module
        .route(groups, documented!(routes::members::list_members), member())
        .route(groups, documented!(routes::members::add_member), write())
        .route(groups, documented!(routes::members::add_members), write())
        .route(groups, documented!(routes::members::member), member())
        .route(groups, documented!(routes::members::change_member), write())
        .route(groups, documented!(routes::members::remove_member), write().own("user_id"))
        .route(groups, documented!(routes::members::list_roles), member())
        .route(groups, documented!(routes::members::create_role), write())
        .route(groups, documented!(routes::members::change_role), write())
        .route(groups, documented!(routes::members::delete_role), write())
        .route(groups, documented!(routes::requests::ask_to_join), signed_in())
        .route(groups, documented!(routes::requests::list_requests), admin())
        .route(groups, documented!(routes::requests::decide_request), write())
        .route(
            groups,
            documented!(routes::requests::withdraw_request),
            signed_in().standing(Standing::Requester),
        )
}
