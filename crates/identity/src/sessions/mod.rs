//! Sign-in sessions: who is signed in from where, and the end of it.
//!
//! A session has one access token at a time and a line of refresh tokens of which only the last is good. Ending it
//! makes both worthless at once: what was cached is forgotten in the unit's commit, and its sockets are closed.

pub(crate) mod authenticator;
mod device;
pub(crate) mod model;
pub(crate) mod revocation;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes};
use kernel::{Permission, Standing};

pub use model::{EndedSessions, Session};
pub use revocation::SessionEnded;
pub use service::{SessionError, Sessions};
pub(crate) use service::{end_all, end_all_of};

/// The operations on sessions.
pub(crate) fn module(sessions: &Sessions) -> Module {
    Module::new("sessions")
        .route(sessions, routes!(routes::list), Access::permission(Permission::ADMIN_SESSIONS))
        .route(sessions, routes!(routes::current), Access::anonymous())
        .route(sessions, routes!(routes::get), Access::authenticated().standing(Standing::Owner))
        .route(sessions, routes!(routes::end), Access::authenticated().standing(Standing::Owner))
        .route(
            sessions,
            routes!(routes::list_of_user),
            Access::permission(Permission::ADMIN_SESSIONS).own("user_id"),
        )
        .route(
            sessions,
            routes!(routes::end_of_user),
            Access::permission(Permission::ADMIN_SESSIONS).own("user_id"),
        )
}
