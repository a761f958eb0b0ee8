//! Placeholder.

pub mod scalar;
