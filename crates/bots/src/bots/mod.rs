//! Bots: what they are called, who may use them, and in which state they are. Their scripts come in packages.

mod deletion;
pub(crate) mod events;
mod model;
mod policy;
mod routes;
pub(crate) mod service;
pub(crate) mod store;

#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

use crate::migrations;
pub use model::{Bot, BotError, BotPatch, NewBot, PackageSummary, Status, Visibility};
pub(crate) use policy::may_use;
pub use service::BotService;

/// The operations on bots.
pub(crate) fn module(bots: &BotService) -> Module {
    deletion::with_jobs(events::declare(Module::new("bots")), bots.db())
        .migrations(migrations::ALL)
        .route(bots, documented!(routes::list), Access::permission(Permission::BOTS_USE))
        .route(bots, documented!(routes::create), Access::permission(Permission::BOTS_CREATE))
        .route(
            bots,
            documented!(routes::get),
            Access::permission(Permission::BOTS_USE).standing(Standing::MayUseBot),
        )
        .route(
            bots,
            documented!(routes::patch),
            Access::permission(Permission::BOTS_WRITE).standing(Standing::MayUseBot),
        )
        .route(
            bots,
            documented!(routes::delete),
            Access::permission(Permission::BOTS_DELETE).standing(Standing::MayUseBot),
        )
}
