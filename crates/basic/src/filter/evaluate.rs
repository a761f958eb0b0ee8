//! Filters over rows in memory.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, FixedOffset};

use super::{BoundFilter, Comparison, Condition, Constant, Function, Operand};
use crate::data::Data;
use crate::scalar::date::{self, Date};
use crate::scalar::{Number, Scalar, compare, like, number};

/// A row as a filter sees it.
pub trait Fields {
    /// The value of a column, null where there is none. Names of columns ignore case, as far as the row does; a path
    /// with dots may reach into objects.
    fn field(&self, column: &str) -> Scalar<'_>;
}

/// An object as a row; anything else has no fields.
impl Fields for Data {
    fn field(&self, column: &str) -> Scalar<'_> {
        let mut value = self;
        for part in column.split('.') {
            let Some(found) = value.get_ignoring_case(part) else { return Scalar::Null };
            value = found;
        }
        value.as_scalar().unwrap_or(Scalar::Null)
    }
}

/// A row of which nothing is known.
struct NoFields;

impl Fields for NoFields {
    fn field(&self, _: &str) -> Scalar<'_> {
        Scalar::Null
    }
}

impl Operand {
    /// The value, where it is the same for every row: a constant, or a function of constants.
    pub fn constant(&self, now: DateTime<FixedOffset>) -> Option<Constant> {
        if self.names_column() {
            return None;
        }
        if let Self::Constant(constant) = self {
            return Some(constant.clone());
        }
        Some(Constant::from(evaluate(self, &NoFields, now).scalar()))
    }

    fn names_column(&self) -> bool {
        match self {
            Self::Column(_) => true,
            Self::Constant(_) | Self::Hole(_) | Self::Joined(_) => false,
            Self::Call(_, arguments) => arguments.iter().any(Self::names_column),
        }
    }
}

impl BoundFilter {
    /// Whether a row fits. `now` is the time of the run; what cannot be compared does not fit.
    pub fn matches(&self, row: &impl Fields, now: DateTime<FixedOffset>) -> bool {
        self.0.condition.as_ref().is_none_or(|condition| holds(condition, row, now))
    }

    /// The order of two rows by ORDER BY. Equal rows keep their places if the sort is stable.
    pub fn compare_rows<R: Fields>(&self, a: &R, b: &R, now: DateTime<FixedOffset>) -> Ordering {
        let offset = *now.offset();
        for order in &self.0.order {
            let found = compare::sort_order(a.field(&order.column), b.field(&order.column), offset);
            if found.is_ne() {
                return if order.descending { found.reverse() } else { found };
            }
        }
        Ordering::Equal
    }

    /// The positions of the rows that fit, sorted and cut as the filter says.
    pub fn select<R: Fields>(&self, rows: &[R], now: DateTime<FixedOffset>) -> Vec<usize> {
        let mut found: Vec<usize> = (0..rows.len()).filter(|at| self.matches(&rows[*at], now)).collect();
        if !self.0.order.is_empty() {
            found.sort_by(|a, b| self.compare_rows(&rows[*a], &rows[*b], now));
        }
        if let Some(limit) = self.limit() {
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        found
    }
}

/// The value of an operand.
enum Value<'a> {
    Scalar(Scalar<'a>),
    Text(String),
}

impl Value<'_> {
    fn scalar(&self) -> Scalar<'_> {
        match self {
            Self::Scalar(scalar) => *scalar,
            Self::Text(text) => Scalar::Text(text),
        }
    }
}

fn holds(condition: &Condition, row: &impl Fields, now: DateTime<FixedOffset>) -> bool {
    let value = |operand| evaluate(operand, row, now);
    match condition {
        Condition::And(all) => all.iter().all(|one| holds(one, row, now)),
        Condition::Or(all) => all.iter().any(|one| holds(one, row, now)),
        Condition::Not(inner) => !holds(inner, row, now),
        Condition::Always(truth) => *truth,
        Condition::Compare { left, operator, right } => {
            compares(value(left).scalar(), *operator, value(right).scalar(), *now.offset())
        }
        Condition::In { left, list } => {
            let left = value(left);
            list.iter().any(|one| compare::equal(left.scalar(), value(one).scalar(), *now.offset()))
        }
        Condition::IsNull(operand) => value(operand).scalar() == Scalar::Null,
    }
}

fn compares(left: Scalar<'_>, operator: Comparison, right: Scalar<'_>, offset: FixedOffset) -> bool {
    let ordered = |fits: fn(Ordering) -> bool| compare::order(left, right, offset).is_some_and(fits);
    let texts = || -> (Cow<'_, str>, Cow<'_, str>) { (left.to_text(), right.to_text()) };
    match operator {
        Comparison::Equal => compare::equal(left, right, offset),
        Comparison::NotEqual => !compare::equal(left, right, offset),
        Comparison::Less => ordered(Ordering::is_lt),
        Comparison::AtMost => ordered(Ordering::is_le),
        Comparison::Greater => ordered(Ordering::is_gt),
        Comparison::AtLeast => ordered(Ordering::is_ge),
        Comparison::Like => {
            let (text, pattern) = texts();
            left != Scalar::Null && like::like(&text, &pattern).unwrap_or(false)
        }
        Comparison::Contains => left != Scalar::Null && compare::contains(left, right),
        Comparison::StartsWith => {
            let (text, start) = texts();
            left != Scalar::Null && text.starts_with(&*start)
        }
        Comparison::EndsWith => {
            let (text, end) = texts();
            left != Scalar::Null && text.ends_with(&*end)
        }
    }
}

fn evaluate<'a>(operand: &'a Operand, row: &'a impl Fields, now: DateTime<FixedOffset>) -> Value<'a> {
    match operand {
        Operand::Column(column) => Value::Scalar(row.field(column)),
        Operand::Constant(constant) => Value::Scalar(constant.as_scalar()),
        // A bound filter has none of these.
        Operand::Hole(_) | Operand::Joined(_) => Value::Scalar(Scalar::Null),
        Operand::Call(function, arguments) => {
            let mut arguments = arguments.iter().map(|argument| evaluate(argument, row, now));
            let mut argument = || arguments.next().unwrap_or(Value::Scalar(Scalar::Null));
            call(*function, &mut argument, now).unwrap_or(Value::Scalar(Scalar::Null))
        }
    }
}

/// `None` where an argument is no date or number as the function needs.
fn call<'a>(
    function: Function,
    argument: &mut dyn FnMut() -> Value<'a>,
    now: DateTime<FixedOffset>,
) -> Option<Value<'a>> {
    let date = |value: Value<'_>| as_date(value.scalar(), *now.offset());
    let scalar = match function {
        Function::Now => Scalar::Date(Date::Instant(now)),
        Function::Today => Scalar::Date(Date::Day(now.date_naive())),
        Function::Day => Scalar::Date(Date::Day(date(argument())?.day())),
        Function::DateDiff => {
            Scalar::Number(Number::Int(date::days_sql(date(argument())?, date(argument())?)))
        }
        Function::DateAdd(unit) | Function::DateSubtract(unit) => {
            let date = date(argument())?;
            let amount = as_number(argument().scalar())?.as_f64();
            let amount = if matches!(function, Function::DateSubtract(_)) { -amount } else { amount };
            Scalar::Date(date.add(amount, unit).ok()?)
        }
        Function::Lower => return Some(Value::Text(argument().scalar().to_text().to_lowercase())),
        Function::Upper => return Some(Value::Text(argument().scalar().to_text().to_uppercase())),
    };
    Some(Value::Scalar(scalar))
}

fn as_date(value: Scalar<'_>, offset: FixedOffset) -> Option<Date> {
    match value {
        Scalar::Date(date) => Some(date),
        Scalar::Text(text) => date::parse(text, offset),
        _ => None,
    }
}

fn as_number(value: Scalar<'_>) -> Option<Number> {
    match value {
        Scalar::Number(number) => Some(number),
        Scalar::Text(text) => number::parse(text),
        _ => None,
    }
}
