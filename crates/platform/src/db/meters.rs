//! What callers of the database wait for: one measurement for each read and each unit of work, not for each statement.

use std::time::Instant;

use metrics::{Gauge, Histogram};
use tracing::{Instrument, Span};

/// The meters of a database, looked up once.
#[derive(Clone)]
pub(super) struct Meters {
    reads: Histogram,
    writes: Histogram,
    in_use: Gauge,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            reads: metrics::histogram!("db_query_duration_seconds", "operation" => "read"),
            writes: metrics::histogram!("db_query_duration_seconds", "operation" => "write"),
            in_use: metrics::gauge!("db_pool_in_use"),
        }
    }
}

impl Meters {
    /// Measures a read, from asking for it to its answer.
    pub(super) async fn read<T>(&self, asked: impl Future<Output = T>) -> T {
        let span = tracing::info_span!(target: "telemetry", "db.read", otel.kind = "client");
        self.measure(&self.reads, span, asked).await
    }

    /// Measures a unit of work, from asking for it to its commit.
    pub(super) async fn write<T>(&self, asked: impl Future<Output = T>) -> T {
        let span = tracing::info_span!(target: "telemetry", "db.write", otel.kind = "client");
        self.measure(&self.writes, span, asked).await
    }

    async fn measure<T>(&self, duration: &Histogram, span: Span, asked: impl Future<Output = T>) -> T {
        let _in_use = InUse::of(&self.in_use);
        let started = Instant::now();
        let answer = asked.instrument(span).await;
        duration.record(started.elapsed());
        answer
    }
}

/// Counts as long as it lives: a caller that goes away in the middle must not count for ever.
struct InUse<'a>(&'a Gauge);

impl<'a> InUse<'a> {
    fn of(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
