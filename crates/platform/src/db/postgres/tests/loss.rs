//! Connections that are lost, and a server that is gone for a while.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::{House, insert, options, proxy::Proxy, with_house};
use crate::db::{Db, DbError, DbOptions};

/// A database behind a stretch of network.
async fn behind(house: &House) -> (Proxy, Db) {
    let proxy = Proxy::before(house.database.url()).await;
    let url = proxy.url("127.0.0.1", "sslmode=disable");
    (proxy, Db::open(&DbOptions { connections: 1, ..options(&url) }).unwrap())
}

async fn note(db: &Db, id: i64) -> Result<u64, DbError> {
    db.write_server(move |unit| insert(unit, id)).await
}

#[test]
fn a_connection_that_was_lost_while_idle_is_nobodys_trouble() {
    with_house(|house| async move {
        let other = Db::open(&options(house.database.url())).unwrap();
        house.note(1).await.unwrap();
        let cut = "SELECT 1 FROM pg_stat_activity WHERE CASE WHEN datname = current_database()
            AND pid <> pg_backend_pid() THEN pg_terminate_backend(pid, 5000) ELSE FALSE END";
        other.read_server(move |tx| tx.across_organizations::<(i64,)>(cut)).await.unwrap();

        assert_eq!(house.note(2).await.unwrap(), 1);
        assert_eq!(house.notes().await, [1, 2]);
    });
}

#[test]
fn a_unit_whose_connection_is_lost_before_its_commit_runs_again() {
    with_house(|house| async move {
        let runs = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&runs);

        let done = house.db.write_server(move |unit| {
            insert(unit, 1)?;
            if counter.fetch_add(1, Ordering::SeqCst) == 0 {
                unit.execute("SELECT pg_terminate_backend(pg_backend_pid())", &[])?;
            }
            Ok::<_, DbError>(())
        });
        done.await.unwrap();

        assert_eq!((runs.load(Ordering::SeqCst), house.notes().await), (2, vec![1]));
    });
}

#[test]
fn a_unit_whose_commit_is_lost_is_told_so_and_not_repeated() {
    with_house(|house| async move {
        let (proxy, db) = behind(&house).await;
        note(&db, 1).await.unwrap();
        proxy.cut_at(b"COMMIT\0");

        let lost = note(&db, 2).await.unwrap_err();

        assert!(matches!(&lost, DbError::Unavailable(why) if why.contains("not known")), "{lost:?}");
        assert_eq!(house.notes().await, [1]);
    });
}

#[test]
fn a_server_that_is_gone_is_told_at_once_and_found_again() {
    with_house(|house| async move {
        let (proxy, db) = behind(&house).await;
        note(&db, 1).await.unwrap();

        proxy.stop().await;

        for id in 2..20 {
            let refused = note(&db, id).await.unwrap_err();
            assert!(matches!(refused, DbError::Unavailable(_)), "{refused:?}");
            assert_eq!(kernel::Error::from(refused).kind().status(), 503);
        }
        assert!(db.ping().await.is_err(), "health tells");
        proxy.start().await;
        while db.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
        note(&db, 20).await.unwrap();
        assert_eq!(house.notes().await, [1, 20]);
    });
}

#[test]
fn a_statement_costs_one_trip_to_the_server() {
    with_house(|house| async move {
        let (proxy, db) = behind(&house).await;
        let one = async || {
            db.read_server(|tx| tx.one::<(i64,)>("SELECT id FROM server_notes WHERE id = $1", &[&1])).await
        };
        let two = async || {
            let read = db.read_server(|tx| {
                let all = tx.all::<(i64,)>("SELECT id FROM server_notes", &[])?;
                Ok::<_, DbError>((all, tx.one::<(i64,)>("SELECT count(*) FROM server_notes", &[])?))
            });
            read.await
        };
        // Connects, prepares, and learns how many statements the reads have.
        note(&db, 1).await.unwrap();
        one().await.unwrap();
        two().await.unwrap();
        one().await.unwrap();
        proxy.trips();

        one().await.unwrap();
        assert_eq!(proxy.trips(), 1, "nothing begins or ends a transaction");
        note(&db, 2).await.unwrap();
        assert_eq!(proxy.trips(), 2, "the transaction begins together with its first statement");
        two().await.unwrap();
        one().await.unwrap();
        assert_eq!(proxy.trips(), 4, "the end of the snapshot is not waited for, but sent");
    });
}
