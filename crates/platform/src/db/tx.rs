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

use super::{
    Bind, DbError, Extra, ListError, ListOf, Plan, Record, Value, list,
    session::{Dialect, Params, Session},
};
use crate::jobs::Signal;

/// What a unit of work carries beside its connection.
pub(super) struct Luggage {
    /// What happens once the unit is committed, on the writer's thread: it must not wait for anything.
    after: RefCell<Vec<Box<dyn FnOnce() + Send>>>,
    surroundings: Surroundings,
    bells: Bells,
}

/// What a committed unit of work rings on its node.
#[derive(Clone, Default)]
pub(crate) struct Bells {
    /// Tells the runners of this node that there is work.
    pub(crate) work: Signal,
    /// Tells the sealer of this node that entries of the audit log were appended.
    pub(crate) audits: Signal,
}

impl Luggage {
    pub(super) fn new(surroundings: Surroundings, bells: Bells) -> Self {
        Self { after: RefCell::default(), surroundings, bells }
    }

    /// Forgets what was put in, before the unit runs once more.
    pub(super) fn empty(&mut self) {
        self.after.get_mut().clear();
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
    session: Session<'a>,
    pub(super) scope: Scope,
}

impl<'a> Scoped<'a> {
    /// For the server's own tables.
    pub(super) fn of_server(session: Session<'a>) -> Self {
        Self { session, scope: Scope::Server }
    }

    /// The same connection for a statement that the list builder made.
    pub(super) fn built(self) -> Self {
        Self { scope: Scope::Built, ..self }
    }

    pub(super) fn dialect(self) -> Dialect {
        self.session.dialect()
    }

    pub(super) fn is_postgres(self) -> bool {
        self.dialect() == Dialect::Postgres
    }

    fn params<'p>(&'p self, own: &'p [Value<'p>]) -> Params<'p> {
        let org = match &self.scope {
            Scope::Organization(org) => Some(org.as_bytes().as_slice()),
            Scope::Server | Scope::Built => None,
        };
        Params { org, own }
    }

    pub(super) fn each<R: Record>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        limit: usize,
    ) -> Result<Vec<R>, DbError> {
        self.check(sql)?;
        self.session.each(sql, self.params(params), limit)
    }

    pub(super) fn plan_by_value(&self) -> Result<(), DbError> {
        self.session.plan_by_value()
    }

    pub(super) fn plan(&self, sql: &str, params: &[Value<'_>]) -> Result<Plan, DbError> {
        self.session.plan(sql, self.params(params))
    }

    pub(super) fn one<R: Record>(&self, sql: &str, params: &[&dyn Bind]) -> Result<Option<R>, DbError> {
        Ok(self.each(sql, &values(params), 1)?.pop())
    }

    fn all<R: Record>(&self, sql: &str, params: &[&dyn Bind]) -> Result<Vec<R>, DbError> {
        self.each(sql, &values(params), usize::MAX)
    }

    pub(super) fn execute(&self, sql: &str, params: &[&dyn Bind]) -> Result<u64, DbError> {
        self.check(sql)?;
        self.session.execute(sql, self.params(&values(params)))
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

pub(super) fn values<'a>(params: &'a [&'a dyn Bind]) -> Vec<Value<'a>> {
    params.iter().map(|param| param.value()).collect()
}

/// Reads the server's own tables, whose names begin with `server_`.
pub struct ServerTx<'a>(Scoped<'a>);

/// Reads what belongs to one organization. In its statements `$1` is the organization; own parameters start at `$2`.
pub struct Tx<'a> {
    scoped: Scoped<'a>,
    org: Id<Organization>,
    server: ServerTx<'a>,
}

/// Statements over all organizations, for what platform does for everybody: claiming jobs, relaying events, sweeping.
/// Never for a caller. All parameters are the statement's own.
pub(crate) struct Everywhere<'a>(Scoped<'a>);

/// A statement that takes rows which other nodes reach for at the same moment.
pub(crate) struct Taking {
    /// Where units run one after another, as on SQLite.
    pub(crate) alone: &'static str,
    /// Where they run beside each other: passes over rows that another unit has locked.
    pub(crate) among_others: &'static str,
}

/// Makes a [`Taking`] of the text before and after the place where rows are locked in passing.
macro_rules! taking {
    ($before:expr, $after:expr) => {
        $crate::db::Taking {
            alone: concat!($before, $after),
            among_others: concat!($before, " FOR UPDATE SKIP LOCKED", $after),
        }
    };
}
pub(crate) use taking;

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
    pub(super) fn new(session: Session<'a>) -> Self {
        Self(Scoped::of_server(session))
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

    /// The same with parameters, all of which are the statement's own.
    pub fn across_organizations_with<R: Record>(
        &self,
        sql: &'static str,
        params: &[&dyn Bind],
    ) -> Result<Vec<R>, DbError> {
        self.0.built().all(sql, params)
    }

    /// The same for platform itself, with parameters and changes.
    pub(crate) fn everywhere(&self) -> Everywhere<'a> {
        Everywhere(self.0.built())
    }

    /// One page of a list.
    pub fn list<R: Record>(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: impl Into<Extra>,
    ) -> Result<Page<R>, ListError> {
        list::page(self.0, of, request, extra.into())
    }

    /// How the database goes about a list: for tests that no list scans a table.
    pub fn plan_of(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: impl Into<Extra>,
    ) -> Result<Plan, ListError> {
        list::plan(self.0, of, request, extra.into())
    }
}

impl Everywhere<'_> {
    pub(crate) fn one<R: Record>(
        &self,
        sql: &'static str,
        params: &[&dyn Bind],
    ) -> Result<Option<R>, DbError> {
        self.0.one(sql, params)
    }

    pub(crate) fn all<R: Record>(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<Vec<R>, DbError> {
        self.0.all(sql, params)
    }

    /// How the database goes about a statement.
    #[cfg(test)]
    pub(crate) fn plan(&self, sql: &str, params: &[&dyn Bind]) -> Result<Plan, DbError> {
        self.0.plan(sql, &values(params))
    }

    /// The text of a statement that takes rows which other nodes reach for, too.
    pub(crate) fn taking(&self, statement: &Taking) -> &'static str {
        match self.0.dialect() {
            Dialect::Sqlite => statement.alone,
            Dialect::Postgres => statement.among_others,
        }
    }

    /// Runs a statement in a unit of work; gives the number of rows it changed.
    pub(crate) fn execute(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<u64, DbError> {
        self.0.execute(sql, params)
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(session: Session<'a>, org: Id<Organization>) -> Self {
        let scoped = Scoped { session, scope: Scope::Organization(org) };
        Self { scoped, org, server: ServerTx::new(session) }
    }

    /// What runs its statements, for those whose text is made.
    pub(super) fn scoped(&self) -> Scoped<'a> {
        self.scoped
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
        extra: impl Into<Extra>,
    ) -> Result<Page<R>, ListError> {
        list::page(self.scoped, of, request, extra.into())
    }

    /// How the database goes about a list: for tests that no list scans a table.
    pub fn plan_of(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: impl Into<Extra>,
    ) -> Result<Plan, ListError> {
        list::plan(self.scoped, of, request, extra.into())
    }

    /// What statements have cost since this was last asked, in steps of SQLite or in rows that PostgreSQL visited.
    #[cfg(test)]
    pub(super) fn cost(&self) -> u64 {
        self.scoped.session.cost()
    }

    /// How the database goes about the total of a list, for the same tests.
    pub fn plan_of_total(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: impl Into<Extra>,
    ) -> Result<Plan, ListError> {
        list::plan_of_total(self.scoped, of, request, extra.into())
    }

    /// How the database goes about finding rows that may be few, for the same tests.
    pub fn plans_of_lookups(
        &self,
        of: &ListOf,
        request: &ListRequest,
        extra: impl Into<Extra>,
    ) -> Result<Vec<Plan>, ListError> {
        list::plans_of_lookups(self.scoped, of, request, extra.into())
    }
}

impl<'a> ServerUnit<'a> {
    pub(super) fn new(session: Session<'a>, luggage: &'a Luggage) -> Self {
        Self { tx: ServerTx::new(session), luggage }
    }

    /// Runs a statement; gives the number of rows it changed.
    pub fn execute(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<u64, DbError> {
        self.tx.0.execute(sql, params)
    }

    /// The clock and randomness of the database, for rows that platform itself writes.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.luggage.surroundings
    }

    /// Waits until no other unit, on whatever node, holds the lock of that name, and holds it until this one has ended:
    /// for what must be looked at and then done by one alone, where there is no row to lock.
    pub fn lock(&self, name: &str) -> Result<(), DbError> {
        self.tx.0.session.lock(name)
    }

    /// The same unit of work, scoped to an organization.
    pub fn org(&self, org: Id<Organization>) -> Unit<'a> {
        Unit::new(self.tx.0.session, org, self.luggage)
    }

    /// Does something once the unit is committed. It runs on the writer's thread and must not wait for anything.
    pub fn after_commit(&self, act: impl FnOnce() + Send + 'static) {
        self.luggage.after.borrow_mut().push(Box::new(act));
    }
}

impl<'a> Unit<'a> {
    pub(super) fn new(session: Session<'a>, org: Id<Organization>, luggage: &'a Luggage) -> Self {
        Self { tx: Tx::new(session, org), server: ServerUnit::new(session, luggage) }
    }

    /// Runs a statement; gives the number of rows it changed.
    pub fn execute(&self, sql: &'static str, params: &[&dyn Bind]) -> Result<u64, DbError> {
        self.tx.scoped.execute(sql, params)
    }

    /// Waits until no other unit on this organization, on whatever node, holds the lock of that name, and holds it until
    /// this one has ended: for what must be looked at and then done by one alone, where there is no row to lock.
    pub fn lock(&self, name: &str) -> Result<(), DbError> {
        self.server.lock(&format!("{name} of {}", self.org()))
    }

    /// The clock and randomness of the database, for rows that platform itself writes.
    pub fn surroundings(&self) -> &Surroundings {
        self.server.surroundings()
    }

    /// Once the unit is committed, the runners of this node look for work.
    pub(crate) fn signal_work(&self) {
        let work = self.server.luggage.bells.work.clone();
        self.after_commit(move || work.send());
    }

    /// Once the unit is committed, the sealer of this node looks for entries of the audit log.
    pub(crate) fn signal_audit(&self) {
        let audits = self.server.luggage.bells.audits.clone();
        self.after_commit(move || audits.send());
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
