//! The adapters: what the domains need of the world outside, behind one door each.
//!
//! Each is a small interface with the embedded engine behind it. No domain knows which engine it got.

pub mod audit;
pub mod bus;
pub mod config;
pub mod counters;
pub mod db;
pub mod lock;
pub mod objects;
pub mod secrets;

use db::Migration;

/// The tables that belong to no domain.
pub const fn migrations() -> &'static [Migration] {
    &[audit::TABLE, objects::TABLE, secrets::TABLE]
}
