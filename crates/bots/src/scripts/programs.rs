//! Compiled programs, by their hash: in memory while they are used, in the database for as long as they are needed.

use std::sync::Arc;

use basic::{LoadError, Program};
use kernel::{
    Error, Id,
    id::kind::{Bot as BotKind, Organization},
};
use moka::sync::Cache;
use platform::db::Db;

use crate::packages::store;

/// The programs of this node. A cheap handle.
#[derive(Clone)]
pub(crate) struct Programs {
    db: Db,
    // Another bot's script may be the same text; the same hash is the same program, whoever's it is.
    cache: Cache<[u8; 32], Arc<Program>>,
}

impl Programs {
    /// Programs of that database, with so many bytes of them in memory.
    pub(crate) fn new(db: Db, cache_bytes: u64) -> Self {
        let weigh = |_: &[u8; 32], program: &Arc<Program>| {
            u32::try_from(program.to_bytes().len()).unwrap_or(u32::MAX)
        };
        Self { db, cache: Cache::builder().max_capacity(cache_bytes).weigher(weigh).build() }
    }

    /// The program of that hash. It stands for as long as a bot or a run names it; the inner error is that of a program
    /// that another version of the language has written.
    pub(crate) async fn get(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        hash: [u8; 32],
    ) -> Result<Result<Arc<Program>, LoadError>, Error> {
        if let Some(program) = self.cache.get(&hash) {
            return Ok(Ok(program));
        }
        let bytes = self.db.read(org, move |tx| store::program(tx, bot, &hash)).await?;
        let bytes = bytes.ok_or_else(|| Error::internal("a program that is needed is gone"))?;
        Ok(Program::from_bytes(&bytes).map(|program| {
            let program = Arc::new(program);
            self.cache.insert(hash, Arc::clone(&program));
            program
        }))
    }
}
