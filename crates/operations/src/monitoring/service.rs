//! How the server is, as much of it as a caller may know.

use std::{sync::Arc, time::Instant};

use gateway::HealthCheck;
use kernel::{Actor, Error, Permission, Surroundings};
use tokio_util::sync::CancellationToken;

use super::{
    checks::{Checks, overall},
    model::{Check, Health, Ready, State, readable},
};
use crate::meters::Meters;

/// Knows the components and the meters.
#[derive(Clone)]
pub struct Monitor(Arc<Inner>);

struct Inner {
    checks: Checks,
    meters: Meters,
    surroundings: Surroundings,
    started: Instant,
    draining: CancellationToken,
}

impl Monitor {
    /// Watches the given components. Once `draining` is cancelled the server is no longer ready.
    pub fn new(
        checks: Vec<HealthCheck>,
        meters: Meters,
        surroundings: Surroundings,
        draining: CancellationToken,
    ) -> Self {
        let (checks, started) = (Checks::new(checks), Instant::now());
        Self(Arc::new(Inner { checks, meters, surroundings, started, draining }))
    }

    /// How the server is: as much as the caller may know. 503 if it can't take traffic.
    pub async fn health(&self, who: Option<&Actor>) -> Result<Health, Error> {
        let components = self.0.checks.components().await;
        let in_full = who.is_some_and(|who| who.may(Permission::MONITORING_READ));
        let uptime = self.0.started.elapsed().as_secs();
        let health = Health {
            status: overall(&components),
            timestamp: self.0.surroundings.now(),
            version: env!("CARGO_PKG_VERSION"),
            uptime: in_full.then(|| readable(uptime)),
            uptime_seconds: in_full.then_some(uptime),
            components: in_full.then(|| components.to_vec()),
        };
        let Some(down) = components.iter().find(|component| component.status == State::Unhealthy) else {
            return Ok(health);
        };
        // Who may not know the components doesn't learn which one it is either.
        let service = if in_full { down.name } else { "server" };
        let mut error = Error::unavailable(service, "The server can't take traffic.")
            .detail("status", health.status)
            .detail("timestamp", health.timestamp)
            .detail("version", health.version);
        if let Some(components) = health.components {
            error = error.detail("uptime_seconds", uptime).detail("components", components);
        }
        Err(error)
    }

    /// Can the server take traffic? 503 with what is missing.
    pub async fn ready(&self) -> Result<Ready, Error> {
        let components = self.0.checks.components().await;
        let required = components.iter().filter(|component| component.required);
        let mut checks: Vec<_> = required
            .map(|component| Check { name: component.name, ok: component.status != State::Unhealthy })
            .collect();
        checks.push(Check { name: "not_draining", ok: !self.0.draining.is_cancelled() });
        match checks.iter().find(|check| !check.ok) {
            None => Ok(Ready { ready: true, checks }),
            Some(missing) => Err(Error::unavailable(missing.name, "The server can't take traffic.")
                .detail("ready", false)
                .detail("checks", checks.clone())),
        }
    }

    /// The meters.
    pub(super) fn meters(&self) -> &Meters {
        &self.0.meters
    }
}
