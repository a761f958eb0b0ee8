//! What is forgotten while nobody asks: links that nobody used in time, and accounts that somebody registered without ever
//! confirming the address. Those would keep names and addresses from people who have them.

mod store;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use gateway::Module;
use platform::{
    audit::{Audit, Category},
    db::{DbError, ServerUnit},
    jobs::{JobContext, JobError, JobKind, in_small_units},
    schedules::Schedule,
};
use serde_json::{Value, json};

use super::Auth;
use crate::{
    avatars, organizations,
    users::{self, model::Status},
};

const UPKEEP: JobKind<()> = JobKind::new("auth.upkeep");

/// How long a registration waits for its confirmation, and longer while a link to it is still good.
const WAITS: TimeDelta = TimeDelta::days(7);

/// The job that forgets, and when.
pub(super) fn jobs(module: Module, auth: &Auth) -> Module {
    let auth = auth.clone();
    module.job(&UPKEEP, move |job, ()| auth.clone().keep_up(job)).schedule(Schedule::new(
        "auth.upkeep",
        "29 * * * *",
        UPKEEP.job(&()),
    ))
}

impl Auth {
    async fn keep_up(self, job: JobContext) -> Result<Value, JobError> {
        let links = in_small_units(|| job.check(), store::LINKS, || self.forget_links()).await?;
        let accounts = in_small_units(|| job.check(), store::ACCOUNTS, || self.erase_unconfirmed()).await?;
        Ok(json!({ "links": links, "registrations": accounts }))
    }

    /// Forgets some of the links that nobody used in time; gives their number.
    async fn forget_links(&self) -> Result<u64, DbError> {
        let now = self.world.now();
        self.db.write_server(move |unit| store::forget_links(unit, now)).await
    }

    /// Erases some of the accounts whose address was not confirmed in time; gives their number.
    async fn erase_unconfirmed(&self) -> Result<u64, DbError> {
        let this = self.clone();
        self.db.write_server(move |unit| this.erase_some(unit)).await
    }

    fn erase_some(&self, unit: &ServerUnit<'_>) -> Result<u64, DbError> {
        let now = self.world.now();
        let found = store::unconfirmed(unit, now - WAITS, now)?;
        for (user, home) in &found {
            let home = unit.org(*home);
            users::store::lock(unit, *user)?;
            // Looked at again under the lock: it may have been confirmed since, or have another link.
            let account = users::store::find(unit, *user)?;
            let account = account.filter(|account| account.status == Status::PendingVerification);
            let Some(account) = account else { continue };
            if store::has_link(unit, *user, now)? {
                continue;
            }
            // An administrator may have given it one.
            if let Some(claim) = avatars::store::find(unit, *user)?.and_then(|picture| picture.claim) {
                home.release_objects(&claim)?;
            }
            users::store::leave(&home, *user)?;
            organizations::store::delete_account(unit, *user)?;
            let entry = Audit::system("registration_expired", Category::Administrative);
            home.audit(entry.on("user", user).named(account.username))?;
        }
        Ok(found.len() as u64)
    }
}
