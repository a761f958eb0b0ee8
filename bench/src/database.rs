//! A database of its own on a PostgreSQL server, gone when dropped.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use postgres::{Client, NoTls};

/// A fresh database.
pub(crate) struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// Makes one on the server at that address (`postgres://user@host:port/database`).
    pub(crate) fn make(server: &str) -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("botserver_bench_{}_{number}", std::process::id());
        let (base, _) = server.rsplit_once('/').context("the address names no database")?;
        let url = format!("{base}/{name}");
        apart(server, &format!("CREATE DATABASE {name}"))?;
        Ok(Self { server: server.to_owned(), name, url })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements in it.
    pub(crate) fn run(&self, sql: &str) -> anyhow::Result<()> {
        apart(&self.url, sql)
    }

    /// The number that a statement gives.
    pub(crate) fn count(&self, sql: &str) -> anyhow::Result<i64> {
        on_a_thread(|| Ok(Client::connect(&self.url, NoTls)?.query_one(sql, &[])?.get(0)))
    }

    /// The texts that a statement gives, one in each row.
    pub(crate) fn texts(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        on_a_thread(|| {
            let rows = Client::connect(&self.url, NoTls)?.query(sql, &[])?;
            Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
        })
    }

    /// CPU time in seconds that the server's processes have used, if they run on this machine. Those of connections
    /// that have ended are in the time of the first one, which waited for them.
    pub(crate) fn cpu_seconds() -> f64 {
        crate::process::cpu_seconds_of("postgres")
    }
}

fn apart(url: &str, sql: &str) -> anyhow::Result<()> {
    on_a_thread(|| Ok(Client::connect(url, NoTls)?.batch_execute(sql)?))
}

/// The client keeps a runtime of its own, which must not run inside another one.
fn on_a_thread<T: Send>(work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|_| anyhow::bail!("the database's client panicked"))
    })
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = apart(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        if let Err(cause) = dropped {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("the database {} stays: {cause}", self.name);
            }
        }
    }
}
