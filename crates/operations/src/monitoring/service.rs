//! Asking every component how it is.

use std::{sync::Arc, time::Instant};

use futures_util::future::join_all;
use gateway::HealthCheck;
use kernel::{Actor, Error, Permission, Surroundings};
use tokio_util::sync::CancellationToken;

use super::model::{Check, Component, Health, Ready, State, readable};
use crate::meters::Meters;

/// Knows the components and the meters.
#[derive(Clone)]
pub struct Monitor(Arc<Inner>);

struct Inner {
    checks: Vec<HealthCheck>,
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
        Self(Arc::new(Inner { checks, meters, surroundings, started: Instant::now(), draining }))
    }

    async fn components(&self) -> Vec<Component> {
        join_all(self.0.checks.iter().map(|check| async {
            let asked = Instant::now();
            let status = check.run().await.into();
            Component { name: check.name, status, latency_ms: asked.elapsed().as_secs_f64() * 1000.0 }
        }))
        .await
    }

    /// How the server is: as much as the caller may know. 503 if it can't take traffic.
    pub async fn health(&self, who: Option<&Actor>) -> Result<Health, Error> {
        let components = self.components().await;
        let worst = components.iter().map(|component| component.status).max_by_key(|status| *status as u8);
        let status = worst.unwrap_or(State::Healthy);
        let in_full = who.is_some_and(|who| who.may(Permission::MONITORING_READ));
        if status == State::Unhealthy {
            let down = components.iter().find(|component| component.status == State::Unhealthy);
            let name = down.map_or("server", |component| component.name);
            let error = Error::unavailable(name, "The server can't take traffic.").detail("status", status);
            return Err(if in_full { error.detail("components", components) } else { error });
        }
        let uptime = self.0.started.elapsed().as_secs();
        Ok(Health {
            status,
            timestamp: self.0.surroundings.now(),
            version: env!("CARGO_PKG_VERSION"),
            uptime: in_full.then(|| readable(uptime)),
            uptime_seconds: in_full.then_some(uptime),
            components: in_full.then_some(components),
        })
    }

    /// Can the server take traffic? 503 with what is missing.
    pub async fn ready(&self) -> Result<Ready, Error> {
        let mut checks: Vec<_> = self
            .components()
            .await
            .into_iter()
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

    /// All meters in the Prometheus text format.
    pub fn metrics(&self) -> String {
        self.0.meters.render()
    }
}
