//! Running the server: its configuration, its log, its measurements, its health, its jobs.

pub mod configuration;
pub mod jobs;
pub mod log;
pub mod meters;
pub mod monitoring;
pub mod telemetry;
pub mod upkeep;
