//! What the tests of several domains need.

use platform::db::{Db, DbOptions};
use test_database::TestDatabase;

/// An empty database with the tables of this room and of platform, of the engine that the test is about.
pub(crate) async fn database() -> (Db, TestDatabase) {
    let fill = |url: String| async move {
        let db = open(&url);
        let migrations: Vec<_> = platform::migrations().iter().chain(crate::migrations()).copied().collect();
        db.migrate(&migrations).await.unwrap();
        db.close().await;
        String::new()
    };
    let database = TestDatabase::filled("bots", fill).await;
    (open(database.url()), database)
}

fn open(url: &str) -> Db {
    Db::open(&DbOptions { connections: 4, ..DbOptions::new(url) }).unwrap()
}
