//! Array functions.

use std::cmp::Ordering;

use chrono::FixedOffset;

use super::Context;
use crate::machine::fault::{Checked, Fault};
use crate::machine::heap::{Heap, Object};
use crate::machine::value::Value;
use crate::scalar::{Number, math, text};

/// The elements of an argument; null is an empty array, any other single value one element.
fn items(c: &Context<'_>, value: Value) -> Vec<Value> {
    match c.heap.items(value) {
        Some(items) => {
            c.heap.spend(items.len() >> 2);
            items.to_vec()
        }
        None if matches!(value, Value::Null) => Vec::new(),
        None => vec![value],
    }
}

fn array(c: &mut Context<'_>, items: Vec<Value>) -> Checked<Value> {
    c.heap.check_entries(items.len())?;
    Ok(c.heap.array(items))
}

pub(super) fn array_of(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    array(c, a.to_vec())
}

fn natural(c: &Context<'_>, value: Value) -> Checked<usize> {
    Ok(usize::try_from(c.heap.to_integer(value)?.max(0)).unwrap_or(usize::MAX))
}

pub(super) fn length(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    if let Value::Text { .. } = a[0] {
        return super::texts::length(c, a);
    }
    let count = match (c.heap.fields(a[0]), c.heap.items(a[0])) {
        (Some(object), _) => object.keys.len(),
        (None, Some(items)) => items.len(),
        (None, None) => usize::from(!matches!(a[0], Value::Null)),
    };
    Ok(Value::Int(count as i64))
}

pub(super) fn zero(_: &mut Context<'_>, _: &[Value]) -> Checked<Value> {
    Ok(Value::Int(0))
}

pub(super) fn count(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let Some(&field) = a.get(1) else {
        return length(c, a);
    };
    let name = c.heap.display(field)?.into_owned();
    let symbol = c.heap.intern(&name);
    let offset = c.offset();
    let mut count = 0;
    for row in items(c, a[0]) {
        let value = c.heap.member(row, symbol, offset)?;
        count += i64::from(!c.heap.is_null(value));
    }
    Ok(Value::Int(count))
}

pub(super) fn first(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    end(c, a, true)
}

pub(super) fn last(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    end(c, a, false)
}

fn end(c: &mut Context<'_>, a: &[Value], front: bool) -> Checked<Value> {
    let value = c.heap.body(a[0]);
    let number = a.get(1).filter(|&&n| n.number().is_some());
    if let Some(words) = c.heap.as_str(value) {
        let cut = match number {
            None if front => text::first_word(words),
            None => text::last_word(words),
            Some(&n) => {
                let n = c.heap.to_integer(n)?;
                if front { text::first_words(words, n) } else { text::last_words(words, n) }
            }
        };
        let cut = cut.to_owned();
        return c.heap.checked_text(cut);
    }
    let single = [value];
    let all = match c.heap.items(value) {
        Some(items) => items,
        None if matches!(value, Value::Null) => &[],
        None => &single,
    };
    if let Some(&n) = number {
        let n = natural(c, n)?.min(all.len());
        c.heap.spend(n >> 2);
        let cut = if front { all[..n].to_vec() } else { all[all.len() - n..].to_vec() };
        return array(c, cut);
    }
    let found = if front { all.first() } else { all.last() }.copied().unwrap_or(Value::Null);
    match a.get(1) {
        Some(&field) => {
            let offset = c.offset();
            c.heap.index(found, field, offset)
        }
        None => Ok(found),
    }
}

/// A place from the start, or from the end where negative.
fn place(c: &Context<'_>, value: Value, length: usize) -> Checked<usize> {
    let at = c.heap.to_integer(value)?;
    let at = if at < 0 { at.saturating_add(length as i64).max(0) } else { at };
    Ok(usize::try_from(at).unwrap_or(usize::MAX).min(length))
}

pub(super) fn slice(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    if let Some(whole) = c.heap.as_str(a[0]) {
        let characters: Vec<char> = whole.chars().collect();
        let from = place(c, a[1], characters.len())?;
        let to = a.get(2).map_or(Ok(characters.len()), |&to| place(c, to, characters.len()))?.max(from);
        let cut: String = characters[from..to].iter().collect();
        return c.heap.checked_text(cut);
    }
    let all = items(c, a[0]);
    let from = place(c, a[1], all.len())?;
    let to = a.get(2).map_or(Ok(all.len()), |&to| place(c, to, all.len()))?.max(from);
    array(c, all[from..to].to_vec())
}

/// A total order for sorting: what cannot be compared keeps to its type.
fn sort_order(heap: &Heap, a: Value, b: Value, offset: FixedOffset) -> Ordering {
    let rank = |value: Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) | Value::Float(_) | Value::Duration(_) => 2,
        Value::Day(_) | Value::Instant { .. } => 3,
        Value::Text { .. } => 4,
        _ => 5,
    };
    // A response is what its body is: an order by what it is now and by its body then would be none.
    let (a, b) = (heap.body(a), heap.body(b));
    match rank(a).cmp(&rank(b)) {
        Ordering::Equal => heap.order(a, b, offset).unwrap_or(Ordering::Equal),
        unequal => unequal,
    }
}

fn is_descending(c: &Context<'_>, value: Option<&Value>) -> Checked<bool> {
    match value {
        Some(&value) => Ok(c.heap.display(value)?.to_lowercase().starts_with("desc")),
        None => Ok(false),
    }
}

/// Charges a sort before it begins, since it cannot be left half way.
fn spend_on_sorting(c: &Context<'_>, keys: impl ExactSizeIterator<Item = Value>) -> Checked<()> {
    let rounds = keys.len().max(1).ilog2() as usize;
    let mut texts = 0usize;
    c.heap.spend((keys.len() * rounds) >> 2);
    for key in keys {
        if let Value::Text { length, .. } = c.heap.body(key) {
            texts = texts.saturating_add(length as usize);
        }
    }
    c.heap.spend_on_text(texts.saturating_mul(rounds));
    c.heap.check_work()
}

pub(super) fn sort(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let descending = is_descending(c, a.get(1))?;
    let offset = c.offset();
    let mut all = items(c, a[0]);
    spend_on_sorting(c, all.iter().copied())?;
    all.sort_by(|&x, &y| sort_order(c.heap, x, y, offset));
    if descending {
        all.reverse();
    }
    array(c, all)
}

pub(super) fn sort_by(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let descending = is_descending(c, a.get(2))?;
    let name = c.heap.display(a[1])?.into_owned();
    let symbol = c.heap.intern(&name);
    let offset = c.offset();
    let mut keyed = Vec::new();
    for row in items(c, a[0]) {
        keyed.push((c.heap.member(row, symbol, offset)?, row));
    }
    spend_on_sorting(c, keyed.iter().map(|&(key, _)| key))?;
    keyed.sort_by(|&(x, _), &(y, _)| {
        let order = sort_order(c.heap, x, y, offset);
        if descending { order.reverse() } else { order }
    });
    array(c, keyed.into_iter().map(|(_, row)| row).collect())
}

pub(super) fn unique(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let all = items(c, a[0]);
    let kept = without_repeats(c, all)?;
    array(c, kept)
}

/// Elements that compare equal share their JSON except numbers against their texts, which are looked at again.
pub(super) fn without_repeats(c: &mut Context<'_>, all: Vec<Value>) -> Checked<Vec<Value>> {
    let mut seen = std::collections::HashSet::new();
    let mut kept = Vec::new();
    let mut room = c.heap.copy_limit();
    for value in all {
        c.heap.check_work()?;
        let mut shown = String::new();
        match value {
            // `4`, `4.0` and `"4"` are equal.
            Value::Text { place, length } => match crate::scalar::number::parse(c.heap.read(place, length)) {
                Some(number) => shown = number.simplified().to_string(),
                None => c.heap.json_into(value, &mut shown)?,
            },
            _ => c.heap.json_into(value, &mut shown)?,
        }
        let size = shown.len();
        if seen.insert(shown) {
            room =
                room.checked_sub(size).ok_or_else(|| Fault::limit("the values to compare are too large"))?;
            kept.push(value);
        }
    }
    Ok(kept)
}

pub(super) fn reverse(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    if let Some(whole) = c.heap.as_str(a[0]) {
        let backwards: String = whole.chars().rev().collect();
        return c.heap.checked_text(backwards);
    }
    let mut all = items(c, a[0]);
    all.reverse();
    array(c, all)
}

pub(super) fn flatten(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let mut flat = Vec::new();
    for item in items(c, a[0]) {
        flat.extend(items(c, item));
        c.heap.check_entries(flat.len())?;
    }
    array(c, flat)
}

pub(super) fn concat(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    if a.iter().all(|&value| c.heap.items(value).is_none()) {
        let mut text = String::new();
        for &value in a {
            c.heap.display_into(value, &mut text)?;
        }
        return c.heap.checked_text(text);
    }
    let mut all = Vec::new();
    for &value in a {
        all.extend(items(c, value));
        c.heap.check_entries(all.len())?;
    }
    array(c, all)
}

pub(super) fn range(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let (mut at, to) = (c.heap.to_number(a[0])?, c.heap.to_number(a[1])?);
    let step = match a.get(2) {
        Some(&step) => c.heap.to_number(step)?,
        None if to.as_f64() < at.as_f64() => Number::Int(-1),
        None => Number::Int(1),
    };
    if step.is_zero() {
        return Err(Fault::argument("the step of RANGE is 0"));
    }
    let mut all = Vec::new();
    while if step.is_negative() { at.as_f64() >= to.as_f64() } else { at.as_f64() <= to.as_f64() } {
        all.push(at.into());
        c.heap.check_entries(all.len())?;
        at = math::add(at, step)?;
    }
    array(c, all)
}

pub(super) fn index_of(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let offset = c.offset();
    if let (Some(whole), Some(part)) = (c.heap.as_str(a[0]), c.heap.as_str(a[1])) {
        return Ok(Value::Int(text::position(whole, part, 1) - 1));
    }
    let all = items(c, a[0]);
    c.heap.spend(all.len());
    let found = all.into_iter().position(|item| c.heap.equal(item, a[1], offset));
    Ok(Value::Int(found.map_or(-1, |at| at as i64)))
}

pub(super) fn take(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let mut all = items(c, a[0]);
    all.truncate(natural(c, a[1])?);
    array(c, all)
}

pub(super) fn drop(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let all = items(c, a[0]);
    let from = natural(c, a[1])?.min(all.len());
    array(c, all[from..].to_vec())
}

pub(super) fn batch(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let size = natural(c, a[1])?;
    if size == 0 {
        return Err(Fault::argument("the size of a part is at least 1"));
    }
    let mut parts = Vec::new();
    for part in items(c, a[0]).chunks(size) {
        parts.push(c.heap.array(part.to_vec()));
        c.heap.check_room()?;
    }
    c.heap.spend(parts.len());
    array(c, parts)
}

/// Changes the elements of the array itself.
fn change<T>(c: &mut Context<'_>, value: Value, change: impl FnOnce(&mut Vec<Value>) -> T) -> Checked<T> {
    let Some(all) = c.heap.items_mut(value) else {
        return Err(Fault::type_of(format!("expected an array, found {}", value.type_name())));
    };
    let before = all.capacity();
    let result = change(all);
    let (grown, length) = (all.capacity().saturating_sub(before), all.len());
    c.heap.grown(grown * std::mem::size_of::<Value>());
    c.heap.check_entries(length)?;
    Ok(result)
}

pub(super) fn push(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    change(c, a[0], |all| all.extend_from_slice(&a[1..]))?;
    Ok(a[0])
}

pub(super) fn pop(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    change(c, a[0], |all| all.pop().unwrap_or(Value::Null))
}

pub(super) fn shift(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    spend_on_moving(c, a[0]);
    change(c, a[0], |all| if all.is_empty() { Value::Null } else { all.remove(0) })
}

/// Elements behind the place of a change move.
fn spend_on_moving(c: &Context<'_>, value: Value) {
    c.heap.spend(c.heap.items(value).map_or(0, <[Value]>::len) >> 3);
}

pub(super) fn unshift(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    spend_on_moving(c, a[0]);
    change(c, a[0], |all| {
        all.splice(0..0, a[1..].iter().copied());
    })?;
    Ok(a[0])
}

pub(super) fn splice(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let length = c.heap.items(a[0]).map_or(0, <[Value]>::len);
    spend_on_moving(c, a[0]);
    let from = place(c, a[1], length)?;
    let count = a.get(2).map_or(Ok(usize::MAX), |&count| natural(c, count))?;
    let to = from.saturating_add(count).min(length);
    let more = a.get(3..).unwrap_or_default();
    let removed = change(c, a[0], |all| all.splice(from..to, more.iter().copied()).collect::<Vec<_>>())?;
    array(c, removed)
}

pub(super) fn keys(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let value = c.heap.body(a[0]);
    let symbols = c.heap.fields(value).map(|object: &Object| object.keys.clone()).unwrap_or_default();
    c.heap.spend(symbols.len());
    let mut names = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        let name = c.heap.symbol_name(symbol).to_owned();
        names.push(c.heap.text(name));
        c.heap.check_room()?;
    }
    array(c, names)
}

pub(super) fn values(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let value = c.heap.body(a[0]);
    let values = c.heap.fields(value).map(|object| object.values.clone()).unwrap_or_default();
    c.heap.spend(values.len() >> 2);
    array(c, values)
}

pub(super) fn join(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    if let [left, right, key] = *a {
        return join_rows(c, left, right, key);
    }
    let separator = match a.get(1) {
        Some(&separator) => c.heap.display(separator)?.into_owned(),
        None => ", ".to_owned(),
    };
    let mut joined = String::new();
    for (index, item) in items(c, a[0]).into_iter().enumerate() {
        if index > 0 {
            joined.push_str(&separator);
        }
        c.heap.display_into(item, &mut joined)?;
    }
    c.heap.checked_text(joined)
}

/// Each row of the left with what the rows of the right that have the same key add to it.
fn join_rows(c: &mut Context<'_>, left: Value, right: Value, key: Value) -> Checked<Value> {
    let name = c.heap.display(key)?.into_owned();
    let symbol = c.heap.intern(&name);
    let offset = c.offset();
    let mut others: std::collections::HashMap<String, Vec<Value>> = std::collections::HashMap::new();
    let mut room = c.heap.copy_limit();
    for row in items(c, right) {
        c.heap.check_work()?;
        let key = c.heap.member(row, symbol, offset)?;
        let size = c.heap.as_str(key).map_or(0, str::len);
        room = room.checked_sub(size).ok_or_else(|| Fault::limit("the keys of the rows are too large"))?;
        others.entry(c.heap.display(key)?.into_owned()).or_default().push(row);
    }
    let mut joined = Vec::new();
    for row in items(c, left) {
        let key = c.heap.member(row, symbol, offset)?;
        let key = c.heap.display(key)?.into_owned();
        for &other in others.get(&key).into_iter().flatten() {
            // The fields of the left come first, and what both have is the left's.
            let both = c.heap.add(row, other, offset)?;
            let own = c.heap.fields(row).cloned().unwrap_or_default();
            for (symbol, value) in own.keys.into_iter().zip(own.values) {
                c.heap.set_field(both, symbol, value)?;
            }
            joined.push(both);
            c.heap.check_work()?;
            c.heap.check_room()?;
            c.heap.check_entries(joined.len())?;
        }
    }
    array(c, joined)
}
