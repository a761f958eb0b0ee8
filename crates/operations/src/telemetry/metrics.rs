//! The meters as OTLP says them, sent on a beat.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{Request, header};
use kernel::{Surroundings, Timestamp};
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue as Attribute, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};
use prost::Message;
use tokio_util::sync::CancellationToken;

use super::client::Collector;
use crate::meters::{Family, Kind, Meters, Sample};

/// Sends the meters to the collector.
pub(super) struct Sending {
    pub(super) collector: Collector,
    pub(super) url: String,
    pub(super) meters: Meters,
    pub(super) world: Surroundings,
    pub(super) resource: Vec<KeyValue>,
    pub(super) interval: Duration,
}

impl Sending {
    /// Sends on every beat, and once more when told to stop. What could not be sent is made up for by the next
    /// sending: counts are those since the start.
    pub(super) async fn run(self, stop: CancellationToken) {
        let started = self.world.now();
        let mut reachable = true;
        loop {
            let stops = stop.run_until_cancelled(tokio::time::sleep(self.interval)).await.is_none();
            match self.send(started).await {
                Ok(()) => reachable = true,
                Err(error) => {
                    // Once for each outage.
                    if std::mem::take(&mut reachable) {
                        tracing::warn!(%error, "the metrics could not be sent to the collector");
                    }
                }
            }
            if stops {
                return;
            }
        }
    }

    async fn send(&self, started: Timestamp) -> Result<(), opentelemetry_http::HttpError> {
        let span = Span { from: nanoseconds(started), to: nanoseconds(self.world.now()) };
        let message = message(&self.meters.families(), &self.resource, span);
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(Bytes::from(message.encode_to_vec()))?;
        let status = self.collector.send(request).await?.status();
        if status.is_success() { Ok(()) } else { Err(format!("the collector answered {status}").into()) }
    }
}

/// The span of time that counts are for, in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Span {
    from: u64,
    to: u64,
}

fn nanoseconds(at: Timestamp) -> u64 {
    at.timestamp_nanos_opt().and_then(|nanoseconds| nanoseconds.try_into().ok()).unwrap_or_default()
}

fn message(families: &[Family], resource: &[KeyValue], span: Span) -> ExportMetricsServiceRequest {
    let metrics = families.iter().map(|family| metric(family, span)).collect();
    let attributes =
        resource.iter().map(|pair| attribute(pair.key.as_str(), pair.value.as_str().as_ref())).collect();
    let scope = InstrumentationScope { name: "botserver".to_owned(), ..InstrumentationScope::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    }
}

fn metric(family: &Family, span: Span) -> Metric {
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.kind {
        Kind::Counter => Data::Sum(Sum {
            data_points: numbers(family, span),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers(family, span) }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: histograms(family, span),
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: family.name.clone(),
        description: family.help.clone(),
        unit: unit(&family.name).to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// The unit as UCUM writes it. The names end in it.
fn unit(name: &str) -> &'static str {
    let ends = |ending: &str| name.strip_suffix("_total").unwrap_or(name).ends_with(ending);
    match () {
        () if ends("_seconds") => "s",
        () if ends("_bytes") => "By",
        () if ends("_percent") => "%",
        () => "1",
    }
}

fn attribute(name: &str, value: &str) -> Attribute {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    Attribute { key: name.to_owned(), value: Some(value), ..Attribute::default() }
}

fn attributes<'a>(labels: impl Iterator<Item = &'a (String, String)>) -> Vec<Attribute> {
    labels.map(|(name, value)| attribute(name, value)).collect()
}

fn numbers(family: &Family, span: Span) -> Vec<NumberDataPoint> {
    let single = family.samples.iter().filter(|sample| sample.suffix.is_empty());
    let points = single.map(|sample| NumberDataPoint {
        attributes: attributes(sample.labels.iter()),
        start_time_unix_nano: span.from,
        time_unix_nano: span.to,
        value: Some(number_data_point::Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    });
    points.collect()
}

/// A histogram's labels but the bucket's bound, and its samples.
type Grouped<'a> = BTreeMap<Vec<&'a (String, String)>, Vec<&'a Sample>>;

fn histograms(family: &Family, span: Span) -> Vec<HistogramDataPoint> {
    let mut grouped = Grouped::new();
    for sample in &family.samples {
        let labels = sample.labels.iter().filter(|(name, _)| name != "le").collect();
        grouped.entry(labels).or_default().push(sample);
    }
    let points = grouped.into_iter().map(|(labels, samples)| {
        let of =
            |suffix: &str| samples.iter().find(|sample| sample.suffix == suffix).map(|sample| sample.value);
        let mut buckets: Vec<(f64, u64)> = samples.iter().filter_map(|sample| bucket(sample)).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Prometheus counts what is below each bound, OTLP what lies between two.
        let mut below = 0;
        let bucket_counts = buckets.iter().map(|(_, count)| {
            let between = count.saturating_sub(below);
            below = *count;
            between
        });
        HistogramDataPoint {
            bucket_counts: bucket_counts.collect(),
            explicit_bounds: buckets
                .iter()
                .map(|(bound, _)| *bound)
                .filter(|bound| bound.is_finite())
                .collect(),
            attributes: attributes(labels.into_iter()),
            start_time_unix_nano: span.from,
            time_unix_nano: span.to,
            count: of("_count").unwrap_or_default() as u64,
            sum: of("_sum"),
            ..HistogramDataPoint::default()
        }
    });
    points.collect()
}

fn bucket(sample: &Sample) -> Option<(f64, u64)> {
    let (_, bound) = sample.labels.iter().find(|(name, _)| name == "le")?;
    let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
    Some((bound, sample.value as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Labels = &'static [(&'static str, &'static str)];

    fn family(kind: Kind, samples: &[(&'static str, Labels, f64)]) -> Family {
        let samples = samples.iter().map(|(suffix, labels, value)| Sample {
            suffix,
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            value: *value,
        });
        Family { name: "x_seconds".to_owned(), help: "X.".to_owned(), kind, samples: samples.collect() }
    }

    #[test]
    fn a_histogram_counts_between_its_bounds() {
        let family = family(
            Kind::Histogram,
            &[
                ("_bucket", &[("path", "/"), ("le", "0.5")], 2.0),
                ("_bucket", &[("path", "/"), ("le", "1")], 2.0),
                ("_bucket", &[("path", "/"), ("le", "+Inf")], 5.0),
                ("_sum", &[("path", "/")], 9.5),
                ("_count", &[("path", "/")], 5.0),
            ],
        );

        let metric = metric(&family, Span { from: 1, to: 2 });

        let Some(Data::Histogram(histogram)) = metric.data else { panic!("{metric:?}") };
        let [point] = histogram.data_points.as_slice() else { panic!("{histogram:?}") };
        assert_eq!(
            (point.bucket_counts.as_slice(), point.explicit_bounds.as_slice()),
            (&[2, 0, 3][..], &[0.5, 1.0][..])
        );
        assert_eq!((point.count, point.sum, point.attributes.len()), (5, Some(9.5), 1));
        assert_eq!(metric.unit, "s");
    }

    #[test]
    fn a_counter_is_a_sum_that_only_grows() {
        let metric = metric(&family(Kind::Counter, &[("", &[], 3.0)]), Span { from: 1, to: 2 });

        let Some(Data::Sum(sum)) = metric.data else { panic!("{metric:?}") };
        assert!(sum.is_monotonic);
        assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsDouble(3.0)));
    }
}
