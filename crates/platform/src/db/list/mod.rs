//! Lists that the API offers: what a domain says of one, and how one page of it is read.

mod asked;
mod extra;
mod filter;
mod search;
mod statement;
mod stretch;

use kernel::{
    Error,
    list::{Cursor, ListRequest, Page, SortValue},
};

use super::{Cell, Column, DbError, Plan, Record, Row, tx::Scoped};
use asked::Asked;

pub use extra::{Extra, Lookup};
pub use filter::Filter;
pub use search::SearchOn;

/// A list that the API offers: where its rows are, and what it can be sorted and filtered by.
#[derive(Debug, Clone, Copy)]
pub struct ListOf {
    /// The tables, as after FROM: `bots b`, or with joins, of which none adds or takes away rows of the first table.
    pub from: &'static str,
    /// The columns, in the order of the record's fields.
    pub columns: &'static str,
    /// The column of the organization; empty on lists of the server's own tables.
    pub org: &'static str,
    /// The column of the id, the tie-breaker of every sort.
    pub id: &'static str,
    /// Fields of the API with their columns of the first table, which are NOT NULL and indexed together with the id.
    pub sorts: &'static [(&'static str, &'static str)],
    /// Fields of the API with what they filter.
    pub filters: &'static [(&'static str, Filter)],
    /// What `search=` looks through.
    pub search: Option<SearchOn>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The caller asked for something that is not allowed: 422.
    #[error(transparent)]
    Refused(Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<ListError> for Error {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Refused(error) => error,
            ListError::Database(error) => error.into(),
        }
    }
}

/// A record with the cursor of its row behind its columns.
struct Walked<R> {
    record: R,
    cursor: Cursor,
}

impl<R: Record> Record for Walked<R> {
    const WIDTH: usize = R::WIDTH + 2;

    fn read(row: &Row<'_>, at: usize) -> Result<Self, DbError> {
        let record = R::read(row, at)?;
        let value = row.get(at + R::WIDTH)?;
        Ok(Self { record, cursor: Cursor { value, id: row.get(at + R::WIDTH + 1)?, skip: 0 } })
    }
}

impl Column for SortValue {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        i64::read(cell).map(Self::Integer).or_else(|_| String::read(cell).map(Self::Text))
    }
}

impl ListOf {
    fn column(&self, sort: &str) -> &'static str {
        self.sorts.iter().find(|(field, _)| *field == sort).map_or(self.id, |(_, column)| column)
    }

    fn filter(&self, field: &str) -> Option<&Filter> {
        self.filters.iter().find(|(name, _)| *name == field).map(|(_, filter)| filter)
    }

    /// The first table with its alias.
    fn first_table(&self) -> &'static str {
        let end = self.from.match_indices(' ').nth(1).map_or(self.from.len(), |(end, _)| end);
        self.from.get(..end).unwrap_or(self.from)
    }

    /// A filter that neither the list knows nor an extra condition can stand for would be lost silently, and the
    /// page would show more than was asked for.
    fn knows_all(&self, request: &ListRequest, extra: &Extra) -> Result<(), DbError> {
        let lost = request.filters.iter().find(|(field, _)| extra.is_none() && self.filter(field).is_none());
        lost.map_or(Ok(()), |(field, _)| {
            Err(DbError::Engine(format!("the list of {} has no filter {field}", self.from)))
        })
    }
}

pub(super) fn page<R: Record>(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Extra,
) -> Result<Page<R>, ListError> {
    Asked::of(scoped, of, request, extra)?.read()
}

pub(super) fn plan(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Extra,
) -> Result<Plan, ListError> {
    let asked = Asked::of(scoped, of, request, extra)?;
    Ok(asked.plan(&asked.page(None))?)
}

pub(super) fn plan_of_total(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Extra,
) -> Result<Plan, ListError> {
    let asked = Asked::of(scoped, of, request, extra)?;
    Ok(asked.plan(&asked.count(None, None, Some(kernel::list::COUNT_CAP + 1)))?)
}

pub(super) fn plans_of_lookups(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Extra,
) -> Result<Vec<Plan>, ListError> {
    Ok(Asked::of(scoped, of, request, extra)?.lookup_plans()?)
}
