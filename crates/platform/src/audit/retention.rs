//! Forgetting the oldest entries, where an operator wants it. What is left begins behind an anchor: the place of the last
//! entry that was removed, which goes under the seal of the chain's ends. So a chain that was cut by retention holds, and
//! one that was cut by anybody else doesn't.

use std::time::Duration;

use chrono::TimeDelta;
use kernel::{Id, Timestamp, id::kind::Organization};
use serde_json::json;

use super::{
    Audit, AuditError, AuditLog, Category,
    chain::Walk,
    log::{LOCK, chain},
    store::{self, AT_ONCE},
};
use crate::{
    db::Unit,
    jobs::{Handler, JobContext, JobError, JobKind, in_small_units},
    secrets::Secrets,
};

/// Removes entries that are older than they are to be kept.
pub const RETAIN: JobKind<()> = JobKind::new("audit.retain").time_limit(Duration::from_hours(6));

/// What does jobs of the kind [`RETAIN`].
pub fn retain(log: &AuditLog) -> Handler {
    let log = log.clone();
    RETAIN.handled_by(move |job, ()| run(job, log.clone()))
}

async fn run(job: JobContext, log: AuditLog) -> Result<serde_json::Value, JobError> {
    let keep_days = log.settings.get().keep_days;
    let (mut after, mut removed) = (None, 0);
    while keep_days > 0
        && let Some(org) = log.next_organization(after).await?
    {
        let cut = || log.remove_some(org, keep_days);
        match in_small_units(|| job.check(), AT_ONCE as u64, cut).await {
            Ok(some) => removed += some,
            Err(JobError::Interrupted) => return Err(JobError::Interrupted),
            // What was tampered with is kept as it is; others are none the worse for it.
            Err(error) => {
                tracing::error!(organization = %org, %error, "entries of an audit log were not removed");
            }
        }
        after = Some(org);
    }
    Ok(json!({ "removed": removed }))
}

impl AuditLog {
    /// Removes some of the oldest entries of an organization that are older than so many days; gives their number.
    pub(super) async fn remove_some(&self, org: Id<Organization>, keep_days: u32) -> Result<u64, AuditError> {
        let secrets = self.secrets.clone();
        self.db
            .write(org, move |unit| {
                let before = unit.surroundings().now() - TimeDelta::days(keep_days.into());
                remove_some(unit, &secrets, before)
            })
            .await
    }
}

/// Each entry is checked before it goes: what was tampered with is evidence.
fn remove_some(unit: &Unit<'_>, secrets: &Secrets, before: Timestamp) -> Result<u64, AuditError> {
    unit.lock(LOCK)?;
    let Some((key, mut ends)) = chain(unit, secrets)? else { return Ok(0) };
    let mut walk = Walk { key, at: ends.anchor };
    for entry in store::behind(unit, ends.anchor.number)? {
        let is_old = entry.at().is_none_or(|at| at < before.timestamp_micros());
        if !is_old || walk.at.number == ends.head.number {
            break;
        }
        walk.step(&entry)?;
    }
    let (from, until) = (ends.anchor.number + 1, walk.at.number);
    if until < from {
        return Ok(0);
    }
    let removed = store::remove(unit, ends.anchor.number, until)?;
    ends.anchor = walk.at;
    store::move_ends(unit, &ends, walk.key.of_ends(&ends))?;
    let entry = Audit::system("audit_retention", Category::Administrative);
    unit.audit(entry.detail("first", from).detail("last", until).detail("older_than", before))?;
    Ok(removed)
}
