//! Placeholder.

pub mod hear;
pub mod scalar;
