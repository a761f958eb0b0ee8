//! How the schema is brought up to date, and the names of its constraints.

use test_database::each_database;

use super::{SCHEMA, house_to_rebuild};
use crate::db::{DbError, Migration};

#[each_database]
async fn migrations_are_applied_once_in_the_order_of_their_names() {
    let house = house_to_rebuild().await;
    let later = Migration::new("m20260102_01_test_more", "ALTER TABLE things ADD COLUMN note text;");

    let again = house.db.migrate(SCHEMA).await.unwrap();
    let more = house.db.migrate(&[later, SCHEMA[0], SCHEMA[1]]).await.unwrap();

    assert_eq!(again.names, [""; 0]);
    assert_eq!(more.names, ["m20260102_01_test_more"]);
}

#[each_database]
async fn an_older_version_starts_beside_what_a_newer_one_added() {
    let house = house_to_rebuild().await;
    let newer = Migration::new("m20260102_01_test_newer", "ALTER TABLE things ADD COLUMN note text;");
    house.db.migrate(&[newer]).await.unwrap();

    let older = house.db.migrate(SCHEMA).await.unwrap();

    assert_eq!(older.names, [""; 0]);
    house.add(house.org(), "still works", 1).await.unwrap();
}

#[each_database]
async fn two_migrations_of_one_name_are_refused() {
    let house = house_to_rebuild().await;

    let refused = house.db.migrate(&[SCHEMA[0], SCHEMA[0]]).await;

    assert!(matches!(refused, Err(DbError::Migration(name, _)) if name == SCHEMA[0].name()));
}

#[each_database]
async fn a_migration_that_fails_stops_there_and_the_next_start_goes_on() {
    let house = house_to_rebuild().await;
    let good = Migration::new("m20260102_01_test_good", "CREATE TABLE server_good (id bigint);");
    let bad = Migration::new("m20260102_02_test_bad", "CREATE TABLE nonsense (");

    let failed = house.db.migrate(&[good, bad]).await;

    assert!(matches!(failed, Err(DbError::Migration(name, _)) if name == "m20260102_02_test_bad"));
    let mended = Migration::new("m20260102_02_test_bad", "CREATE TABLE server_sense (id bigint);");
    assert_eq!(house.db.migrate(&[good, mended]).await.unwrap().names, ["m20260102_02_test_bad"]);
}

#[each_database]
async fn constraints_have_the_names_that_postgresql_gives_them() {
    let house = house_to_rebuild().await;
    let schema = Migration::new(
        "m20260102_01_test_constraints",
        "CREATE TABLE server_teams (org uuid NOT NULL, id bigint NOT NULL, PRIMARY KEY (org, id));
        CREATE TABLE server_bots (
            id bigint PRIMARY KEY, org uuid, slug text, title text, team bigint, size bigint,
            a_column_with_a_very_long_name_indeed bigint, and_another_one_that_is_even_longer bigint,
            UNIQUE (slug), UNIQUE (org, size), CONSTRAINT server_bots_size_check CHECK (size >= 0),
            UNIQUE (a_column_with_a_very_long_name_indeed, and_another_one_that_is_even_longer),
            FOREIGN KEY (org, team) REFERENCES server_teams (org, id)
        );
        CREATE UNIQUE INDEX server_bots_title ON server_bots (lower(title));
        CREATE UNIQUE INDEX server_bots_of_team ON server_bots (org, title);
        INSERT INTO server_teams VALUES ('00000000000000000000000000000001', 1);
        INSERT INTO server_bots VALUES (1, '00000000000000000000000000000001', 'a', 'A', 1, 5, 1, 1);",
    );
    house.db.migrate(&[schema]).await.unwrap();
    let error = async |sql: &'static str| {
        house.db.write_server(move |unit| unit.execute(sql, &[])).await.unwrap_err()
    };

    for (sql, name) in [
        ("INSERT INTO server_teams VALUES ('00000000000000000000000000000001', 1)", "server_teams_pkey"),
        ("INSERT INTO server_bots (id) VALUES (1)", "server_bots_pkey"),
        ("INSERT INTO server_bots (id, slug) VALUES (2, 'a')", "server_bots_slug_key"),
        (
            "INSERT INTO server_bots (id, org, size) VALUES (2, '00000000000000000000000000000001', 5)",
            "server_bots_org_size_key",
        ),
        ("INSERT INTO server_bots (id, title) VALUES (2, 'a')", "server_bots_title"),
        (
            "INSERT INTO server_bots (id, title) VALUES (3, 'z'), (4, 'Z')",
            "server_bots_title",
        ),
        ("INSERT INTO server_bots (id, size) VALUES (2, -1)", "server_bots_size_check"),
        (
            "INSERT INTO server_bots (id, a_column_with_a_very_long_name_indeed, and_another_one_that_is_even_longer)
             VALUES (2, 1, 1)",
            "server_bots_a_column_with_a_very_long_name_indeed_and_anoth_key",
        ),
    ] {
        let error = error(sql).await;
        assert!(error.violates(name), "{error:?} is not {name}");
    }
    let orphan = "INSERT INTO server_bots (id, org, team) VALUES (2, '00000000000000000000000000000001', 9)";
    assert!(matches!(error(orphan).await, DbError::ForeignKey));
}
