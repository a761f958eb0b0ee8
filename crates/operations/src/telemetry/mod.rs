//! OpenTelemetry: traces and metrics, sent to a collector by OTLP over HTTP, if its address is configured.
//!
//! Rooms open spans with the target [`TARGET`]. Without a collector no layer listens to it, and a span costs the look
//! at one flag. Metrics are those of [`meters`](crate::meters), read every few seconds: nothing is counted twice.

mod client;
mod metrics;

use std::{collections::HashMap, time::Duration};

use kernel::{Secret, Surroundings};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider, Tracer},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use crate::meters::Meters;
use client::Collector;

/// The target of spans that are for OpenTelemetry and not for the log.
pub const TARGET: &str = "telemetry";

/// How long the last spans and numbers get to leave when the server stops.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// Where traces and metrics go.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The address of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; nothing is sent if absent.
    pub otlp_url: Option<String>,
    /// Headers that the collector wants, such as `authorization=Bearer x`, parted by commas.
    pub otlp_headers: Option<Secret>,
    /// The name of this service in traces and metrics.
    pub service_name: String,
    /// Seconds between two sendings of the metrics.
    #[schemars(range(min = 1, max = 3600))]
    pub metrics_interval_seconds: u64,
    /// The share of the traces begun here that is kept, from 0 to 1. Those begun elsewhere are kept as decided there.
    #[schemars(range(min = 0, max = 1))]
    pub sample_ratio: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            otlp_url: None,
            otlp_headers: None,
            service_name: "botserver".to_owned(),
            metrics_interval_seconds: 15,
            sample_ratio: 1.0,
        }
    }
}

/// Telemetry can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// An address that is none.
    #[error("telemetry.otlp_url must be an address such as http://127.0.0.1:4318")]
    Address,
    /// Headers that can't be read. They are secret, so they are not shown.
    #[error("telemetry.otlp_headers must be written like name=value, parted by commas")]
    Headers,
    /// The HTTP client can't be made.
    #[error("the client for telemetry could not be made: {0}")]
    Client(#[from] reqwest::Error),
    /// The exporter can't be made.
    #[error("the exporter of traces could not be made: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The sending of traces and metrics.
pub struct Telemetry {
    provider: SdkTracerProvider,
    tracer: Tracer,
    stop: CancellationToken,
    metrics: JoinHandle<()>,
}

impl Telemetry {
    /// Begins to send, if there is an address. Needs a running Tokio.
    pub fn start(
        settings: &Settings,
        meters: &Meters,
        world: &Surroundings,
    ) -> Result<Option<Self>, TelemetryError> {
        let Some(url) = &settings.otlp_url else { return Ok(None) };
        let url = url.trim_end_matches('/');
        let address: http::Uri = url.parse().map_err(|_| TelemetryError::Address)?;
        if !matches!(address.scheme_str(), Some("http" | "https")) || address.query().is_some() {
            return Err(TelemetryError::Address);
        }
        let headers = read_headers(settings.otlp_headers.as_ref())?;
        let collector = Collector::new(Handle::current(), headers)?;
        let resource = vec![
            KeyValue::new("service.name", settings.service_name.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", world.uuid().to_string()),
        ];
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector.clone())
            .with_endpoint(format!("{url}/v1/traces"))
            .with_timeout(client::TIMEOUT)
            .with_headers(HashMap::new())
            .build()?;
        let sampler = Sampler::TraceIdRatioBased(settings.sample_ratio);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_resource(Resource::builder_empty().with_attributes(resource.clone()).build())
            .build();
        let stop = CancellationToken::new();
        let sending = metrics::Sending {
            collector,
            url: format!("{url}/v1/metrics"),
            meters: meters.clone(),
            world: world.clone(),
            resource,
            interval: Duration::from_secs(settings.metrics_interval_seconds),
        };
        let metrics = tokio::spawn(sending.run(stop.clone()));
        Ok(Some(Self { tracer: provider.tracer("botserver"), provider, stop, metrics }))
    }

    /// What turns spans of [`TARGET`] into traces.
    pub fn layer<S>(&self) -> OpenTelemetryLayer<S, Tracer>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_tracked_inactivity(false)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
    }

    /// Sends what waits, and ends. A collector that doesn't answer holds the stop up for a few seconds at the most.
    pub async fn stop(self) {
        self.stop.cancel();
        let provider = self.provider;
        let traces = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT));
        if let Ok(Err(error)) = traces.await {
            tracing::warn!(%error, "the last traces could not be sent");
        }
        if tokio::time::timeout(LAST_EXPORT, self.metrics).await.is_err() {
            tracing::warn!("the last metrics could not be sent in time");
        }
    }
}

/// `name=value`, parted by commas.
fn read_headers(headers: Option<&Secret>) -> Result<http::HeaderMap, TelemetryError> {
    let mut read = http::HeaderMap::new();
    let text = headers.map_or("", Secret::reveal);
    for header in text.split(',').map(str::trim).filter(|header| !header.is_empty()) {
        let (name, value) = header.split_once('=').ok_or(TelemetryError::Headers)?;
        let name = http::HeaderName::try_from(name.trim()).map_err(|_| TelemetryError::Headers)?;
        let mut value = http::HeaderValue::try_from(value.trim()).map_err(|_| TelemetryError::Headers)?;
        value.set_sensitive(true);
        read.append(name, value);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_parted_by_commas_and_never_shown() {
        let read = |text: &str| read_headers(Some(&Secret::new(text)));

        let headers = read("authorization=Bearer a=b, x-team = ops").unwrap();
        assert_eq!(headers["authorization"], "Bearer a=b");
        assert_eq!(headers["x-team"], "ops");
        assert!(!format!("{headers:?}").contains("Bearer"));
        let refused = read("authorization: hush").unwrap_err().to_string();
        assert!(!refused.contains("hush"), "{refused}");
        assert!(read_headers(None).unwrap().is_empty());
    }
}
