//! What the engine promises whatever happens around it: others that change the same rows, connections that are lost,
//! a server that is gone, nodes that start together.

mod large;
mod loss;
mod proxy;
mod secure;

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::channel,
    },
    time::Duration,
};

use futures_util::future::join_all;
use test_database::{Engine, TestDatabase};

use crate::db::{Db, DbError, DbOptions, Migration, ServerUnit};

const SCHEMA: &[Migration] = &[Migration::new(
    "m20260101_01_test_notes",
    "CREATE TABLE server_notes (id bigint PRIMARY KEY, text text NOT NULL, fine boolean NOT NULL DEFAULT TRUE);",
)];

struct House {
    db: Db,
    database: TestDatabase,
}

fn options(url: &str) -> DbOptions {
    DbOptions { connections: 3, ..DbOptions::new(url) }
}

/// Runs a test with a database on the server.
fn with_house<F: Future<Output = ()>>(claim: impl FnOnce(House) -> F) {
    Engine::Postgres.block_on(|| async {
        let fill = |url: String| async move {
            let db = Db::open(&options(&url)).unwrap();
            db.migrate(SCHEMA).await.unwrap();
            db.close().await;
            String::new()
        };
        let database = TestDatabase::filled("postgres", fill).await;
        claim(House { db: Db::open(&options(database.url())).unwrap(), database }).await;
    });
}

impl House {
    async fn note(&self, id: i64) -> Result<u64, DbError> {
        self.db.write_server(move |unit| insert(unit, id)).await
    }

    async fn notes(&self) -> Vec<i64> {
        let rows = self.db.read_server(|tx| tx.all::<(i64,)>("SELECT id FROM server_notes ORDER BY id", &[]));
        rows.await.unwrap().into_iter().map(|(id,)| id).collect()
    }
}

fn insert(unit: &ServerUnit<'_>, id: i64) -> Result<u64, DbError> {
    unit.execute("INSERT INTO server_notes (id, text) VALUES ($1, 'x')", &[&id])
}

fn set(unit: &ServerUnit<'_>, id: i64, text: &str) -> Result<u64, DbError> {
    unit.execute("UPDATE server_notes SET text = $2 WHERE id = $1", &[&id, &text])
}

/// Fails as if another transaction had been in the way.
const CONFLICT: &str = "DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '40001'; END $$";

#[test]
fn a_unit_that_meets_another_runs_again_and_stays_once() {
    with_house(|house| async move {
        let (runs, (told, hears)) = (Arc::new(AtomicU32::new(0)), channel());
        let counter = Arc::clone(&runs);

        let done = house.db.write_server(move |unit| {
            insert(unit, 1)?;
            let told = told.clone();
            unit.after_commit(move || told.send(()).unwrap());
            if counter.fetch_add(1, Ordering::SeqCst) < 2 {
                unit.execute(CONFLICT, &[])?;
            }
            Ok::<_, DbError>(())
        });
        done.await.unwrap();

        assert_eq!(runs.load(Ordering::SeqCst), 3);
        assert_eq!(house.notes().await, [1]);
        assert_eq!(hears.iter().count(), 1, "what follows a commit follows it once");
    });
}

#[test]
fn a_unit_that_always_meets_others_gives_up_as_busy() {
    with_house(|house| async move {
        let runs = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&runs);

        let refused = house.db.write_server(move |unit| {
            counter.fetch_add(1, Ordering::SeqCst);
            insert(unit, 1)?;
            unit.execute(CONFLICT, &[])
        });
        let refused = refused.await.unwrap_err();

        assert!(matches!(refused, DbError::Busy));
        assert_eq!(kernel::Error::from(refused).kind().status(), 503);
        assert_eq!((runs.load(Ordering::SeqCst), house.notes().await), (3, vec![]));
    });
}

#[test]
fn units_that_lock_each_other_out_both_succeed() {
    with_house(|house| async move {
        house.note(1).await.unwrap();
        house.note(2).await.unwrap();
        let both = Arc::new(Barrier::new(2));
        let unit = |first: i64, second: i64, text: &'static str| {
            let (both, again) = (Arc::clone(&both), Arc::new(AtomicU32::new(0)));
            house.db.write_server(move |unit| {
                set(unit, first, text)?;
                // Each has its first row before either wants its second one; only one of them runs again.
                if again.fetch_add(1, Ordering::SeqCst) == 0 {
                    both.wait();
                }
                set(unit, second, text)
            })
        };

        let (one, other) = tokio::join!(unit(1, 2, "one"), unit(2, 1, "other"));

        assert_eq!((one.unwrap(), other.unwrap()), (1, 1));
        let texts =
            house.db.read_server(|tx| tx.all::<(String,)>("SELECT text FROM server_notes", &[])).await;
        let texts = texts.unwrap();
        assert_eq!(texts[0], texts[1], "one was after the other");
    });
}

#[test]
fn counts_that_units_look_at_under_a_lock_are_right() {
    with_house(|house| async move {
        let db = &house.db;
        let unit = async |id: i64| {
            db.write_server(move |unit| {
                unit.lock("notes")?;
                let count = unit.one::<(i64,)>("SELECT count(*) FROM server_notes", &[])?;
                if count == Some((0,)) { insert(unit, id) } else { Ok(0) }
            })
            .await
        };

        let made = join_all((0..12).map(unit)).await;

        assert_eq!(made.into_iter().map(Result::unwrap).sum::<u64>(), 1);
        assert_eq!(house.notes().await.len(), 1);
    });
}

#[test]
fn the_statements_of_a_read_see_one_state() {
    with_house(|house| async move {
        let (started, starts) = channel();
        let (go, goes) = channel::<()>();
        let goes = Arc::new(Mutex::new(goes));
        let look = |between: bool| {
            let (started, goes) = (started.clone(), Arc::clone(&goes));
            house.db.read_server(move |tx| {
                let count =
                    |tx: &crate::db::ServerTx<'_>| tx.one::<(i64,)>("SELECT count(*) FROM server_notes", &[]);
                let before = count(tx)?;
                if between {
                    started.send(()).unwrap();
                    goes.lock().unwrap().recv().unwrap();
                }
                Ok::<_, DbError>((before, count(tx)?))
            })
        };
        // The first time, it is found out that the read has two statements.
        look(false).await.unwrap();

        let writes = async {
            tokio::task::spawn_blocking(move || starts.recv().unwrap()).await.unwrap();
            house.note(1).await.unwrap();
            go.send(()).unwrap();
        };
        let (seen, ()) = tokio::join!(look(true), writes);

        assert_eq!(seen.unwrap(), (Some((0,)), Some((0,))));
        assert_eq!(house.notes().await, [1]);
    });
}

#[test]
fn what_takes_too_long_is_given_up() {
    with_house(|house| async move {
        let short = Duration::from_millis(20);
        let hasty = options(house.database.url());
        let hasty = Db::open(&DbOptions { statement_timeout: short, lock_timeout: short, ..hasty }).unwrap();
        house.note(1).await.unwrap();

        let slow =
            hasty.read_server(|tx| tx.across_organizations::<(i64,)>("SELECT 1 FROM pg_sleep(10)")).await;
        assert!(matches!(slow, Err(DbError::Busy)), "{slow:?}");
        let held = house.db.write_server(move |unit| {
            set(unit, 1, "held")?;
            let hasty = hasty.clone();
            let locked = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(hasty.write_server(|unit| set(unit, 1, "taken")))
            });
            Ok::<_, DbError>(locked.join().unwrap())
        });

        assert!(matches!(held.await.unwrap(), Err(DbError::Busy)));
    });
}

#[test]
fn more_work_than_connections_is_all_done() {
    with_house(|house| async move {
        let done = join_all((0..200).map(|id| house.note(id))).await;

        assert!(done.iter().all(Result::is_ok));
        assert_eq!(house.notes().await.len(), 200);
    });
}

#[test]
fn connections_are_few_and_closing_ends_them() {
    with_house(|house| async move {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
        let count = async |db: &Db| {
            let count = db.read_server(move |tx| tx.across_organizations::<(i64,)>(sql)).await;
            count.unwrap()[0].0
        };
        for id in 0..10 {
            house.note(id).await.unwrap();
        }
        assert_eq!(count(&house.db).await, 1, "one thing at a time takes one connection");
        join_all((10..60).map(|id| house.note(id))).await;
        assert!(count(&house.db).await <= 3);

        house.db.close().await;

        let other = Db::open(&options(house.database.url())).unwrap();
        // The server notices by itself that they have ended.
        while count(&other).await > 1 {}
        assert!(matches!(house.db.ping().await, Err(DbError::Unavailable(_))));
    });
}

#[test]
fn nodes_that_start_together_apply_each_migration_once() {
    Engine::Postgres.block_on(|| async {
        let database = TestDatabase::empty();
        let steps = [
            Migration::new("m20260101_01_test_a", "CREATE TABLE server_a (id bigint PRIMARY KEY)"),
            Migration::new("m20260101_02_test_b", "INSERT INTO server_a VALUES (1)"),
            Migration::new("m20260101_03_test_c", "CREATE TABLE c (org_id uuid, search_key text NOT NULL)"),
            Migration::search("m20260101_04_test_d", "c", "search_key"),
        ];
        let nodes: Vec<Db> = (0..3).map(|_| Db::open(&options(database.url())).unwrap()).collect();

        let applied = join_all(nodes.iter().map(|node| node.migrate(&steps))).await;

        let mut names: Vec<String> = applied.into_iter().flat_map(|applied| applied.unwrap().names).collect();
        names.sort_unstable();
        assert_eq!(names, steps.map(|step| step.name().to_owned()));
        assert_eq!(nodes[0].migrate(&steps).await.unwrap().names, [""; 0]);
    });
}

#[test]
fn a_statement_survives_a_change_of_the_schema_under_it() {
    Engine::Postgres.block_on(|| async {
        let database = TestDatabase::empty();
        let (db, node) =
            (Db::open(&options(database.url())).unwrap(), Db::open(&options(database.url())).unwrap());
        db.migrate(SCHEMA).await.unwrap();
        let fine =
            async || node.read_server(|tx| tx.all::<(i64,)>("SELECT fine FROM server_notes", &[])).await;
        assert_eq!(fine().await.unwrap(), []);
        let change = Migration::each(
            "m20260101_02_test_change",
            "",
            "ALTER TABLE server_notes ALTER COLUMN fine DROP DEFAULT, ALTER COLUMN fine TYPE bigint USING 7;
             INSERT INTO server_notes VALUES (1, 'x', 7);",
        );

        db.migrate(&[change]).await.unwrap();

        assert_eq!(fine().await.unwrap(), [(7,)]);
    });
}
