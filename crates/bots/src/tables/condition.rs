//! What the database can look for of a filter.
//!
//! Filters mean what the language says, and only it evaluates them ([`BoundFilter::select`]). The database is asked
//! for what it means the same by, so that few rows are read: a test that every row passes which the filter lets
//! through, and perhaps others. Where it lets through exactly those, that is known, too.

use basic::{
    filter::{BoundFilter, Comparison, Condition, Constant, Operand},
    scalar::{Date, Number, Scalar, date, number},
    schema::ColumnType,
};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, Timelike};
use platform::db::{Compared, Kept, MadeValue, Test};

use super::definition::{Definition, Stored, kept_as};

/// The largest whole number from which on floats skip some.
const EXACT: i64 = 1 << 53;

/// Comparisons that one statement makes at the most.
const LEAVES: usize = 200;

/// A test for the database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pushed {
    pub(crate) test: Test,
    /// Does it let through what the filter does, and nothing else?
    pub(crate) is_exact: bool,
}

/// The test of a filter.
pub(crate) fn of(filter: &BoundFilter, table: &Definition, now: DateTime<FixedOffset>) -> Pushed {
    match &filter.filter().condition {
        None => exact(anything()),
        Some(condition) => {
            let pushed = Pushing { table, now }.condition(condition);
            // A statement has only so many values, and may be only so deep.
            if leaves(&pushed.test) > LEAVES { unknown() } else { pushed }
        }
    }
}

/// What the database sorts by, if it sorts as the filter says.
pub(crate) fn order(filter: &BoundFilter, table: &Definition) -> Option<Vec<(u32, bool)>> {
    let column = |order: &basic::filter::Order| {
        let stored = &table.columns[table.place_of(&order.column)?];
        stored.sorts_alike().then_some((stored.number, order.descending))
    };
    filter.filter().order.iter().map(column).collect()
}

fn leaves(test: &Test) -> usize {
    match test {
        Test::All(all) | Test::Any(all) => all.iter().map(leaves).sum(),
        Test::Not(inner) => leaves(inner),
        Test::IsNull(_) | Test::Compare(..) => 1,
    }
}

fn anything() -> Test {
    Test::All(Vec::new())
}

fn nothing() -> Test {
    Test::Any(Vec::new())
}

fn exact(test: Test) -> Pushed {
    Pushed { test, is_exact: true }
}

/// What the database can't tell: every row may fit.
fn unknown() -> Pushed {
    Pushed { test: anything(), is_exact: false }
}

struct Pushing<'a> {
    table: &'a Definition,
    now: DateTime<FixedOffset>,
}

impl Pushing<'_> {
    fn condition(&self, condition: &Condition) -> Pushed {
        match condition {
            Condition::Always(truth) => exact(if *truth { anything() } else { nothing() }),
            Condition::And(all) => {
                let all: Vec<_> = all.iter().map(|one| self.condition(one)).collect();
                let is_exact = all.iter().all(|one| one.is_exact);
                Pushed { test: Test::All(all.into_iter().map(|one| one.test).collect()), is_exact }
            }
            Condition::Or(any) => {
                let any: Vec<_> = any.iter().map(|one| self.condition(one)).collect();
                let is_exact = any.iter().all(|one| one.is_exact);
                Pushed { test: Test::Any(any.into_iter().map(|one| one.test).collect()), is_exact }
            }
            Condition::Not(inner) => negated(self.condition(inner)),
            Condition::Compare { left, operator, right } => self.compare(left, *operator, right),
            Condition::In { left, list } => {
                let each = list.iter().map(|one| self.compare(left, Comparison::Equal, one));
                let any: Vec<_> = each.collect();
                let is_exact = any.iter().all(|one| one.is_exact);
                Pushed { test: Test::Any(any.into_iter().map(|one| one.test).collect()), is_exact }
            }
            Condition::IsNull(Operand::Column(name)) => match self.column(name) {
                // A list or an object counts as null.
                Some(stored) if stored.holds != ColumnType::Json => exact(Test::IsNull(stored.number)),
                _ => unknown(),
            },
            Condition::IsNull(_) => unknown(),
        }
    }

    fn column(&self, name: &str) -> Option<&Stored> {
        Some(&self.table.columns[self.table.place_of(name)?])
    }

    fn compare(&self, left: &Operand, operator: Comparison, right: &Operand) -> Pushed {
        let (Operand::Column(name), Some(value)) = (left, right.constant(self.now)) else { return unknown() };
        let Some(stored) = self.column(name) else { return unknown() };
        let value = value.as_scalar();
        let how = match operator {
            Comparison::Equal => return self.equal(stored, value),
            Comparison::NotEqual => return negated(self.equal(stored, value)),
            Comparison::Less => Compared::Less,
            Comparison::AtMost => Compared::AtMost,
            Comparison::Greater => Compared::Greater,
            Comparison::AtLeast => Compared::AtLeast,
            Comparison::Like | Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => {
                return unknown();
            }
        };
        self.ordered(stored, how, value)
    }

    fn equal(&self, stored: &Stored, value: Scalar<'_>) -> Pushed {
        if stored.holds == ColumnType::Json {
            return unknown();
        }
        // What is missing equals what is missing, and nothing else.
        if matches!(value, Scalar::Null | Scalar::Text("")) {
            let null = Test::IsNull(stored.number);
            let empty = Test::Compare(stored.number, Compared::Equal, MadeValue::Text(String::new()));
            let keeps_empty = kept_as(&stored.holds) == Kept::Text && stored.holds != ColumnType::Date;
            return exact(if keeps_empty { Test::Any(vec![null, empty]) } else { null });
        }
        if let (Kept::Truth, Scalar::Text(text)) = (kept_as(&stored.holds), value)
            && number::parse(text).is_none()
        {
            let text = text.trim();
            return match [("true", 1), ("false", 0)].iter().find(|(word, _)| text.eq_ignore_ascii_case(word))
            {
                Some((_, truth)) => exact(is(stored, Compared::Equal, MadeValue::Whole(*truth))),
                None => exact(nothing()),
            };
        }
        self.ordered(stored, Compared::Equal, value)
    }

    /// A comparison by order. What has no order never holds.
    fn ordered(&self, stored: &Stored, how: Compared, value: Scalar<'_>) -> Pushed {
        let offset = *self.now.offset();
        match (&stored.holds, value) {
            (ColumnType::Json, _) => unknown(),
            (_, Scalar::Null) => exact(nothing()),
            (ColumnType::Date, value) => match as_date(value, offset) {
                Some(date) => by_day(stored, how, date, offset),
                None => exact(nothing()),
            },
            (ColumnType::DateTime, value) => match as_date(value, offset) {
                Some(date) => by_instant(stored, how, date, offset),
                None => exact(nothing()),
            },
            (holds, value) => match kept_as(holds) {
                // A text is a number or a date where it is compared with one.
                Kept::Text => match value {
                    Scalar::Text(text) if text.contains('\0') => unknown(),
                    Scalar::Text(text) => exact(is(stored, how, MadeValue::Text(text.to_owned()))),
                    _ => unknown(),
                },
                kept => match as_number(value) {
                    Some(number) => by_number(stored, kept, how, number),
                    None => exact(nothing()),
                },
            },
        }
    }
}

fn negated(pushed: Pushed) -> Pushed {
    if pushed.is_exact { exact(Test::Not(Box::new(pushed.test))) } else { unknown() }
}

fn is(stored: &Stored, how: Compared, value: MadeValue) -> Test {
    Test::Compare(stored.number, how, value)
}

/// Every value that is there, or none.
fn any_value(stored: &Stored, holds: bool) -> Pushed {
    exact(if holds { Test::Not(Box::new(Test::IsNull(stored.number))) } else { nothing() })
}

fn as_number(value: Scalar<'_>) -> Option<Number> {
    match value {
        Scalar::Number(number) => Some(number),
        Scalar::Boolean(truth) => Some(Number::Int(truth.into())),
        Scalar::Text(text) => number::parse(text),
        Scalar::Null | Scalar::Date(_) => None,
    }
}

fn as_date(value: Scalar<'_>, offset: FixedOffset) -> Option<Date> {
    match value {
        Scalar::Date(date) => Some(date),
        Scalar::Text(text) => date::parse(text, offset),
        _ => None,
    }
}

fn by_number(stored: &Stored, kept: Kept, how: Compared, number: Number) -> Pushed {
    match (kept, number.simplified()) {
        (Kept::Truth, Number::Int(truth @ (0 | 1))) if how == Compared::Equal => {
            exact(is(stored, how, MadeValue::Whole(truth)))
        }
        (Kept::Truth, _) if how == Compared::Equal => exact(nothing()),
        (Kept::Truth, _) => unknown(),
        (Kept::Whole, Number::Int(whole)) => exact(is(stored, how, MadeValue::Whole(whole))),
        (Kept::Whole, Number::Float(float)) => by_float(stored, how, float),
        (_, Number::Int(whole)) if whole.unsigned_abs() > EXACT.unsigned_abs() => unknown(),
        (_, number) => exact(is(stored, how, MadeValue::Real(number.as_f64()))),
    }
}

/// Whole numbers beside a float that is none: the whole numbers around it.
fn by_float(stored: &Stored, how: Compared, float: f64) -> Pushed {
    if float.abs() >= EXACT as f64 {
        let above = float > 0.0;
        return match how {
            Compared::Equal => exact(nothing()),
            Compared::Less | Compared::AtMost => beyond(stored, float, above),
            Compared::Greater | Compared::AtLeast => beyond(stored, float, !above),
        };
    }
    let below = MadeValue::Whole(float.floor() as i64);
    match how {
        Compared::Equal => exact(nothing()),
        Compared::Less | Compared::AtMost => exact(is(stored, Compared::AtMost, below)),
        Compared::Greater | Compared::AtLeast => exact(is(stored, Compared::Greater, below)),
    }
}

/// A float from 2^53 on is whole; one that is no whole number of 64 bits is beyond all of them.
fn beyond(stored: &Stored, float: f64, holds: bool) -> Pushed {
    debug_assert!(Number::Float(float).as_exact_i64().is_none());
    any_value(stored, holds)
}

fn in_years(day: NaiveDate) -> bool {
    (1..=9999).contains(&day.year())
}

fn by_day(stored: &Stored, how: Compared, date: Date, offset: FixedOffset) -> Pushed {
    let local = date.instant(offset).with_timezone(&offset);
    let (day, at_midnight) = (local.date_naive(), local.time() == NaiveTime::MIN);
    if !in_years(day) {
        return unknown();
    }
    let is = |how| exact(is(stored, how, MadeValue::Text(day.to_string())));
    match how {
        Compared::Equal if at_midnight => is(Compared::Equal),
        Compared::Equal => exact(nothing()),
        // Days stand for their midnight: one before a moment may be the moment's own.
        Compared::Less if at_midnight => is(Compared::Less),
        Compared::Less | Compared::AtMost => is(Compared::AtMost),
        Compared::AtLeast if at_midnight => is(Compared::AtLeast),
        Compared::Greater | Compared::AtLeast => is(Compared::Greater),
    }
}

fn by_instant(stored: &Stored, how: Compared, date: Date, offset: FixedOffset) -> Pushed {
    let instant = date.instant(offset);
    // Instants are kept in microseconds.
    if !in_years(instant.date_naive()) || !instant.nanosecond().is_multiple_of(1000) {
        return unknown();
    }
    exact(is(stored, how, MadeValue::Whole(instant.timestamp_micros())))
}

/// The condition that a column equals a value, as a filter.
pub(crate) fn equals(column: &str, value: Constant) -> Condition {
    Condition::Compare {
        left: Operand::Column(column.to_owned()),
        operator: Comparison::Equal,
        right: Operand::Constant(value),
    }
}
