//! The adapters: what the domains need of the world outside, behind one door each.
//!
//! Each is a small interface with the embedded engine behind it, and the distributed one for several nodes. No
//! domain knows which engine it got.

pub mod audit;
mod backoff;
pub mod bus;
pub mod cache;
pub mod config;
pub mod counters;
pub mod db;
pub mod egress;
pub mod idempotency;
pub mod jobs;
pub mod lock;
pub mod mail;
pub mod objects;
pub mod outbox;
pub mod schedules;
pub mod secrets;
pub mod settings;
#[cfg(test)]
mod testing;
mod tls;

use db::Migration;

/// The tables that belong to no domain.
pub const fn migrations() -> &'static [Migration] {
    &[
        audit::TABLE,
        objects::TABLE,
        secrets::TABLE,
        idempotency::TABLE,
        jobs::TABLE,
        outbox::TABLE,
        schedules::TABLE,
        objects::INDEX,
        objects::CLAIMS,
        settings::TABLES,
        audit::CHAINS,
        audit::LOOKUPS,
        mail::TABLE,
    ]
}
