//! One page of a list, in one or two statements whose cost doesn't grow with what is stored.

use std::fmt::Write;

use kernel::{
    Error, FieldErrors,
    list::{COUNT_CAP, Count, Cursor, ListRequest, Order, Page, SortValue, Start},
};
use sea_query::{
    Condition, Expr, ExprTrait, PostgresQueryBuilder, Query, SelectStatement, SqliteQueryBuilder,
    Value as SeaValue, Values,
};

use super::{
    Cell, Column, DbError, Plan, Record, Row, SearchOn, Value,
    search::{Narrowed, Search},
    session::Dialect,
    tx::{Scope, Scoped},
};

/// A list that the API offers: where its rows are, and what it can be sorted and filtered by.
#[derive(Debug, Clone, Copy)]
pub struct ListOf {
    /// The tables, as after FROM: `bots b`, or with joins.
    pub from: &'static str,
    /// The columns, in the order of the record's fields.
    pub columns: &'static str,
    /// The column of the organization; empty on lists of the server's own tables.
    pub org: &'static str,
    /// The column of the id, the tie-breaker of every sort.
    pub id: &'static str,
    /// Fields of the API with their columns, which are NOT NULL and indexed together with the id.
    pub sorts: &'static [(&'static str, &'static str)],
    /// Fields of the API with what they filter.
    pub filters: &'static [(&'static str, Filter)],
    /// What `search=` looks through.
    pub search: Option<SearchOn>,
}

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

/// Stands for the list's tables while the statement is built: sea-query knows no FROM that is text.
const TABLES: &str = "tables";

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
        Ok(Self { record, cursor: Cursor { value, id: row.get(at + R::WIDTH + 1)? } })
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

    /// What the caller may have asked wrongly, all bad filters at once: 422 naming the fields.
    pub fn check(&self, request: &ListRequest) -> Result<(), Error> {
        self.conditions(Dialect::Sqlite, request).map(|_| ())
    }

    /// The filters that the list knows itself. Others are for the `extra` condition to say.
    fn conditions(&self, dialect: Dialect, request: &ListRequest) -> Result<Vec<Condition>, Error> {
        let mut wrong = FieldErrors::default();
        let mut conditions = Vec::new();
        for (field, values) in &request.filters {
            if let Some((_, filter)) = self.filters.iter().find(|(name, _)| name == field) {
                conditions.extend(wrong.take(field, filter.condition(dialect, values)));
            }
        }
        wrong.finish()?;
        Ok(conditions)
    }

    /// A filter that neither the list knows nor an extra condition can stand for would be lost silently, and the
    /// page would show more than was asked for.
    fn knows_all(&self, request: &ListRequest, extra: Option<&Condition>) -> Result<(), DbError> {
        let known = |field: &str| self.filters.iter().any(|(name, _)| *name == field);
        let lost = request.filters.iter().find(|(field, _)| extra.is_none() && !known(field));
        lost.map_or(Ok(()), |(field, _)| {
            Err(DbError::Engine(format!("the list of {} has no filter {field}", self.from)))
        })
    }

    /// The rows that the caller means, whatever the page, but for what is searched.
    fn matching(
        &self,
        scoped: Scoped<'_>,
        request: &ListRequest,
        extra: Option<Condition>,
    ) -> Result<SelectStatement, ListError> {
        scoped.check_list(self)?;
        self.knows_all(request, extra.as_ref())?;
        let mut query = Query::select();
        query.from(TABLES);
        if let Scope::Organization(org) = scoped.scope {
            query.and_where(Expr::cust(self.org.to_owned()).eq(org.as_bytes().to_vec()));
        }
        let dialect = scoped.dialect();
        for condition in self.conditions(dialect, request).map_err(ListError::Refused)? {
            query.cond_where(condition);
        }
        if let Some(extra) = extra {
            query.cond_where(extra);
        }
        Ok(query)
    }

    /// One page and at least one row more, which tells whether there is a next one.
    ///
    /// How far it goes is part of the text, because PostgreSQL plans a statement for all values of its parameters; and
    /// one of a few numbers, because each text is a statement that is kept prepared.
    fn page(
        &self,
        dialect: Dialect,
        mut query: SelectStatement,
        search: Option<&Search>,
        request: &ListRequest,
    ) -> Statement {
        const REACHES: [u32; 4] = [11, 21, 51, 101];
        let sort = self.column(request.sort);
        let before = narrow(&mut query, search.map(|search| search.for_page(dialect)));
        query.expr(Expr::cust(self.columns)).expr(Expr::cust(sort)).expr(Expr::cust(self.id));
        let order = match request.order {
            Order::Asc => sea_query::Order::Asc,
            Order::Desc => sea_query::Order::Desc,
        };
        query.order_by_expr(Expr::cust(sort), order.clone()).order_by_expr(Expr::cust(self.id), order);
        let mut skip = 0;
        match &request.start {
            Start::Offset(offset) => skip = *offset,
            Start::After(cursor) => {
                let value: SeaValue = match &cursor.value {
                    SortValue::Integer(number) => (*number).into(),
                    SortValue::Text(text) => text.clone().into(),
                };
                // A row value, which the index walks to; ORs would be a scan.
                let key = Expr::tuple([Expr::cust(sort), Expr::cust(self.id)]);
                let after = Expr::tuple([Expr::val(value), Expr::val(cursor.id.to_vec())]);
                query.and_where(match request.order {
                    Order::Asc => key.gt(after),
                    Order::Desc => key.lt(after),
                });
            }
        }
        let needed = request.limit + 1;
        let reach = REACHES.into_iter().find(|reach| *reach >= needed).unwrap_or(needed);
        let mut page = Statement::of(dialect, &before, self, &query);
        let _ = write!(page.sql, " LIMIT {reach}");
        if skip > 0 {
            page.values.0.push(skip.into());
            let _ = write!(page.sql, " OFFSET ${}", page.values.0.len());
        }
        page
    }

    /// How many rows match, up to the cap if there is one.
    fn count(
        &self,
        dialect: Dialect,
        mut matching: SelectStatement,
        search: Option<&Search>,
        cap: Option<u64>,
    ) -> Statement {
        let before = narrow(&mut matching, search.map(|search| search.for_total(dialect)));
        matching.expr(Expr::cust("1"));
        let Statement { mut sql, values } = Statement::of(dialect, &before, self, &matching);
        if let Some(cap) = cap {
            let _ = write!(sql, " LIMIT {cap}");
        }
        Statement { sql: format!("SELECT count(*) FROM ({sql}) AS matching"), values }
    }
}

/// Leaves of the rows what a search is about; gives what stands before the list's tables for it.
fn narrow(query: &mut SelectStatement, narrowed: Option<Narrowed>) -> String {
    let Some(Narrowed { before, condition }) = narrowed else { return String::new() };
    query.cond_where(condition);
    before
}

/// A statement with the values of its parameters.
struct Statement {
    sql: String,
    values: Values,
}

impl Statement {
    fn of(dialect: Dialect, before: &str, of: &ListOf, query: &SelectStatement) -> Self {
        let (sql, values) = match dialect {
            Dialect::Sqlite => query.build(SqliteQueryBuilder),
            Dialect::Postgres => query.build(PostgresQueryBuilder),
        };
        Self { sql: sql.replacen(&format!("\"{TABLES}\""), &format!("{before}{}", of.from), 1), values }
    }

    fn values(&self) -> Result<Vec<Value<'_>>, DbError> {
        self.values.iter().map(native).collect()
    }

    fn run<R: Record>(&self, scoped: Scoped<'_>, limit: usize) -> Result<Vec<R>, DbError> {
        scoped.built().each(&self.sql, &self.values()?, limit)
    }
}

impl Dialect {
    /// A condition of one's own over one value, whose place is `?`.
    pub(super) fn custom(self, sql: &str, value: impl Into<SeaValue>) -> Expr {
        match self {
            Self::Sqlite => Expr::cust_with_values(sql.to_owned(), [value.into()]),
            Self::Postgres => Expr::cust_with_values(sql.replacen('?', "$1", 1), [value.into()]),
        }
    }
}

impl Filter {
    fn condition(&self, dialect: Dialect, values: &[String]) -> Result<Condition, String> {
        let any = |column: &'static str, read: &dyn Fn(&str) -> Result<SeaValue, String>| {
            let values = values.iter().map(|value| read(value)).collect::<Result<Vec<_>, _>>()?;
            Ok(Condition::all().add(Expr::cust(column).is_in(values)))
        };
        let instant = || {
            let [value] = values else { return Err("must be one time".to_owned()) };
            let time = chrono::DateTime::parse_from_rfc3339(value);
            time.map(|time| time.timestamp_micros())
                .map_err(|_| "must be a time such as 2026-01-31T12:00:00Z".to_owned())
        };
        match *self {
            Self::Text(column) => any(column, &|value| Ok(value.to_owned().into())),
            Self::Bool(column) => any(column, &|value| {
                value
                    .parse::<bool>()
                    .map(|value| i64::from(value).into())
                    .map_err(|_| "must be true or false".to_owned())
            }),
            Self::Id(column, prefix) => any(column, &|value| id_bytes(value, prefix)),
            Self::TimeFrom(column) => Ok(Condition::all().add(Expr::cust(column).gte(instant()?))),
            Self::TimeUntil(column) => Ok(Condition::all().add(Expr::cust(column).lt(instant()?))),
            Self::OneOf(column, known) => any(column, &|value| {
                let found = known.iter().find(|(name, _)| *name == value);
                let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                found.map(|(_, stored)| (*stored).into()).ok_or_else(|| format!("must be one of {}", names()))
            }),
            Self::Custom(sql) => Ok(values
                .iter()
                .fold(Condition::any(), |any, value| any.add(dialect.custom(sql, value.clone())))),
        }
    }
}

fn id_bytes(text: &str, prefix: &str) -> Result<SeaValue, String> {
    let id = text.parse::<type_safe_id::TypeSafeId<type_safe_id::DynamicType>>().ok();
    let id = id.filter(|id| id.type_prefix() == prefix);
    id.map(|id| id.uuid().as_bytes().to_vec().into())
        .ok_or_else(|| format!("must be an id such as {prefix}_…"))
}

fn native(value: &SeaValue) -> Result<Value<'_>, DbError> {
    match value {
        SeaValue::BigInt(Some(number)) => Ok(Value::Integer(*number)),
        SeaValue::BigUnsigned(Some(number)) => {
            i64::try_from(*number).map(Value::Integer).map_err(|cause| DbError::Engine(cause.to_string()))
        }
        SeaValue::Bool(Some(value)) => Ok(Value::Integer((*value).into())),
        SeaValue::String(Some(text)) => Ok(Value::Text(text)),
        SeaValue::Bytes(Some(bytes)) => Ok(Value::Blob(bytes)),
        other => Err(DbError::Engine(format!("a list can't be asked with {other:?}"))),
    }
}

/// The rows that are asked for, and what is searched among them.
fn asked(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Option<Condition>,
) -> Result<(SelectStatement, Option<Search>), ListError> {
    Ok((of.matching(scoped, request, extra)?, Search::of(scoped, of, request.search.as_deref())?))
}

pub(super) fn page<R: Record>(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Option<Condition>,
) -> Result<Page<R>, ListError> {
    let (matching, search) = asked(scoped, of, request, extra)?;
    let (total, total_exact) = count(scoped, of, &matching, search.as_ref(), request.count)?;
    let limit = request.limit as usize;
    let page = of.page(scoped.dialect(), matching, search.as_ref(), request);
    let mut rows = page.run::<Walked<R>>(scoped, limit + 1).map_err(|error| of_cursor(error, request))?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor =
        rows.last().filter(|_| more).map(|last| last.cursor.encode(request.sort, request.order));
    let offset = match request.start {
        Start::Offset(offset) => Some(offset),
        Start::After(_) => None,
    };
    let items = rows.into_iter().map(|row| row.record).collect();
    Ok(Page { items, total, total_exact, limit: request.limit, offset, next_cursor })
}

/// A value that its column can't hold can only come from a cursor that somebody made up.
fn of_cursor(error: DbError, request: &ListRequest) -> ListError {
    match (&error, &request.start) {
        (DbError::Mismatch(_), Start::After(_)) => ListError::Refused(Error::invalid(
            "cursor",
            "is not one of ours; take next_cursor of the page before",
        )),
        _ => error.into(),
    }
}

fn count(
    scoped: Scoped<'_>,
    of: &ListOf,
    matching: &SelectStatement,
    search: Option<&Search>,
    how: Count,
) -> Result<(Option<u64>, Option<bool>), DbError> {
    let cap = match how {
        Count::None => return Ok((None, None)),
        Count::Exact => None,
        Count::Capped => Some(COUNT_CAP + 1),
    };
    let counted: Vec<(u64,)> = of.count(scoped.dialect(), matching.clone(), search, cap).run(scoped, 1)?;
    let total = counted.first().map_or(0, |(total,)| *total);
    if how == Count::Capped && total > COUNT_CAP {
        return Ok((Some(COUNT_CAP), Some(false)));
    }
    Ok((Some(total), None))
}

pub(super) fn plan(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Option<Condition>,
) -> Result<Plan, ListError> {
    let (matching, search) = asked(scoped, of, request, extra)?;
    let page = of.page(scoped.dialect(), matching, search.as_ref(), request);
    Ok(scoped.built().plan(&page.sql, &page.values()?)?)
}

pub(super) fn plan_of_total(
    scoped: Scoped<'_>,
    of: &ListOf,
    request: &ListRequest,
    extra: Option<Condition>,
) -> Result<Plan, ListError> {
    let (matching, search) = asked(scoped, of, request, extra)?;
    let total = of.count(scoped.dialect(), matching, search.as_ref(), Some(COUNT_CAP + 1));
    Ok(scoped.built().plan(&total.sql, &total.values()?)?)
}
