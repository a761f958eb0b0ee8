//! The handles that closures get: scoped to an organization or to the server's own tables, for reading or writing.

use std::{
    cell::RefCell,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

use kernel::{
    Id, Surroundings,
    id::kind::Organization,
    list::{ListRequest, Page},
};
use rusqlite::{
    Connection, Statement,
    types::{ToSqlOutput, ValueRef},
};
use sea_query::Condition;

use super::{Bind, DbError, ListError, ListOf, Record, Row, Value, list};

/// What a unit of work carries beside its connection.
pub(super) struct Luggage {
    /// What happens once the unit is committed, on the writer's thread: it must not wait for anything.
    after: RefCell<Vec<Box<dyn FnOnce() + Send>>>,
    surroundings: Surroundings,
}

impl Luggage {
    pub(super) fn new(surroundings: Surroundings) -> Self {
        Self { after: RefCell::default(), surroundings }
    }

    pub(super) fn committed(self) {
        for act in self.after.into_inner() {
            // It is the caller's code: its panic must take neither the answer nor the writer along.
            if catch_unwind(AssertUnwindSafe(act)).is_err() {
                tracing::error!("what should follow a commit panicked; the commit stands");
            }
        }
    }
}

/// The two scopes, for the statement check.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Organization(Id<Organization>),
    Server,
    /// A list's statement, which has its organization among its own parameters.
    Built,
}

/// A connection that runs statements in one scope.
#[derive(Clone, Copy)]
pub(super) struct Scoped<'a> {
    connection: &'a Connection,
    pub(super) scope: Scope,
}

impl Scoped<'_> {
    /// The same connection for a statement that the list builder made.
    pub(super) fn built(self) -> Self {
        Self { scope: Scope::Built, ..self }
    }

    /// Binds `$1`, `$2`… by their numbers. SQLite numbers such names in the order in which they appear.
    fn bind(&self, statement: &mut Statement<'_>, params: &[Value<'_>]) -> Result<(), DbError> {
        for index in 1..=statement.parameter_count() {
            let number =
                statement.parameter_name(index).and_then(|name| name.get(1..)?.parse::<usize>().ok());
            let own = match (self.scope, number.unwrap_or(index)) {
                (Scope::Organization(org), 1) => {
                    statement.raw_bind_parameter(index, org.as_bytes().as_slice())?;
                    continue;
                }
                (Scope::Organization(_), number) => number.checked_sub(2),
                (Scope::Server | Scope::Built, number) => number.checked_sub(1),
            };
            let value = own.and_then(|own| params.get(own));
            let value = value.ok_or_else(|| DbError::Engine(format!("parameter {index} was not given")))?;
            statement.raw_bind_parameter(index, output(*value))?;
        }
        Ok(())
    }

    pub(super) fn each<R: Record>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        limit: usize,
    ) -> Result<Vec<R>, DbError> {
        self.check(sql)?;
        let mut statement = self.connection.prepare_cached(sql)?;
        self.bind(&mut statement, params)?;
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while found.len() < limit {
            let Some(row) = rows.next()? else { break };
            found.push(R::read(&Row::new(row), 0)?);
        }
        Ok(found)
    }

    fn one<R: Record>(&self, sql: &str, params: &[&dyn Bind]) -> Result<Option<R>, DbError> {
        Ok(self.each(sql, &values(params), 1)?.pop())
    }

    fn all<R: Record>(&self, sql: &str, params: &[&dyn Bind]) -> Result<Vec<R>, DbError> {
        self.each(sql, &values(params), usize::MAX)
    }

    fn execute(&self, sql: &str, params: &[&dyn Bind]) -> Result<u64, DbError> {
        self.check(sql)?;
        let mut statement = self.connection.prepare_cached(sql)?;
        self.bind(&mut statement, &values(params))?;
        Ok(statement.raw_execute()? as u64)
    }

    /// Refuses a list that is not of this scope: its statement is built, with the organization among its parameters.
    pub(super) fn check_list(&self, of: &ListOf) -> Result<(), DbError> {
        match self.scope {
            Scope::Organization(_) if of.org.is_empty() => {
                Err(DbError::Unscoped(format!("the list of {} has no organization", of.from)))
            }
            Scope::Server => self.check(&format!("FROM {}", of.from)),
            _ => Ok(()),
        }
    }

    /// In debug builds, which the whole suite passes through, a statement that crosses the borders of its handle is
    /// refused.
    fn check(&self, sql: &str) -> Result<(), DbError> {
        if cfg!(debug_assertions) { self.scope.check(sql) } else { Ok(()) }
    }
}

impl Scope {
    fn check(self, sql: &str) -> Result<(), DbError> {
        let allowed = match self {
            Self::Organization(_) => sql.contains("org_id") && binds_first(sql),
            Self::Server => tables(sql).iter().all(|table| table.starts_with("server_")),
            Self::Built => true,
        };
        if allowed {
            Ok(())
        } else {
            Err(DbError::Unscoped(format!("the statement crosses its scope: {sql}")))
        }
    }
}

/// Is `$1` among the parameters? `$10` is another one.
fn binds_first(sql: &str) -> bool {
    sql.split("$1").skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The tables that a statement names: what stands after FROM, JOIN, INTO and UPDATE, and after the commas of a FROM.
fn tables(sql: &str) -> Vec<&str> {
    const BREAKS: [char; 6] = [' ', '\n', '\t', ',', '(', ')'];
    /// Where a FROM ends. SELECT and SET also stand where a table could, in a subquery and in DO UPDATE SET.
    const ENDS: [&str; 10] =
        ["SELECT", "SET", "ON", "WHERE", "GROUP", "ORDER", "LIMIT", "RETURNING", "VALUES", "UNION"];
    let is = |word: &str, those: &[&str]| those.iter().any(|one| word.eq_ignore_ascii_case(one));
    let (mut found, mut expects, mut in_from) = (Vec::new(), false, false);
    for word in sql.split_inclusive(BREAKS) {
        let name = word.trim_end_matches(BREAKS);
        if is(name, &["FROM", "JOIN", "INTO", "UPDATE"]) {
            (expects, in_from) = (true, is(name, &["FROM"]));
        } else if is(name, &ENDS) {
            (expects, in_from) = (false, false);
        } else if expects && !name.is_empty() {
            found.push(name);
            expects = false;
        }
        in_from &= !word.ends_with(')');
        expects |= in_from && word.ends_with(',');
    }
    found
}

fn values<'a>(params: &'a [&'a dyn Bind]) -> Vec<Value<'a>> {
    params.iter().map(|param| param.value()).collect()
}

fn output(value: Value<'_>) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(number),
        Value::Real(number) => ValueRef::Real(number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
    })
}

/// Reads the server's own tables, whose names begin with `server_`.
pub struct ServerTx<'a>(Scoped<'a>);

/// Reads what belongs to one organization. In its statements `$1` is the organization; own parameters start at `$2`.
pub struct Tx<'a> {
    scoped: Scoped<'a>,
    org: Id<Organization>,
    server: ServerTx<'a>,
}

/// A unit of work on the server's own tables.
pub struct ServerUnit<'a> {
    tx: ServerTx<'a>,
    luggage: &'a Luggage,
}

/// A unit of work on what belongs to one organization: all of it stays, or nothing.
pub struct Unit<'a> {
    tx: Tx<'a>,
    server: ServerUnit<'a>,
}

impl<'a> ServerTx<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self(Scoped { connection, scope: Scope::Server })
    }

    /// The first row, if there is one.
    pub fn one<R: Record>(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<Option<R>, DbError> {
        self.0.one(sql, params)
    }

    /// All rows.
    pub fn all<R: Record>(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<Vec<R>, DbError> {
        self.0.all(sql, params)
    }

    /// All rows over all organizations, for the upkeep that the server does for everybody. Never for a caller.
    pub fn across_organizations<R: Record>(&self, sql: &'static str) -> Result<Vec<R>, DbError> {
        self.0.built().all(sql, &[])
    }

    /// One page of a list.
    pub fn list<R: Record>(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: Option<Condition>,
    ) -> Result<Page<R>, ListError> {
        list::page(self.0, of, request, extra)
    }

    /// How the database goes about a list, line by line: for tests that no list scans a table.
    pub fn plan_of(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: Option<Condition>,
    ) -> Result<String, ListError> {
        list::plan(self.0, of, request, extra)
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(connection: &'a Connection, org: Id<Organization>) -> Self {
        let scoped = Scoped { connection, scope: Scope::Organization(org) };
        Self { scoped, org, server: ServerTx::new(connection) }
    }

    /// The organization it is scoped to.
    pub fn org(&self) -> Id<Organization> {
        self.org
    }

    /// The server's own tables, in the same transaction.
    pub fn server(&self) -> &ServerTx<'a> {
        &self.server
    }

    /// The first row, if there is one.
    pub fn one<R: Record>(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<Option<R>, DbError> {
        self.scoped.one(sql, params)
    }

    /// All rows.
    pub fn all<R: Record>(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<Vec<R>, DbError> {
        self.scoped.all(sql, params)
    }

    /// One page of a list.
    pub fn list<R: Record>(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: Option<Condition>,
    ) -> Result<Page<R>, ListError> {
        list::page(self.scoped, of, request, extra)
    }

    /// How the database goes about a list, line by line: for tests that no list scans a table.
    pub fn plan_of(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: Option<Condition>,
    ) -> Result<String, ListError> {
        list::plan(self.scoped, of, request, extra)
    }
}

impl<'a> ServerUnit<'a> {
    pub(super) fn new(connection: &'a Connection, luggage: &'a Luggage) -> Self {
        Self { tx: ServerTx::new(connection), luggage }
    }

    /// Runs a statement; gives the number of rows it changed.
    pub fn execute(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<u64, DbError> {
        self.tx.0.execute(sql, params)
    }

    /// The same unit of work, scoped to an organization.
    pub fn org(&self, org: Id<Organization>) -> Unit<'a> {
        Unit::new(self.tx.0.connection, org, self.luggage)
    }

    /// Does something once the unit is committed. It runs on the writer's thread and must not wait for anything.
    pub fn after_commit(&self, act: impl FnOnce() + Send + 'static) {
        self.luggage.after.borrow_mut().push(Box::new(act));
    }
}

impl<'a> Unit<'a> {
    pub(super) fn new(connection: &'a Connection, org: Id<Organization>, luggage: &'a Luggage) -> Self {
        Self { tx: Tx::new(connection, org), server: ServerUnit::new(connection, luggage) }
    }

    /// Runs a statement; gives the number of rows it changed.
    pub fn execute(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<u64, DbError> {
        self.tx.scoped.execute(sql, params)
    }

    /// The clock and randomness of the database, for rows that platform itself writes.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.server.luggage.surroundings
    }

    /// The server's own tables, in the same unit of work.
    pub fn server(&self) -> &ServerUnit<'a> {
        &self.server
    }

    /// Does something once the unit is committed. It runs on the writer's thread and must not wait for anything.
    pub fn after_commit(&self, act: impl FnOnce() + Send + 'static) {
        self.server.after_commit(act);
    }
}

impl<'a> Deref for ServerUnit<'a> {
    type Target = ServerTx<'a>;

    fn deref(&self) -> &ServerTx<'a> {
        &self.tx
    }
}

impl<'a> Deref for Unit<'a> {
    type Target = Tx<'a>;

    fn deref(&self) -> &Tx<'a> {
        &self.tx
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_a_statement_are_found_wherever_they_stand() {
        let cases: &[(&str, &[&str])] = &[
            ("SELECT f(a, b) FROM server_x x, bots WHERE g(c, d)", &["server_x", "bots"]),
            ("SELECT 1 FROM server_x\nJOIN bots b ON coalesce(b.a, b.c) = 1", &["server_x", "bots"]),
            (
                "SELECT 1 FROM (SELECT a, b FROM bots) WHERE x IN (SELECT y FROM server_y) AND f(p, q)",
                &["bots", "server_y"],
            ),
            (
                "INSERT INTO server_x (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = $2, c = 1",
                &["server_x"],
            ),
            ("DELETE FROM bots RETURNING a, b", &["bots"]),
            ("update bots set a = 1, b = 2", &["bots"]),
        ];

        for (sql, expected) in cases {
            assert_eq!(tables(sql), *expected, "{sql}");
        }
    }

    #[test]
    fn another_parameter_does_not_pass_for_the_organization() {
        assert!(binds_first("org_id = $1 AND a = $10"));
        assert!(!binds_first("org_id = $2 AND a = $10"));
    }
}
