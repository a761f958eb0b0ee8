//! The names of this room's ids in documented structs.

pub use kernel::id::{GroupId, JoinRequestId, MembershipId, OrganizationId, RoleId, SessionId, UserId};
