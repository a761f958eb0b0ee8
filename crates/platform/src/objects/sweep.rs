//! Removing objects that no organization has: what an upload left behind that never got its row.
//!
//! A blob is written before its row, so one without a row may be about to get it. Only what is older than a day goes;
//! keeping content that is there already makes it young again. Between the last look at its age and its removal lies
//! no more than a moment.

use std::{future::ready, time::Duration};

use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt};
use kernel::{Error, Surroundings, Timestamp};
use serde_json::{Value, json};

use super::{Listed, ObjectError, ObjectHash, Objects};
use crate::{
    db::{Db, DbError, Everywhere, Migration},
    jobs::{Handler, JobContext, JobError, JobKind},
};

/// Whether anybody has an object, whoever it is.
pub(crate) const INDEX: Migration = Migration::new(
    "m20261129_05_platform_objects_by_hash",
    "CREATE INDEX objects_by_hash ON objects (hash);",
);

/// Removes objects that no organization has.
pub const SWEEP: JobKind<()> = JobKind::new("objects.sweep").time_limit(Duration::from_hours(6));

/// How old an object without a row must be.
const GRACE: TimeDelta = TimeDelta::days(1);
/// Objects that the database is asked about at once.
const AT_ONCE: usize = 100;

/// What does jobs of the kind [`SWEEP`].
pub fn sweep(db: &Db, objects: &Objects, surroundings: &Surroundings) -> Handler {
    let (db, objects, surroundings) = (db.clone(), objects.clone(), surroundings.clone());
    SWEEP.handled_by(move |job, ()| run(job, db.clone(), objects.clone(), surroundings.now() - GRACE))
}

async fn run(job: JobContext, db: Db, objects: Objects, before: Timestamp) -> Result<Value, JobError> {
    let (mut swept, mut bytes) = (0_u64, 0_u64);
    let old = objects.list(None).try_filter(|listed| ready(listed.modified <= before));
    let mut old = std::pin::pin!(old.try_chunks(AT_ONCE));
    while let Some(some) = old.next().await {
        job.check()?;
        let some = some.map_err(|cut| Error::from(cut.1))?;
        for listed in unowned(&db, some).await? {
            if is_still_old(&objects, listed.hash, before).await.map_err(Error::from)? {
                objects.delete(&listed.hash).await.map_err(Error::from)?;
                (swept, bytes) = (swept + 1, bytes + listed.size);
            }
        }
    }
    Ok(json!({ "objects": swept, "bytes": bytes }))
}

/// Those that no organization has.
async fn unowned(db: &Db, some: Vec<Listed>) -> Result<Vec<Listed>, DbError> {
    db.read_server(move |tx| {
        let everywhere = tx.everywhere();
        let mut unowned = Vec::new();
        for listed in some {
            if !is_owned(&everywhere, listed.hash)? {
                unowned.push(listed);
            }
        }
        Ok(unowned)
    })
    .await
}

fn is_owned(everywhere: &Everywhere<'_>, hash: ObjectHash) -> Result<bool, DbError> {
    for owners in [
        "SELECT hash FROM objects WHERE hash = $1 LIMIT 1",
        "SELECT hash FROM object_claims WHERE hash = $1 LIMIT 1",
    ] {
        if everywhere.one::<(ObjectHash,)>(owners, &[&hash])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Has nobody kept the same content since it was listed?
async fn is_still_old(objects: &Objects, hash: ObjectHash, before: Timestamp) -> Result<bool, ObjectError> {
    Ok(objects.look(&hash).await?.is_some_and(|there| there.modified <= before))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kernel::id::kind::Organization;
    use test_database::each_database;

    use super::*;
    use crate::jobs::{
        Status, Work,
        tests::{House, settings},
    };

    #[each_database]
    async fn old_objects_that_nobody_has_are_swept_and_no_others() {
        let house = House::new().await;
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let put = async |content: &'static str, age: Duration| {
            let stored = objects.put_bytes(Bytes::from_static(content.as_bytes())).await.unwrap();
            let name = stored.hash.to_string();
            let file = std::fs::File::open(folder.path().join(&name[..2]).join(&name[2..])).unwrap();
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
            stored
        };
        let days = |number: u64| Duration::from_hours(24 * number);
        let (owned, lost) = (put("owned", days(9)).await, put("lost", days(9)).await);
        let (young, renewed) = (put("young", days(0)).await, put("renewed", days(9)).await);
        let (claimed, released) = (put("claimed", days(9)).await, put("released", days(9)).await);
        let other = house.world.id::<Organization>();
        house.db.write(other, move |unit| unit.record_object(owned)).await.map_err(|e: DbError| e).unwrap();
        let claims = house.db.write(other, move |unit| {
            unit.claim_object(claimed, &[1; 16])?;
            unit.claim_object(released, &[2; 16])?;
            unit.release_objects(&[2; 16])
        });
        claims.await.map_err(|e: DbError| e).unwrap();
        objects.put_bytes(Bytes::from_static(b"renewed")).await.unwrap();
        let handler = sweep(&house.db, &objects, &Surroundings::system());
        let _node = house.node_with(settings(), Work::new([handler], [], []).unwrap());

        let id = house.enqueue(SWEEP.job(&())).await;

        let job = house.until(id, Status::Completed).await;
        assert_eq!(job.result, Some(json!({ "objects": 2, "bytes": 12 })));
        for gone in [lost, released] {
            assert!(objects.read(&gone.hash).await.unwrap().is_none());
        }
        for kept in [owned, young, renewed, claimed] {
            assert!(objects.read(&kept.hash).await.unwrap().is_some());
        }
    }
}
