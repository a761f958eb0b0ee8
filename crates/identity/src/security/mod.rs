//! The policies of an organization: passwords, sessions, the second factor, lockouts.
//!
//! The server's configuration says what holds where an organization says nothing. What it says is kept field by field,
//! so that a change of the configuration reaches whatever it did not decide. The policies of somebody's home
//! organization are the ones that count for their account (`policies`).

pub(crate) mod model;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes};
use kernel::Permission;

pub(crate) use model::Policies;
pub use model::SecuritySettings;
pub use service::{Security, SecurityError};

/// The operations on policies.
pub(crate) fn module(security: &Security) -> Module {
    Module::new("security")
        .route(security, routes!(routes::get), Access::permission(Permission::SECURITY_READ))
        .route(security, routes!(routes::change), Access::permission(Permission::SECURITY_WRITE))
}
