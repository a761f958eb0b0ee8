//! Collects what is found while reading a script.

use super::token::Span;
use crate::diagnostic::{Diagnostic, Severity};

/// Errors of one file after which the rest is not reported: a script with more is something else than a script.
const MAX_REPORTS: usize = 100;

#[derive(Debug)]
struct Report {
    span: Span,
    severity: Severity,
    code: &'static str,
    message: String,
    label: Option<String>,
    hint: Option<String>,
}

/// A place among the findings; errors beyond those that are kept count too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    reports: usize,
    errors: usize,
}

/// The findings of one script, by byte position until they are shown.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    reports: Vec<Report>,
    errors: usize,
}

impl Reports {
    pub(crate) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.error_with(code, span, message.into(), None, None);
    }

    pub(crate) fn error_with(
        &mut self,
        code: &'static str,
        span: Span,
        message: String,
        label: Option<String>,
        hint: Option<&str>,
    ) {
        if !self.has_room() {
            self.errors += 1;
            return;
        }
        // One finding a place: what follows from it helps nobody.
        if self.reports.iter().any(|r| r.severity == Severity::Error && r.span.start == span.start) {
            return;
        }
        self.errors += 1;
        let hint = hint.map(str::to_owned);
        self.reports.push(Report { span, severity: Severity::Error, code, message, label, hint });
    }

    pub(crate) fn warn(&mut self, code: &'static str, span: Span, message: String, hint: Option<&str>) {
        if self.has_room_for_warnings() {
            let hint = hint.map(str::to_owned);
            self.reports.push(Report { span, severity: Severity::Warning, code, message, label: None, hint });
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether another error would be kept.
    pub(crate) fn has_room(&self) -> bool {
        self.errors < MAX_REPORTS
    }

    /// Whether another warning would be kept.
    pub(crate) fn has_room_for_warnings(&self) -> bool {
        self.reports.len() < 2 * MAX_REPORTS
    }

    /// Where the findings stand now, for [`Reports::forget_since`].
    pub(crate) fn mark(&self) -> Mark {
        Mark { reports: self.reports.len(), errors: self.errors }
    }

    /// Whether something was found since a mark.
    pub(crate) fn found_since(&self, mark: Mark) -> bool {
        self.reports.len() > mark.reports || self.errors > mark.errors
    }

    /// Forgets what was reported since a mark: reading went another way.
    pub(crate) fn forget_since(&mut self, mark: Mark) {
        self.reports.truncate(mark.reports);
        self.errors = mark.errors;
    }

    /// The findings in the order of the script.
    pub(crate) fn finish(mut self, lines: &Lines<'_>) -> Vec<Diagnostic> {
        self.reports.sort_by_key(|report| (report.span.start, report.severity));
        self.reports
            .into_iter()
            .map(|report| {
                let (line, column) = lines.position(report.span.start);
                let (end_line, end) = lines.position(report.span.end);
                let end_column = if end_line == line { end } else { lines.last_column(line) };
                Diagnostic {
                    line,
                    column,
                    end_column: end_column.max(column + 1),
                    severity: report.severity,
                    code: report.code,
                    message: report.message,
                    label: report.label,
                    hint: report.hint,
                }
            })
            .collect()
    }
}

/// Where the lines of a script begin.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    source: &'a str,
    starts: Vec<u32>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        // A byte order mark belongs to no column.
        let first = if source.starts_with('\u{feff}') { 3 } else { 0 };
        let breaks = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(first).chain(breaks.map(|(at, _)| at as u32 + 1)).collect();
        Self { source, starts }
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub(crate) fn position(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0) as usize;
        let before = self.source.get(start..offset as usize).unwrap_or_default();
        (line as u32, before.chars().count() as u32 + 1)
    }

    /// The column after the last character of a line.
    fn last_column(&self, line: u32) -> u32 {
        let start = self.starts.get(line as usize - 1).copied().unwrap_or(0) as usize;
        let end = self.starts.get(line as usize).map_or(self.source.len(), |&next| next as usize);
        self.source.get(start..end).unwrap_or_default().trim_end().chars().count() as u32 + 1
    }
}

impl Lines<'_> {
    /// The text of a span, or what else to show where there is none.
    pub(crate) fn text<'t>(&'t self, span: Span, otherwise: &'t str) -> &'t str {
        self.source
            .get(span.start as usize..span.end as usize)
            .filter(|text| !text.is_empty())
            .unwrap_or(otherwise)
    }
}
