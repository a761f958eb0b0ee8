//! Effect and claim stand together or not at all, and the answer is kept with them.

use kernel::Surroundings;
use test_database::{TestDatabase, each_database};

use super::*;

struct House {
    db: Db,
    keys: Idempotency,
    world: Surroundings,
    key: KeyOf,
    _database: TestDatabase,
}

async fn house() -> House {
    let (db, database) = crate::testing::database().await;
    let world = Surroundings::system();
    let key = KeyOf { org: world.id(), user: world.id(), operation: "create".into(), key: "k".into() };
    House { keys: Idempotency::new(db.clone()), db, world, key, _database: database }
}

impl House {
    fn begin(&self, body: &str) -> Option<Underway> {
        self.keys.begin(self.key.clone(), body.as_bytes(), self.world.now())
    }

    /// A unit of work that leaves a row, or fails after having written it.
    async fn work(&self, fails: bool) -> Result<(), DbError> {
        self.db
            .write(self.key.org, move |unit| {
                unit.execute(
                    "INSERT INTO objects (org_id, hash, size, created_at) VALUES ($1, $2, 1, 1)",
                    &[&vec![7_u8]],
                )?;
                if fails { Err(DbError::Busy) } else { Ok(()) }
            })
            .await
    }

    async fn effects(&self) -> i64 {
        let sql = "SELECT count(*) FROM objects WHERE org_id = $1";
        self.db.read(self.key.org, move |tx| tx.one::<(i64,)>(sql, &[])).await.unwrap().unwrap().0
    }
}

#[each_database]
async fn the_first_unit_carries_the_claim_and_a_repeat_finds_the_answer() {
    let house = house().await;
    let answer = Kept {
        status: 201,
        location: Some("/x".into()),
        etag: Some("\"1-a\"".into()),
        body: Some(Bytes::from_static(b"{}")),
    };

    let first = house.begin("a").unwrap();
    assert_eq!(first.earlier().await.unwrap(), None);
    first.run(house.work(false)).await.unwrap();
    assert!(first.took_effect());
    assert_eq!(first.earlier().await.unwrap(), Some(Earlier::Done));
    first.keep(answer.clone()).await.unwrap();
    drop(first);

    let repeat = house.begin("a").unwrap();
    assert_eq!(repeat.earlier().await.unwrap(), Some(Earlier::Answered(answer)));
    drop(repeat);
    assert_eq!(house.begin("b").unwrap().earlier().await.unwrap(), Some(Earlier::Mismatch));
}

#[each_database]
async fn a_unit_that_fails_leaves_neither_effect_nor_claim() {
    let house = house().await;
    let first = house.begin("a").unwrap();

    first.run(house.work(true)).await.unwrap_err();

    assert!(!first.took_effect());
    assert_eq!(first.earlier().await.unwrap(), None);
    assert_eq!(house.effects().await, 0);
}

#[each_database]
async fn a_key_that_is_under_way_here_is_taken() {
    let house = house().await;
    let first = house.begin("a");

    assert!(house.begin("a").is_none());
    drop(first);
    assert!(house.begin("a").is_some());
}

#[each_database]
async fn a_request_with_the_key_on_another_node_takes_no_effect() {
    let house = house().await;
    let elsewhere = Idempotency::new(house.db.clone());
    let (first, second) =
        (house.begin("a").unwrap(), elsewhere.begin(house.key.clone(), b"a", house.world.now()).unwrap());
    // Both looked before either wrote.
    first.run(house.work(false)).await.unwrap();

    let refused = second.run(house.db.write(house.key.org, |_| Ok::<_, DbError>(()))).await;

    assert!(matches!(refused, Err(DbError::Repeated)));
    assert_eq!(house.effects().await, 1);
}

#[each_database]
async fn a_forgotten_claim_may_be_tried_again() {
    let house = house().await;
    let first = house.begin("a").unwrap();
    first.run(house.db.write(house.key.org, |_| Ok::<_, DbError>(()))).await.unwrap();

    first.forget().await.unwrap();

    assert_eq!(first.earlier().await.unwrap(), None);
}

#[each_database]
async fn a_key_is_forgotten_after_its_day_and_swept_by_later_ones() {
    let house = house().await;
    let old = house.world.now() - LIFETIME - LIFETIME;
    for number in 0..3 {
        let key = KeyOf { key: format!("old{number}").into(), ..house.key.clone() };
        let begun = house.keys.begin(key, b"a", old).unwrap();
        begun.run(house.db.write(house.key.org, |_| Ok::<_, DbError>(()))).await.unwrap();
    }

    let key = KeyOf { key: "old0".into(), ..house.key.clone() };
    let again = house.keys.begin(key, b"another", house.world.now()).unwrap();
    assert_eq!(again.earlier().await.unwrap(), None);
    again.run(house.work(false)).await.unwrap();

    let sql = "SELECT count(*) FROM idempotency WHERE org_id = $1";
    let left = house.db.read(house.key.org, move |tx| tx.one::<(i64,)>(sql, &[])).await.unwrap();
    assert_eq!(left, Some((1,)));
}
