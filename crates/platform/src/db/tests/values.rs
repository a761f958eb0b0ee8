//! What goes into a row and comes out again.

use kernel::{Id, id::kind::Bot};
use test_database::each_database;

use super::{house, house_to_rebuild};
use crate::{
    db::{DbError, Migration},
    record,
};

#[each_database]
async fn values_come_back_as_they_went_in() {
    record! {
        #[derive(Debug, Clone, PartialEq)]
        struct Kept { id: Id<Bot>, number: i64, small: i32, real: f64, flag: bool, text: String, bytes: Vec<u8>, none: Option<i64> }
    }
    let house = house_to_rebuild().await;
    let table = Migration::new(
        "m20260102_01_test_values",
        "CREATE TABLE server_values (id uuid PRIMARY KEY, number bigint NOT NULL, small bigint NOT NULL,
            real double precision NOT NULL, flag boolean NOT NULL, text text NOT NULL, bytes bytea NOT NULL, none bigint);",
    );
    house.db.migrate(&[table]).await.unwrap();
    let kept = Kept {
        id: house.world.id(),
        number: i64::MIN,
        small: -7,
        real: 0.1,
        flag: true,
        text: "Grüße 👋 'quoted' \\ and %".to_owned(),
        bytes: vec![0, 255, 7],
        none: None,
    };

    let own = kept.clone();
    let back: Result<_, DbError> = house
        .db
        .write_server(move |unit| {
            unit.execute(
                "INSERT INTO server_values (id, number, small, real, flag, text, bytes, none)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                &[&own.id, &own.number, &own.small, &own.real, &own.flag, &own.text, &own.bytes, &own.none],
            )?;
            unit.one::<Kept>(
                "SELECT id, number, small, real, flag, text, bytes, none FROM server_values
                 WHERE id = $1 AND flag = $2 AND text = $3",
                &[&own.id, &true, &own.text],
            )
        })
        .await;

    assert_eq!(back.unwrap(), Some(kept));
}

#[each_database]
async fn a_text_with_the_character_zero_is_refused_and_changes_nothing() {
    let house = house().await;
    let org = house.org();

    let refused = house.add(org, "a\0b", 1).await.unwrap_err();

    assert!(matches!(refused, DbError::Nul));
    assert_eq!(kernel::Error::from(refused).kind().status(), 422);
    assert_eq!(house.count(org).await, 0);
}
