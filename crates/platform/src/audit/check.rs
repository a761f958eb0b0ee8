//! Checking whether a chain holds: whole, entry by entry, in reads of a bounded size; or its newest entries at once.

use kernel::{Id, id::kind::Organization};
use serde_json::json;

use super::{
    Audit, AuditError, AuditLog, Category, Flaw, Link,
    chain::Walk,
    log::{PastCheck, Standing, chain, unreadable},
    store::{self, AT_ONCE, CheckRow},
};
use crate::{
    db::{DbError, Tx},
    jobs::{Handler, JobContext, JobError, JobKind},
    secrets::Secrets,
};

/// Checks the chains of all organizations.
pub const VERIFY: JobKind<()> =
    JobKind::new("audit.verify").time_limit(std::time::Duration::from_hours(12)).attempts(2);

/// What a check of a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// How many entries were found to be right.
    pub entries: u64,
    /// The last of them; nothing where there is no chain yet.
    pub last: Option<Link>,
    /// Was the place met that was noted elsewhere?
    pub met: bool,
    /// What is wrong. Nothing if the chain holds.
    pub flaw: Option<Flaw>,
}

/// A check under way.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Where it is; nothing before it began.
    at: Option<Link>,
    noted: Option<Link>,
    met: bool,
    entries: u64,
    done: bool,
}

impl AuditLog {
    /// Checks the whole chain of an organization. If a place in it was noted elsewhere, the chain has to go through it.
    /// Entries that come meanwhile are checked, too.
    pub async fn check(&self, org: Id<Organization>, noted: Option<Link>) -> Result<Check, AuditError> {
        let mut progress = Progress { at: None, noted, met: false, entries: 0, done: false };
        let mut flaw = None;
        while !progress.done && flaw.is_none() {
            let secrets = self.secrets.clone();
            match self.db.read(org, move |tx| go_on(tx, &secrets, progress)).await {
                Ok(further) => progress = further,
                Err(AuditError::Broken(found)) => flaw = Some(found),
                Err(error) => return Err(error),
            }
        }
        Ok(Check { entries: progress.entries, last: progress.at, met: progress.met, flaw })
    }

    /// Checks the newest entries, up to so many as one read takes, and tells what the last whole check found.
    pub async fn standing(&self, org: Id<Organization>) -> Result<Standing, AuditError> {
        let secrets = self.secrets.clone();
        self.db
            .read(org, move |tx| {
                let (newest, first) = match newest(tx, &secrets) {
                    Ok(found) => found,
                    Err(AuditError::Broken(flaw)) => {
                        (Check { entries: 0, last: None, met: false, flaw: Some(flaw) }, 0)
                    }
                    Err(error) => return Err(error),
                };
                let whole = store::last_check(tx)?.map(|row| PastCheck {
                    at: row.at,
                    entries: u64::try_from(row.entries).unwrap_or_default(),
                    number: row.number,
                    flaw: row.flaw,
                });
                Ok(Standing { newest, first, whole })
            })
            .await
    }

    async fn check_and_note(&self, org: Id<Organization>) -> Result<Check, AuditError> {
        let check = self.check(org, None).await?;
        let (number, entries) = (check.last.map_or(0, |last| last.number), check.entries);
        let flaw = check.flaw.map(|flaw| flaw.to_string());
        let noted = self.db.write(org, move |unit| {
            let at = unit.surroundings().now();
            let known = store::last_check(unit)?.and_then(|row| row.flaw);
            if flaw.is_some() && flaw != known {
                let entry = Audit::system("audit_tampered", Category::Security).failed("audit_tampered");
                unit.audit(entry.detail("description", &flaw))?;
            }
            let entries = i64::try_from(entries).unwrap_or(i64::MAX);
            store::note_check(unit, &CheckRow { at, entries, number, flaw })
        });
        noted.await.map_err(|error: DbError| error)?;
        Ok(check)
    }
}

/// Checks some entries more.
fn go_on(tx: &Tx<'_>, secrets: &Secrets, mut progress: Progress) -> Result<Progress, AuditError> {
    let Some((key, ends)) = chain(tx, secrets)? else {
        progress.done = true;
        return progress.noted.map_or(Ok(progress), |noted| Err(Flaw::Missing(noted.number).into()));
    };
    let at = match progress.at {
        // Retention may have cut the chain meanwhile.
        Some(at) if at.number >= ends.anchor.number => at,
        _ => {
            if let Some((number, id)) = store::not_behind(tx, ends.anchor.number)? {
                return Err(Flaw::Inserted { number, id: Some(id) }.into());
            }
            progress.meet(&ends.anchor)?;
            ends.anchor
        }
    };
    let mut walk = Walk { key, at };
    let entries = store::behind(tx, at.number)?;
    for entry in &entries {
        walk.step(entry).map_err(|flaw| behind_the_end(flaw, &walk, ends.head))?;
        if walk.at.number > ends.head.number {
            return Err(behind_the_end(unreadable(walk.at.number), &walk, ends.head).into());
        }
        progress.meet(&walk.at)?;
    }
    progress.entries += entries.len() as u64;
    progress.at = Some(walk.at);
    progress.done = entries.len() < AT_ONCE;
    if progress.done {
        if walk.at.number < ends.head.number {
            return Err(Flaw::Missing(walk.at.number + 1).into());
        }
        if walk.at != ends.head {
            return Err(Flaw::Ends.into());
        }
        if let Some(noted) = progress.noted.filter(|noted| noted.number > ends.head.number) {
            return Err(Flaw::Missing(noted.number).into());
        }
    }
    Ok(progress)
}

/// Whatever is wrong with an entry behind the end of the chain, what is wrong is that it is there.
fn behind_the_end(flaw: Flaw, walk: &Walk, head: Link) -> Flaw {
    if walk.at.number < head.number {
        return flaw;
    }
    let (number, id) = match flaw {
        Flaw::Changed { number, id } | Flaw::Forged { number, id } | Flaw::Inserted { number, id } => {
            (number, id)
        }
        _ => (head.number + 1, None),
    };
    Flaw::Inserted { number, id }
}

impl Progress {
    fn meet(&mut self, place: &Link) -> Result<(), Flaw> {
        match self.noted {
            Some(noted) if noted.number == place.number && noted.hash != place.hash => {
                Err(Flaw::NotAsNoted(noted.number))
            }
            Some(noted) if noted.number == place.number => {
                self.met = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Checks the newest entries, and tells the number of the oldest that is there.
fn newest(tx: &Tx<'_>, secrets: &Secrets) -> Result<(Check, i64), AuditError> {
    let Some((key, ends)) = chain(tx, secrets)? else {
        return Ok((Check { entries: 0, last: None, met: false, flaw: None }, 0));
    };
    let back = i64::try_from(AT_ONCE).unwrap_or(0) - 1;
    let from = Ord::max(ends.head.number - back, ends.anchor.number);
    let at = if from == ends.anchor.number {
        ends.anchor
    } else {
        // Its own hash can't be checked without the one before it, but its seal can.
        let entry = store::numbered(tx, from)?.ok_or(Flaw::Missing(from))?;
        entry.sealed_link(&key, from)?
    };
    let progress = Progress { at: Some(at), noted: None, met: false, entries: 0, done: false };
    let progress = go_on(tx, secrets, progress)?;
    let check = Check { entries: progress.entries, last: progress.at, met: false, flaw: None };
    Ok((check, ends.anchor.number + 1))
}

/// What does jobs of the kind [`VERIFY`].
pub fn verify(log: &AuditLog) -> Handler {
    let log = log.clone();
    VERIFY.handled_by(move |job, ()| run(job, log.clone()))
}

async fn run(job: JobContext, log: AuditLog) -> Result<serde_json::Value, JobError> {
    let (mut after, mut checked, mut broken) = (None, 0_u64, 0_u64);
    while let Some(org) = log.next_organization(after).await? {
        job.check()?;
        let check = log.check_and_note(org).await?;
        checked += 1;
        if let Some(flaw) = check.flaw {
            tracing::error!(organization = %org, %flaw, "an audit log does not hold");
            broken += 1;
        }
        after = Some(org);
    }
    Ok(json!({ "organizations": checked, "broken": broken }))
}
