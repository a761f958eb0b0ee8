//! Text functions.

use super::Context;
use crate::machine::fault::{Checked, Fault};
use crate::machine::value::Value;
use crate::scalar::{self, Scalar, text};

/// The text of the first argument, turned into another.
fn mapped(c: &mut Context<'_>, a: &[Value], map: impl FnOnce(&str) -> String) -> Checked<Value> {
    let mapped = map(&c.heap.display(a[0])?);
    c.heap.checked_text(mapped)
}

/// A part of the text of the first argument; the text itself where nothing is cut off.
fn part(c: &mut Context<'_>, a: &[Value], cut: impl FnOnce(&str) -> &str) -> Checked<Value> {
    let text = c.heap.display(a[0])?;
    let cut = cut(&text);
    if let Value::Text { place, .. } = a[0]
        && cut.as_ptr() == text.as_ptr()
    {
        // A beginning shares its text.
        return Ok(Value::Text { place, length: cut.len() as u32 });
    }
    let cut = cut.to_owned();
    c.heap.checked_text(cut)
}

pub(super) fn length(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    if let Some(items) = c.heap.items(a[0]) {
        return Ok(Value::Int(items.len() as i64));
    }
    if let Some(object) = c.heap.fields(a[0]) {
        return Ok(Value::Int(object.keys.len() as i64));
    }
    Ok(Value::Int(text::length(&c.heap.display(a[0])?) as i64))
}

pub(super) fn left(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let count = c.heap.to_integer(a[1])?;
    part(c, a, |t| text::left(t, count))
}

pub(super) fn right(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let count = c.heap.to_integer(a[1])?;
    part(c, a, |t| text::right(t, count))
}

pub(super) fn mid(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let start = c.heap.to_integer(a[1])?;
    let count = a.get(2).map(|&count| c.heap.to_integer(count)).transpose()?;
    if let Some(items) = c.heap.items(a[0]) {
        let from = usize::try_from(start.max(0)).unwrap_or(usize::MAX).min(items.len());
        let most = count.map_or(usize::MAX, |count| usize::try_from(count.max(0)).unwrap_or(usize::MAX));
        let cut: Vec<_> = items[from..].iter().copied().take(most).collect();
        c.heap.spend(cut.len() >> 2);
        return Ok(c.heap.array(cut));
    }
    part(c, a, |t| text::mid(t, start, count))
}

pub(super) fn instr(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let (start, whole, find) = match *a {
        [start, whole, find] => (c.heap.to_integer(start)?, whole, find),
        _ => (1, a[0], a[1]),
    };
    Ok(Value::Int(text::position(&c.heap.display(whole)?, &c.heap.display(find)?, start)))
}

pub(super) fn upper(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    mapped(c, a, str::to_uppercase)
}

pub(super) fn lower(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    mapped(c, a, str::to_lowercase)
}

pub(super) fn capitalize(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    mapped(c, a, text::capitalize)
}

pub(super) fn trim(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    part(c, a, str::trim)
}

pub(super) fn trim_left(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    part(c, a, str::trim_start)
}

pub(super) fn trim_right(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    part(c, a, str::trim_end)
}

pub(super) fn replace(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let limit = c.heap.text_limit;
    let replaced =
        text::replace(&c.heap.display(a[0])?, &c.heap.display(a[1])?, &c.heap.display(a[2])?, limit)?;
    c.heap.checked_text(replaced)
}

pub(super) fn split(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let whole = c.heap.display(a[0])?.into_owned();
    let separator = match a.get(1) {
        Some(&separator) => c.heap.display(separator)?.into_owned(),
        None => ",".to_owned(),
    };
    let limit = c.heap.entries_limit;
    let mut parts = Vec::new();
    for part in text::split(&whole, &separator).take(limit + 1) {
        parts.push(c.heap.text(part));
        c.heap.check_room()?;
    }
    c.heap.check_entries(parts.len())?;
    c.heap.spend(parts.len());
    Ok(c.heap.array(parts))
}

pub(super) fn contains(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let offset = c.offset();
    Ok(Value::Bool(c.heap.contains(a[0], a[1], offset)?))
}

pub(super) fn starts_with(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(text::starts_with(&c.heap.display(a[0])?, &c.heap.display(a[1])?)))
}

pub(super) fn ends_with(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(text::ends_with(&c.heap.display(a[0])?, &c.heap.display(a[1])?)))
}

pub(super) fn chr(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let code = c.heap.to_integer(a[0])?;
    let found = text::chr(code).ok_or_else(|| Fault::argument(format!("{code} is no character")))?;
    Ok(c.heap.text(found))
}

pub(super) fn asc(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Int(text::asc(&c.heap.display(a[0])?)))
}

pub(super) fn repeat(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let count = c.heap.to_integer(a[1])?;
    let repeated = text::repeat(&c.heap.display(a[0])?, count, c.heap.text_limit)?;
    c.heap.checked_text(repeated)
}

pub(super) fn between(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let found = text::extract_between(&c.heap.display(a[0])?, &c.heap.display(a[1])?, &c.heap.display(a[2])?)
        .to_owned();
    c.heap.checked_text(found)
}

pub(super) fn before(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let found = text::extract_before(&c.heap.display(a[0])?, &c.heap.display(a[1])?).to_owned();
    c.heap.checked_text(found)
}

pub(super) fn after(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let found = text::extract_after(&c.heap.display(a[0])?, &c.heap.display(a[1])?).to_owned();
    c.heap.checked_text(found)
}

pub(super) fn format(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let Some(&pattern) = a.get(1) else {
        return mapped(c, a, str::to_owned);
    };
    let pattern = c.heap.display(pattern)?;
    if pattern.eq_ignore_ascii_case("json") {
        return super::conversions::json(c, &a[..1]);
    }
    let value = c.heap.body(a[0]);
    let shown;
    let scalar = match value {
        Value::Null => Scalar::Null,
        Value::Bool(truth) => Scalar::Boolean(truth),
        Value::Int(_) | Value::Float(_) => value.number().map_or(Scalar::Null, Scalar::Number),
        Value::Day(_) | Value::Instant { .. } => value.date().map_or(Scalar::Null, Scalar::Date),
        _ => {
            shown = c.heap.display(value)?;
            Scalar::Text(&shown)
        }
    };
    let formatted = scalar::format::format(scalar, &pattern, c.offset(), c.heap.text_limit)?;
    c.heap.checked_text(formatted)
}
