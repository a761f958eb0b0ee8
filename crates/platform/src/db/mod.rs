//! The database, used synchronously in closures.
//!
//! `db.read(org, |tx| …)` and `db.write(org, |unit| …)` run plain code on the engine's threads. Nothing can await
//! inside, so no network call can be inside a transaction. A [`Tx`] is scoped to an organization: in its statements
//! `$1` is always the organization, bound by the handle, and own parameters start at `$2`.

mod error;
mod list;
mod migrate;
mod row;
mod sqlite;
mod tx;
mod value;

#[cfg(test)]
mod tests;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
};

use kernel::{Id, Surroundings, id::kind::Organization};
use rusqlite::Connection;
use tokio::sync::oneshot;

pub use error::DbError;
pub use list::{Filter, ListError, ListOf, SearchOn};
pub use migrate::{Applied, Migration};
pub use row::{Record, Row};
pub use tx::{ServerTx, ServerUnit, Tx, Unit};
pub use value::{Bind, Cell, Column, Json, Value};

use sqlite::{Job, Sqlite};
use tx::Luggage;

/// How the database is opened.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// `sqlite:` and a path.
    pub url: String,
    /// Threads that read at once.
    pub readers: usize,
    /// The clock and randomness for the rows that platform itself writes.
    pub surroundings: Surroundings,
}

impl DbOptions {
    /// The database at that address, with as many readers as there are cores (2 to 8).
    pub fn new(url: &str) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { url: url.to_owned(), readers: cores.clamp(2, 8), surroundings: Surroundings::system() }
    }
}

/// An open database. A cheap handle.
#[derive(Clone)]
pub struct Db {
    engine: Arc<Sqlite>,
    surroundings: Surroundings,
}

impl Db {
    /// Opens it. Only `sqlite:` addresses are known.
    pub fn open(options: &DbOptions) -> Result<Self, DbError> {
        let path = options.url.strip_prefix("sqlite:").map(PathBuf::from);
        let path =
            path.ok_or_else(|| DbError::Unavailable("database.url must begin with sqlite:".to_owned()))?;
        let engine = Arc::new(Sqlite::open(&path, options)?);
        Ok(Self { engine, surroundings: options.surroundings.clone() })
    }

    /// Reads what belongs to the organization. All statements see one state.
    pub async fn read<T, E, F>(&self, org: Id<Organization>, read: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.engine.read(move |connection| read(&Tx::new(connection, org))).await?
    }

    /// Reads the few tables that belong to the server.
    pub async fn read_server<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: FnOnce(&ServerTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.engine.read(move |connection| read(&ServerTx::new(connection))).await?
    }

    /// Runs one unit of work on what belongs to the organization: all of it stays if it gives Ok, and nothing
    /// otherwise. The answer comes after the commit has reached the disk.
    pub async fn write<T, E, F>(&self, org: Id<Organization>, unit: F) -> Result<T, E>
    where
        F: FnOnce(&Unit<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.unit(move |connection, after| unit(&Unit::new(connection, org, after))).await
    }

    /// Runs one unit of work on the tables that belong to the server.
    pub async fn write_server<T, E, F>(&self, unit: F) -> Result<T, E>
    where
        F: FnOnce(&ServerUnit<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.unit(move |connection, after| unit(&ServerUnit::new(connection, after))).await
    }

    async fn unit<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection, &Luggage) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = UnitOfWork {
            work: Some(work),
            result: None,
            luggage: Luggage::new(self.surroundings.clone()),
            answer,
        };
        self.engine.write(Box::new(job)).await?;
        answered.await.map_err(|_| sqlite::closed())?
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), DbError> {
        self.read_server(|tx| tx.one::<(i64,)>("SELECT 1", &[]).map(|_| ())).await
    }

    /// Brings the schema up to date: what is missing, each step in a transaction of its own. If one fails, those
    /// before it stay, and the next start goes on from there.
    ///
    /// The caller holds the data folder ([`DataLock`](crate::lock::DataLock)): no two processes migrate at once.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<Applied, DbError> {
        let (all, now) = (migrations.to_vec(), self.surroundings.now());
        let missing = self.unit(move |connection, _| migrate::missing(connection, &all)).await?;
        let mut applied = Applied::default();
        for migration in missing {
            self.unit(move |connection, _| migrate::apply(connection, &migration, now)).await?;
            applied.names.push(migration.name().to_owned());
        }
        Ok(applied)
    }

    /// Finishes what waits and lets go of the files.
    pub async fn close(&self) {
        let engine = Arc::clone(&self.engine);
        if tokio::task::spawn_blocking(move || engine.close()).await.is_err() {
            tracing::error!("the database could not be closed");
        }
    }
}

struct UnitOfWork<F, T, E> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    luggage: Luggage,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for UnitOfWork<F, T, E>
where
    F: FnOnce(&Connection, &Luggage) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        let luggage = &self.luggage;
        let result = catch_unwind(AssertUnwindSafe(|| work(connection, luggage)))
            .unwrap_or_else(|_| Err(DbError::Engine("a unit of work panicked".to_owned()).into()));
        let stays = result.is_ok();
        self.result = Some(result);
        stays
    }

    fn finish(self: Box<Self>, commit: Result<(), DbError>) {
        let result = match (commit, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(error), Some(Ok(_)) | None) => Err(error.into()),
            (Err(_), Some(Err(own))) => Err(own),
            (Ok(()), None) => Err(DbError::Engine("a unit of work did not run".to_owned()).into()),
        };
        if result.is_ok() {
            self.luggage.committed();
        }
        // A caller that has gone doesn't need the answer; the work stays.
        let _ = self.answer.send(result);
    }
}
