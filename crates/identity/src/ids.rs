//! Names for the ids of this room. In documented structs they stand instead of `Id<…>`, whose parameter the
//! derivation of schemas would take for a schema, too.

use kernel::{Id, id::kind};

/// Names an organization.
pub type OrganizationId = Id<kind::Organization>;
/// Names a user.
pub type UserId = Id<kind::User>;
/// Names a session.
pub type SessionId = Id<kind::Session>;
