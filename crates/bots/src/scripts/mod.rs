//! Scripts: the dialogs of a bot, one by one, with what is to be said of them.

pub(crate) mod programs;
mod routes;
mod running;
mod service;
mod tool_routes;
mod tools;

use std::time::Duration;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

pub use service::Scripts;

/// Longer than any script may run: that it took too long is told by what runs it.
const RUN: Duration = Duration::from_secs(330);

/// The operations on scripts.
pub(crate) fn module(scripts: &Scripts) -> Module {
    let read = || Access::permission(Permission::BOTS_READ).standing(Standing::MayUseBot);
    let write =
        || Access::permission(Permission::BOTS_WRITE).standing(Standing::MayUseBot).body_limit(2 << 20);
    // A script runs with the rights of whoever talks with it: none writes another one in their name.
    let author = || write().in_person();
    let call = || Access::permission(Permission::BOTS_USE).standing(Standing::MayUseBot);
    Module::new("scripts")
        .route(scripts, documented!(routes::list), read())
        .route(scripts, documented!(routes::get), read())
        .route(scripts, documented!(routes::save), author())
        .route(scripts, documented!(routes::delete), author())
        .route(scripts, documented!(routes::compile), write())
        .route(scripts, documented!(tool_routes::list_tools), read())
        .route(scripts, documented!(tool_routes::get_tool), read())
        .route(scripts, documented!(running::run), write().timeout(RUN))
        .route(scripts, documented!(running::invoke), call().timeout(RUN))
}
