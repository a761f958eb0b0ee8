//! SQLite: one writer thread, a few reader threads, and a thread that keeps the log short.
//!
//! Units that wait together run each in a savepoint and share one commit; all are answered after it. A unit runs to
//! its end on the writer thread even if its caller has gone: a cancelled request must not leave a shared transaction
//! open. Checkpoints run apart from the committing unit, because they would be its slowest moment.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
    thread::{Builder, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{DbError, DbOptions, closed, session::Session as AnySession, work::Work};

mod error;
mod migrate;
mod session;
#[cfg(test)]
mod tests;

pub(super) use session::{Session, value};

/// Units that share a commit at the most.
const BATCH: usize = 256;
/// Units that may wait for the writer; those after them wait for a place in the line.
const WAITING: usize = 4096;
/// Statements that each connection keeps prepared.
const STATEMENTS: usize = 512;
/// How long a lock is waited for. Only migrations of another process can hold one.
const PATIENCE: Duration = Duration::from_secs(10);
/// Commits between two looks at the log.
const COMMITS_BETWEEN_LOOKS: u32 = 64;
/// Bytes of the log from which it is copied into the database. Copying waits for nobody; the writer then begins the
/// log again from its start.
const LOG_TO_COPY: u64 = 4 << 20;
/// Bytes from which it is cut. That makes the writer wait for the copy of the rest, so it is for the log that grew
/// faster than it could be copied.
const LOG_TO_CUT: u64 = 64 << 20;

/// The engine's threads, and the two lines in which work waits for them.
pub(super) struct Sqlite {
    lines: RwLock<Option<Lines>>,
    readers: Mutex<Vec<JoinHandle<()>>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

struct Lines {
    writes: flume::Sender<Box<dyn Work>>,
    reads: flume::Sender<Box<dyn Work>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, options: &DbOptions) -> Result<Self, DbError> {
        let owner = Session::new(open(path, false)?);
        owner.connection.pragma_update(None, "journal_mode", "WAL")?;
        let (writes, units) = flume::bounded(WAITING);
        let (reads, queries) = flume::bounded::<Box<dyn Work>>(WAITING);
        let (nudge, nudges) = flume::bounded(1);
        let writing = vec![
            spawn("db-writer", move || write(&owner, &units, &nudge))?,
            spawn("db-checkpoint", {
                let (checkpointer, log) = (open(path, false)?, log_of(path));
                move || keep_short(&checkpointer, &log, &nudges)
            })?,
        ];
        let mut reading = Vec::new();
        for number in 0..options.readers.max(1) {
            let (reader, line) = (Session::new(open(path, true)?), queries.clone());
            reading.push(spawn(&format!("db-reader-{number}"), move || {
                while let Some(work) = next(&line) {
                    read(&reader, work);
                }
            })?);
        }
        let lines = RwLock::new(Some(Lines { writes, reads }));
        Ok(Self { lines, readers: reading.into(), writers: writing.into() })
    }

    /// A place in one of the lines, unless they are closed.
    fn line<T>(&self, which: impl FnOnce(&Lines) -> T) -> Result<T, DbError> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        lines.as_ref().map(which).ok_or_else(closed)
    }

    pub(super) async fn write(&self, work: Box<dyn Work>) -> Result<(), DbError> {
        let writes = self.line(|lines| lines.writes.clone())?;
        writes.send_async(work).await.map_err(|_| closed())
    }

    pub(super) async fn read(&self, work: Box<dyn Work>) -> Result<(), DbError> {
        let reads = self.line(|lines| lines.reads.clone())?;
        reads.send_async(work).await.map_err(|_| closed())
    }

    /// Ends the threads after what waits in their lines. The readers go first: the last connection to close empties
    /// the log into the database, and theirs can't, being read-only.
    pub(super) fn close(&self) {
        let lines = self.lines.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Lines { writes, reads }) = lines else { return };
        drop(reads);
        join(&self.readers);
        drop(writes);
        join(&self.writers);
    }
}

/// The next read. Before the thread sleeps it lets the others run once: under load they have more work for it by then,
/// and a thread that never slept need not be woken.
fn next(line: &flume::Receiver<Box<dyn Work>>) -> Option<Box<dyn Work>> {
    line.try_recv()
        .or_else(|_| {
            std::thread::yield_now();
            line.recv()
        })
        .ok()
}

fn join(threads: &Mutex<Vec<JoinHandle<()>>>) {
    let threads = std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner));
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the database panicked");
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, DbError> {
    let spawned = Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|cause| DbError::Unavailable(cause.to_string()))
}

fn open(path: &Path, read_only: bool) -> Result<Connection, DbError> {
    let access = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    };
    // Each connection belongs to one thread: its own mutex would only cost.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Else a statement is planned anew whenever a value that might matter to its plan is bound: at each use of most.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn run(session: &Session, work: &mut dyn Work) -> bool {
    session.begins();
    work.run(AnySession::Sqlite(session), true)
}

fn read(session: &Session, mut work: Box<dyn Work>) {
    let ended = in_snapshot(session, work.as_mut());
    // Whatever happened, the next read must find no transaction open.
    roll_back(&session.connection);
    work.finish(ended);
}

/// All statements of one read see one state. A single statement does so by itself, so the transaction is deferred:
/// it costs nothing until a second statement needs it.
fn in_snapshot(session: &Session, work: &mut dyn Work) -> Result<(), DbError> {
    statement(&session.connection, "BEGIN DEFERRED")?;
    run(session, work);
    statement(&session.connection, "COMMIT")
}

fn write(session: &Session, waiting: &flume::Receiver<Box<dyn Work>>, looks: &flume::Sender<()>) {
    let shared = metrics::histogram!("db_write_batch_units");
    let mut commits = 0;
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH - 1));
        shared.record(batch.len() as f64);
        commit_together(session, batch);
        commits += 1;
        if commits >= COMMITS_BETWEEN_LOOKS {
            commits = 0;
            // Full: a look is under way already.
            let _ = looks.try_send(());
        }
    }
}

fn statement(connection: &Connection, sql: &'static str) -> Result<(), DbError> {
    connection.prepare_cached(sql)?.raw_execute()?;
    Ok(())
}

fn commit_together(session: &Session, mut batch: Vec<Box<dyn Work>>) {
    let connection = &session.connection;
    if let Err(error) = statement(connection, "BEGIN IMMEDIATE") {
        return refuse(batch, &error);
    }
    let alone = batch.len() == 1;
    let mut any_stays = false;
    for work in &mut batch {
        let ran =
            if alone { Ok(run(session, work.as_mut())) } else { run_in_savepoint(session, work.as_mut()) };
        match ran {
            // SQLite gave up the whole transaction (the disk is full): nothing of the batch stayed.
            Ok(_) if connection.is_autocommit() => {
                return refuse(batch, &DbError::Unavailable("the transaction was lost".to_owned()));
            }
            Ok(stays) => any_stays |= stays,
            Err(error) => {
                roll_back(connection);
                return refuse(batch, &error);
            }
        }
    }
    match statement(connection, if any_stays { "COMMIT" } else { "ROLLBACK" }) {
        Ok(()) => batch.into_iter().for_each(|work| work.finish(Ok(()))),
        Err(error) => {
            roll_back(connection);
            refuse(batch, &error);
        }
    }
}

fn roll_back(connection: &Connection) {
    if connection.is_autocommit() {
        return;
    }
    if let Err(error) = statement(connection, "ROLLBACK") {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
}

fn run_in_savepoint(session: &Session, work: &mut dyn Work) -> Result<bool, DbError> {
    let connection = &session.connection;
    statement(connection, "SAVEPOINT unit")?;
    let stays = run(session, work);
    if connection.is_autocommit() {
        return Ok(false);
    }
    if !stays {
        statement(connection, "ROLLBACK TO unit")?;
    }
    statement(connection, "RELEASE unit")?;
    Ok(stays)
}

fn refuse(batch: Vec<Box<dyn Work>>, error: &DbError) {
    tracing::error!(%error, units = batch.len(), "a transaction failed");
    for work in batch {
        let told = match error {
            DbError::Full => DbError::Full,
            DbError::Busy => DbError::Busy,
            other => DbError::Unavailable(other.to_string()),
        };
        work.finish(Err(told));
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Copies the log into the database when it has grown, so that it starts from its beginning again.
fn keep_short(connection: &Connection, log: &Path, asked: &flume::Receiver<()>) {
    while asked.recv().is_ok() {
        let size = std::fs::metadata(log).map_or(0, |file| file.len());
        let how = match size {
            LOG_TO_CUT.. => "PRAGMA wal_checkpoint(TRUNCATE)",
            LOG_TO_COPY.. => "PRAGMA wal_checkpoint(PASSIVE)",
            _ => continue,
        };
        if let Err(error) = connection.query_row(how, [], |_| Ok(())) {
            tracing::warn!(%error, size, "the database's log could not be copied");
        }
    }
}
