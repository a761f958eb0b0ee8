//! The table.

use std::{fmt, io::Write};

use crate::http::Measured;

/// One line of the table.
pub(crate) struct Case {
    name: String,
    measured: Measured,
    /// What it is compared with, and how much more it costs.
    ratio: Option<(String, f64)>,
    /// CPU time of the database's own processes for each answer, in microseconds.
    database_micros: Option<f64>,
}

impl Case {
    /// What others are compared with.
    pub(crate) fn mark(name: impl Into<String>, measured: Measured) -> Self {
        Self { name: name.into(), measured, ratio: None, database_micros: None }
    }

    /// What is compared with a mark.
    pub(crate) fn beside(
        name: impl Into<String>,
        measured: Measured,
        mark: &str,
        mark_measured: &Measured,
    ) -> Self {
        let ratio = Some((mark.to_owned(), measured.cpu_micros() / mark_measured.cpu_micros()));
        Self { ratio, ..Self::mark(name, measured) }
    }

    /// The same with what the database's processes used, in seconds.
    pub(crate) fn with_database(mut self, cpu_seconds: f64) -> Self {
        self.database_micros = Some(cpu_seconds * 1e6 / (self.measured.latency.len() as f64).max(1.0));
        self
    }
}

/// Everything that was measured, in order.
pub(crate) struct Report {
    cases: Vec<Case>,
    notes: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { cases: Vec::new(), notes: Vec::new() }
    }

    /// One more line. It is shown at once on standard error, so that a run that fails has not told nothing.
    pub(crate) fn case(&mut self, case: Case) {
        let _ = writeln!(std::io::stderr(), "{case}");
        self.cases.push(case);
    }

    pub(crate) fn note(&mut self, name: impl Into<String>, value: String) {
        self.notes.push((name.into(), value));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| case | requests/s | p50 ms | p99 ms | server CPU, µs a request | of the database | times | of |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")?;
        for case in &self.cases {
            writeln!(f, "{case}")?;
        }
        writeln!(f)?;
        writeln!(f, "| | |\n| --- | ---: |")?;
        for (name, value) in &self.notes {
            writeln!(f, "| {name} | {value} |")?;
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, measured, ratio, database_micros } = self;
        let millis = |quantile| measured.latency.value_at_quantile(quantile) as f64 / 1000.0;
        let database = database_micros.map(|micros| format!("{micros:.1}")).unwrap_or_default();
        let (times, of) = match ratio {
            Some((mark, ratio)) => (format!("{ratio:.2}"), mark.as_str()),
            None => (String::new(), ""),
        };
        write!(
            f,
            "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {database} | {times} | {of} |",
            measured.per_second(),
            millis(0.5),
            millis(0.99),
            measured.cpu_micros(),
        )
    }
}
