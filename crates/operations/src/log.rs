//! The log: one line an event, with fields; readable on a terminal, JSON anywhere else.

use std::{borrow::Cow, fmt, io::IsTerminal, sync::OnceLock};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{ParseError, Targets},
    fmt as lines,
    prelude::*,
    registry::LookupSpan,
    reload,
};

use crate::telemetry::{self, Telemetry};

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How it is written: `auto` is for people on a terminal, and JSON otherwise.
    pub format: Format,
    /// The least level, or directives by target such as `info,bots=debug`.
    #[schemars(extend("x-runtime" = true))]
    pub level: Level,
}

/// The least level of what is logged, or directives by target. One that can't be read stops the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Level(String);

impl Level {
    /// Reads it.
    pub fn new(directives: impl Into<String>) -> Result<Self, ParseError> {
        let level = Self(directives.into());
        level.filter().map(|_| level)
    }

    /// Spans for OpenTelemetry never reach the log, so that they cost nothing where nobody collects them.
    fn filter(&self) -> Result<EnvFilter, ParseError> {
        let own = format!("{},{}=off", self.0, telemetry::TARGET);
        EnvFilter::builder().with_default_directive(LevelFilter::ERROR.into()).parse(own)
    }
}

impl Default for Level {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // An empty text, or a mistyped level, would be read as a target's name and log next to nothing.
        let known = |part: &str| {
            let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim();
            !level.is_empty() && level.parse::<LevelFilter>().is_ok()
        };
        let first_wrong = text.split(',').find(|part| !known(part));
        if let Some(wrong) = first_wrong.filter(|_| !text.contains('[')) {
            return Err(de::Error::custom(format_args!(
                "{wrong:?} is no level; write trace, debug, info, warn, error or off, or directives such as \
                 info,bots=debug"
            )));
        }
        Self::new(text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Level {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Level")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// The log can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("log.level can't be read: {0}")]
pub struct InvalidLevel(#[from] ParseError);

/// Changes the level of the running log.
type Change = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

static CHANGE: OnceLock<Change> = OnceLock::new();

/// Sends the process's log to the standard error, and spans to OpenTelemetry if there is any. A second call changes
/// nothing.
pub fn init(settings: &Settings, telemetry: Option<&Telemetry>) -> Result<(), InvalidLevel> {
    let json = match settings.format {
        Format::Auto => !std::io::stderr().is_terminal(),
        Format::Human => false,
        Format::Json => true,
    };
    let filter = settings.level.filter()?;
    // Without telemetry one filter stands before everything: what it refuses costs next to nothing.
    let done = match telemetry {
        None => {
            let (filter, handle) = reload::Layer::<_, Registry>::new(filter);
            let done = tracing_subscriber::registry().with(filter).with(writer(json)).try_init();
            done.map(|()| Box::new(move |filter| handle.reload(filter)) as Change)
        }
        Some(telemetry) => {
            let spans = Targets::new().with_target(telemetry::TARGET, LevelFilter::TRACE);
            let registry = tracing_subscriber::registry().with(telemetry.layer().with_filter(spans));
            let (filter, handle) = reload::Layer::new(filter);
            let done = registry.with(writer(json).with_filter(filter)).try_init();
            done.map(|()| Box::new(move |filter| handle.reload(filter)) as Change)
        }
    };
    if let Ok(change) = done {
        // The first to set the log up is the one whose level can change.
        drop(CHANGE.set(change));
    } else {
        tracing::debug!("the log was set up before");
    }
    Ok(())
}

fn writer<S>(json: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if json {
        lines::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed()
    } else {
        lines::layer().with_writer(std::io::stderr).with_target(false).boxed()
    }
}

/// Puts another level in force. Nothing happens where no log was set up, as in tests.
pub fn change_level(level: &Level) {
    let (Some(change), Ok(filter)) = (CHANGE.get(), level.filter()) else { return };
    if let Err(error) = change(filter) {
        tracing::error!(%error, "the level of the log could not be changed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Level, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn a_level_is_a_level_or_directives_by_target() {
        for good in ["info", "off", "WARN", "info,bots=debug", "warn,bots::turn=trace,gateway=off"] {
            assert_eq!(read(good).unwrap().to_string(), good);
        }
        for bad in ["", "loud", "info,bots=loud", "info,,", "bots"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_for_telemetry_never_reach_the_log() {
        let filter = read("trace,telemetry=trace").unwrap().filter().unwrap().to_string();

        assert!(filter.contains("telemetry=off") && !filter.contains("telemetry=trace"), "{filter}");
    }
}
