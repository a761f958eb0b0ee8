//! Conversions and tests.

use super::Context;
use crate::machine::fault::{Checked, Fault};
use crate::machine::value::Value;
use crate::scalar::{math, number as numbers};

pub(super) fn val(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(match a[0] {
        Value::Int(_) | Value::Float(_) => a[0],
        value => numbers::val(&c.heap.display(value)?).into(),
    })
}

pub(super) fn text(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    if let Value::Text { .. } = a[0] {
        return Ok(a[0]);
    }
    let text = c.heap.display(a[0])?.into_owned();
    c.heap.checked_text(text)
}

pub(super) fn integer(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(math::truncate(c.heap.to_number(a[0])?).simplified().into())
}

pub(super) fn number(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(c.heap.to_number(a[0])?.into())
}

pub(super) fn truth(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(c.heap.truth(a[0])))
}

pub(super) fn json(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let mut out = String::new();
    c.heap.json_into(a[0], &mut out)?;
    c.heap.checked_text(out)
}

pub(super) fn from_json(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let Some(text) = c.heap.as_str(c.heap.body(a[0])) else {
        return Ok(a[0]);
    };
    let text = text.to_owned();
    c.heap.parse_json(&text).unwrap_or_else(|| Err(Fault::argument("the text is no JSON")))
}

pub(super) fn is_null(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(c.heap.is_null(a[0])))
}

pub(super) fn is_empty(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let value = c.heap.body(a[0]);
    Ok(Value::Bool(match value {
        Value::Null => true,
        Value::Text { length, .. } => length == 0,
        Value::Object(_) => c.heap.fields(value).is_none_or(|object| object.keys.is_empty()),
        _ => c.heap.items(value).is_some_and(<[Value]>::is_empty),
    }))
}

pub(super) fn is_date(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(c.heap.as_date(a[0], c.offset()).is_some()))
}

pub(super) fn is_array(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(c.heap.items(a[0]).is_some()))
}

pub(super) fn is_object(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(matches!(c.heap.body(a[0]), Value::Object(_))))
}

pub(super) fn is_numeric(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(Value::Bool(match c.heap.body(a[0]) {
        Value::Int(_) | Value::Float(_) => true,
        value => c.heap.as_str(value).is_some_and(|text| numbers::parse(text).is_some()),
    }))
}

pub(super) fn type_of(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(c.heap.text(a[0].type_name()))
}

/// Called where the compiler could not make branches of it: as a method.
pub(super) fn choose_if(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(if c.heap.truth(a[0]) { a[1] } else { a[2] })
}

pub(super) fn if_missing(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let empty = c.heap.is_null(a[0]) || matches!(c.heap.body(a[0]), Value::Text { length: 0, .. });
    Ok(if empty { a[1] } else { a[0] })
}

pub(super) fn coalesce(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(a.iter().copied().find(|&value| !c.heap.is_null(value)).unwrap_or(Value::Null))
}

pub(super) fn choose(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let index = c.heap.to_integer(a[0])?;
    let found = usize::try_from(index).ok().filter(|&index| index > 0).and_then(|index| a.get(index));
    Ok(found.copied().unwrap_or(Value::Null))
}

pub(super) fn uuid(c: &mut Context<'_>, _: &[Value]) -> Checked<Value> {
    let (high, low) = (c.next_random(), c.next_random());
    // Version 4, variant 1 (RFC 9562).
    let high = (high & !0xF000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let text = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    );
    Ok(c.heap.text(text))
}
