//! The rules of the database, on both engines.

mod costs;
mod lists;
mod schema;
mod texts;
mod units;
mod values;

use kernel::{
    Id, Surroundings,
    id::kind::{Bot, Organization},
    list::{FilterField, ListSpec, SortField},
};
use test_database::TestDatabase;

use super::{Db, DbError, DbOptions, Filter, ListOf, Migration, SearchOn};
use crate::record;

pub(super) const SCHEMA: &[Migration] = &[
    Migration::new(
        "m20260101_01_test_things",
        "CREATE TABLE things (
            org_id uuid NOT NULL,
            id uuid NOT NULL,
            name text NOT NULL,
            name_key keytext NOT NULL,
            size bigint NOT NULL,
            kind keytext NOT NULL DEFAULT 'common',
            PRIMARY KEY (org_id, id),
            UNIQUE (org_id, name_key)
        );
        CREATE INDEX things_by_name ON things (org_id, name_key, id);
        CREATE INDEX things_by_size ON things (org_id, size, id);
        CREATE INDEX things_by_kind ON things (org_id, kind, size, id);
        CREATE TABLE server_notes (id bigint PRIMARY KEY, text text NOT NULL);",
    ),
    Migration::search("m20260101_02_test_things_search", "things", "name_key"),
];

pub(super) const THINGS: ListOf = ListOf {
    from: "things t",
    columns: "t.id, t.name, t.size",
    org: "t.org_id",
    id: "t.id",
    sorts: &[("name", "t.name_key"), ("size", "t.size")],
    filters: &[
        ("name", Filter::Text("t.name")),
        ("big", Filter::Bool("(t.size > 5)")),
        ("kind", Filter::Indexed(&Filter::Text("t.kind"), &["size"])),
        ("since", Filter::TimeFrom("t.size")),
        ("before", Filter::TimeUntil("t.size")),
    ],
    search: Some(SearchOn { table: "things", alias: "t", column: "name_key", begins: &["t.name_key"] }),
};

pub(super) const SPEC: ListSpec = ListSpec {
    sorts: &[SortField::asc("size"), SortField::asc("name")],
    filters: &[
        FilterField::texts("name", ""),
        FilterField::texts("big", ""),
        FilterField::texts("kind", ""),
        FilterField::time("since", ""),
        FilterField::time("before", ""),
    ],
    search: Some("names"),
};

record! {
    /// A row of the tests.
    #[derive(Debug, Clone, PartialEq)]
    pub(super) struct Thing {
        id: Id<Bot>,
        name: String,
        size: i64,
    }
}

pub(super) struct House {
    pub(super) db: Db,
    world: Surroundings,
    _database: TestDatabase,
}

fn open(url: &str) -> Db {
    Db::open(&DbOptions { connections: 4, ..DbOptions::new(url) }).unwrap()
}

pub(super) async fn house() -> House {
    let fill = |url: String| async move {
        let db = open(&url);
        db.migrate(SCHEMA).await.unwrap();
        db.close().await;
        String::new()
    };
    let database = TestDatabase::filled("things", fill).await;
    House { db: open(database.url()), world: Surroundings::system(), _database: database }
}

/// The same in a database whose schema the test may change.
async fn house_to_rebuild() -> House {
    let database = TestDatabase::empty();
    let db = open(database.url());
    db.migrate(SCHEMA).await.unwrap();
    House { db, world: Surroundings::system(), _database: database }
}

/// A size, as a filter of instants has it.
fn moment(size: i64) -> String {
    kernel::Timestamp::UNIX_EPOCH
        .checked_add_signed(chrono::TimeDelta::microseconds(size))
        .unwrap()
        .to_rfc3339()
}

/// A cursor that stands at a size, whoever made it.
fn at(size: i64, order: kernel::list::Order) -> String {
    let value = kernel::list::SortValue::Integer(size);
    kernel::list::Cursor { value, id: [0; 16], skip: 0 }.encode("size", order)
}

impl House {
    pub(super) fn org(&self) -> Id<Organization> {
        self.world.id()
    }

    pub(super) async fn add(&self, org: Id<Organization>, name: &str, size: i64) -> Result<(), DbError> {
        let (id, name): (Id<Bot>, _) = (self.world.id(), name.to_owned());
        self.db
            .write(org, move |unit| {
                unit.execute(
                    "INSERT INTO things (org_id, id, name, name_key, size) VALUES ($1, $2, $3, $4, $5)",
                    &[&id, &name, &kernel::text::key(&name), &size],
                )
                .map(|_| ())
            })
            .await
    }

    async fn count(&self, org: Id<Organization>) -> i64 {
        let count =
            self.db.read(org, |tx| tx.one::<(i64,)>("SELECT count(*) FROM things WHERE org_id = $1", &[]));
        count.await.unwrap().map_or(0, |(count,): (i64,)| count)
    }

    pub(super) async fn page(
        &self,
        org: Id<Organization>,
        query: &[(&str, &str)],
    ) -> kernel::list::Page<Thing> {
        let request = SPEC.read(query.iter().copied()).unwrap();
        self.db
            .read(org, move |tx| tx.list(&THINGS, &request, None).map_err(kernel::Error::from))
            .await
            .unwrap()
    }

    /// Walks the whole list by cursor.
    async fn walk(&self, org: Id<Organization>, sort: &str, order: &str, limit: &str) -> Vec<Thing> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("sort", sort), ("order", order), ("limit", limit)];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page = self.page(org, &query).await;
            found.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return found;
            }
        }
    }
}
