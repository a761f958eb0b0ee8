//! Number functions.

use std::cmp::Ordering;

use super::Context;
use crate::machine::fault::{Checked, Fault};
use crate::machine::value::Value;
use crate::scalar::{Number, math};

macro_rules! of_number {
    ($($name:ident: |$n:ident| $result:expr;)*) => { $(
        pub(super) fn $name(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
            let $n = c.heap.to_number(a[0])?;
            Ok(Value::from($result))
        }
    )* };
}

of_number! {
    abs: |n| math::abs(n);
    truncate: |n| math::truncate(n);
    floor: |n| math::floor(n);
    ceil: |n| math::ceil(n);
    sign: |n| Number::Int(math::sign(n));
    square_root: |n| math::square_root(n)?;
    exp: |n| math::exp(n)?;
    log: |n| math::log(n)?;
    log10: |n| math::log10(n)?;
    sin: |n| math::sin(n)?;
    cos: |n| math::cos(n)?;
    tan: |n| math::tan(n)?;
    arctangent: |n| math::arctangent(n)?;
}

pub(super) fn round(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let digits = a.get(1).map_or(Ok(0), |&digits| c.heap.to_integer(digits))?;
    Ok(math::round(c.heap.to_number(a[0])?, digits).into())
}

pub(super) fn modulo(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(math::modulo(c.heap.to_number(a[0])?, c.heap.to_number(a[1])?)?.into())
}

pub(super) fn power(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(math::power(c.heap.to_number(a[0])?, c.heap.to_number(a[1])?)?.into())
}

pub(super) fn pi(_: &mut Context<'_>, _: &[Value]) -> Checked<Value> {
    Ok(Value::Float(std::f64::consts::PI))
}

pub(super) fn rnd(c: &mut Context<'_>, _: &[Value]) -> Checked<Value> {
    Ok(Value::Float(math::unit_float(c.next_random())))
}

pub(super) fn random(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let (low, high) = match *a {
        [low, high] => (c.heap.to_integer(low)?, c.heap.to_integer(high)?),
        [count] => {
            let count = c.heap.to_integer(count)?;
            if count < 1 {
                return Err(Fault::argument("RANDOM(n) needs a number from 1"));
            }
            (0, count - 1)
        }
        _ => return rnd(c, a),
    };
    Ok(Value::Int(math::random_between(c.next_random(), low, high)))
}

/// The numbers a function of several works on: its arguments, an array, or a field of rows.
fn each(c: &mut Context<'_>, a: &[Value]) -> Checked<Vec<Value>> {
    let Some(items) = c.heap.items(a[0]) else {
        // A field of rows that are missing: of nothing.
        let field = a.get(1).and_then(|&field| c.heap.as_str(field));
        let missing = a.len() == 2 && matches!(a[0], Value::Null);
        return Ok(match field {
            Some(field) if missing && crate::scalar::number::parse(field).is_none() => Vec::new(),
            _ => a.to_vec(),
        });
    };
    c.heap.spend(items.len() >> 2);
    let items = items.to_vec();
    match *a {
        [_, field] => {
            let name = c.heap.display(field)?.into_owned();
            let symbol = c.heap.intern(&name);
            let offset = c.offset();
            c.heap.spend(items.len() >> 1);
            items.into_iter().map(|row| c.heap.member(row, symbol, offset)).collect()
        }
        _ => Ok(items),
    }
}

fn extreme(c: &mut Context<'_>, a: &[Value], wanted: Ordering) -> Checked<Value> {
    let offset = c.offset();
    let mut best = Value::Null;
    for value in each(c, a)? {
        c.heap.check_work()?;
        if c.heap.is_missing(value) {
            continue;
        }
        if matches!(best, Value::Null) || c.heap.compare(value, best, offset)? == wanted {
            best = value;
        }
    }
    // Numbers kept as text answer as numbers.
    if let Some(text) = c.heap.as_str(best)
        && let Some(number) = crate::scalar::number::parse(text)
    {
        return Ok(number.into());
    }
    Ok(best)
}

pub(super) fn max(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    extreme(c, a, Ordering::Greater)
}

pub(super) fn min(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    extreme(c, a, Ordering::Less)
}

fn total(c: &mut Context<'_>, a: &[Value]) -> Checked<(Number, i64)> {
    let (mut total, mut count) = (Number::Int(0), 0);
    for value in each(c, a)? {
        c.heap.check_work()?;
        if !c.heap.is_missing(value) {
            total = math::add(total, c.heap.to_number(value)?)?;
            count += 1;
        }
    }
    Ok((total, count))
}

pub(super) fn sum(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(total(c, a)?.0.into())
}

pub(super) fn average(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let (total, count) = total(c, a)?;
    if count == 0 {
        return Ok(Value::Null);
    }
    Ok(math::divide(total, Number::Int(count))?.into())
}
