//! States of packages that this node has read: a state never changes, and a package has one for each of its versions.

use std::sync::Arc;

use kernel::{Id, id::kind::Bot as BotKind};
use moka::sync::Cache;
use platform::db::{Json, Tx};

use super::{
    PackageError,
    state::State,
    store::{self, VersionRow},
};

/// Bytes of states in memory, as the database has them.
const BYTES: u64 = 16 << 20;

/// A state with the bytes that its row has.
#[derive(Clone)]
struct Kept {
    state: Arc<State>,
    bytes: u32,
}

/// States by their bots and versions. A cheap handle.
#[derive(Clone)]
pub(crate) struct States(Cache<(Id<BotKind>, i64), Kept>);

impl States {
    pub(super) fn new() -> Self {
        let weigh = |_: &(Id<BotKind>, i64), kept: &Kept| kept.bytes;
        Self(Cache::builder().max_capacity(BYTES).weigher(weigh).build())
    }

    /// The state of a version that is committed: one of a unit could be taken back, and another one get its number. It
    /// is empty where there is no such version.
    pub(crate) fn of(&self, tx: &Tx<'_>, bot: Id<BotKind>, version: i64) -> Result<Arc<State>, PackageError> {
        if let Some(kept) = self.0.get(&(bot, version)) {
            return Ok(kept.state);
        }
        let Some(row) = store::version(tx, bot, version)? else { return Ok(Arc::default()) };
        let state = Arc::new(State::read(&row)?);
        self.0.insert((bot, version), Kept { state: Arc::clone(&state), bytes: bytes_of(&row) });
        Ok(state)
    }
}

fn bytes_of(row: &VersionRow) -> u32 {
    let config = row.config.as_ref().map_or(0, Json::size);
    let secrets = row.secrets.as_ref().map_or(0, Vec::len);
    u32::try_from(row.files.size() + row.scripts.size() + config + secrets).unwrap_or(u32::MAX)
}
