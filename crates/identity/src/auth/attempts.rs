//! How many attempts to sign in are looked at: the lock of one name for one network, and the slowing down of
//! attempts on one name from everywhere.
//!
//! Everything here is counted by the name that was typed, so it is the same whether there is such a user or not.

use std::{net::IpAddr, sync::Arc, time::Duration};

use kernel::{Secret, Timestamp, text};
use platform::{
    counters::{CounterKey, Counters},
    db::{Db, DbError},
};
use sha2::{Digest, Sha256};

use super::{error::AuthError, store};
use crate::{Settings, settings::LockoutPolicy, tokens::TokenHash};

/// One attempt: a name from a network. The name is known by its hash, because people type passwords into its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    name: TokenHash,
    network: String,
}

impl Attempt {
    /// An attempt with that name or address, from there.
    pub(crate) fn new(name: &str, from: IpAddr) -> Self {
        Self { name: name_hash(name), network: network(from) }
    }

    fn keyed(&self, scope: &'static str) -> CounterKey {
        CounterKey::text(scope, &format!("{} {}", hex(&self.name), self.network))
    }

    fn named(&self, scope: &'static str) -> CounterKey {
        CounterKey::text(scope, &hex(&self.name))
    }
}

/// By what attempts know a name.
pub(crate) fn name_hash(name: &str) -> TokenHash {
    Sha256::digest(text::key(name).as_bytes()).into()
}

/// An IPv6 host has a whole /64 to call from.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", std::net::Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Counts attempts and failures.
#[derive(Clone)]
pub(crate) struct Attempts {
    db: Db,
    counters: Counters,
    settings: Arc<Settings>,
}

const MINUTE: Duration = Duration::from_mins(1);

impl LockoutPolicy {
    fn window(&self) -> Duration {
        Duration::from_mins(self.reset_window_minutes.get().into())
    }

    /// How long an attempt waits after so many failures of its name from anywhere.
    fn delay(&self, failures: u64) -> Duration {
        let beyond = failures.saturating_sub(self.slow_after.into());
        let wait = beyond.saturating_mul(self.slow_step_milliseconds.into());
        Duration::from_millis(wait.min(self.slow_max_milliseconds.get().into()))
    }
}

impl Attempts {
    pub(crate) fn new(db: Db, counters: Counters, settings: Arc<Settings>) -> Self {
        Self { db, counters, settings }
    }

    /// Lets an attempt pass, after the wait that its name has earned, or refuses it.
    pub(crate) async fn admit(
        &self,
        attempt: &Attempt,
        policy: &LockoutPolicy,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let asked = attempt.clone();
        let locked: Result<_, DbError> =
            self.db.read_server(move |tx| store::locked_until(tx, &asked.name, &asked.network, now)).await;
        if let Some(until) = locked? {
            return Err(AuthError::Locked { until });
        }
        let limit = u64::from(self.settings.logins_per_minute);
        if limit > 0 {
            let count = self.counters.hit(attempt.keyed("login"), MINUTE, now).await;
            if count.count > limit {
                let retry_after = (count.resets_at - now).num_seconds().max(1);
                return Err(AuthError::TooMany { retry_after });
            }
        }
        let of_name = attempt.named("login_failures_of_name");
        let failures = self.counters.peek(&of_name, policy.window(), now).await;
        let delay = policy.delay(failures.count);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(())
    }

    /// Counts a failure. Gives the end of the lock that it leads to, if it does.
    pub(crate) async fn failed(
        &self,
        attempt: &Attempt,
        policy: &LockoutPolicy,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.counters.hit(attempt.named("login_failures_of_name"), policy.window(), now).await;
        let key = attempt.keyed("login_failures");
        let failures = self.counters.hit(key.clone(), policy.window(), now).await;
        if failures.count < policy.max_attempts.get().into() {
            return None;
        }
        self.counters.clear(&key, policy.window(), now).await;
        Some(now + chrono::TimeDelta::minutes(policy.lockout_duration_minutes.get().into()))
    }

    /// Forgets the failures of a name from there: whoever signs in has remembered their password.
    pub(crate) async fn succeeded(&self, attempt: &Attempt, policy: &LockoutPolicy, now: Timestamp) {
        self.counters.clear(&attempt.keyed("login_failures"), policy.window(), now).await;
    }

    /// Forgets that attempts on these names are to be slowed down.
    pub(crate) async fn forgive(&self, names: &[TokenHash], policy: &LockoutPolicy, now: Timestamp) {
        for name in names {
            let of_name = CounterKey::text("login_failures_of_name", &hex(name));
            self.counters.clear(&of_name, policy.window(), now).await;
        }
    }
}

/// Writes a lock down.
pub(crate) fn lock(
    unit: &platform::db::ServerUnit<'_>,
    attempt: &Attempt,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    store::lock_out(unit, &attempt.name, &attempt.network, until, now)
}

/// A password longer than any that can be set is wrong without looking at all of it.
pub(crate) fn bounded(password: Secret) -> Secret {
    let most = crate::passwords::MAX_LENGTH;
    match password.reveal().char_indices().nth(most + 1) {
        Some((end, _)) => Secret::new(&password.reveal()[..end]),
        None => password,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        let at = |name: &str, address: &str| Attempt::new(name, address.parse().unwrap());

        assert_eq!(at(" ANN ", "10.0.0.1"), at("ann", "::ffff:10.0.0.1"));
        assert_eq!(at("ann", "2001:db8::1"), at("ann", "2001:db8::ffff"));
        assert_ne!(at("ann", "10.0.0.1"), at("ann", "10.0.0.2"));
    }

    proptest! {
        #[test]
        fn the_wait_grows_to_its_limit_and_never_beyond(failures in any::<u64>()) {
            let policy = LockoutPolicy::default();
            let most = Duration::from_millis(policy.slow_max_milliseconds.get().into());
            prop_assert!(policy.delay(failures) <= most);
            prop_assert!(policy.delay(failures) <= policy.delay(failures.saturating_add(1)));
        }

        #[test]
        fn a_password_is_bounded_without_breaking_a_character(text in ".{0,300}") {
            let bounded = bounded(Secret::new(text.clone()));
            prop_assert!(text.starts_with(bounded.reveal()));
            prop_assert!(bounded.reveal().chars().count() <= crate::passwords::MAX_LENGTH + 1);
        }
    }
}
