//! What the tests of several adapters need.

use test_database::TestDatabase;

use crate::db::{Db, DbOptions};

/// A database with platform's own tables, of the engine that the test is about.
pub(crate) async fn database() -> (Db, TestDatabase) {
    let fill = |url: String| async move {
        let db = open(&url);
        db.migrate(crate::migrations()).await.unwrap();
        db.close().await;
        String::new()
    };
    let database = TestDatabase::filled("platform", fill).await;
    (open(database.url()), database)
}

fn open(url: &str) -> Db {
    Db::open(&DbOptions { connections: 4, ..DbOptions::new(url) }).unwrap()
}
