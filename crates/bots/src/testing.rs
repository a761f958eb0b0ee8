//! What the tests of several domains need.

use std::sync::Arc;

use kernel::{Actor, Origin, PermissionSet, Principal, Surroundings, Timestamp};
use platform::db::{Db, DbError, DbOptions};
use test_database::TestDatabase;

/// An empty database with the tables of this room and of those below it, of the engine that the test is about.
pub(crate) async fn database() -> (Db, TestDatabase) {
    let fill = |url: String| async move {
        let db = open(&url);
        let others = identity::migrations();
        let migrations: Vec<_> =
            platform::migrations().iter().chain(&others).chain(crate::migrations()).copied().collect();
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
        visits: None,
        key: None,
        confined: None,
    };
    let origin = Origin {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
        request_id: "req".into(),
        asked_within: Vec::new(),
        secure: false,
    };
    Actor { principal: Arc::new(principal), origin: Arc::new(origin) }
}

/// Writes the rows of a member, of whom nothing is asked but that they are one.
pub(crate) async fn join(db: &Db, who: &Actor) {
    let (org, user) = (who.org, who.user);
    let joined = db.write_server(move |unit| {
        unit.execute(
            "INSERT INTO server_organizations (id, name, slug, rev, created_at, updated_at)
             VALUES ($1, 'Org', 'org', 1, 0, 0)",
            &[&org],
        )?;
        unit.execute(
            "INSERT INTO server_users (id, home_org_id, username, username_key, email, email_key, email_verified,
                display_name, display_name_key, metadata, status, two_factor_enabled, last_login, search_key,
                names_key, rev, created_at, updated_at)
             VALUES ($1, $2, 'ann', 'ann', 'a@b.c', 'a@b.c', TRUE, 'Ann', 'ann', '{}', 'active', FALSE, 0, 'ann',
                'ann', 1, 0, 0)",
            &[&user, &org],
        )?;
        unit.org(org).execute(
            "INSERT INTO members (org_id, user_id, joined_at, created_at, username_key, email_key, display_name_key,
                last_login, search_key, names_key)
             VALUES ($1, $2, 0, 0, 'ann', 'a@b.c', 'ann', 0, 'ann', 'ann')",
            &[&user],
        )
    });
    joined.await.map_err(|error: DbError| error).unwrap();
}
