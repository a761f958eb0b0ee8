//! The names of this room's ids in documented structs.

pub use kernel::id::{OrganizationId, SessionId, UserId};
