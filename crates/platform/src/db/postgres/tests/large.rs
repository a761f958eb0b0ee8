//! What the server really does with lists when there are many rows, rather than what it could do.

use kernel::{
    Id, Surroundings,
    id::kind::Organization,
    list::{Cursor, ListRequest, SortValue, Start},
};
use test_database::{Engine, TestDatabase};

use super::options;
use crate::db::{
    Db, DbError,
    tests::{SCHEMA, SPEC, THINGS, Thing},
};

/// Five organizations; the one that is asked about has most of the rows.
async fn fill(db: &Db, org: Id<Organization>) {
    let fill = db.write(org, |unit| {
        unit.execute(
            "INSERT INTO things (org_id, id, name, name_key, size)
             SELECT CASE WHEN i % 20 < 16 THEN $1 ELSE md5('org' || i % 20)::uuid END, md5('thing' || i)::uuid,
                left(md5(i::text), 5) || i, left(md5(i::text), 5) || i, i % 700 FROM generate_series(1, 8000) i",
            &[],
        )
    });
    assert_eq!(fill.await.unwrap(), 8_000);
    let analyze: Result<_, DbError> = db.write_server(|unit| unit.execute("ANALYZE", &[])).await;
    analyze.unwrap();
}

/// How often the table was read whole, as the connection at hand counted: the server's common figures take in what a
/// connection did only some time later.
const SCANS: &str = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'things'";

#[test]
fn no_page_of_a_large_list_reads_a_table_whole() {
    Engine::Postgres.block_on(|| async {
        let (database, org) = (TestDatabase::empty(), Surroundings::system().id());
        let db = Db::open(&options(database.url())).unwrap();
        db.migrate(SCHEMA).await.unwrap();
        fill(&db, org).await;

        let whole = db.read(org, |tx| {
            tx.all::<(i64,)>("SELECT count(size + 1) FROM things WHERE org_id = $1", &[&tx.org()])?;
            tx.server().across_organizations::<(i64,)>(SCANS)
        });
        let whole: Result<_, DbError> = whole.await;
        assert!(whole.unwrap()[0].0 > 0, "a table that is read whole is told as such");

        for query in [
            vec![("sort", "size")],
            vec![("sort", "size"), ("order", "desc"), ("limit", "100")],
            vec![("sort", "name"), ("big", "true")],
            vec![("sort", "name"), ("order", "desc")],
            vec![("sort", "name"), ("search", "abcde")],
            vec![("sort", "size"), ("search", "abc")],
        ] {
            // A count stops at its cap, so the server may well begin to read the table to get that far.
            let first = SPEC.read(query.iter().copied().chain([("count", "false")])).unwrap();
            let value = match first.sort {
                "size" => SortValue::Integer(350),
                _ => SortValue::Text("8".to_owned()),
            };
            let deep =
                ListRequest { start: Start::After(Cursor { value, id: [0; 16], skip: 0 }), ..first.clone() };
            let scans = db.read(org, move |tx| {
                let before = tx.server().across_organizations::<(i64,)>(SCANS)?;
                // More often than the server plans a statement for the values at hand.
                for request in (0..8).flat_map(|_| [first.clone(), deep.clone()]) {
                    tx.list::<Thing>(&THINGS, &request, None).map_err(kernel::Error::from)?;
                }
                let after = tx.server().across_organizations::<(i64,)>(SCANS)?;
                Ok::<_, kernel::Error>(after[0].0 - before[0].0)
            });
            assert_eq!(scans.await.unwrap(), 0, "{query:?}");
        }
        db.close().await;
    });
}
