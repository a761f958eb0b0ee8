//! The meters behind `/monitoring/metrics`: one recorder for the process.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// Upper bounds of the duration buckets, in seconds: from a cached read to a slow model.
const DURATIONS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The process's meters. Several servers in one process (as in tests) share them.
#[derive(Clone)]
pub struct Meters {
    handle: PrometheusHandle,
    process: Collector,
}

/// The recorder can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("the meters could not be set up: {0}")]
pub struct MetersError(String);

impl Meters {
    /// The process's recorder, installed on first use. Do this before operations are registered.
    pub fn install() -> Result<Self, MetersError> {
        static INSTALLED: OnceLock<Result<Meters, String>> = OnceLock::new();
        INSTALLED
            .get_or_init(|| Self::build().map_err(|cause| cause.to_string()))
            .clone()
            .map_err(MetersError)
    }

    fn build() -> Result<Self, metrics_exporter_prometheus::BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), DURATIONS)?
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder was installed before; these meters stay empty");
        }
        let process = Collector::default();
        process.describe();
        describe();
        Ok(Self { handle, process })
    }

    /// All meters in the Prometheus text format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// Drops samples that have been counted into their buckets. Call it now and then.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn describe() {
    describe_counter!("http_requests_total", "Requests answered, by method, route and status.");
    describe_histogram!(
        "http_request_duration_seconds",
        Unit::Seconds,
        "Time to answer, by method and route."
    );
    describe_counter!("rate_limited_total", "Requests and frames refused for their number.");
    describe_gauge!("websocket_connections", "WebSockets open and signed in.");
    describe_counter!("conversation_turns_total", "Turns of conversations, by outcome.");
    describe_histogram!("conversation_turn_duration_seconds", Unit::Seconds, "Time from message to answer.");
    describe_counter!("auth_failures_total", "Sign-ins refused, by reason.");
}
