//! What the health answers say.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// How the server or a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is well.
    Healthy,
    /// Something that the server can do without does not work.
    Degraded,
    /// The server can't take traffic.
    Unhealthy,
}

impl From<gateway::Health> for State {
    fn from(health: gateway::Health) -> Self {
        match health {
            gateway::Health::Healthy => Self::Healthy,
            gateway::Health::Degraded => Self::Degraded,
            gateway::Health::Unhealthy => Self::Unhealthy,
        }
    }
}

/// How the server is. Callers with `monitoring:read` see the components and the uptime, too.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Overall.
    pub status: State,
    /// When this was found out.
    pub timestamp: DateTime<Utc>,
    /// The server's version.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// Since the start, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5d 12h 30m")]
    pub uptime: Option<String>,
    /// Since the start, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<u64>,
    /// Each part by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<Component>>,
}

/// One part of the server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Component {
    /// Which.
    #[schema(example = "database")]
    pub name: &'static str,
    /// How it is.
    pub status: State,
    /// How long it took to answer, in milliseconds.
    pub latency_ms: f64,
    /// What is wrong with it, or worth knowing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub message: Option<Cow<'static, str>>,
    /// Can't the server take traffic without it?
    pub required: bool,
}

/// Can the server take traffic?
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// Always true; otherwise the answer is 503.
    pub ready: bool,
    /// What was checked.
    pub checks: Vec<Check>,
}

/// One condition of readiness.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Check {
    /// Which.
    #[schema(example = "database")]
    pub name: &'static str,
    /// Does it hold?
    pub ok: bool,
}

/// The process runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Live {
    /// Always true.
    pub(super) live: bool,
}

/// Days, hours and minutes.
pub(super) fn readable(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h {minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_reads_as_days_hours_and_minutes() {
        assert_eq!(readable(59), "0m");
        assert_eq!(readable(3 * 3600 + 120), "3h 2m");
        assert_eq!(readable(5 * 86_400 + 12 * 3600 + 30 * 60), "5d 12h 30m");
    }
}
