//! `basic fmt`: indents a script by its blocks.
//!
//! Only blanks at the beginning and end of lines change; comments, strings and text blocks stay as they are. A script
//! with errors is not touched, since its blocks are not known.

use crate::compile::{Known, compile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::syntax::{Layout, LineRole, layout_of};

const INDENT: &str = "    ";
/// What the reader takes for blanks. Others, such as a form feed, mean something to it.
const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// What indents the lines inside it.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Block,
    /// SELECT, before its first CASE and after it.
    Select,
    Case,
}

/// A script in its canonical layout, or the errors that keep it from being read.
///
/// Formatting twice gives the same as formatting once, and the formatted script compiles to the same program but for
/// the columns in it.
pub fn format(name: &str, source: &str) -> Result<String, Vec<Diagnostic>> {
    let compiled = compile(name, source, &Known::default());
    if compiled.program.is_none() {
        return Err(compiled.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect());
    }
    let layout: Layout = layout_of(source);
    let mut open: Vec<Open> = Vec::new();
    let mut out = String::with_capacity(source.len());
    for (number, line) in source.trim_start_matches('\u{feff}').lines().enumerate() {
        let Some(role) = layout.lines.get(number) else { continue };
        if matches!(role, LineRole::Inside | LineRole::Raw) {
            out.push_str(line);
            out.push_str(line_end(line));
            continue;
        }
        if *role == LineRole::Close && open.pop() == Some(Open::Case) {
            open.pop();
        }
        if *role == LineRole::Case && open.last() == Some(&Open::Case) {
            open.pop();
        }
        let mut depth = open.len();
        match role {
            LineRole::Continued => depth += 1,
            LineRole::Middle => depth = depth.saturating_sub(1),
            _ => {}
        }
        let goes_on = layout.lines.get(number + 1) == Some(&LineRole::Inside);
        // The end of a line belongs to a text that goes on in the next one.
        let text = if goes_on { line.trim_start_matches(BLANKS) } else { line.trim_matches(BLANKS) };
        if !text.is_empty() {
            out.extend(std::iter::repeat_n(INDENT, depth));
            out.push_str(text);
        }
        out.push_str(line_end(text));
        match role {
            LineRole::Open => open.push(Open::Block),
            LineRole::Select => open.push(Open::Select),
            LineRole::Case => open.push(Open::Case),
            _ => {}
        }
    }
    let kept = out.trim_end_matches('\n').len();
    out.truncate(kept);
    if !out.is_empty() {
        out.push('\n');
    }
    Ok(out)
}

/// Of several carriage returns before the end of a line the last belongs to the end, the others to the text.
fn line_end(line: &str) -> &'static str {
    if line.ends_with('\r') { "\r\n" } else { "\n" }
}
