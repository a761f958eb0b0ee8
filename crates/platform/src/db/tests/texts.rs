//! Indexes of texts that take new rows in later.

use kernel::{Id, id::kind::Organization};
use proptest::prelude::*;
use test_database::each_database;

use super::{House, SCHEMA, house_to_rebuild};
use crate::db::{Db, DbError, Engine, Migration, Purpose, tx::Scoped};

const LATER: Migration = Migration::search_later("m20260101_03_test_things_later", "things", "name_key");

/// What may happen to the rows of a table.
#[derive(Debug, Clone)]
enum Event {
    Added(u8),
    /// Of all rows the one at that place.
    Removed(usize),
    Renamed(usize, u8),
    TakenIn,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<u8>().prop_map(Event::Added),
        2 => any::<usize>().prop_map(Event::Removed),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(at, name)| Event::Renamed(at, name)),
        1 => Just(Event::TakenIn),
    ]
}

impl Db {
    /// Fails unless the index knows all rows of the table as they are, and no others.
    async fn check_texts(&self) -> Result<(), DbError> {
        if matches!(self.0.engine, Engine::Postgres(_)) {
            return Ok(());
        }
        self.ask(Purpose::Unit, |session, _| {
            let check = "INSERT INTO things_search(things_search, rank) VALUES ('integrity-check', 1)";
            Scoped::of_server(session).built().execute(check, &[]).map(drop)
        })
        .await
    }
}

impl House {
    async fn rename(&self, org: Id<Organization>, name: &str, to: String) {
        let name = name.to_owned();
        let rename = self.db.write(org, move |unit| {
            unit.execute(
                "UPDATE things SET name = $3, name_key = $3 WHERE org_id = $1 AND name = $2",
                &[&name, &to],
            )
        });
        assert_eq!(rename.await.unwrap(), 1);
    }

    async fn remove(&self, org: Id<Organization>, name: &str) {
        let name = name.to_owned();
        let remove = self.db.write(org, move |unit| {
            unit.execute("DELETE FROM things WHERE org_id = $1 AND name = $2", &[&name])
        });
        assert_eq!(remove.await.unwrap(), 1);
    }

    async fn happens(&self, org: Id<Organization>, names: &mut Vec<String>, number: usize, event: Event) {
        match event {
            Event::Added(name) => {
                names.push(format!("name {name} of {number}"));
                self.add(org, &names[names.len() - 1], 1).await.unwrap();
            }
            Event::Removed(at) if !names.is_empty() => {
                let name = names.swap_remove(at % names.len());
                self.remove(org, &name).await;
            }
            Event::Renamed(at, name) if !names.is_empty() => {
                let (at, name) = (at % names.len(), format!("name {name} of {number}"));
                self.rename(org, &names[at], name.clone()).await;
                names[at] = name;
            }
            Event::Removed(_) | Event::Renamed(..) => {}
            Event::TakenIn => self.db.index_texts("things", "name_key").await.unwrap(),
        }
    }
}

#[each_database]
async fn rows_that_were_there_are_found_and_new_ones_when_they_were_taken_in() {
    let house = house_to_rebuild().await;
    let org = house.org();
    house.add(org, "the first", 1).await.unwrap();
    house.db.migrate(&[SCHEMA, &[LATER]].concat()).await.unwrap();
    for number in 0..1_200 {
        house.add(org, &format!("number {number} behind the first"), number).await.unwrap();
    }

    house.db.index_texts("things", "name_key").await.unwrap();

    house.db.check_texts().await.unwrap();
    assert_eq!(house.page(org, &[("search", "the first")]).await.total, Some(1_000));
    assert_eq!(house.page(org, &[("search", "number 1199 ")]).await.total, Some(1));
}

/// Runs one such history on the database.
async fn history(events: Vec<Event>) {
    let house = house_to_rebuild().await;
    house.db.migrate(&[SCHEMA, &[LATER]].concat()).await.unwrap();
    let (org, mut names) = (house.org(), Vec::new());
    for (number, event) in events.into_iter().enumerate() {
        house.happens(org, &mut names, number, event).await;
    }

    house.db.index_texts("things", "name_key").await.unwrap();

    house.db.check_texts().await.unwrap();
    for text in ["name 1", "of 1", "name"] {
        let expected = names.iter().filter(|name| name.contains(text)).count() as u64;
        assert_eq!(house.page(org, &[("search", text)]).await.total, Some(expected), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_happens_to_rows_before_and_after_the_index_finds_what_is_there(
        events in proptest::collection::vec(event(), 1..40),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(history(events));
    }
}
