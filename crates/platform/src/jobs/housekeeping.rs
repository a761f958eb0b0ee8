//! Forgetting jobs that have ended long ago, which is a job, too.

use super::{Handler, JobKind, in_small_units, store};
use crate::db::Db;

/// Forgets jobs that have been remembered long enough.
pub const PRUNE: JobKind<()> = JobKind::new("jobs.prune");

/// What does jobs of the kind [`PRUNE`].
pub fn prune(db: &Db) -> Handler {
    let db = db.clone();
    PRUNE.handled_by(move |job, ()| {
        let db = db.clone();
        async move {
            let forget =
                || db.write_server(|unit| store::forget(&unit.everywhere(), unit.surroundings().now()));
            let forgotten = in_small_units(|| job.check(), store::FORGOTTEN_AT_ONCE, forget).await?;
            Ok(serde_json::json!({ "forgotten": forgotten }))
        }
    })
}
