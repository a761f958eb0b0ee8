//! Configuration: what is in force, where it comes from, and changing what may change while the server runs.
//!
//! It belongs to the whole server, so only administrators of its first organization see any of it. For those of
//! another one there are no keys at all.

mod model;
mod routes;
mod service;

use gateway::{Access, Module, routes as documented};
use kernel::Permission;
use utoipa::ToSchema as _;

pub use model::{Setting, ValueType};
pub use service::Configuration;

/// The operations of configuration.
pub fn module(configuration: &Configuration) -> Module {
    let access = || Access::permission(Permission::ADMIN_CONFIG);
    Module::new("admin")
        .route(configuration, documented!(routes::list_config), access())
        .route(configuration, documented!(routes::change_config), access().in_person())
        .route(configuration, documented!(routes::get_config), access())
        .route(configuration, documented!(routes::reset_config), access().in_person())
        .describe(&model::ConfigChange::name(), model::ConfigChange::of(configuration.keys()))
}
