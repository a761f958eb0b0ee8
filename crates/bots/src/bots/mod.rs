//! Bots: what they are called, who may use them, and in which state they are. Their scripts come in packages.

pub(crate) mod access;
mod access_routes;
mod deletion;
pub(crate) mod events;
mod exports;
mod making;
mod model;
mod policy;
mod routes;
pub(crate) mod service;
pub(crate) mod store;

#[cfg(test)]
mod tests;

use std::time::Duration;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

use crate::{migrations, packages::Packages};
pub(crate) use access::Guard;
pub use model::{Bot, BotError, BotPatch, NewBot, NewStatus, PackageSummary, Status, Visibility};
pub use service::BotService;

/// After that long a bot that is off, or silent while the staff talks, is looked at again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_mins(10);

/// How long a package may take to be sent and installed.
const UPLOAD: Duration = Duration::from_mins(10);

/// The operations on bots.
pub(crate) fn module(bots: &BotService, packages: &Packages) -> Module {
    let write = || Access::permission(Permission::BOTS_WRITE).standing(Standing::MayUseBot);
    let create = || Access::permission(Permission::BOTS_CREATE);
    let exports = exports::Exports {
        db: bots.db().clone(),
        objects: packages.objects.clone(),
        surroundings: bots.surroundings().clone(),
    };
    deletion::with_jobs(events::declare(Module::new("bots")), &exports)
        .migrations(migrations::ALL)
        .route(bots, documented!(routes::list), Access::permission(Permission::BOTS_USE))
        // The service limits the bytes of packages, by settings that may change.
        .route(packages, documented!(making::create), create().body_limit(usize::MAX).timeout(UPLOAD))
        .route(packages, documented!(making::templates), create())
        .route(packages, documented!(making::clone), create().standing(Standing::MayUseBot))
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
        .route(
            &exports,
            documented!(exports::download),
            Access::permission(Permission::BOTS_DELETE).standing(Standing::Starter),
        )
        .route(
            bots,
            documented!(access_routes::get_access),
            Access::permission(Permission::BOTS_READ).standing(Standing::MayUseBot),
        )
        .route(bots, documented!(access_routes::put_access), write().in_person())
        .route(packages, documented!(access_routes::restart), write())
}
