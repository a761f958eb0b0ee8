//! What somebody may do, where it comes from, and the giving and taking of roles.

pub(crate) mod model;
mod organizations;
pub(crate) mod routes;
mod service;

pub use model::{EffectivePermissions, HeldRole, PermissionAnswer};
pub use organizations::Membership;
