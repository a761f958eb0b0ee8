//! How many mails somebody can have sent to addresses that need not be theirs.

use std::{net::IpAddr, sync::Arc, time::Duration};

use kernel::{Id, Timestamp, id::kind, text};
use platform::counters::{CounterKey, Counters};

use super::asked::CONFIRM;
use crate::{
    Settings,
    auth::{
        AuthError,
        attempts::{hex, name_hash},
    },
};

const HOUR: Duration = Duration::from_hours(1);

/// How many times as many mails one address gets by the word of people everywhere as by that of people in one place.
const FROM_EVERYWHERE: u64 = 10;

/// Counts mails before they are written. A cheap handle.
#[derive(Clone)]
pub(crate) struct Allowance {
    counters: Counters,
    settings: Arc<Settings>,
}

impl Allowance {
    pub(crate) fn new(counters: Counters, settings: Arc<Settings>) -> Self {
        Self { counters, settings }
    }

    /// Counts a mail of that kind to an address, however written, that somebody asks for from there, or refuses it.
    /// Whoever asks elsewhere leaves them mails of their own, until all together ask for too many.
    pub(super) async fn admit(
        &self,
        kind: &'static str,
        email: &str,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let email = hex(&name_hash(&text::key(email)));
        let limit = u64::from(self.settings.mail_requests_per_hour);
        let by_one = CounterKey::text(kind, &format!("{email} {}", kernel::network(from)));
        self.count(by_one, limit, now).await?;
        self.count(CounterKey::text(kind, &email), limit.saturating_mul(FROM_EVERYWHERE), now).await
    }

    /// Counts that somebody wants that address for their account, or refuses it.
    pub(crate) async fn admit_change(
        &self,
        user: Id<kind::User>,
        email: &str,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let key = CounterKey::id("address_changes", user);
        self.count(key, self.settings.address_changes_per_hour.into(), now).await?;
        self.admit(CONFIRM.name(), email, from, now).await
    }

    async fn count(&self, key: CounterKey, limit: u64, now: Timestamp) -> Result<(), AuthError> {
        if limit == 0 {
            return Ok(());
        }
        let count = self.counters.hit(key, HOUR, now).await;
        if count.count <= limit {
            return Ok(());
        }
        Err(AuthError::TooMany { retry_after: (count.resets_at - now).num_seconds().max(1) })
    }
}
