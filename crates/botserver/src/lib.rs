//! The composition root: configuration, the list of modules, start and graceful stop, the command line.

pub mod cli;
pub mod config;
mod greeting;
pub mod server;

pub use config::Config;
pub use server::Server;
