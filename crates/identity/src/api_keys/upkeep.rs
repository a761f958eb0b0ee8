//! What is done about keys while nobody asks: their end is announced, and those that ended long ago are forgotten.

use chrono::TimeDelta;
use platform::{
    db::DbError,
    jobs::{JobContext, JobError, in_small_units},
};
use serde_json::{Value, json};

use super::{ApiKeys, events::ApiKeyExpiring, store};

/// How long before its end that of a key is announced.
const NOTICE: TimeDelta = TimeDelta::days(7);

impl ApiKeys {
    /// Announces and forgets.
    pub(super) async fn keep_up(self, job: JobContext) -> Result<Value, JobError> {
        let announced = in_small_units(|| job.check(), store::AT_ONCE, || self.announce_some()).await?;
        let forgotten = in_small_units(|| job.check(), store::AT_ONCE, || self.forget_some()).await?;
        Ok(json!({ "announced": announced, "forgotten": forgotten }))
    }

    /// Tells of keys that end soon, each once.
    pub(super) async fn announce_some(&self) -> Result<u64, DbError> {
        let now = self.world.now();
        self.db
            .write_server(move |unit| {
                let ending = store::to_announce(unit, now, now + NOTICE)?;
                let count = ending.len() as u64;
                for key in ending {
                    let event = ApiKeyExpiring {
                        key_id: key.id,
                        user_id: key.user_id,
                        name: key.name,
                        expires_at: key.expires_at,
                    };
                    unit.org(key.org_id).emit(&event)?;
                }
                Ok(count)
            })
            .await
    }

    /// Forgets keys that ended long ago.
    pub(super) async fn forget_some(&self) -> Result<u64, DbError> {
        let before = self.world.now() - TimeDelta::days(self.settings.api_keys.keep_ended_days.get().into());
        self.db.write_server(move |unit| store::forget_some(unit, before)).await
    }
}
