//! A connection to PostgreSQL with its prepared statements and its transaction.

use std::{
    cell::{Cell as Flag, RefCell},
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt, future::join};
use hashlink::LruCache;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, RowStream, Statement};

use super::{
    address::{Address, Driver},
    error,
    values::Bound,
};
use crate::db::{DbError, Record, Row, plan::Plan, session::Params};

/// Statements that a connection keeps prepared, on both sides.
const STATEMENTS: usize = 512;
/// How long a transaction may do nothing. Only a node that hangs does so.
const IDLE_IN_TRANSACTION: Duration = Duration::from_mins(1);

/// Holds to the end of the transaction. What has an index is found by it, and a bounded number of rows in it: reading
/// the table whole may be quicker where it is small, and is never much quicker.
const PLAN_BY_VALUE: &str = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = off";

/// How a piece of work uses the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// One statement that reads, without a transaction around it: it sees one state by itself. That saves the
    /// messages that begin and end one. A second statement is refused, and the work begins again in a snapshot.
    Single,
    /// Statements that read one state.
    Snapshot,
    /// A unit of work, READ COMMITTED.
    Unit,
}

/// Why a statement failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server refused it, and would again.
    Refused,
    /// It met another transaction.
    Conflict,
    /// There is no connection any more.
    Lost,
    /// The schema changed since the statement was prepared.
    Stale,
    /// It needs a transaction: it was the second statement of a read that was thought to have one.
    NeedsSnapshot,
}

/// A connection. Its thread is the only one that uses it, and drives it while it waits for an answer.
pub(in crate::db) struct Session {
    runtime: Runtime,
    client: Client,
    /// None when it is lost.
    driver: RefCell<Option<Driver>>,
    statements: RefCell<LruCache<Box<str>, Statement>>,
    manner: Flag<Manner>,
    /// Has the work asked anything yet?
    asked: Flag<bool>,
    /// Is a transaction open on the server?
    open: Flag<bool>,
    /// Are statements planned for the values at hand, each time?
    by_value: Flag<bool>,
    trouble: Flag<Option<Trouble>>,
    /// What statements have cost since somebody wants to know it, in rows that were visited.
    #[cfg(test)]
    cost: Flag<Option<u64>>,
}

impl Session {
    pub(super) fn connect(address: &Address) -> Result<Self, DbError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|cause| DbError::Unavailable(cause.to_string()))?;
        let (client, driver) = runtime.block_on(address.connect()).map_err(|error| error::told(&error).1)?;
        if driver.parameter("server_encoding") != Some("UTF8") {
            let problem = "its encoding is not UTF8: make it with CREATE DATABASE … ENCODING 'UTF8'";
            return Err(DbError::Unavailable(problem.to_owned()));
        }
        Ok(Self {
            runtime,
            client,
            driver: RefCell::new(Some(driver)),
            statements: RefCell::new(LruCache::new(STATEMENTS)),
            manner: Flag::new(Manner::Single),
            asked: Flag::new(false),
            open: Flag::new(false),
            by_value: Flag::new(false),
            trouble: Flag::new(None),
            #[cfg(test)]
            cost: Flag::new(None),
        })
    }

    /// Sets limits, and makes whatever is no unit of work read-only.
    pub(super) fn prepare_for_work(&self, statement: Duration, lock: Duration) -> Result<(), DbError> {
        self.batch(&format!(
            "SET default_transaction_read_only = on; SET statement_timeout = {}; SET lock_timeout = {};
             SET idle_in_transaction_session_timeout = {}; SET jit = off",
            statement.as_millis(),
            lock.as_millis(),
            IDLE_IN_TRANSACTION.as_millis()
        ))
    }

    /// Is the connection known to be lost?
    pub(super) fn is_lost(&self) -> bool {
        self.driver.borrow().is_none() || self.client.is_closed()
    }

    /// Says good-bye to the server.
    pub(super) fn close(self) {
        let Self { runtime, client, driver, .. } = self;
        drop(client);
        if let Some(driver) = driver.into_inner() {
            // It ends when it has told the server; if it can't, the server will notice.
            drop(runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), driver).await }));
        }
    }

    /// What comes next is another piece of work.
    pub(super) fn begins(&self, manner: Manner) {
        self.manner.set(manner);
        self.asked.set(false);
        self.by_value.set(false);
        self.trouble.set(None);
        #[cfg(test)]
        self.cost.set(None);
    }

    /// What statements have cost since this was last asked.
    #[cfg(test)]
    pub(in crate::db) fn cost(&self) -> u64 {
        self.cost.replace(Some(0)).unwrap_or(0)
    }

    #[cfg(test)]
    fn count_cost(&self, sql: &str, params: Params<'_>) -> Result<(), DbError> {
        if let Some(before) = self.cost.take() {
            let explain = format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {sql}");
            let steps: Vec<(String,)> = self.each(&explain, params, usize::MAX)?;
            let visited: u64 = steps.iter().map(|(step,)| crate::db::plan::visited(step)).sum();
            self.cost.set(Some(before + visited));
        }
        Ok(())
    }

    /// Has what comes next in this transaction planned for the values at hand. Otherwise the server soon plans a
    /// statement once for all values: a text that is searched for can be in every row or in none.
    pub(in crate::db) fn plan_by_value(&self) -> Result<(), DbError> {
        if !self.by_value.replace(true) && self.open.get() {
            return self.batch(PLAN_BY_VALUE);
        }
        Ok(())
    }

    /// Is a transaction open?
    pub(super) fn is_open(&self) -> bool {
        self.open.get()
    }

    /// What went wrong since then.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble.get()
    }

    pub(in crate::db) fn has_failed(&self) -> bool {
        self.trouble.get().is_some()
    }

    /// Runs the future and the connection until the future has its result.
    fn wait<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut driver = self.driver.borrow_mut();
        self.runtime.block_on(poll_fn(|context| {
            loop {
                // First, because it puts its message in the connection's line.
                if let Poll::Ready(done) = future.as_mut().poll(context) {
                    return Poll::Ready(done);
                }
                let Some(connection) = driver.as_mut() else { return Poll::Pending };
                match connection.poll_message(context) {
                    // A notice. Answers come through the future.
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(Some(Err(error))) => {
                        tracing::warn!(error = %error::told(&error).1, "a connection to the database was lost");
                        *driver = None;
                    }
                    Poll::Ready(None) => *driver = None,
                    Poll::Pending => return Poll::Pending,
                }
            }
        }))
    }

    fn failure(&self, error: &tokio_postgres::Error) -> DbError {
        let (trouble, told) = error::told(error);
        if trouble == Trouble::Stale {
            self.statements.borrow_mut().clear();
        }
        // A value that does not fit never reached the server: the transaction can go on, as it can on SQLite.
        if !matches!(told, DbError::Mismatch(_)) {
            self.trouble.set(Some(trouble));
        }
        told
    }

    /// Runs statements that have no parameters and no rows.
    pub(super) fn batch(&self, sql: &str) -> Result<(), DbError> {
        self.wait(self.client.batch_execute(sql)).map_err(|error| self.failure(&error))
    }

    fn prepared(&self, sql: &str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.borrow_mut().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(self.client.prepare(sql)).map_err(|error| self.failure(&error))?;
        self.statements.borrow_mut().insert(sql.into(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement and hands its rows on. The first one of a transaction travels together with its beginning.
    fn run<T>(
        &self,
        sql: &str,
        params: Params<'_>,
        read: impl AsyncFnOnce(RowStream) -> Result<T, Failed>,
    ) -> Result<T, DbError> {
        if self.has_failed() {
            return Err(DbError::Engine("a statement before this one failed".to_owned()));
        }
        if self.manner.get() == Manner::Single && (self.asked.replace(true) || self.by_value.get()) {
            self.trouble.set(Some(Trouble::NeedsSnapshot));
            return Err(DbError::Busy);
        }
        let statement = self.prepared(sql)?;
        let bound = (1..=statement.params().len()).map(|number| params.get(number).map(Bound));
        let bound = bound.collect::<Result<Vec<_>, _>>()?;
        let begin = match self.manner.get() {
            _ if self.open.get() => None,
            Manner::Single => None,
            Manner::Snapshot => Some("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
            Manner::Unit => Some("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE"),
        };
        let query = async { read(self.client.query_raw(&statement, bound).await?).await };
        let done = match begin {
            None => self.wait(query),
            Some(begin) => {
                self.open.set(true);
                let set = if self.by_value.get() { PLAN_BY_VALUE } else { "" };
                let begin = format!("{begin}; {set}");
                let (opened, done) = self.wait(join(self.client.batch_execute(&begin), query));
                opened.map_err(Failed::from).and(done)
            }
        };
        done.map_err(|failed| match failed {
            Failed::Statement(error) => self.failure(&error),
            Failed::Row(error) => error,
        })
    }

    pub(in crate::db) fn each<R: Record>(
        &self,
        sql: &str,
        params: Params<'_>,
        limit: usize,
    ) -> Result<Vec<R>, DbError> {
        #[cfg(test)]
        self.count_cost(sql, params)?;
        self.run(sql, params, async |rows| {
            let (mut rows, mut found) = (pin!(rows), Vec::new());
            // To the end, because a statement can fail at its last row.
            while let Some(row) = rows.next().await {
                let row = row?;
                if found.len() < limit {
                    found.push(R::read(&Row::postgres(&row), 0)?);
                }
            }
            Ok(found)
        })
    }

    pub(in crate::db) fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, DbError> {
        self.run(sql, params, async |rows| {
            let mut rows = pin!(rows);
            while rows.next().await.transpose()?.is_some() {}
            Ok(rows.rows_affected().unwrap_or(0))
        })
    }

    pub(in crate::db) fn lock(&self, name: &str) -> Result<(), DbError> {
        let own = [crate::db::Value::Text(name)];
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || $1, 0))";
        self.execute(sql, Params { org: None, own: &own }).map(|_| ())
    }

    /// The plan that is taken if tables are large: a small one is always read whole.
    pub(in crate::db) fn plan(&self, sql: &str, params: Params<'_>) -> Result<Plan, DbError> {
        let none = Params { org: None, own: &[] };
        for way in ["enable_seqscan", "enable_sort", "enable_bitmapscan"] {
            self.execute(&format!("SET LOCAL {way} = off"), none)?;
        }
        let steps: Vec<(String,)> = self.each(&format!("EXPLAIN (COSTS OFF) {sql}"), params, usize::MAX)?;
        Ok(Plan::of_postgres(steps.into_iter().map(|(step,)| step + "\n").collect()))
    }

    /// Commits what is open.
    pub(super) fn commit(&self) -> Result<(), (Trouble, DbError)> {
        if !self.open.replace(false) {
            return Ok(());
        }
        self.wait(self.client.batch_execute("COMMIT")).map_err(|error| error::told(&error))
    }

    /// Ends what is open, so that nothing of it stays.
    pub(super) fn roll_back(&self) {
        if !self.open.replace(false) || self.is_lost() {
            return;
        }
        if let Err(error) = self.wait(self.client.batch_execute("ROLLBACK")) {
            tracing::warn!(error = %error::told(&error).1, "a transaction could not be rolled back");
            // Whatever state it is in, nobody may work in it.
            *self.driver.borrow_mut() = None;
        }
    }
}

/// What failed while rows were read.
enum Failed {
    Statement(tokio_postgres::Error),
    Row(DbError),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Statement(error)
    }
}

impl From<DbError> for Failed {
    fn from(error: DbError) -> Self {
        Self::Row(error)
    }
}
