//! Scripts: the dialogs of a bot, one by one, with what is to be said of them.

pub(crate) mod programs;
mod routes;
mod service;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

pub use service::Scripts;

/// The operations on scripts.
pub(crate) fn module(scripts: &Scripts) -> Module {
    let read = || Access::permission(Permission::BOTS_READ).standing(Standing::MayUseBot);
    let write =
        || Access::permission(Permission::BOTS_WRITE).standing(Standing::MayUseBot).body_limit(2 << 20);
    Module::new("scripts")
        .route(scripts, documented!(routes::list), read())
        .route(scripts, documented!(routes::get), read())
        .route(scripts, documented!(routes::save), write())
        .route(scripts, documented!(routes::delete), write())
        .route(scripts, documented!(routes::compile), write())
}
