//! What scripts leave for their authors: what they PRINT, and why they failed. A run notes its lines, and they are
//! written with its turn, also where that failed; of each bot the last ones are kept, for a while.

mod notes;
mod routes;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod upkeep;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

pub(crate) use notes::{Line, Notes};
pub(crate) use service::Logs;

/// The operations on the logs of bots, and their upkeep.
pub(crate) fn module(logs: &Logs) -> Module {
    upkeep::with_jobs(Module::new("bot-logs"), logs).route(
        logs,
        documented!(routes::list),
        Access::permission(Permission::BOTS_READ).standing(Standing::MayUseBot),
    )
}
