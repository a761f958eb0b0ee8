//! Values as documents: CSV (RFC 4180), XML (1.0), YAML (1.2).

use std::fmt::Write as _;

use super::Context;
use crate::machine::fault::{Checked, Fault};
use crate::machine::heap::Heap;
use crate::machine::value::Value;
use crate::scalar::number;

/// How deep values may nest in a document.
const MAX_DEPTH: usize = 100;

fn checked(c: &mut Context<'_>, write: impl FnOnce(&Heap, &mut String) -> Checked<()>) -> Checked<Value> {
    let mut out = String::new();
    write(c.heap, &mut out)?;
    c.heap.checked_text(out)
}

/// Notes a node of a walk, and refuses what nests too deep or grows too long.
fn visit(heap: &Heap, out: &str, depth: usize) -> Checked<()> {
    if depth > MAX_DEPTH {
        return Err(Fault::argument("a value that contains itself, or nests too deep, has no text"));
    }
    heap.spend(1);
    heap.check_work()?;
    heap.check_text(out.len())
}

// ---- CSV ----

pub(super) fn csv(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let value = c.heap.body(a[0]);
    checked(c, |heap, out| {
        let single = [value];
        let rows = match (heap.items(value), value) {
            (Some(rows), _) => rows,
            (None, Value::Null) => return Ok(()),
            (None, _) => &single,
        };
        let columns = columns(heap, rows)?;
        if !columns.is_empty() {
            for (index, &column) in columns.iter().enumerate() {
                separate(index, out);
                cell(heap.symbol_name(column), out);
            }
            out.push('\n');
        }
        for &row in rows {
            visit(heap, out, 0)?;
            csv_row(heap, heap.body(row), &columns, out)?;
            out.push('\n');
        }
        Ok(())
    })
}

/// The names of all fields, in the order they are met.
fn columns(heap: &Heap, rows: &[Value]) -> Checked<Vec<u32>> {
    let mut seen = std::collections::HashSet::new();
    let mut columns = Vec::new();
    for &row in rows {
        if let Some(object) = heap.fields(heap.body(row)) {
            heap.spend(object.keys.len());
            heap.check_work()?;
            columns.extend(object.keys.iter().copied().filter(|key| seen.insert(*key)));
        }
    }
    Ok(columns)
}

fn csv_row(heap: &Heap, row: Value, columns: &[u32], out: &mut String) -> Checked<()> {
    if let Some(object) = heap.fields(row) {
        heap.spend(columns.len());
        for (index, &column) in columns.iter().enumerate() {
            separate(index, out);
            let found = object.exact(column).and_then(|at| object.values.get(at));
            if let Some(&value) = found {
                cell(&heap.display(value)?, out);
            }
        }
        return Ok(());
    }
    match heap.items(row) {
        Some(cells) => {
            for (index, &value) in cells.iter().enumerate() {
                separate(index, out);
                cell(&heap.display(value)?, out);
            }
        }
        None => cell(&heap.display(row)?, out),
    }
    Ok(())
}

fn separate(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

/// A cell, in quotes where it needs them.
fn cell(text: &str, out: &mut String) {
    if !text.contains([',', '"', '\n', '\r']) && text.trim().len() == text.len() {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

// ---- XML ----

pub(super) fn xml(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let value = c.heap.body(a[0]);
    checked(c, |heap, out| {
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // An object of one field names its root itself.
        match heap.fields(value) {
            Some(object) if object.keys.len() == 1 && heap.items(object.values[0]).is_none() => {
                element(heap, heap.symbol_name(object.keys[0]), object.values[0], out, 0)
            }
            _ => element(heap, "root", value, out, 0),
        }
    })
}

fn element(heap: &Heap, name: &str, value: Value, out: &mut String, depth: usize) -> Checked<()> {
    visit(heap, out, depth)?;
    let value = heap.body(value);
    let name = xml_name(name);
    if let (Some(items), true) = (heap.items(value), depth > 0) {
        // A list is its element repeated.
        for &item in items {
            match heap.items(item) {
                Some(_) => {
                    open(&name, out);
                    element(heap, "item", item, out, depth + 1)?;
                    close(&name, out);
                }
                None => element(heap, &name, item, out, depth + 1)?,
            }
        }
        return Ok(());
    }
    open(&name, out);
    if let Some(items) = heap.items(value) {
        for &item in items {
            element(heap, "item", item, out, depth + 1)?;
        }
    } else if let Some(object) = heap.fields(value).filter(|_| matches!(value, Value::Object(_))) {
        for (&key, &field) in object.keys.iter().zip(&object.values) {
            element(heap, heap.symbol_name(key), field, out, depth + 1)?;
        }
    } else {
        escape(&heap.display(value)?, out);
    }
    close(&name, out);
    Ok(())
}

fn open(name: &str, out: &mut String) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

fn close(name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// A name that XML allows: others have their characters replaced by `_`.
fn xml_name(name: &str) -> String {
    let mut out: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' })
        .collect();
    if !out.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        out.insert(0, '_');
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\r' => out.push_str("&#13;"),
            // Other control characters have no place in XML 1.0.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

// ---- YAML ----

pub(super) fn yaml(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    checked(c, |heap, out| {
        node(heap, a[0], out, 0)?;
        Ok(())
    })
}

/// A value at the beginning of a line that is indented already; ends with a line break.
fn node(heap: &Heap, value: Value, out: &mut String, depth: usize) -> Checked<()> {
    visit(heap, out, depth)?;
    let value = heap.body(value);
    if let Some(items) = heap.items(value).filter(|items| !items.is_empty()) {
        for (index, &item) in items.iter().enumerate() {
            indent(index, depth, out);
            out.push_str("- ");
            node(heap, item, out, depth + 1)?;
        }
        return Ok(());
    }
    let object =
        heap.fields(value).filter(|object| matches!(value, Value::Object(_)) && !object.keys.is_empty());
    if let Some(object) = object {
        for (index, (&key, &field)) in object.keys.iter().zip(&object.values).enumerate() {
            indent(index, depth, out);
            scalar(heap.symbol_name(key), out);
            out.push(':');
            if is_block(heap, field) {
                out.push('\n');
                indent(1, depth + 1, out);
            } else {
                out.push(' ');
            }
            node(heap, field, out, depth + 1)?;
        }
        return Ok(());
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Duration(_) => {
            heap.display_into(value, out)?;
        }
        Value::Array(_) | Value::Rows(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        _ => scalar(&heap.display(value)?, out),
    }
    out.push('\n');
    Ok(())
}

/// Whether a value takes lines of its own.
fn is_block(heap: &Heap, value: Value) -> bool {
    let value = heap.body(value);
    let is_list = heap.items(value).is_some_and(|items| !items.is_empty());
    is_list
        || matches!(value, Value::Object(_))
            && heap.fields(value).is_some_and(|fields| !fields.keys.is_empty())
}

/// The blanks before a line; the first of a block stands behind what opened it.
fn indent(index: usize, depth: usize, out: &mut String) {
    if index > 0 {
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

/// A text, in double quotes where YAML would read something else.
fn scalar(text: &str, out: &mut String) {
    let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | '@'))
        && text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '/')
        && !text.ends_with(' ')
        && number::parse(text).is_none()
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | ".inf" | ".nan"
        );
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
