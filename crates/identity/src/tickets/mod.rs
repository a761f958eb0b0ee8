//! Tickets: what opens the WebSocket for clients that can't set headers.
//!
//! A ticket stands in the address, where tokens must not: addresses are written down on the way. It is good once and for
//! seconds, on any node, and only as long as the session goes on that asked for it.

mod model;
mod routes;
mod service;
mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, By, Limit, Module, Repeats, routes as documented};
use platform::{db::Migration, jobs::JobKind, schedules::Schedule};

pub use model::Ticket;
pub use service::Tickets;

/// A row for each ticket that was neither spent nor forgotten.
pub(crate) const TICKETS: Migration = store::TICKETS;

/// Forgets tickets that nobody used.
const SWEEP: JobKind<()> = JobKind::new("tickets.sweep");

/// The operation on tickets, and their upkeep. Keys have no sessions, and whoever has one can set headers.
pub(crate) fn module(tickets: &Tickets) -> Module {
    let sweeper = tickets.clone();
    let access = Access::anonymous().in_person().not_for_api_keys().uncompressed();
    let access = access.repeats(Repeats::Ignored).limit(Limit::per_minute(30, By::Caller));
    Module::new("tickets")
        .job(&SWEEP, move |job, ()| sweeper.clone().sweep(job))
        .schedule(Schedule::new("tickets.sweep", "*/5 * * * *", SWEEP.job(&())))
        .route(tickets, documented!(routes::issue), access)
}
