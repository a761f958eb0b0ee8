//! What an author sees: errors and warnings with their place, what was expected, and a hint.

use std::fmt::Write as _;

use serde::Serialize;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The script does not run.
    Error,
    /// The script runs, perhaps not as meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Column after the last marked character, on the same line.
    pub end_column: u32,
    /// Error or warning.
    pub severity: Severity,
    /// A stable code, such as `B012`.
    pub code: &'static str,
    /// What was found.
    pub message: String,
    /// A short note under the mark: what was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// The report of one finding: place, message, the line with a mark, and the hint.
    ///
    /// `source` is the text that was compiled.
    pub fn render(&self, file: &str, source: &str) -> String {
        let mut out = format!(
            "{file}:{}:{}  {}[{}]: {}\n",
            self.line,
            self.column,
            self.severity.as_str(),
            self.code,
            self.message
        );
        let number = self.line.to_string();
        let width = number.len().max(5);
        if let Some(line) = source.trim_start_matches('\u{feff}').lines().nth(self.line as usize - 1) {
            // Tabs keep their width in the line of the mark, so that the mark stands where it should.
            let indent: String = line
                .chars()
                .take(self.column as usize - 1)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let marks = "^".repeat((self.end_column.saturating_sub(self.column)).max(1) as usize);
            let _ = writeln!(out, "{number:>width$} | {}", line.trim_end());
            let _ = write!(out, "{:>width$} | {indent}{marks}", "");
            if let Some(label) = &self.label {
                let _ = write!(out, " {label}");
            }
            out.push('\n');
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "   hint: {hint}");
        }
        out
    }
}
