//! Deleting an organization. Nobody belongs to it from that moment; what it has is erased by a job, because it can be much.
//!
//! The job belongs to the server's first organization, for everything of the deleted one goes. Modules that keep more
//! than rows say what is to be done about it (`Module::erases`); rows are found by the schema.

use std::time::Duration;

use chrono::TimeDelta;
use gateway::Module;
use kernel::{
    Actor, Id, Timestamp,
    id::{JobId, kind},
};
use platform::{
    audit::{Audit, Category},
    db::{DbError, TableOfOrganizations, Unit},
    jobs::{JobContext, JobError, JobKind},
    objects::Stored,
    schedules::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    error::OrganizationError,
    service::{Organizations, Result, acting},
    store,
};
use crate::{avatars, ids::OrganizationId, sessions, users, visitors};

/// Erases what a deleted organization has. Its attempts last for half a day or so.
const ERASE: JobKind<Deleted> = JobKind::new("organizations.erase")
    .attempts(20)
    .time_limit(Duration::from_hours(6))
    .backoff(Duration::from_secs(10), Duration::from_hours(2));
/// Looks for deleted organizations that still have a row, and erases what there may be.
const RESUME: JobKind<()> = JobKind::new("organizations.resume_erasures");

/// Rows that one unit removes at the most.
const ROWS: u64 = 500;
/// Accounts that one unit removes or moves at the most.
const ACCOUNTS: i64 = 50;
/// After that long no request is under way any more that began before the deletion. Then the organization is erased once
/// more, and its row goes.
const LATE: TimeDelta = TimeDelta::minutes(10);
/// How long the erasure waits for jobs that are still under way.
const PATIENCE: Duration = Duration::from_secs(1);

/// The organization whose erasure has begun.
#[derive(Debug, Serialize, Deserialize)]
struct Deleted {
    organization_id: OrganizationId,
}

/// The jobs of deletion.
pub(super) fn with_jobs(module: Module, organizations: &Organizations) -> Module {
    let (erases, resumes) = (organizations.clone(), organizations.clone());
    module
        .job(&ERASE, move |job, deleted: Deleted| erases.clone().erase(job, deleted.organization_id))
        .job(&RESUME, move |_, ()| resumes.clone().resume())
        .schedule(Schedule::new("organizations.resume_erasures", "23 * * * *", RESUME.job(&())))
}

impl Organizations {
    /// Deletes the organization that the caller acts in, if they confirm it with its name. Gives the job that erases.
    pub(super) async fn delete(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        confirmation: Option<String>,
    ) -> Result<JobId> {
        acting(who, org)?;
        let (now, who, this) = (self.world.now(), who.clone(), self.clone());
        self.db
            .write(org, move |unit| {
                let server = unit.server();
                store::lock(server, org)?;
                let row = store::one_of_user(server, who.user, org)?.ok_or(OrganizationError::NotFound)?;
                let first = store::first(server)?.ok_or(OrganizationError::NotFound)?;
                if first == org {
                    return Err(OrganizationError::FirstOrganization);
                }
                if confirmation.is_none_or(|name| name != row.name) {
                    return Err(OrganizationError::ConfirmationMismatch);
                }
                this.shut(unit, now)?;
                store::mark_deleted(server, org, now)?;
                let first = server.org(first);
                let entry = Audit::by(&who, "organization_deleted", Category::Administrative);
                first.audit(entry.on("organization", org).named(row.name.as_str()))?;
                Ok(enqueue(&first, org, Some(who.user))?)
            })
            .await
    }

    /// Ends everybody's access.
    fn shut(&self, unit: &Unit<'_>, now: Timestamp) -> Result<()> {
        let (server, org) = (unit.server(), unit.org());
        let live = sessions::store::live_in(server, org)?;
        sessions::end_all(server, &self.callers, live, now)?;
        let visits = visitors::store::end_all_in(server, org, now)?;
        self.callers.ended(server, visits);
        unit.execute("DELETE FROM members WHERE org_id = $1", &[])?;
        // What was known of callers with keys is forgotten, too.
        self.callers.organization_changed(server, org);
        Ok(())
    }

    async fn resume(self) -> std::result::Result<Value, JobError> {
        let resumed = self.db.write_server(|unit| {
            let Some(first) = store::first(unit)? else { return Ok(0) };
            let deleted = store::deleted(unit)?;
            for (org,) in &deleted {
                enqueue(&unit.org(first), *org, None)?;
            }
            Ok::<_, DbError>(deleted.len())
        });
        Ok(json!({ "organizations": resumed.await? }))
    }

    /// In small units, so that nobody waits long for the writer, and a node that stops goes on elsewhere.
    async fn erase(
        self,
        job: JobContext,
        org: Id<kind::Organization>,
    ) -> std::result::Result<Value, JobError> {
        let is_deleted = self.db.read_server(move |tx| store::is_deleted(tx, org)).await;
        if !is_deleted.map_err(|error: DbError| error)? {
            return Ok(json!({ "rows": 0 }));
        }
        // First the people: those who are at home here sign in elsewhere only once their account has moved.
        let mut accounts = self.erase_all_accounts(&job, org).await?;
        // What is under way would write again.
        let under_way: std::result::Result<u64, DbError> = self.db.write(org, abandon_jobs).await;
        if under_way? > 0 {
            return Err(JobError::NotYet(PATIENCE));
        }
        for eraser in self.erasers.get().into_iter().flatten() {
            loop {
                job.check()?;
                let eraser = eraser.clone();
                let more: std::result::Result<bool, DbError> =
                    self.db.write(org, move |unit| eraser(unit)).await;
                if !more? {
                    break;
                }
            }
        }
        accounts += self.erase_all_accounts(&job, org).await?;
        let rows = self.erase_rows(&job, org).await?;
        let before = self.world.now() - LATE;
        let gone = self.db.write_server(move |unit| store::forget(unit, org, before)).await;
        gone.map_err(|error: DbError| error)?;
        Ok(json!({ "rows": rows, "accounts": accounts }))
    }

    async fn erase_all_accounts(
        &self,
        job: &JobContext,
        org: Id<kind::Organization>,
    ) -> std::result::Result<u64, JobError> {
        let mut accounts = 0;
        loop {
            job.check()?;
            let some: std::result::Result<u64, DbError> = self.db.write(org, erase_accounts).await;
            let some = some?;
            accounts += some;
            if some < ACCOUNTS.unsigned_abs() {
                return Ok(accounts);
            }
        }
    }

    /// Removes every row of the organization, in as many passes as it takes: a row goes after those that refer to it.
    async fn erase_rows(
        &self,
        job: &JobContext,
        org: Id<kind::Organization>,
    ) -> std::result::Result<u64, JobError> {
        let tables: std::result::Result<_, DbError> = self.db.write(org, tables).await;
        let (mut all, tables) = (0, tables?);
        loop {
            let (mut removed, mut is_referred_to) = (0, false);
            for table in &tables {
                match self.empty(job, org, table).await? {
                    Some(rows) => removed += rows,
                    None => is_referred_to = true,
                }
            }
            all += removed;
            if removed == 0 {
                return if is_referred_to {
                    Err(JobError::retry("Some rows of the organization are still referred to."))
                } else {
                    Ok(all)
                };
            }
        }
    }

    /// Empties one table; gives how many rows it had. None if other rows refer to them.
    async fn empty(
        &self,
        job: &JobContext,
        org: Id<kind::Organization>,
        table: &TableOfOrganizations,
    ) -> std::result::Result<Option<u64>, JobError> {
        let mut all = 0;
        loop {
            job.check()?;
            let some = {
                let table = table.clone();
                self.db.write(org, move |unit| unit.erase_some(&table, ROWS)).await
            };
            let some = match some {
                Err(DbError::ForeignKey) => {
                    // Those of the same table may refer to each other, and go together.
                    let table = table.clone();
                    match self.db.write(org, move |unit| unit.erase_all(&table)).await {
                        Err(DbError::ForeignKey) => return Ok(None),
                        whole => return Ok(Some(all + whole?)),
                    }
                }
                some => some?,
            };
            all += some;
            if some < ROWS {
                return Ok(Some(all));
            }
        }
    }
}

fn enqueue(
    first: &Unit<'_>,
    org: Id<kind::Organization>,
    by: Option<Id<kind::User>>,
) -> std::result::Result<JobId, DbError> {
    let job = ERASE.job(&Deleted { organization_id: org }).unique(org.to_string());
    first.enqueue(&match by {
        Some(user) => job.by(user),
        None => job,
    })
}

fn abandon_jobs(unit: &Unit<'_>) -> std::result::Result<u64, DbError> {
    unit.abandon_jobs()
}

fn tables(unit: &Unit<'_>) -> std::result::Result<Vec<TableOfOrganizations>, DbError> {
    unit.tables_of_organizations()
}

/// Who belongs to another organization, too, has their account there from now on: where they own it, or where they have
/// been for the longest time. All other accounts go, and their names are free.
fn erase_accounts(unit: &Unit<'_>) -> std::result::Result<u64, DbError> {
    let server = unit.server();
    // Whom somebody made at the moment of the deletion.
    unit.execute("DELETE FROM members WHERE org_id = $1", &[])?;
    let accounts = store::accounts_at(server, unit.org(), ACCOUNTS)?;
    for (user,) in &accounts {
        // Somebody who changes their picture meanwhile waits, and changes it in their new home.
        users::store::lock(server, *user)?;
        match store::other_home(server, *user)? {
            Some(home) => {
                if let Some((stored, claim)) = picture(unit, *user)? {
                    server.org(home).claim_object(stored, &claim)?;
                }
                store::move_home(server, *user, home)?;
            }
            None => store::delete_account(server, *user)?,
        }
    }
    Ok(accounts.len() as u64)
}

fn picture(
    unit: &Unit<'_>,
    user: Id<kind::User>,
) -> std::result::Result<Option<(Stored, [u8; 16])>, DbError> {
    let row = avatars::store::find(unit.server(), user)?;
    Ok(row.and_then(|row| Some((row.stored()?, row.claim?))))
}
