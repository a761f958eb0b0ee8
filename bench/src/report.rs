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

/// A figure beside the most that is asked of it.
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    most: f64,
}

/// Everything that was measured, in order.
pub(crate) struct Report {
    cases: Vec<Case>,
    figures: Vec<Figure>,
    notes: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { cases: Vec::new(), figures: Vec::new(), notes: Vec::new() }
    }

    /// One more line. It is shown at once on standard error, so that a run that fails has not told nothing.
    pub(crate) fn case(&mut self, case: Case) {
        let _ = writeln!(std::io::stderr(), "{case}");
        self.cases.push(case);
    }

    /// A figure that is asked to be at most so much. Shown at once, too.
    pub(crate) fn at_most(&mut self, name: impl Into<String>, value: f64, unit: &'static str, most: f64) {
        let figure = Figure { name: name.into(), value, unit, most };
        let _ = writeln!(std::io::stderr(), "{figure}");
        self.figures.push(figure);
    }

    /// A figure of which nothing is asked. Shown at once, too.
    pub(crate) fn note(&mut self, name: impl Into<String>, value: String) {
        let name = name.into();
        let _ = writeln!(std::io::stderr(), "| {name} | {value} |");
        self.notes.push((name, value));
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
        if !self.figures.is_empty() {
            writeln!(f, "| figure | is | asked: at most | |\n| --- | ---: | ---: | --- |")?;
            for figure in &self.figures {
                writeln!(f, "{figure}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "| | |\n| --- | ---: |")?;
        for (name, value) in &self.notes {
            writeln!(f, "| {name} | {value} |")?;
        }
        Ok(())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, most } = self;
        let holds = if value <= most { "yes" } else { "**no**" };
        write!(f, "| {name} | {value:.2} {unit} | {most:.2} {unit} | {holds} |")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, measured, ratio, database_micros } = self;
        let database = database_micros.map(|micros| format!("{micros:.1}")).unwrap_or_default();
        let (times, of) = match ratio {
            Some((mark, ratio)) => (format!("{ratio:.2}"), mark.as_str()),
            None => (String::new(), ""),
        };
        write!(
            f,
            "| {name} | {:.0} | {:.2} | {:.2} | {:.1} | {database} | {times} | {of} |",
            measured.per_second(),
            measured.millis(0.5),
            measured.millis(0.99),
            measured.cpu_micros(),
        )
    }
}
