//! The rules of memory that the database keeps.

use chrono::TimeDelta;
use kernel::{Error, Id, Surroundings, Timestamp, id::kind::Organization, list::Order};
use platform::db::{Db, DbError, Json};
use test_database::each_database;

use super::{
    Owner,
    service::{SPEC, of_bot},
    store,
};

#[each_database]
async fn no_page_of_memory_scans_or_sorts() {
    let ((db, _database), world) = (crate::testing::database().await, Surroundings::system());

    for (order, prefix) in
        [(Order::Asc, None), (Order::Desc, None), (Order::Asc, Some("a")), (Order::Desc, Some("a,b"))]
    {
        let mut request = SPEC.read(prefix.map(|prefix| ("prefix", prefix))).unwrap();
        request.order = order;
        let extra = of_bot(world.id(), &request);
        let plan =
            db.read(world.id(), move |tx| tx.plan_of(&store::LIST, &request, extra).map_err(Error::from));

        let plan = plan.await.unwrap();
        assert!(plan.walks(), "{plan}");
    }
}

async fn keep(db: &Db, org: Id<Organization>, owner: Owner, key: &str, until: Option<Timestamp>) {
    let (key, now) = (key.to_owned(), Surroundings::system().now());
    let kept = db.write(org, move |unit| store::insert(unit, &owner, &key, (&Json::of(&1), until), now));
    assert!(kept.await.map_err(|error: DbError| error).unwrap());
}

#[each_database]
async fn only_those_whose_values_have_ended_are_looked_after() {
    let ((db, _database), world) = (crate::testing::database().await, Surroundings::system());
    let (ended, ending, lasting) = (world.id(), world.id(), world.id());
    let (owner, now) = (Owner::bot(world.id()), world.now());
    let (before, after) = (now - TimeDelta::hours(1), now + TimeDelta::hours(1));
    for (org, key, until) in [
        (ended, "a", Some(before)),
        (ended, "b", Some(before)),
        (ended, "c", Some(after)),
        (ending, "a", Some(after)),
        (lasting, "a", None),
    ] {
        keep(&db, org, owner, key, until).await;
    }

    let looked_after = db.read_server(move |tx| store::with_ended(tx, now)).await;
    let removed = [
        db.write(ended, move |unit| store::delete_expired(unit, now, 1)).await,
        db.write(ended, move |unit| store::delete_expired(unit, now, 5)).await,
        db.write(ended, move |unit| store::delete_expired(unit, now, 5)).await,
    ];

    assert_eq!(looked_after.map_err(|error: DbError| error).unwrap(), [(ended,)]);
    assert_eq!(removed.map(|removed: Result<u64, DbError>| removed.unwrap()), [1, 1, 0]);
}
