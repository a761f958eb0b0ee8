//! The rules of the database: what commits, what is seen, what a handle may touch, how lists are walked.

use futures_util::future::join_all;
use kernel::{
    Id, Surroundings,
    id::kind::{Bot, Organization},
    list::{Count, ListRequest, ListSpec, SortField},
};
use tempfile::TempDir;

use super::{Db, DbError, DbOptions, Filter, ListError, ListOf, Migration, SearchOn};
use crate::record;

const SCHEMA: &[Migration] = &[
    Migration::new(
        "m20260101_01_test_things",
        "CREATE TABLE things (
            org_id uuid NOT NULL,
            id uuid NOT NULL,
            name text NOT NULL,
            name_key keytext NOT NULL,
            size bigint NOT NULL,
            PRIMARY KEY (org_id, id),
            UNIQUE (org_id, name_key)
        );
        CREATE INDEX things_by_name ON things (org_id, name_key, id);
        CREATE INDEX things_by_size ON things (org_id, size, id);
        CREATE TABLE server_notes (id bigint PRIMARY KEY, text text NOT NULL);",
    ),
    Migration::search("m20260101_02_test_things_search", "things", "name_key"),
];

const THINGS: ListOf = ListOf {
    from: "things t",
    columns: "t.id, t.name, t.size",
    org: "t.org_id",
    id: "t.id",
    sorts: &[("name", "t.name_key"), ("size", "t.size")],
    filters: &[("name", Filter::Text("t.name")), ("big", Filter::Bool("(t.size > 5)"))],
    search: Some(SearchOn { table: "things", alias: "t", column: "name_key" }),
};

const SPEC: ListSpec = ListSpec {
    sorts: &[SortField::asc("size"), SortField::asc("name")],
    filters: &["name", "big"],
    search: true,
};

record! {
    /// A row of the tests.
    #[derive(Debug, Clone, PartialEq)]
    struct Thing {
        id: Id<Bot>,
        name: String,
        size: i64,
    }
}

struct House {
    db: Db,
    world: Surroundings,
    _folder: TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("t.db").display());
    let db = Db::open(&DbOptions::new(&url)).unwrap();
    db.migrate(SCHEMA).await.unwrap();
    House { db, world: Surroundings::system(), _folder: folder }
}

impl House {
    fn org(&self) -> Id<Organization> {
        self.world.id()
    }

    async fn add(&self, org: Id<Organization>, name: &str, size: i64) -> Result<(), DbError> {
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

    async fn page(&self, org: Id<Organization>, query: &[(&str, &str)]) -> kernel::list::Page<Thing> {
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

#[tokio::test]
async fn units_that_wait_together_all_commit_and_are_seen() {
    let house = house().await;
    let org = house.org();

    let house = &house;
    let added = join_all((0..200).map(async |i| house.add(org, &format!("thing {i}"), i).await)).await;

    assert!(added.iter().all(Result::is_ok));
    assert_eq!(house.count(org).await, 200);
}

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
async fn a_unit_runs_to_its_end_though_its_caller_has_gone() {
    let house = house().await;
    let org = house.org();

    let (started, waits) = std::sync::mpsc::channel();
    let (go, released) = std::sync::mpsc::channel::<()>();
    let db = house.db.clone();
    let caller = tokio::spawn(async move {
        db.write(org, move |unit| {
            started.send(()).unwrap();
            released.recv().unwrap();
            unit.server().execute("INSERT INTO server_notes (id, text) VALUES (1, 'x')", &[])
        })
        .await
    });
    tokio::task::spawn_blocking(move || waits.recv().unwrap()).await.unwrap();
    caller.abort();
    go.send(()).unwrap();

    // Units run in order: this one comes after it.
    house.add(org, "after", 1).await.unwrap();
    let notes = house.db.read_server(|tx| tx.one::<(i64,)>("SELECT count(*) FROM server_notes", &[]));
    assert_eq!(notes.await.unwrap(), Some((1,)));
}

#[tokio::test]
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

#[tokio::test]
async fn a_statement_that_crosses_its_scope_is_refused() {
    let house = house().await;

    let unscoped = house.db.read(house.org(), |tx| tx.all::<(String,)>("SELECT name FROM things", &[]));
    assert!(matches!(unscoped.await, Err(DbError::Unscoped(_))));

    let foreign = house.db.read_server(|tx| tx.all::<(String,)>("SELECT name FROM things", &[]));
    assert!(matches!(foreign.await, Err(DbError::Unscoped(_))));
}

#[tokio::test]
async fn a_list_that_crosses_its_scope_is_refused() {
    let house = house().await;
    let request = || SPEC.read([]).unwrap();
    let unscoped = ListOf { org: "", ..THINGS };

    let foreign = house.db.read_server(move |tx| tx.list::<Thing>(&unscoped, &request(), None));
    let nobodys = house.db.read(house.org(), move |tx| tx.list::<Thing>(&unscoped, &request(), None));

    assert!(matches!(foreign.await, Err(ListError::Database(DbError::Unscoped(_)))));
    assert!(matches!(nobodys.await, Err(ListError::Database(DbError::Unscoped(_)))));
}

#[tokio::test]
async fn a_read_that_writes_fails() {
    let house = house().await;
    let org = house.org();
    house.add(org, "kept", 1).await.unwrap();

    let read =
        house.db.read(org, |tx| tx.one::<(i64,)>("DELETE FROM things WHERE org_id = $1 RETURNING size", &[]));

    assert!(read.await.is_err());
    assert_eq!(house.count(org).await, 1);
}

#[tokio::test]
async fn one_organization_does_not_see_anothers_rows() {
    let house = house().await;
    let (ours, theirs) = (house.org(), house.org());
    house.add(theirs, "theirs", 1).await.unwrap();

    assert_eq!(house.count(ours).await, 0);
    assert_eq!(house.page(ours, &[]).await.total, Some(0));
}

#[tokio::test]
async fn a_list_with_equal_keys_is_walked_in_both_directions_without_loss() {
    let house = house().await;
    let org = house.org();
    for i in 0..23 {
        house.add(org, &format!("thing {i:02}"), i / 7).await.unwrap();
    }

    for sort in ["size", "name"] {
        let up = house.walk(org, sort, "asc", "5").await;
        let mut down = house.walk(org, sort, "desc", "4").await;

        assert_eq!(up.len(), 23);
        down.reverse();
        assert_eq!(up, down);
    }
}

#[tokio::test]
async fn rows_that_come_and_go_while_walking_disturb_no_other() {
    let house = house().await;
    let org = house.org();
    for i in (0..20).step_by(2) {
        house.add(org, &format!("n{i:02}"), i).await.unwrap();
    }
    let first = house.page(org, &[("limit", "4")]).await;
    house.add(org, "n01", 1).await.unwrap();
    house.add(org, "n13", 13).await.unwrap();
    let delete = house
        .db
        .write(org, |unit| unit.execute("DELETE FROM things WHERE org_id = $1 AND size IN (6, 8)", &[]));
    delete.await.unwrap();

    let cursor = first.next_cursor.unwrap();
    let rest = house.page(org, &[("limit", "100"), ("cursor", &cursor)]).await;

    let sizes: Vec<_> = rest.items.iter().map(|thing| thing.size).collect();
    assert_eq!(sizes, [10, 12, 13, 14, 16, 18]);
    assert_eq!((rest.next_cursor, rest.total), (None, None));
}

#[tokio::test]
async fn filters_search_and_totals() {
    let house = house().await;
    let org = house.org();
    for (name, size) in [("Grüße", 1), ("gross", 9), ("100%", 3)] {
        house.add(org, name, size).await.unwrap();
    }
    let names = async |query: &[(&str, &str)]| {
        let page = house.page(org, query).await;
        page.items.into_iter().map(|thing| thing.name).collect::<Vec<_>>()
    };

    assert_eq!(names(&[("search", "GRÜ")]).await, ["Grüße"]);
    assert_eq!(names(&[("search", "grüße")]).await, ["Grüße"]);
    assert_eq!(names(&[("search", "gr")]).await, ["Grüße", "gross"]);
    assert_eq!(names(&[("search", "%")]).await, [""; 0]);
    assert_eq!(names(&[("search", "\"x")]).await, [""; 0]);
    assert_eq!(names(&[("filter[big]", "true")]).await, ["gross"]);
    assert_eq!(names(&[("name", "gross,100%"), ("order", "desc")]).await, ["gross", "100%"]);
    assert_eq!(house.page(org, &[("limit", "1"), ("offset", "1")]).await.items[0].size, 3);
    assert_eq!(house.page(org, &[("count", "false")]).await.total, None);
}

#[tokio::test]
async fn a_bad_filter_is_refused_with_its_field() {
    let house = house().await;
    let request = SPEC.read([("big", "maybe")]).unwrap();

    let read = house
        .db
        .read(house.org(), move |tx| tx.list::<Thing>(&THINGS, &request, None).map_err(kernel::Error::from));

    let error = read.await.unwrap_err();
    assert_eq!(error.details()["fields"]["big"][0], "must be true or false");
}

#[tokio::test]
async fn a_filter_that_nothing_stands_for_is_not_lost_silently() {
    let house = house().await;
    let request = SPEC.read([("name", "x")]).unwrap();
    let unfiltered = ListOf { filters: &[], ..THINGS };

    let read = house.db.read(house.org(), move |tx| tx.list::<Thing>(&unfiltered, &request, None));

    assert!(matches!(read.await, Err(ListError::Database(DbError::Engine(_)))));
}

#[tokio::test]
async fn no_page_of_a_list_scans_or_sorts() {
    let house = house().await;
    let org = house.org();
    for i in 0..3 {
        house.add(org, &format!("n{i}"), i).await.unwrap();
    }
    for (sort, order) in ["size", "name"].into_iter().flat_map(|sort| [(sort, "asc"), (sort, "desc")]) {
        let first = [("sort", sort), ("order", order), ("limit", "1")];
        let cursor = house.page(org, &first).await.next_cursor.unwrap();
        let deep = SPEC.read(first.into_iter().chain([("cursor", cursor.as_str())])).unwrap();
        let first = ListRequest { count: Count::None, ..SPEC.read(first).unwrap() };
        for request in [first, deep] {
            let plan = house
                .db
                .read(org, move |tx| tx.plan_of(&THINGS, &request, None).map_err(kernel::Error::from));

            let plan = plan.await.unwrap();
            assert!(
                plan.contains("SEARCH t USING") && !plan.contains("SCAN") && !plan.contains("B-TREE"),
                "{plan}"
            );
        }
    }
}

#[tokio::test]
async fn migrations_are_applied_once_in_the_order_of_their_names() {
    let house = house().await;
    let later = Migration::new("m20260102_01_test_more", "ALTER TABLE things ADD COLUMN note text;");

    let again = house.db.migrate(SCHEMA).await.unwrap();
    let more = house.db.migrate(&[later, SCHEMA[0], SCHEMA[1]]).await.unwrap();

    assert_eq!(again.names, [""; 0]);
    assert_eq!(more.names, ["m20260102_01_test_more"]);
}

#[tokio::test]
async fn two_migrations_of_one_name_are_refused() {
    let house = house().await;

    let refused = house.db.migrate(&[SCHEMA[0], SCHEMA[0]]).await;

    assert!(matches!(refused, Err(DbError::Migration(name, _)) if name == SCHEMA[0].name()));
}

#[tokio::test]
async fn a_migration_that_fails_stops_there_and_the_next_start_goes_on() {
    let house = house().await;
    let good = Migration::new("m20260102_01_test_good", "CREATE TABLE server_good (id bigint);");
    let bad = Migration::new("m20260102_02_test_bad", "CREATE TABLE nonsense (");

    let failed = house.db.migrate(&[good, bad]).await;

    assert!(matches!(failed, Err(DbError::Migration(name, _)) if name == "m20260102_02_test_bad"));
    let mended = Migration::new("m20260102_02_test_bad", "CREATE TABLE server_sense (id bigint);");
    assert_eq!(house.db.migrate(&[good, mended]).await.unwrap().names, ["m20260102_02_test_bad"]);
}

#[tokio::test]
async fn a_closed_database_says_so() {
    let house = house().await;
    house.db.close().await;

    assert!(matches!(house.db.ping().await, Err(DbError::Unavailable(_))));
}
