//! Date functions.

use chrono::TimeDelta;

use super::Context;
use crate::machine::fault::{Checked, Fault};
use crate::machine::value::Value;
use crate::scalar::date::{self, Date, Part, Unit};

pub(super) fn now(c: &mut Context<'_>, _: &[Value]) -> Checked<Value> {
    Ok(Date::Instant(c.now).into())
}

pub(super) fn today(c: &mut Context<'_>, _: &[Value]) -> Checked<Value> {
    Ok(Date::Day(c.now.date_naive()).into())
}

fn date(c: &Context<'_>, value: Value) -> Checked<Date> {
    c.heap.to_date(value, c.offset())
}

fn part(c: &mut Context<'_>, a: &[Value], name: &str) -> Checked<Value> {
    let part = date(c, a[0])?.part(name, c.offset());
    Ok(match part {
        Some(Part::Number(number)) => Value::Int(number),
        Some(Part::Date(date)) => date.into(),
        Some(Part::Text(text)) => c.heap.text(text),
        None => Value::Null,
    })
}

macro_rules! parts {
    ($($name:ident),*) => { $(
        pub(super) fn $name(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
            part(c, a, stringify!($name))
        }
    )* };
}

parts!(year, month, day, hour, minute, second, weekday);

pub(super) fn date_value(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    Ok(date(c, a[0])?.into())
}

pub(super) fn time_value(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let text = c.heap.display(a[0])?.into_owned();
    let time = date::parse_time(&text).or_else(|| Some(date(c, a[0]).ok()?.time()));
    let time = time.ok_or_else(|| Fault::type_of(format!("expected a time, found \"{text}\"")))?;
    Ok(c.heap.text(date::time_text(time)))
}

pub(super) fn format_time(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    time_value(c, a)
}

pub(super) fn end_of_month(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let months = a.get(1).map_or(Ok(0), |&months| c.heap.to_integer(months))?;
    Ok(date(c, a[0])?.end_of_month(months)?.into())
}

fn unit(c: &Context<'_>, value: Value) -> Option<Unit> {
    Unit::from_word(c.heap.as_str(value)?)
}

fn unknown_unit() -> Box<Fault> {
    Fault::argument("expected a unit: second, minute, hour, day, week, month or year")
}

pub(super) fn add(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    // The unit is the argument that names one.
    let (start, amount, unit) = if let Some(unit) = unit(c, a[1]) {
        (a[0], a[2], unit)
    } else if let Some(unit) = unit(c, a[2]) {
        (a[0], a[1], unit)
    } else if let Some(unit) = unit(c, a[0]) {
        (a[2], a[1], unit)
    } else {
        return Err(unknown_unit());
    };
    let amount = c.heap.to_number(amount)?.as_f64();
    Ok(date(c, start)?.add(amount, unit)?.into())
}

pub(super) fn difference(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let offset = c.offset();
    let (from, to, unit) = match *a {
        [x, y] => return Ok(Value::Int(date::days_sql(date(c, x)?, date(c, y)?))),
        [x, y, z] => match (unit(c, x), unit(c, z)) {
            (Some(unit), _) => (y, z, unit),
            (None, Some(unit)) => (x, y, unit),
            _ => return Err(unknown_unit()),
        },
        _ => return Err(unknown_unit()),
    };
    Ok(Value::Int(date::difference(date(c, from)?, date(c, to)?, unit, offset)))
}

fn between(c: &mut Context<'_>, a: &[Value], unit: Unit) -> Checked<Value> {
    Ok(Value::Int(date::difference(date(c, a[0])?, date(c, a[1])?, unit, c.offset())))
}

pub(super) fn days_between(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    between(c, a, Unit::Day)
}

pub(super) fn hours_between(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    between(c, a, Unit::Hour)
}

pub(super) fn seconds_between(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    between(c, a, Unit::Second)
}

pub(super) fn add_days(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    let amount = c.heap.to_number(a[1])?.as_f64();
    Ok(date(c, a[0])?.add(amount, Unit::Day)?.into())
}

fn duration(c: &mut Context<'_>, a: &[Value], unit: Unit) -> Checked<Value> {
    let length: TimeDelta = date::duration(c.heap.to_number(a[0])?.as_f64(), unit)?;
    Ok(Value::Duration(length.num_microseconds().unwrap_or(i64::MAX)))
}

pub(super) fn days(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    duration(c, a, Unit::Day)
}

pub(super) fn hours(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    duration(c, a, Unit::Hour)
}

pub(super) fn minutes(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    duration(c, a, Unit::Minute)
}

pub(super) fn seconds(c: &mut Context<'_>, a: &[Value]) -> Checked<Value> {
    duration(c, a, Unit::Second)
}
