//! What the engine promises whatever goes wrong: answers after the commit, clean losses, threads that live.

use std::{
    any::TypeId,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc::channel},
};

use rusqlite::{Connection, StatementStatus};
use tempfile::TempDir;

use super::{LOG_TO_COPY, Session, commit_together, keep_short, log_of, open};
use crate::db::{Db, DbError, DbOptions, Migration, session::Session as AnySession, work::Work};

const SCHEMA: &[Migration] = &[Migration::new(
    "m20260101_01_test_notes",
    "CREATE TABLE server_notes (text text PRIMARY KEY);
     CREATE TABLE server_replies (
        text text NOT NULL REFERENCES server_notes (text) DEFERRABLE INITIALLY DEFERRED
     );",
)];

struct House {
    db: Db,
    path: PathBuf,
    _folder: TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let options = DbOptions { readers: 1, ..DbOptions::new(&format!("sqlite:{}", path.display())) };
    let db = Db::open(&options).unwrap();
    db.migrate(SCHEMA).await.unwrap();
    House { db, path, _folder: folder }
}

impl House {
    async fn note(&self, text: &str) -> Result<u64, DbError> {
        let text = text.to_owned();
        let insert = "INSERT INTO server_notes (text) VALUES ($1)";
        self.db.write_server(move |unit| unit.execute(insert, &[&text])).await
    }

    async fn pragma(&self, sql: &'static str) -> i64 {
        let value = self.db.write_server(move |unit| unit.one::<(i64,)>(sql, &[])).await;
        value.unwrap().unwrap().0
    }
}

fn notes(path: &Path) -> Vec<String> {
    let connection = open(path, true).unwrap();
    let mut statement = connection.prepare("SELECT text FROM server_notes ORDER BY text").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What a unit was told, and what stood then for everybody else.
type Told = Arc<Mutex<Vec<(Result<(), String>, Vec<String>)>>>;

/// A unit that runs one statement.
struct Probe {
    sql: &'static str,
    path: PathBuf,
    told: Told,
}

impl Work for Probe {
    fn run(&mut self, session: AnySession<'_>, _: bool) -> bool {
        let AnySession::Sqlite(session) = session else { return false };
        session.connection.execute_batch(self.sql).is_ok()
    }

    fn finish(self: Box<Self>, commit: Result<(), DbError>) {
        let commit = commit.map_err(|error| error.to_string());
        self.told.lock().unwrap().push((commit, notes(&self.path)));
    }

    fn kind(&self) -> TypeId {
        TypeId::of::<Self>()
    }
}

/// Runs the statements as units that waited together.
fn together(house: &House, statements: &[&'static str]) -> Vec<(Result<(), String>, Vec<String>)> {
    let told = Told::default();
    let batch = statements.iter().map(|sql| {
        let (path, told) = (house.path.clone(), Arc::clone(&told));
        Box::new(Probe { sql, path, told }) as Box<dyn Work>
    });
    commit_together(&Session::new(open(&house.path, false).unwrap()), batch.collect());
    Arc::into_inner(told).unwrap().into_inner().unwrap()
}

#[test]
fn the_bundled_library_is_fit_for_a_checkpointer_beside_the_writer() {
    let connection = Connection::open_in_memory().unwrap();
    let mut statement = connection.prepare("PRAGMA compile_options").unwrap();
    let options: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();

    // Up to 3.51.2 a checkpoint beside a commit could corrupt the database (sqlite.org/wal.html#walresetbug).
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
}

#[tokio::test]
async fn the_writer_is_durable_and_keeps_foreign_keys() {
    let house = house().await;

    assert_eq!(house.pragma("PRAGMA synchronous").await, 2, "FULL: the log is synced at each commit");
    assert_eq!(house.pragma("PRAGMA foreign_keys").await, 1);
    assert_eq!(house.pragma("PRAGMA wal_autocheckpoint").await, 0, "never in the committing unit");
    let mode = house.db.write_server(|unit| unit.one::<(String,)>("PRAGMA journal_mode", &[])).await;
    assert_eq!(mode.unwrap(), Some(("wal".to_owned(),)));
}

#[test]
fn a_statement_that_is_used_again_is_not_planned_again() {
    let folder = tempfile::tempdir().unwrap();
    let connection = open(&folder.path().join("file"), false).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE notes (id integer PRIMARY KEY, size bigint, name text); CREATE INDEX sizes ON notes (size);",
        )
        .unwrap();
    let mut statement = connection
        .prepare("SELECT id FROM notes WHERE (size, id) > (?1, ?2) AND name LIKE ?3 LIMIT 5")
        .unwrap();

    for size in 0..5 {
        statement.query_map((size, size, "a%"), |row| row.get::<_, i64>(0)).unwrap().for_each(drop);
    }

    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
}

#[tokio::test]
async fn nobody_is_answered_before_the_shared_commit() {
    let house = house().await;

    let told = together(
        &house,
        &[
            "INSERT INTO server_notes VALUES ('a')",
            "INSERT INTO server_notes VALUES ('gone'); INSERT INTO server_notes VALUES ('a')",
            "INSERT INTO server_notes VALUES ('b')",
        ],
    );

    assert_eq!(told.len(), 3);
    for (commit, stood) in told {
        assert_eq!((commit, stood), (Ok(()), vec!["a".to_owned(), "b".to_owned()]));
    }
}

#[tokio::test]
async fn a_transaction_that_is_lost_fails_every_unit_of_it_and_no_later_one() {
    let house = house().await;

    let lost = together(
        &house,
        &["INSERT INTO server_notes VALUES ('a')", "ROLLBACK", "INSERT INTO server_notes VALUES ('b')"],
    );
    let later = together(&house, &["INSERT INTO server_notes VALUES ('c')"]);

    assert_eq!(lost.len(), 3);
    assert!(lost.iter().all(|(commit, stood)| commit.is_err() && stood.is_empty()), "{lost:?}");
    assert_eq!(later, [(Ok(()), vec!["c".to_owned()])]);
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_everybody() {
    let house = house().await;

    let failed = together(
        &house,
        &["INSERT INTO server_notes VALUES ('a')", "INSERT INTO server_replies VALUES ('to nobody')"],
    );

    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|(commit, stood)| commit.is_err() && stood.is_empty()), "{failed:?}");
    house.note("a").await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_passes() {
    let house = house().await;
    let pages = house.pragma("PRAGMA page_count").await;
    house.pragma("PRAGMA max_page_count = 1").await;

    let full = house.note(&"x".repeat(1 << 20)).await;

    assert!(matches!(full, Err(DbError::Full)), "{full:?} after {pages} pages");
    house.pragma("PRAGMA max_page_count = 1000000").await;
    house.note("small").await.unwrap();
    assert_eq!(notes(&house.path), ["small"]);
}

#[tokio::test]
async fn a_damaged_database_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    std::fs::write(&path, "no database at all, ".repeat(100)).unwrap();

    let refused = Db::open(&DbOptions::new(&format!("sqlite:{}", path.display())));

    assert!(matches!(refused.err(), Some(DbError::Corrupt(_))));
}

#[tokio::test]
async fn closing_waits_for_what_is_under_way_and_empties_the_log() {
    let house = house().await;
    house.note("kept").await.unwrap();
    let ((started, starts), (release, released)) = (channel(), channel::<()>());
    let (db, released) = (house.db.clone(), Arc::new(Mutex::new(released)));
    let read = tokio::spawn(async move {
        let busy = db.read_server(move |_| {
            started.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            Ok::<_, DbError>(7)
        });
        busy.await
    });
    tokio::task::spawn_blocking(move || starts.recv().unwrap()).await.unwrap();

    let closing = tokio::spawn({
        let db = house.db.clone();
        async move { db.close().await }
    });
    release.send(()).unwrap();
    closing.await.unwrap();

    assert_eq!(read.await.unwrap().unwrap(), 7);
    assert!(!log_of(&house.path).exists(), "the last connection copies the log and removes it");
    assert!(matches!(house.note("late").await, Err(DbError::Unavailable(_))));
    assert_eq!(notes(&house.path), ["kept"]);
}

#[tokio::test]
async fn the_log_begins_again_once_it_was_copied() {
    let house = house().await;
    let log = log_of(&house.path);
    let size = || std::fs::metadata(&log).unwrap().len();
    let mut number = 0;
    while size() < LOG_TO_COPY {
        number += 1;
        house.note(&format!("{number} {}", "x".repeat(100_000))).await.unwrap();
    }
    let grown = size();

    let (nudge, nudges) = flume::bounded(1);
    nudge.send(()).unwrap();
    drop(nudge);
    keep_short(&open(&house.path, false).unwrap(), &log, &nudges);
    for more in 0..8 {
        house.note(&format!("more {more} {}", "x".repeat(100_000))).await.unwrap();
    }

    assert_eq!(size(), grown, "the log is written from its start again");
}
