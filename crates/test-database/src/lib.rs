//! Databases for tests, of both engines: each test has its own, and none is left behind.
//!
//! `#[each_database]` makes two tests of a function, one for each engine; what the function calls asks
//! [`Engine::current`] which one it is. On PostgreSQL a database is made once from a template, and emptied and handed
//! to the next test when a test is done with it: making and dropping one for each would take most of the suite's time.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that can not go on fails"
)]

mod postgres;

use std::cell::Cell;

pub use botserver_test::{botserver_test, each_database};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in a fresh folder.
    Sqlite,
    /// A database of the server at `BOTSERVER_TEST_POSTGRES`.
    Postgres,
}

thread_local! {
    static CURRENT: Cell<Engine> = const { Cell::new(Engine::Sqlite) };
}

impl Engine {
    /// The one of the test that runs on this thread: SQLite, unless it was made by `#[each_database]`.
    pub fn current() -> Self {
        CURRENT.get()
    }

    /// Runs a test on the engine.
    pub fn run<T>(self, test: impl FnOnce() -> T) -> T {
        CURRENT.set(self);
        test()
    }

    /// Runs an asynchronous test on the engine.
    pub fn block_on<F: Future>(self, test: impl FnOnce() -> F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        self.run(|| runtime.expect("a runtime").block_on(async { test().await }))
    }
}

/// A database of a test's own, gone when it is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    note: String,
    _kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Folder { _folder: TempDir },
    Server { _database: postgres::Lease },
}

impl TestDatabase {
    /// An empty database of the current engine, for tests that make a schema of their own.
    pub fn empty() -> Self {
        match Engine::current() {
            Engine::Sqlite => Self::file(),
            Engine::Postgres => Self::leased(postgres::fresh()),
        }
    }

    /// A database of the current engine as `fill` leaves it. All those of one name in a process are alike, so `fill`,
    /// which gets the address, may run once for all of them. What it gives is their note.
    pub async fn filled<F>(name: &'static str, fill: impl FnOnce(String) -> F + Send) -> Self
    where
        F: Future<Output = String> + Send,
    {
        match Engine::current() {
            Engine::Sqlite => {
                let empty = Self::file();
                Self { note: fill(empty.url.clone()).await, ..empty }
            }
            Engine::Postgres => Self::leased(postgres::alike(name, fill)),
        }
    }

    fn file() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self { url, note: String::new(), _kept: Kept::Folder { _folder: folder } }
    }

    fn leased(lease: postgres::Lease) -> Self {
        Self { url: lease.url(), note: lease.note().to_owned(), _kept: Kept::Server { _database: lease } }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was noted when it was filled.
    pub fn note(&self) -> &str {
        &self.note
    }
}
