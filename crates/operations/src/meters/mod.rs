//! The meters behind `/monitoring/metrics`: one recorder for the process.
//!
//! A meter costs its caller an atomic add. Everything else happens when somebody asks, or on a beat of a few seconds.

mod family;
mod machine;
mod openmetrics;
mod table;

use std::{path::Path, sync::OnceLock};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

pub(crate) use family::{Family, Sample};
pub(crate) use openmetrics::MEDIA_TYPE as OPENMETRICS;
pub use table::{Kind, METERS, Meter};

use machine::Machine;

/// Upper bounds of the duration buckets, in seconds: from a cached read to a slow model.
const DURATIONS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of the buckets for things that are counted together, such as units that share a commit.
const NUMBERS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The process's meters. Several servers in one process (as in tests) share them.
#[derive(Clone)]
pub struct Meters {
    handle: PrometheusHandle,
    process: Collector,
    machine: Machine,
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
            .set_buckets_for_metric(Matcher::Suffix("_units".to_owned()), NUMBERS)?
            .build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder was installed before; these meters stay empty");
        }
        let process = Collector::default();
        process.describe();
        table::describe();
        metrics::gauge!("botserver_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Ok(Self { handle, process, machine: Machine::default() })
    }

    /// All meters in the Prometheus text format.
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.render()
    }

    /// All meters in the OpenMetrics text format.
    pub fn render_openmetrics(&self) -> String {
        openmetrics::write(&self.families())
    }

    /// All meters as data.
    pub(crate) fn families(&self) -> Vec<Family> {
        family::read(&self.render())
    }

    /// Looks at the machine, and counts waiting samples into their buckets. Call it every few seconds, off the async
    /// threads: a volume may take its time to answer.
    pub fn upkeep(&self, data: &Path) {
        self.machine.look(data);
        self.handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meter_has_a_name_of_its_own_that_says_its_unit_and_a_sentence() {
        let mut names: Vec<_> = METERS.iter().map(|meter| meter.name).collect();
        for meter in METERS {
            assert!(meter.help.ends_with('.'), "{}", meter.name);
            assert_eq!(meter.kind == Kind::Counter, meter.name.ends_with("_total"), "{}", meter.name);
        }
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
