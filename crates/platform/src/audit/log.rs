//! The chains of all organizations, as whoever looks after them has them.

use kernel::{Id, Timestamp, id::kind::Organization};

use super::{
    Check, Flaw, Settings,
    chain::{Ends, Key},
    store,
};
use crate::{
    db::{Db, DbError, Tx, Unit},
    jobs::JobError,
    secrets::{Secrets, SecretsError},
    settings::Live,
};

/// What keeps two nodes from going on from the same end of a chain.
pub(super) const LOCK: &str = "audit";

/// Why a chain can't be gone on with, checked or cut.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Something is wrong with it.
    #[error("the audit log does not hold: {0}")]
    Broken(Flaw),
    /// Its key can't be had.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<Flaw> for AuditError {
    fn from(flaw: Flaw) -> Self {
        Self::Broken(flaw)
    }
}

impl From<AuditError> for kernel::Error {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Database(error) => error.into(),
            AuditError::Secrets(error) => error.into(),
            AuditError::Broken(_) => Self::internal(error),
        }
    }
}

impl From<AuditError> for JobError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Database(error) => error.into(),
            other => kernel::Error::from(other).into(),
        }
    }
}

/// What the last whole check of a chain found, which is done each night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCheck {
    /// When it was done.
    pub at: Timestamp,
    /// How many entries were looked at.
    pub entries: u64,
    /// The number of the last entry that was found to be right.
    pub number: i64,
    /// What was wrong, as a sentence without a stop.
    pub flaw: Option<String>,
}

/// How a chain is, as far as that can be told at once.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The newest entries, looked at just now.
    pub newest: Check,
    /// The number of the oldest entry that is there.
    pub first: i64,
    /// The last whole check, if there was one.
    pub whole: Option<PastCheck>,
}

/// The audit log of all organizations. A cheap handle.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) db: Db,
    pub(super) secrets: Secrets,
    pub(super) settings: Live<Settings>,
}

impl AuditLog {
    /// The log in that database, whose chains are sealed with those secrets.
    pub fn new(db: Db, secrets: Secrets, settings: Live<Settings>) -> Self {
        Self { db, secrets, settings }
    }

    /// Organizations that have a log, in no order of meaning: the one after that id.
    pub async fn next_organization(
        &self,
        after: Option<Id<Organization>>,
    ) -> Result<Option<Id<Organization>>, DbError> {
        let after = after.map_or([0; 16], |org| *org.as_bytes());
        let next = self.db.read_server(move |tx| store::next_log(tx, &after)).await?;
        Ok(next.map(|(org,)| org))
    }
}

/// The chain of an organization. None if it has none yet.
pub(super) fn chain(tx: &Tx<'_>, secrets: &Secrets) -> Result<Option<(Key, Ends)>, AuditError> {
    let Some(row) = store::chain(tx)? else {
        // Where entries have numbers there was a chain.
        return if store::has_numbers(tx)? { Err(Flaw::Ends.into()) } else { Ok(None) };
    };
    let key = secrets.unseal(&context(tx.org()), &row.sealed_key).map_err(|_| Flaw::Ends)?;
    let key = Key::new(tx.org(), &key).ok_or(Flaw::Ends)?;
    let ends = row.ends().filter(|ends| key.has_sealed_ends(ends, &row.seal)).ok_or(Flaw::Ends)?;
    Ok(Some((key, ends)))
}

/// The same in a unit of work, begun if there is none yet.
pub(super) fn chain_or_new(unit: &Unit<'_>, secrets: &Secrets) -> Result<(Key, Ends), AuditError> {
    if let Some(chain) = chain(unit, secrets)? {
        return Ok(chain);
    }
    let bytes = unit.surroundings().bytes::<32>();
    let key = Key::new(unit.org(), &bytes).ok_or(SecretsError::Corrupt)?;
    let sealed = secrets.seal(&context(unit.org()), &bytes)?;
    store::begin(unit, &sealed, &Ends::EMPTY, key.of_ends(&Ends::EMPTY))?;
    Ok((key, Ends::EMPTY))
}

/// A key that was copied from another organization opens nothing.
fn context(org: Id<Organization>) -> Vec<u8> {
    [b"audit chain of ".as_slice(), org.as_bytes()].concat()
}

/// What is wrong with an entry of which nothing else can be told.
pub(super) fn unreadable(number: i64) -> Flaw {
    Flaw::Changed { number, id: None }
}
