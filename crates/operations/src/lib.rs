//! Running the server: its log, its measurements, its health.

pub mod log;
pub mod meters;
pub mod monitoring;
