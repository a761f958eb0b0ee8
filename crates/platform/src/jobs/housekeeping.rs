//! Forgetting jobs that have ended long ago, which is a job, too.

use super::{Handler, JobKind, store};
use crate::db::{Db, DbError};

/// Forgets jobs that have been remembered long enough.
pub const PRUNE: JobKind<()> = JobKind::new("jobs.prune");

/// Forgets in small units, so that nobody waits long for the writer.
pub fn prune(db: &Db) -> Handler {
    let db = db.clone();
    PRUNE.handled_by(move |job, ()| {
        let db = db.clone();
        async move {
            let mut forgotten = 0;
            loop {
                job.check()?;
                let some = db.write_server(|unit| {
                    let now = unit.surroundings().now();
                    store::forget(&unit.everywhere(), now)
                });
                let some: Result<u64, DbError> = some.await;
                match some? {
                    0 => return Ok(serde_json::json!({ "forgotten": forgotten })),
                    some => forgotten += some,
                }
            }
        }
    })
}
