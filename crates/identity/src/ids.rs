//! The names of this room's ids in documented structs.

pub use kernel::id::{
    GroupId, InvitationId, JoinRequestId, MembershipId, OrganizationId, RoleId, SessionId, UserId,
};

/// Names an entry of the audit log.
pub type AuditEntryId = kernel::Id<kernel::id::kind::AuditEntry>;
