//! What the tests of several domains need.

use std::sync::Arc;

use kernel::{Actor, Origin, PermissionSet, Principal, Surroundings, Timestamp};
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

/// Somebody of an organization of their own who may do everything.
pub(crate) fn actor(world: &Surroundings) -> Actor {
    let principal = Principal {
        user: world.id(),
        org: world.id(),
        session: world.id(),
        permissions: PermissionSet::all(),
        level: 100,
        expires_at: Timestamp::UNIX_EPOCH,
    };
    let origin = Origin {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
        request_id: "req".into(),
        secure: false,
    };
    Actor { principal: Arc::new(principal), origin: Arc::new(origin) }
}
