//! Keeping the indexes of texts whole, on SQLite, which is a job.
//!
//! FTS5 writes each commit's texts into a piece of the index of its own, and merges pieces as more of them come, so that
//! of many commits about ten are left. A search looks at each. Once a night they become one, a few pages at a time: [the
//! commands `merge` and `automerge`](https://sqlite.org/fts5.html#the_merge_command). PostgreSQL keeps its indexes by
//! itself.

use serde_json::json;

use super::{Db, DbError, Purpose, session::Dialect, tx::Scoped};
use crate::jobs::{Handler, JobError, JobKind};

/// Makes one piece of each index of texts.
pub const MERGE: JobKind<()> = JobKind::new("db.merge_search");

/// Pages that are written before others get their turn: some ten milliseconds.
const PAGES: i64 = 200;

/// What does jobs of the kind [`MERGE`].
pub fn merge_search(db: &Db) -> Handler {
    let db = db.clone();
    MERGE.handled_by(move |job, ()| {
        let db = db.clone();
        async move {
            let indexes = db.search_indexes().await?;
            for index in &indexes {
                db.make_one(index, || job.check()).await?;
            }
            Ok(json!({ "indexes": indexes.len() }))
        }
    })
}

impl Db {
    /// The names of the indexes that have pieces.
    async fn search_indexes(&self) -> Result<Vec<String>, DbError> {
        self.ask(Purpose::Read, |session, _| {
            let scoped = Scoped::of_server(session);
            if scoped.dialect() == Dialect::Postgres {
                return Ok(Vec::new());
            }
            let found: Vec<(String,)> = scoped.built().each(
                "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE % USING fts5(%' ORDER BY name",
                &[],
                usize::MAX,
            )?;
            Ok(found.into_iter().map(|(name,)| name).collect())
        })
        .await
    }

    /// Merges all pieces of an index into one. Before each step, `check` tells whether to go on.
    async fn make_one(&self, index: &str, check: impl Fn() -> Result<(), JobError>) -> Result<(), JobError> {
        // The first, negative, puts all pieces among those that are to be merged.
        let mut pages = -PAGES;
        loop {
            check()?;
            if !self.merge(index.to_owned(), pages).await? {
                return Ok(());
            }
            pages = PAGES;
        }
    }

    /// Merges so many pages. False if nothing was left to do.
    async fn merge(&self, index: String, pages: i64) -> Result<bool, DbError> {
        self.ask(Purpose::Unit, move |session, _| {
            let scoped = Scoped::of_server(session).built();
            let changes = || {
                let found = scoped.one::<(i64,)>("SELECT total_changes()", &[])?;
                Ok::<_, DbError>(found.map_or(0, |(changes,)| changes))
            };
            let before = changes()?;
            scoped.execute(&format!("INSERT INTO {index}({index}, rank) VALUES ('merge', $1)"), &[&pages])?;
            // The command is a change by itself.
            Ok(changes()? - before >= 2)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use test_database::each_database;

    use super::*;
    use crate::db::{Engine, tests::house};

    impl Db {
        async fn pieces(&self, index: &str) -> i64 {
            let sql = format!("SELECT count(DISTINCT segid) FROM {index}_idx");
            let asked = self.ask(Purpose::Read, move |session, _| {
                let count = Scoped::of_server(session).built().one::<(i64,)>(&sql, &[])?;
                Ok::<_, DbError>(count.map_or(0, |(count,)| count))
            });
            asked.await.unwrap()
        }
    }

    #[each_database]
    async fn an_index_that_commits_left_in_pieces_becomes_one_and_finds_the_same() {
        let house = house().await;
        let org = house.org();
        for number in 0..40 {
            house.add(org, &format!("name {number} of many"), number).await.unwrap();
        }
        let found = house.page(org, &[("search", "17 of")]).await;
        assert_eq!(found.items.len(), 1);

        let indexes = house.db.search_indexes().await.unwrap();

        for index in &indexes {
            assert!(house.db.pieces(index).await > 1);
            house.db.make_one(index, || Ok(())).await.unwrap();
            assert_eq!(house.db.pieces(index).await, 1);
            // There is nothing left to do, which is done at once.
            house.db.make_one(index, || Ok(())).await.unwrap();
        }
        assert_eq!(house.page(org, &[("search", "17 of")]).await, found);
        assert_eq!(indexes.is_empty(), matches!(house.db.0.engine, Engine::Postgres(_)));
    }

    #[each_database]
    async fn a_merging_that_is_called_off_ends() {
        let house = house().await;
        let called_off = house.db.make_one("things_search", || Err(JobError::fail("Called off."))).await;
        assert!(called_off.is_err());
    }
}
