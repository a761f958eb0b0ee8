//! The task of a node that gives entries their numbers, hashes and seals.
//!
//! Units that append ring a bell on commit; the task waits a moment, so that entries which come together are sealed
//! together, and seals some of each organization in turn. Nodes may do so at once: for each organization they take turns at
//! a lock in the database, which no writer knows of. What a node left behind that died is found by looking, once a second
//! where other nodes share the database. Looking is a step down an index of what has no number.
//!
//! A chain whose end was tampered with is not gone on with, because a seal of ours behind it would cover that up. Its
//! entries wait without numbers, and the log says so; those of other organizations don't wait with them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use kernel::{Id, id::kind::Organization};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    AuditError, AuditLog, Flaw,
    log::{LOCK, chain_or_new, unreadable},
    store,
};
use crate::{
    db::{DbError, Raw, Unit},
    secrets::Secrets,
};

/// How long entries that come together are gathered.
const GATHER: Duration = Duration::from_millis(100);
/// How long nobody looks for what other nodes left behind.
const LOOK: Duration = Duration::from_secs(1);
/// The same where there are no other nodes.
const ALONE: Duration = Duration::from_mins(1);
/// How long a node waits after the database failed it.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a chain that does not hold is left alone.
const BROKEN: Duration = Duration::from_mins(1);

/// A node's sealer. Dropped, it stops at once; another one goes on where it was.
pub struct Sealer {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Sealer {
    /// Begins to seal.
    pub fn start(log: &AuditLog) -> Self {
        let stop = CancellationToken::new();
        let sealing = Sealing { log: log.clone(), broken: HashMap::new() };
        let task = tokio::spawn(sealing.run(stop.clone()));
        Self { stop, task: AbortOnDropHandle::new(task) }
    }

    /// Seals what is left and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(cause) = self.task.await {
            tracing::error!(%cause, "the sealer of the audit log failed");
        }
    }
}

struct Sealing {
    log: AuditLog,
    /// Chains that do not hold, and when that was seen.
    broken: HashMap<Id<Organization>, Instant>,
}

impl Sealing {
    async fn run(mut self, stop: CancellationToken) {
        let mut rung = self.log.db.audits().listen();
        let wait = if self.log.db.is_shared() { LOOK } else { ALONE };
        while !stop.is_cancelled() {
            let sealed = self.seal_all().await;
            let wait = if let Err(error) = &sealed {
                tracing::error!(%error, "entries of the audit log could not be sealed");
                PAUSE
            } else {
                wait
            };
            tokio::select! {
                () = stop.cancelled() => {}
                changed = rung.changed(), if sealed.is_ok() => {
                    if changed.is_ok() {
                        let _ = stop.run_until_cancelled(sleep(GATHER)).await;
                    }
                }
                () = sleep(wait) => {}
            }
        }
        if let Err(error) = self.seal_all().await {
            tracing::error!(%error, "the last entries of the audit log will be sealed at the next start");
        }
    }

    /// Seals until nothing is left, some of each organization in turn.
    async fn seal_all(&mut self) -> Result<(), DbError> {
        self.broken.retain(|_, seen| seen.elapsed() < BROKEN);
        let (mut more, mut done) = (true, Ok(()));
        while std::mem::take(&mut more) && done.is_ok() {
            let mut after = [0; 16];
            while let Some((org,)) =
                self.log.db.read_server(move |tx| store::next_unsealed(tx, &after)).await?
            {
                after = *org.as_bytes();
                if self.broken.contains_key(&org) {
                    continue;
                }
                match self.seal_some(org).await {
                    Ok(is_more) => more |= is_more,
                    // What fails for one organization is no reason to let others wait.
                    Err(error) => done = Err(error),
                }
            }
        }
        done
    }

    /// Seals some entries of an organization; tells whether there may be more.
    async fn seal_some(&mut self, org: Id<Organization>) -> Result<bool, DbError> {
        match self.log.seal_some(org).await {
            Ok(sealed) => Ok(sealed == store::AT_ONCE),
            Err(AuditError::Database(error)) => Err(error),
            Err(error) => {
                tracing::error!(organization = %org, %error, "an audit log is not gone on with");
                self.broken.insert(org, Instant::now());
                Ok(false)
            }
        }
    }
}

impl AuditLog {
    /// Seals some entries of an organization; gives their number.
    pub(super) async fn seal_some(&self, org: Id<Organization>) -> Result<usize, AuditError> {
        let secrets = self.secrets.clone();
        self.db.write(org, move |unit| seal_some(unit, &secrets)).await
    }
}

fn seal_some(unit: &Unit<'_>, secrets: &Secrets) -> Result<usize, AuditError> {
    unit.lock(LOCK)?;
    let entries = store::unsealed(unit)?;
    if entries.is_empty() {
        return Ok(0);
    }
    let (key, mut ends) = chain_or_new(unit, secrets)?;
    if let Some(found) = store::number_behind(unit, ends.head.number)? {
        let number = if let Raw::Integer(number) = found { number } else { ends.head.number + 1 };
        return Err(Flaw::Inserted { number, id: None }.into());
    }
    for entry in &entries {
        ends.head = ends.head.next(&entry.columns);
        let id = entry.id().ok_or_else(|| unreadable(ends.head.number))?;
        if store::seal(unit, id, &ends.head, key.of_entry(&ends.head))? != 1 {
            // Somebody removed it at this moment: the number must not stay without an entry.
            return Err(DbError::Busy.into());
        }
    }
    store::move_ends(unit, &ends, key.of_ends(&ends))?;
    Ok(entries.len())
}
