//! What a list can be filtered by, and how the values are read.

use kernel::list::SortValue;
use sea_query::{Condition, Expr, ExprTrait, Value as SeaValue};

use super::stretch::Stretch;
use crate::db::session::Dialect;

/// What a filter compares, and how its values are read.
#[derive(Debug, Clone, Copy)]
pub enum Filter {
    /// A text column, compared as it is.
    Text(&'static str),
    /// A column of `true` and `false`.
    Bool(&'static str),
    /// A column of ids, which begin with the prefix.
    Id(&'static str, &'static str),
    /// A column of instants, from the value on.
    TimeFrom(&'static str),
    /// A column of instants, before the value.
    TimeUntil(&'static str),
    /// A text column that holds one of a few values: those of the API with those of the column.
    OneOf(&'static str, &'static [(&'static str, &'static str)]),
    /// A condition of the list's own with one placeholder `?` for the text, for filters over other tables.
    Custom(&'static str),
    /// A filter over a column of the list's first table that has an index: of what the list is within, the column,
    /// then, for each of these sorts, what it sorts by and the id. So one value is walked in the order of such a sort,
    /// and a value that few rows have is found whatever the sort.
    Indexed(&'static Self, &'static [&'static str]),
}

/// How a condition stands in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// An index may find rows by it.
    Find,
    /// It is looked at in rows that were found otherwise, however tempting its index is.
    Look,
}

impl Use {
    /// The column, as a condition of that use names it.
    pub(super) fn of(self, column: &'static str, dialect: Dialect) -> Expr {
        match (dialect, self) {
            // SQLite knows nothing of how frequent values are; a column with a sign is none that it has an index of.
            (Dialect::Sqlite, Self::Look) => Expr::cust(format!("+{column}")),
            _ => Expr::cust(column),
        }
    }
}

impl Filter {
    /// Do rows with these values stand next to each other in an index, in the order of the sort?
    pub(super) fn is_walked(&self, sort: &str, values: &[String]) -> bool {
        matches!(self, Self::Indexed(_, sorts) if values.len() == 1 && sorts.contains(&sort))
    }

    /// The values of its column that it lets pass, if they stand next to each other in the column's order.
    pub(super) fn stretch(&self, values: &[String]) -> Option<Result<Stretch, String>> {
        match self {
            Self::TimeFrom(_) => Some(instant(values).map(Stretch::from)),
            Self::TimeUntil(_) => Some(instant(values).map(Stretch::until)),
            _ => None,
        }
    }

    /// The column it compares.
    pub(super) fn column(&self) -> Option<&'static str> {
        match *self {
            Self::Text(column)
            | Self::Bool(column)
            | Self::Id(column, _)
            | Self::TimeFrom(column)
            | Self::TimeUntil(column)
            | Self::OneOf(column, _) => Some(column),
            Self::Custom(_) => None,
            Self::Indexed(filter, _) => filter.column(),
        }
    }

    /// The condition that a row fulfils with any of the values, or what is wrong with them.
    pub(super) fn condition(
        &self,
        dialect: Dialect,
        usage: Use,
        values: &[String],
    ) -> Result<Condition, String> {
        let any = |column: &'static str, read: &dyn Fn(&str) -> Result<SeaValue, String>| {
            let values = values.iter().map(|value| read(value)).collect::<Result<Vec<_>, _>>()?;
            Ok(Condition::all().add(usage.of(column, dialect).is_in(values)))
        };
        let part = |column: &'static str, stretch: Stretch| stretch.condition(&usage.of(column, dialect));
        match *self {
            Self::Text(column) => any(column, &|value| Ok(value.to_owned().into())),
            Self::Bool(column) => any(column, &|value| {
                value
                    .parse::<bool>()
                    .map(|value| i64::from(value).into())
                    .map_err(|_| "must be true or false".to_owned())
            }),
            Self::Id(column, prefix) => any(column, &|value| id_bytes(value, prefix)),
            Self::TimeFrom(column) => Ok(part(column, Stretch::from(instant(values)?))),
            Self::TimeUntil(column) => Ok(part(column, Stretch::until(instant(values)?))),
            Self::OneOf(column, known) => any(column, &|value| {
                let found = known.iter().find(|(name, _)| *name == value);
                let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                found.map(|(_, stored)| (*stored).into()).ok_or_else(|| format!("must be one of {}", names()))
            }),
            Self::Custom(sql) => Ok(values
                .iter()
                .fold(Condition::any(), |any, value| any.add(dialect.custom(sql, value.clone())))),
            Self::Indexed(filter, _) => filter.condition(dialect, usage, values),
        }
    }
}

fn instant(values: &[String]) -> Result<SortValue, String> {
    let [value] = values else { return Err("must be one time".to_owned()) };
    let time = chrono::DateTime::parse_from_rfc3339(value);
    time.map(|time| SortValue::Integer(time.timestamp_micros()))
        .map_err(|_| "must be a time such as 2026-01-31T12:00:00Z".to_owned())
}

fn id_bytes(text: &str, prefix: &str) -> Result<SeaValue, String> {
    let id = text.parse::<type_safe_id::TypeSafeId<type_safe_id::DynamicType>>().ok();
    let id = id.filter(|id| id.type_prefix() == prefix);
    id.map(|id| id.uuid().as_bytes().to_vec().into())
        .ok_or_else(|| format!("must be an id such as {prefix}_…"))
}
