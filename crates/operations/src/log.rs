//! The log: one line an event, with fields; readable on a terminal, JSON anywhere else.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people if the standard error is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How it is written.
    pub format: Format,
    /// The least level, or directives by target such as `info,bots=debug`.
    pub level: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { format: Format::Auto, level: "info".to_owned() }
    }
}

/// The level is not one that the log knows.
#[derive(Debug, thiserror::Error)]
#[error("log.level can't be read: {0}")]
pub struct InvalidLevel(#[from] tracing_subscriber::filter::ParseError);

/// Sends the process's log to the standard error. A second call changes nothing.
pub fn init(settings: &Settings) -> Result<(), InvalidLevel> {
    let filter = EnvFilter::try_new(&settings.level)?;
    let json = match settings.format {
        Format::Auto => !std::io::stderr().is_terminal(),
        Format::Human => false,
        Format::Json => true,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let done = if json {
        let layer = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
        registry.with(layer).try_init()
    } else {
        registry.with(fmt::layer().with_writer(std::io::stderr).with_target(false)).try_init()
    };
    if done.is_err() {
        tracing::debug!("the log was set up before");
    }
    Ok(())
}
