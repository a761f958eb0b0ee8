//! Requests that may be sent twice and take effect once, by a key that the caller chose.
//!
//! The first unit of work of such a request writes the claim of its key, so that effect and claim stand together or
//! not at all; a second request with the key finds the claim in its way, on whatever node. The answer is added when
//! it is known. If the process ends between the two, the effect stands and the answer is lost: a repeat is told that
//! it was done.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use kernel::{
    Id, Timestamp,
    id::kind::{Organization, User},
};
use sha2::{Digest, Sha256};

use crate::{
    db::{Db, DbError, Migration, Unit},
    record,
};

/// The table of claims.
pub(crate) const TABLE: Migration = Migration::new(
    "m20261129_01_platform_idempotency",
    "CREATE TABLE idempotency (
        org_id uuid NOT NULL,
        user_id uuid NOT NULL,
        operation keytext NOT NULL,
        key keytext NOT NULL,
        request bytea NOT NULL,
        status bigint,
        location text,
        etag text,
        body bytea,
        created_at bigint NOT NULL,
        PRIMARY KEY (org_id, user_id, operation, key)
    );
    CREATE INDEX idempotency_by_time ON idempotency (org_id, created_at);",
);

/// How long a key is remembered.
pub const LIFETIME: Duration = Duration::from_hours(24);
/// Expired claims that a new one removes, so that as many go as come.
const SWEPT: i64 = 4;

tokio::task_local! {
    /// The claim of the request that this task answers.
    static CURRENT: Arc<Claim>;
}

/// Whose key it is, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyOf {
    /// The caller's organization.
    pub org: Id<Organization>,
    /// The caller.
    pub user: Id<User>,
    /// What is called: the operation and the path that it was called at.
    pub operation: Arc<str>,
    /// The key that the caller chose.
    pub key: Arc<str>,
}

/// An answer that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The HTTP status.
    pub status: u16,
    /// The `Location`, if there was one.
    pub location: Option<String>,
    /// The `ETag`, if there was one.
    pub etag: Option<String>,
    /// The body. None if it must not be kept.
    pub body: Option<Bytes>,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It was answered so.
    Answered(Kept),
    /// It took effect, and the answer is not known.
    Done,
    /// Another request had the key.
    Mismatch,
}

/// Requests with a key: those under way on this node, and the claims in the database. A cheap handle.
#[derive(Clone)]
pub struct Idempotency {
    db: Db,
    under_way: Arc<Mutex<HashSet<KeyOf>>>,
}

/// A request that is under way. The key is free again when this is dropped.
pub struct Underway {
    of: Idempotency,
    claim: Arc<Claim>,
}

#[derive(Debug)]
struct Claim {
    key: KeyOf,
    request: [u8; 32],
    at: Timestamp,
    /// Has a unit of work carried the claim?
    carried: AtomicBool,
}

record! {
    struct ClaimRow {
        request: [u8; 32],
        status: Option<i64>,
        location: Option<String>,
        etag: Option<String>,
        body: Option<Vec<u8>>,
    }
}

impl Idempotency {
    /// Over that database.
    pub fn new(db: Db) -> Self {
        Self { db, under_way: Arc::default() }
    }

    /// Begins a request with the key. None if one with the same key is under way on this node.
    pub fn begin(&self, key: KeyOf, body: &[u8], at: Timestamp) -> Option<Underway> {
        let free = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        let request = Sha256::digest(body).into();
        let claim = Claim { key, request, at, carried: AtomicBool::new(false) };
        free.then(|| Underway { of: self.clone(), claim: Arc::new(claim) })
    }
}

impl Underway {
    /// What the key did before, if anything.
    pub async fn earlier(&self) -> Result<Option<Earlier>, DbError> {
        let claim = Arc::clone(&self.claim);
        self.of
            .db
            .read(claim.key.org, move |tx| {
                let since = claim.at - LIFETIME;
                let row: Option<ClaimRow> = tx.one(
                    "SELECT request, status, location, etag, body FROM idempotency
                 WHERE org_id = $1 AND user_id = $2 AND operation = $3 AND key = $4 AND created_at > $5",
                    &[&claim.key.user, &&*claim.key.operation, &&*claim.key.key, &since],
                )?;
                Ok(row.map(|row| row.earlier(&claim.request)))
            })
            .await
    }

    /// Does the request's work; its first unit carries the claim.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        CURRENT.scope(Arc::clone(&self.claim), work).await
    }

    /// Did the request change anything?
    pub fn took_effect(&self) -> bool {
        self.claim.carried.load(Ordering::Acquire)
    }

    /// Keeps the answer for whoever asks again.
    pub async fn keep(&self, answer: Kept) -> Result<(), DbError> {
        let claim = Arc::clone(&self.claim);
        self.of
            .db
            .write(claim.key.org, move |unit| {
                let body = answer.body.as_deref();
                unit.execute(
                    "UPDATE idempotency SET status = $5, location = $6, body = $7, etag = $8
                 WHERE org_id = $1 AND user_id = $2 AND operation = $3 AND key = $4",
                    &[
                        &claim.key.user,
                        &&*claim.key.operation,
                        &&*claim.key.key,
                        &i64::from(answer.status),
                        &answer.location,
                        &body,
                        &answer.etag,
                    ],
                )?;
                Ok(())
            })
            .await
    }

    /// Forgets the claim of a request that was refused: it may be tried again.
    pub async fn forget(&self) -> Result<(), DbError> {
        let claim = Arc::clone(&self.claim);
        self.of.db.write(claim.key.org, move |unit| claim.remove(unit)).await
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.of.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.claim.key);
    }
}

impl ClaimRow {
    fn earlier(self, request: &[u8; 32]) -> Earlier {
        match self.status.and_then(|status| u16::try_from(status).ok()) {
            _ if self.request != *request => Earlier::Mismatch,
            None => Earlier::Done,
            Some(status) => {
                let body = self.body.map(Bytes::from);
                Earlier::Answered(Kept { status, location: self.location, etag: self.etag, body })
            }
        }
    }
}

/// The same work, to be done in a task of its own: what it writes stands under the claim of the request that begins it.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let claim = CURRENT.try_with(Arc::clone).ok();
    async move {
        match claim {
            Some(claim) => CURRENT.scope(claim, work).await,
            None => work.await,
        }
    }
}

/// The claim of the request that the present task answers, if it has one that no unit has carried yet.
pub(crate) fn to_carry() -> Option<Carried> {
    let claim = CURRENT.try_with(Arc::clone).ok()?;
    let carried = claim.carried.load(Ordering::Acquire);
    (!carried).then_some(Carried(claim))
}

/// A claim on its way into a unit of work.
#[derive(Clone)]
pub(crate) struct Carried(Arc<Claim>);

impl Carried {
    /// Writes the claim, before the unit's own work: on PostgreSQL another node's unit with the key waits here for
    /// this one's end. Fails with
    /// [`DbError::Repeated`] if it was written before.
    pub(crate) fn write(&self, unit: &Unit<'_>) -> Result<(), DbError> {
        let Claim { key, request, at, .. } = &*self.0;
        let expired = *at - LIFETIME;
        unit.execute(
            "DELETE FROM idempotency WHERE org_id = $1 AND user_id = $2 AND operation = $3 AND key = $4
                AND created_at <= $5",
            &[&key.user, &&*key.operation, &&*key.key, &expired],
        )?;
        unit.execute(
            "DELETE FROM idempotency WHERE org_id = $1 AND created_at <= (
                SELECT max(created_at) FROM (
                    SELECT created_at FROM idempotency WHERE org_id = $1 AND created_at <= $2
                    ORDER BY created_at LIMIT $3
                ) oldest
            )",
            &[&expired, &SWEPT],
        )?;
        let written = unit.execute(
            "INSERT INTO idempotency (org_id, user_id, operation, key, request, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[&key.user, &&*key.operation, &&*key.key, request, at],
        );
        match written {
            Err(error) if error.violates("idempotency_pkey") => Err(DbError::Repeated),
            other => other.map(|_| ()),
        }
    }

    /// The unit is committed.
    pub(crate) fn written(&self) {
        self.0.carried.store(true, Ordering::Release);
    }

    pub(crate) fn org(&self) -> Id<Organization> {
        self.0.key.org
    }
}

impl Claim {
    fn remove(&self, unit: &Unit<'_>) -> Result<(), DbError> {
        unit.execute(
            "DELETE FROM idempotency WHERE org_id = $1 AND user_id = $2 AND operation = $3 AND key = $4",
            &[&self.key.user, &&*self.key.operation, &&*self.key.key],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
