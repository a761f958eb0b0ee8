//! The database, used synchronously in closures.
//!
//! `db.read(org, |tx| …)` and `db.write(org, |unit| …)` run plain code on the engine's threads. Nothing can await
//! inside, so no network call can be inside a transaction. A [`Tx`] is scoped to an organization: in its statements
//! `$1` is always the organization, bound by the handle, and own parameters start at `$2`.
//!
//! Two engines stand behind it, in a folder each, and nobody outside knows which: SQLite, with one writer and a few
//! readers over a file, and PostgreSQL, with a few connections to a server that other nodes use, too. There a unit may
//! meet others that change the same rows, and has to run again. So what is asked can be cloned, and may run more than
//! once: it must do nothing but read, write, and compute; what should happen once belongs into `after_commit`.

mod erasure;
mod error;
mod list;
mod made;
mod merge;
mod meters;
mod migrate;
mod plan;
pub(crate) mod postgres;
mod row;
mod session;
mod sqlite;
mod tx;
mod value;
mod work;

#[cfg(test)]
mod tests;
mod texts;

use std::{path::Path, sync::Arc, time::Duration};

use kernel::{Id, Surroundings, Timestamp, id::kind::Organization};
use tokio::sync::oneshot;

pub use erasure::TableOfOrganizations;
pub use error::DbError;
pub use list::{Extra, Filter, ListError, ListOf, Lookup, SearchOn};
pub use made::{
    Compared, Kept, MadeColumn, MadeReference, MadeRow, MadeTable, MadeValue, RowId, Test, Wanted,
};
pub use merge::{MERGE, merge_search};
pub use migrate::{Applied, Migration};
pub use plan::Plan;
pub use row::{Record, Row};
pub use tx::{ServerTx, ServerUnit, Tx, Unit};
pub use value::{Bind, Cell, Column, Json, Value};

use meters::Meters;
use postgres::Postgres;
use session::Session;
use sqlite::Sqlite;
use tx::Luggage;
pub(crate) use tx::{Bells, Everywhere, Taking, taking};
pub(crate) use value::Raw;
use work::{Asked, Work};

use crate::{
    idempotency::{self, Carried},
    jobs::Signal,
};

/// How the database is opened.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// `sqlite:` and a path, or `postgres://user:password@host:port/database?option=value`.
    pub url: String,
    /// Threads that read at once, on SQLite.
    pub readers: usize,
    /// Connections at the most, on PostgreSQL. They are made when they are needed, and closed when they are not.
    pub connections: usize,
    /// How long PostgreSQL may work on a statement.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock, on PostgreSQL.
    pub lock_timeout: Duration,
    /// The clock and randomness for the rows that platform itself writes.
    pub surroundings: Surroundings,
}

impl DbOptions {
    /// The database at that address, with as many readers as there are cores (2 to 8), and 16 connections.
    pub fn new(url: &str) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            url: url.to_owned(),
            readers: cores.clamp(2, 8),
            connections: 16,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            surroundings: Surroundings::system(),
        }
    }

    /// Is it a database that several nodes can use?
    pub fn is_shared(&self) -> bool {
        !self.url.starts_with(SQLITE)
    }
}

const SQLITE: &str = "sqlite:";

/// An open database. A cheap handle.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    engine: Engine,
    surroundings: Surroundings,
    bells: Bells,
    meters: Meters,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

/// What something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Unit,
}

impl Db {
    /// Opens it. A server is not asked before there is something to ask.
    pub fn open(options: &DbOptions) -> Result<Self, DbError> {
        let engine = match options.url.strip_prefix(SQLITE) {
            Some(path) => Engine::Sqlite(Arc::new(Sqlite::open(Path::new(path), options)?)),
            None => Engine::Postgres(Arc::new(Postgres::open(options)?)),
        };
        let surroundings = options.surroundings.clone();
        Ok(Self(Arc::new(Inner { engine, surroundings, bells: Bells::default(), meters: Meters::default() })))
    }

    /// Reads what belongs to the organization. All statements see one state.
    pub async fn read<T, E, F>(&self, org: Id<Organization>, read: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.ask(Purpose::Read, move |session, _| read(&Tx::new(session, org))).await
    }

    /// Reads the few tables that belong to the server.
    pub async fn read_server<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: FnOnce(&ServerTx<'_>) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.ask(Purpose::Read, move |session, _| read(&ServerTx::new(session))).await
    }

    /// Runs one unit of work on what belongs to the organization: all of it stays if it gives Ok, and nothing
    /// otherwise, or if one of its statements failed. The answer comes after the commit has reached the disk.
    pub async fn write<T, E, F>(&self, org: Id<Organization>, unit: F) -> Result<T, E>
    where
        F: FnOnce(&Unit<'_>) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let claim = idempotency::to_carry();
        self.ask(Purpose::Unit, move |session, after| {
            let own = Unit::new(session, org, after);
            carry(claim, own.server())?;
            unit(&own)
        })
        .await
    }

    /// Runs one unit of work on the tables that belong to the server.
    pub async fn write_server<T, E, F>(&self, unit: F) -> Result<T, E>
    where
        F: FnOnce(&ServerUnit<'_>) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let claim = idempotency::to_carry();
        self.ask(Purpose::Unit, move |session, after| {
            let own = ServerUnit::new(session, after);
            carry(claim, &own)?;
            unit(&own)
        })
        .await
    }

    async fn ask<T, E, F>(&self, purpose: Purpose, work: F) -> Result<T, E>
    where
        F: FnOnce(Session<'_>, &Luggage) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let luggage = Luggage::new(self.0.surroundings.clone(), self.0.bells.clone());
        let work = Box::new(Asked::new(work, luggage, answer));
        let asked = async {
            self.0.engine.ask(purpose, work).await?;
            answered.await.map_err(|_| closed())?
        };
        match purpose {
            Purpose::Read => self.0.meters.read(asked).await,
            Purpose::Unit => self.0.meters.write(asked).await,
        }
    }

    /// What tells that a unit of this handle left work behind.
    pub(crate) fn work(&self) -> &Signal {
        &self.0.bells.work
    }

    /// What tells that a unit of this handle appended to the audit log.
    pub(crate) fn audits(&self) -> &Signal {
        &self.0.bells.audits
    }

    /// Do other nodes use it, too?
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.0.engine, Engine::Postgres(_))
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), DbError> {
        self.read_server(|tx| tx.one::<(i64,)>("SELECT 1", &[]).map(|_| ())).await
    }

    /// Brings the schema up to date: what is missing, each step in a transaction of its own. If one fails, those
    /// before it stay, and the next start goes on from there.
    ///
    /// On SQLite the caller holds the data folder ([`DataLock`](crate::lock::DataLock)); on PostgreSQL a lock in the
    /// database sees to it that of several nodes one migrates and the others wait for it.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<Applied, DbError> {
        let (all, now) = (migrations.to_vec(), self.0.surroundings.now());
        let engine = match &self.0.engine {
            Engine::Sqlite(_) => return self.migrate_file(all, now).await,
            Engine::Postgres(engine) => Arc::clone(engine),
        };
        let migrated = tokio::task::spawn_blocking(move || engine.migrate(&all, now)).await;
        migrated.map_err(|cause| DbError::Engine(cause.to_string()))?
    }

    async fn migrate_file(&self, all: Vec<Migration>, now: Timestamp) -> Result<Applied, DbError> {
        let missing = self.in_file(move |file| migrate::missing(file.applied()?, &all)).await?;
        let mut applied = Applied::default();
        for migration in missing {
            self.in_file(move |file| file.apply(&migration, now)).await?;
            applied.names.push(migration.name().to_owned());
        }
        Ok(applied)
    }

    /// Runs a unit of work that only SQLite knows.
    async fn in_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&sqlite::Session) -> Result<T, DbError> + Clone + Send + 'static,
    ) -> Result<T, DbError> {
        let unit = self.ask(Purpose::Unit, move |session, _| match session {
            Session::Sqlite(session) => work(session),
            Session::Postgres(_) => Err(DbError::Engine("the database is no file".to_owned())),
        });
        unit.await
    }

    /// Finishes what waits and lets go of files and connections.
    pub async fn close(&self) {
        let engine = self.0.engine.clone();
        if tokio::task::spawn_blocking(move || engine.close()).await.is_err() {
            tracing::error!("the database could not be closed");
        }
    }
}

impl Engine {
    async fn ask(&self, purpose: Purpose, work: Box<dyn Work>) -> Result<(), DbError> {
        match (self, purpose) {
            (Self::Sqlite(engine), Purpose::Read) => engine.read(work).await,
            (Self::Sqlite(engine), Purpose::Unit) => engine.write(work).await,
            (Self::Postgres(engine), purpose) => engine.ask(purpose, work).await,
        }
    }

    fn close(&self) {
        match self {
            Self::Sqlite(engine) => engine.close(),
            Self::Postgres(engine) => engine.close(),
        }
    }
}

/// Writes the claim of a request's idempotency key with the request's first unit of work.
fn carry(claim: Option<Carried>, unit: &ServerUnit<'_>) -> Result<(), DbError> {
    if let Some(claim) = claim {
        claim.write(&unit.org(claim.org()))?;
        unit.after_commit(move || claim.written());
    }
    Ok(())
}

fn closed() -> DbError {
    DbError::Unavailable("it is closed".to_owned())
}
