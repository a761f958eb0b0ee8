//! Sign-in sessions: who is signed in from where, and the end of it.
//!
//! A session has one access token at a time and a line of refresh tokens of which only the last is good. Ending it
//! makes both worthless at once: what was cached is forgotten in the unit's commit, and its sockets are closed.

pub(crate) mod authenticator;
mod device;
pub(crate) mod model;
#[cfg(test)]
mod nodes_tests;
pub(crate) mod revocation;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes};
use kernel::{Permission, Standing};
use platform::{jobs::JobKind, schedules::Schedule};

pub use model::{EndedSessions, Session};
pub use revocation::SessionEnded;
pub use service::{SessionError, Sessions};
pub(crate) use service::{end_all, end_all_of, rights_changed};

/// Forgets sessions that have expired. Those of people who come back are forgotten then; this is for the others'.
const SWEEP: JobKind<()> = JobKind::new("sessions.sweep");

/// The operations on sessions, and their upkeep.
pub(crate) fn module(sessions: &Sessions) -> Module {
    let sweeper = sessions.clone();
    Module::new("sessions")
        .job(&SWEEP, move |job, ()| sweeper.clone().sweep(job))
        .schedule(Schedule::new("sessions.sweep", "11 3 * * *", SWEEP.job(&())))
        .route(sessions, routes!(routes::list), Access::permission(Permission::ADMIN_SESSIONS))
        .route(sessions, routes!(routes::current), Access::anonymous().not_for_api_keys())
        .route(sessions, routes!(routes::get), Access::authenticated().standing(Standing::Owner))
        .route(
            sessions,
            routes!(routes::end),
            Access::authenticated().standing(Standing::Owner).in_person().not_for_api_keys(),
        )
        .route(
            sessions,
            routes!(routes::list_of_user),
            Access::permission(Permission::ADMIN_SESSIONS).own("user_id"),
        )
        .route(
            sessions,
            routes!(routes::end_of_user),
            Access::permission(Permission::ADMIN_SESSIONS).own("user_id").in_person().not_for_api_keys(),
        )
}
