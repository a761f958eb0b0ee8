//! What commits, what is seen, and what a handle may touch.

use std::sync::{Arc, Mutex, mpsc::channel};

use futures_util::future::join_all;
use test_database::each_database;

use super::house;
use crate::db::DbError;

#[each_database]
async fn units_that_wait_together_all_commit_and_are_seen() {
    let house = house().await;
    let org = house.org();

    let house = &house;
    let added = join_all((0..200).map(async |i| house.add(org, &format!("thing {i}"), i).await)).await;

    assert!(added.iter().all(Result::is_ok));
    assert_eq!(house.count(org).await, 200);
}

#[each_database]
async fn a_failing_unit_among_others_leaves_nothing_and_harms_nobody() {
    let house = house().await;
    let org = house.org();

    let added = join_all((0..50).map(|i| {
        let (house, i) = (&house, i);
        Box::pin(async move {
            if i % 5 == 0 {
                house.add(org, "same", 0).await
            } else {
                house.add(org, &format!("n{i}"), i).await
            }
        })
    }))
    .await;

    let refused: Vec<_> = added.iter().filter_map(|added| added.as_ref().err()).collect();
    assert_eq!(refused.len(), 9, "the first of the same name stays");
    assert!(refused.iter().all(|error| error.violates("things_org_id_name_key_key")), "{refused:?}");
    assert_eq!(house.count(org).await, 41);
}

#[each_database]
async fn a_unit_that_panics_leaves_nothing_and_the_writer_lives() {
    let house = house().await;
    let org = house.org();

    let panicked: Result<(), DbError> = house
        .db
        .write(org, |unit| {
            unit.execute("DELETE FROM things WHERE org_id = $1", &[])?;
            panic!("on purpose")
        })
        .await;

    assert!(matches!(panicked, Err(DbError::Engine(_))));
    house.add(org, "after", 1).await.unwrap();
}

#[each_database]
async fn a_unit_runs_to_its_end_though_its_caller_has_gone() {
    let house = house().await;
    let org = house.org();

    let ((started, waits), (go, released)) = (channel(), channel::<()>());
    let ((ended, ends), released) = (channel(), Arc::new(Mutex::new(released)));
    let db = house.db.clone();
    let caller = tokio::spawn(async move {
        db.write(org, move |unit| {
            started.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            unit.after_commit(move || ended.send(()).unwrap());
            unit.server().execute("INSERT INTO server_notes (id, text) VALUES (1, 'x')", &[])
        })
        .await
    });
    tokio::task::spawn_blocking(move || waits.recv().unwrap()).await.unwrap();
    caller.abort();
    go.send(()).unwrap();
    tokio::task::spawn_blocking(move || ends.recv().unwrap()).await.unwrap();

    let notes = house.db.read_server(|tx| tx.one::<(i64,)>("SELECT count(*) FROM server_notes", &[]));
    assert_eq!(notes.await.unwrap(), Some((1,)));
}

#[each_database]
async fn what_happens_after_the_commit_happens_only_then() {
    let house = house().await;
    let (told, hears) = std::sync::mpsc::channel();
    let refused = told.clone();

    let failed: Result<(), DbError> = house
        .db
        .write(house.org(), move |unit| {
            unit.after_commit(move || refused.send("failed").unwrap());
            Err(DbError::Busy)
        })
        .await;
    let done: Result<(), DbError> = house
        .db
        .write(house.org(), move |unit| {
            unit.after_commit(move || told.send("done").unwrap());
            Ok(())
        })
        .await;

    assert!(failed.is_err() && done.is_ok());
    assert_eq!(hears.iter().collect::<Vec<_>>(), ["done"]);
}

#[each_database]
async fn a_statement_that_crosses_its_scope_is_refused() {
    let house = house().await;

    let unscoped = house.db.read(house.org(), |tx| tx.all::<(String,)>("SELECT name FROM things", &[]));
    assert!(matches!(unscoped.await, Err(DbError::Unscoped(_))));

    let foreign = house.db.read_server(|tx| tx.all::<(String,)>("SELECT name FROM things", &[]));
    assert!(matches!(foreign.await, Err(DbError::Unscoped(_))));
}

#[each_database]
async fn a_read_that_writes_fails() {
    let house = house().await;
    let org = house.org();
    house.add(org, "kept", 1).await.unwrap();

    let read =
        house.db.read(org, |tx| tx.one::<(i64,)>("DELETE FROM things WHERE org_id = $1 RETURNING size", &[]));

    assert!(read.await.is_err());
    assert_eq!(house.count(org).await, 1);
}

#[each_database]
async fn one_organization_does_not_see_anothers_rows() {
    let house = house().await;
    let (ours, theirs) = (house.org(), house.org());
    house.add(theirs, "theirs", 1).await.unwrap();

    assert_eq!(house.count(ours).await, 0);
    assert_eq!(house.page(ours, &[]).await.total, Some(0));
}

#[each_database]
async fn a_closed_database_says_so() {
    let house = house().await;
    house.db.close().await;

    assert!(matches!(house.db.ping().await, Err(DbError::Unavailable(_))));
}

#[each_database]
async fn what_panics_after_the_commit_takes_neither_the_answer_nor_the_writer_along() {
    let house = house().await;

    let done: Result<i64, DbError> = house
        .db
        .write_server(|unit| {
            unit.execute("INSERT INTO server_notes (id, text) VALUES (1, 'stands')", &[])?;
            unit.after_commit(|| panic!("on purpose"));
            Ok(7)
        })
        .await;

    assert!(matches!(done, Ok(7)), "{done:?}");
    let notes = house.db.read_server(|tx| tx.all::<(String,)>("SELECT text FROM server_notes", &[]));
    assert_eq!(notes.await.unwrap(), [("stands".to_owned(),)]);
}

#[each_database]
async fn a_read_that_panics_takes_no_reader_along() {
    let house = house().await;

    let panicked: Result<(), DbError> = house.db.read_server(|_| panic!("on purpose")).await;

    assert!(matches!(panicked, Err(DbError::Engine(_))));
    house.db.ping().await.unwrap();
}

#[each_database]
async fn a_unit_in_which_a_statement_failed_leaves_nothing_whatever_it_gives() {
    let house = house().await;

    let done = house.db.write_server(|unit| {
        unit.execute("INSERT INTO server_notes (id, text) VALUES (1, 'first')", &[])?;
        let twice = unit.execute("INSERT INTO server_notes (id, text) VALUES (1, 'twice')", &[]);
        assert!(twice.unwrap_err().violates("server_notes_pkey"));
        Ok::<_, DbError>(())
    });

    assert!(matches!(done.await, Err(DbError::Engine(_))));
    let notes = house.db.read_server(|tx| tx.all::<(i64,)>("SELECT id FROM server_notes", &[]));
    assert_eq!(notes.await.unwrap(), []);
}
