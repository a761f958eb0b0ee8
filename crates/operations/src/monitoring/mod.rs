//! Monitoring: is the server well, and what does it measure.

mod checks;
mod model;
mod routes;
mod service;

use gateway::{Access, Module, routes as documented};
use kernel::Permission;

pub use model::{Health, Ready};
pub use service::Monitor;

/// The operations of monitoring.
pub fn module(monitor: &Monitor) -> Module {
    Module::new("monitoring")
        .route(monitor, documented!(routes::health), Access::public().uncounted())
        .route(monitor, documented!(routes::live), Access::public().uncounted())
        .route(monitor, documented!(routes::ready), Access::public().uncounted())
        .route(monitor, documented!(routes::metrics), Access::permission(Permission::MONITORING_READ))
        .root_route(monitor, documented!(routes::root_health), Access::public().uncounted())
}
