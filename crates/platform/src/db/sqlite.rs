//! SQLite: one writer thread, a few reader threads, and a thread that keeps the log short.
//!
//! Units that wait together run each in a savepoint and share one commit; all are answered after it. A unit runs to
//! its end on the writer thread even if its caller has gone: a cancelled request must not leave a shared transaction
//! open. Checkpoints run apart from the committing unit, because they would be its slowest moment.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
    thread::{Builder, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::{DbError, DbOptions};

#[cfg(test)]
mod tests;

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

/// A unit of work as the writer sees it: run inside the transaction, told after the commit.
pub(super) trait Job: Send {
    /// Runs. False if what it did must not stay.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the caller what became of it.
    fn finish(self: Box<Self>, commit: Result<(), DbError>);
}

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// The engine's threads, and the two lines in which work waits for them.
pub(super) struct Sqlite {
    lines: RwLock<Option<Lines>>,
    readers: Mutex<Vec<JoinHandle<()>>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
}

struct Lines {
    writes: flume::Sender<Box<dyn Job>>,
    reads: flume::Sender<Read>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, options: &DbOptions) -> Result<Self, DbError> {
        let connection = open(path, false)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let (writes, units) = flume::bounded(WAITING);
        let (reads, queries) = flume::bounded::<Read>(WAITING);
        let (nudge, nudges) = flume::bounded(1);
        let writing = vec![
            spawn("db-writer", move || write(&connection, &units, &nudge))?,
            spawn("db-checkpoint", {
                let (checkpointer, log) = (open(path, false)?, log_of(path));
                move || keep_short(&checkpointer, &log, &nudges)
            })?,
        ];
        let mut reading = Vec::new();
        for number in 0..options.readers.max(1) {
            let (connection, line) = (open(path, true)?, queries.clone());
            reading.push(spawn(&format!("db-reader-{number}"), move || {
                while let Ok(read) = line.recv() {
                    read(&connection);
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

    pub(super) async fn write(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        let writes = self.line(|lines| lines.writes.clone())?;
        writes.send_async(job).await.map_err(|_| closed())
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, DbError> {
        let (answer, answered) = oneshot::channel();
        let read = move |connection: &Connection| {
            // A panic is the caller's, not the thread's.
            let result = catch_unwind(AssertUnwindSafe(|| in_snapshot(connection, read)));
            // Whatever happened, the next read must find no transaction open.
            roll_back(connection);
            // A caller that has gone doesn't need the answer.
            drop(result.map(|result| answer.send(result)));
        };
        let reads = self.line(|lines| lines.reads.clone())?;
        reads.send_async(Box::new(read)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| DbError::Engine("a read panicked".to_owned()))?
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

fn join(threads: &Mutex<Vec<JoinHandle<()>>>) {
    let threads = std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner));
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread of the database panicked");
        }
    }
}

pub(super) fn closed() -> DbError {
    DbError::Unavailable("it is closed".to_owned())
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
    Ok(connection)
}

/// All statements of one read see one state. A single statement does so by itself, so the transaction is deferred:
/// it costs nothing until a second statement needs it.
fn in_snapshot<T>(connection: &Connection, read: impl FnOnce(&Connection) -> T) -> Result<T, DbError> {
    connection.prepare_cached("BEGIN DEFERRED")?.raw_execute()?;
    let result = read(connection);
    connection.prepare_cached("COMMIT")?.raw_execute()?;
    Ok(result)
}

fn write(connection: &Connection, waiting: &flume::Receiver<Box<dyn Job>>, looks: &flume::Sender<()>) {
    let mut commits = 0;
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH - 1));
        commit_together(connection, batch);
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

fn commit_together(connection: &Connection, mut batch: Vec<Box<dyn Job>>) {
    if let Err(error) = statement(connection, "BEGIN IMMEDIATE") {
        return refuse(batch, &error);
    }
    let alone = batch.len() == 1;
    let mut any_stays = false;
    for job in &mut batch {
        let ran = if alone { Ok(job.run(connection)) } else { run_in_savepoint(connection, job.as_mut()) };
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
        Ok(()) => batch.into_iter().for_each(|job| job.finish(Ok(()))),
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

fn run_in_savepoint(connection: &Connection, job: &mut dyn Job) -> Result<bool, DbError> {
    statement(connection, "SAVEPOINT unit")?;
    let stays = job.run(connection);
    if connection.is_autocommit() {
        return Ok(false);
    }
    if !stays {
        statement(connection, "ROLLBACK TO unit")?;
    }
    statement(connection, "RELEASE unit")?;
    Ok(stays)
}

fn refuse(batch: Vec<Box<dyn Job>>, error: &DbError) {
    tracing::error!(%error, units = batch.len(), "a transaction failed");
    for job in batch {
        let told = match error {
            DbError::Full => DbError::Full,
            DbError::Busy => DbError::Busy,
            other => DbError::Unavailable(other.to_string()),
        };
        job.finish(Err(told));
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
