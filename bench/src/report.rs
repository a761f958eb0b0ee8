//! The table.

use std::fmt;

use crate::http::Measured;

/// One line of the table.
pub(crate) struct Case {
    name: String,
    measured: Measured,
    is_mark: bool,
}

impl Case {
    /// The mark that the cases after it are compared with.
    pub(crate) fn bare(name: String, measured: Measured) -> Self {
        Self { name, measured, is_mark: true }
    }

    pub(crate) fn ours(name: String, measured: Measured) -> Self {
        Self { name, measured, is_mark: false }
    }
}

/// Everything that was measured, in order.
pub(crate) struct Report {
    cases: Vec<Case>,
    notes: Vec<(&'static str, String)>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { cases: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn case(&mut self, case: Case) {
        self.cases.push(case);
    }

    pub(crate) fn note(&mut self, name: &'static str, value: String) {
        self.notes.push((name, value));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| case | requests/s | p50 ms | p99 ms | server CPU, µs a request | ratio to bare axum |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        let mut mark = f64::NAN;
        for Case { name, measured, is_mark } in &self.cases {
            if *is_mark {
                mark = measured.cpu_micros;
            }
            let millis = |quantile| measured.latency.value_at_quantile(quantile) as f64 / 1000.0;
            writeln!(
                f,
                "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} |",
                measured.per_second,
                millis(0.5),
                millis(0.99),
                measured.cpu_micros,
                measured.cpu_micros / mark,
            )?;
        }
        writeln!(f)?;
        writeln!(f, "| | |\n| --- | ---: |")?;
        for (name, value) in &self.notes {
            writeln!(f, "| {name} | {value} |")?;
        }
        Ok(())
    }
}
