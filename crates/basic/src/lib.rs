//! Placeholder.

pub mod filter;
pub mod hear;
pub mod scalar;
pub mod schedule;
pub mod schema;
pub mod tools;
