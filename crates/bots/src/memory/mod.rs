//! What bots remember: for all who use them, of one person, of one conversation, for good or for a while.
//!
//! Scripts remember in their turn: what they keep is written with it, or not at all. What a turn changes of what it
//! has read stands only if nobody else changed that meanwhile; otherwise the turn runs again.

mod draft;
mod expiry;
pub(crate) mod keywords;
mod model;
mod routes;
mod service;
pub(crate) mod store;

#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

pub(crate) use model::Owner;
pub use model::{Memory, MemoryError, NewMemory};
pub use service::Memories;
pub(crate) use service::all;

/// The operations on the memory of bots, and the commands of scripts.
pub(crate) fn module(memories: &Memories) -> Module {
    let may = |permission| Access::permission(permission).standing(Standing::MayUseBot);
    let module = Module::new("memory")
        .route(memories, documented!(routes::list), may(Permission::BOTS_READ))
        .route(memories, documented!(routes::set), may(Permission::BOTS_WRITE))
        .route(memories, documented!(routes::delete), may(Permission::BOTS_WRITE));
    expiry::with_jobs(keywords::with_commands(module, memories), memories)
}
