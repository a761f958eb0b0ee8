//! Counting requests: how many a caller has left, and the headers that tell.

use std::{net::IpAddr, time::Duration};

use axum::http::{HeaderMap, HeaderName};
use kernel::{Error, Kind, Principal, Timestamp};
use platform::counters::{Count, CounterKey, Counters};

use crate::{Access, By, RateLimits};

const HOUR: Duration = Duration::from_hours(1);
/// Roles from this level on are administrators.
const ADMIN_LEVEL: u8 = 90;

/// The general limits and the counters behind them.
#[derive(Clone)]
pub(crate) struct Limiter {
    counters: Counters,
    limits: RateLimits,
}

/// What is left of a caller's limit, for the headers of the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remaining {
    limit: u32,
    count: Count,
}

impl Remaining {
    fn exceeded(&self) -> bool {
        self.count.count > u64::from(self.limit)
    }

    /// The three `X-RateLimit-…` headers.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
        const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
        const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
        headers.insert(LIMIT, self.limit.into());
        headers.insert(REMAINING, u64::from(self.limit).saturating_sub(self.count.count).into());
        headers.insert(RESET, self.count.resets_at.timestamp().into());
    }

    fn refusal(&self, now: Timestamp) -> Error {
        let seconds = (self.count.resets_at - now).num_seconds().max(1);
        metrics::counter!("rate_limited_total").increment(1);
        Error::new(Kind::RateLimited, "Too many requests. Try again later.").detail("retry_after", seconds)
    }
}

impl Limiter {
    pub(crate) fn new(counters: Counters, limits: RateLimits) -> Self {
        Self { counters, limits }
    }

    fn count(
        &self,
        key: CounterKey,
        limit: u32,
        window: Duration,
        now: Timestamp,
    ) -> (Option<Remaining>, Option<Error>) {
        if limit == 0 {
            return (None, None);
        }
        let remaining = Remaining { limit, count: self.counters.hit(key, window, now) };
        let refusal = remaining.exceeded().then(|| remaining.refusal(now));
        (Some(remaining), refusal)
    }

    /// Counts a request without good credentials against its address.
    pub(crate) fn address(&self, address: IpAddr, now: Timestamp) -> (Option<Remaining>, Option<Error>) {
        self.count(CounterKey::address("anonymous", address), self.limits.anonymous, HOUR, now)
    }

    /// Counts a request against its user.
    pub(crate) fn caller(&self, who: &Principal, now: Timestamp) -> (Option<Remaining>, Option<Error>) {
        let limit = if who.level >= ADMIN_LEVEL { self.limits.admin } else { self.limits.authenticated };
        self.count(CounterKey::id("caller", who.user), limit, HOUR, now)
    }

    /// Counts a request against the limits of its operation.
    pub(crate) fn operation(
        &self,
        name: &'static str,
        access: &Access,
        address: IpAddr,
        who: Option<&Principal>,
        now: Timestamp,
    ) -> Option<Error> {
        if !self.limits.operations {
            return None;
        }
        access.limits.iter().find_map(|limit| {
            let key = match (limit.by, who) {
                (By::Caller, Some(who)) => CounterKey::id(name, who.user),
                _ => CounterKey::address(name, address),
            };
            self.count(key, limit.calls, limit.window, now).1
        })
    }

    /// Counts a frame of a WebSocket against its user.
    pub(crate) fn frame(&self, who: &Principal, per_minute: u32, now: Timestamp) -> Option<Error> {
        self.count(CounterKey::id("frames", who.user), per_minute, Duration::from_mins(1), now).1
    }
}
