//! CHECK: conditions that every row of a table must fulfil.

use basic::{
    Data,
    filter::{BoundFilter, Condition, Constant, Fields, Filter, Operand},
    scalar::Scalar,
};
use chrono::{DateTime, FixedOffset};

use super::definition::Definition;

/// The first condition that a row breaks.
pub(crate) fn broken<'a>(table: &'a Definition, row: &Data, now: DateTime<FixedOffset>) -> Option<&'a str> {
    let breaks = |check: &&String| !holds(table, check, row, now);
    table.checks.iter().find(breaks).map(String::as_str)
}

fn holds(table: &Definition, check: &str, row: &Data, now: DateTime<FixedOffset>) -> bool {
    // Only what can be read was kept.
    let Ok(mut filter) = Filter::parse_text(check) else { return true };
    let Some(condition) = &mut filter.condition else { return true };
    name_columns(condition, table, check);
    // As in SQL, only what is false breaks it, and what is unknown does not.
    truth(condition, row, now) != Some(false)
}

/// Is it true of the row, with SQL's third value for what compares with nothing?
fn truth(condition: &Condition, row: &Data, now: DateTime<FixedOffset>) -> Option<bool> {
    let each = |all: &[Condition]| all.iter().map(|one| truth(one, row, now)).collect::<Vec<_>>();
    match condition {
        Condition::And(all) => match each(all) {
            all if all.contains(&Some(false)) => Some(false),
            all => (!all.contains(&None)).then_some(true),
        },
        Condition::Or(any) => match each(any) {
            any if any.contains(&Some(true)) => Some(true),
            any => (!any.contains(&None)).then_some(false),
        },
        Condition::Not(inner) => truth(inner, row, now).map(|truth| !truth),
        one => {
            let is_null = |column: &&str| row.field(column) == Scalar::Null;
            if !asks_for_null(one) && one.columns().iter().any(is_null) {
                return None;
            }
            let filter = Filter { condition: Some(one.clone()), ..Filter::default() };
            let bound: BoundFilter = filter.bind(&[]).ok()?;
            Some(bound.matches(row, now))
        }
    }
}

/// On the right side of filters bare words are texts. In CHECK they are columns, where the table has one of that name
/// and the word stands without quotes.
fn name_columns(condition: &mut Condition, table: &Definition, check: &str) {
    match condition {
        Condition::And(all) | Condition::Or(all) => {
            for one in all {
                name_columns(one, table, check);
            }
        }
        Condition::Not(inner) => name_columns(inner, table, check),
        Condition::Compare { right, .. } => {
            if let Operand::Constant(Constant::Text(word)) = right
                && table.place_of(word).is_some()
                && !['\'', '"'].iter().any(|quote| check.contains(&format!("{quote}{word}{quote}")))
            {
                *right = Operand::Column(word.clone());
            }
        }
        Condition::In { .. } | Condition::IsNull(_) | Condition::Always(_) => {}
    }
}

fn asks_for_null(condition: &Condition) -> bool {
    match condition {
        Condition::And(all) | Condition::Or(all) => all.iter().any(asks_for_null),
        Condition::Not(inner) => asks_for_null(inner),
        Condition::IsNull(_) => true,
        Condition::Compare { right, .. } => matches!(right, Operand::Constant(Constant::Null)),
        Condition::In { .. } | Condition::Always(_) => false,
    }
}
