//! Counting requests: how many a caller has left, and the headers that tell.

use std::{net::IpAddr, time::Duration};

use axum::http::{HeaderMap, HeaderName};
use kernel::{Error, Kind, Principal, Timestamp};
use platform::{
    counters::{Count, CounterKey, Counters},
    settings::Live,
};

use crate::{Access, By, RateLimits};

const HOUR: Duration = Duration::from_hours(1);
/// The counter of tokens that were good for nothing.
const GUESSES: &str = "guesses";
/// How many of them an address may show for each request that it may make without credentials.
const GUESSES_FOR_EACH: u32 = 10;
/// Roles from this level on are administrators.
const ADMIN_LEVEL: u8 = 90;

/// The general limits and the counters behind them.
#[derive(Clone)]
pub(crate) struct Limiter {
    counters: Counters,
    limits: Live<RateLimits>,
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

    fn left(&self) -> u64 {
        u64::from(self.limit).saturating_sub(self.count.count)
    }

    /// The one of two limits that a caller meets first: of which less is left, or for longer.
    pub(crate) fn tighter(self, other: Self) -> Self {
        let tightness = |one: &Self| (one.left(), std::cmp::Reverse(one.count.resets_at));
        if tightness(&other) < tightness(&self) { other } else { self }
    }

    /// The three `X-RateLimit-…` headers.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
        const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
        const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
        headers.insert(LIMIT, self.limit.into());
        headers.insert(REMAINING, self.left().into());
        headers.insert(RESET, self.count.resets_at.timestamp().into());
    }

    fn refusal(&self, now: Timestamp) -> Error {
        let seconds = (self.count.resets_at - now).num_seconds().max(1);
        metrics::counter!("rate_limited_total").increment(1);
        Error::new(Kind::RateLimited, "Too many requests. Try again later.").detail("retry_after", seconds)
    }
}

impl Limiter {
    pub(crate) fn new(counters: Counters, limits: Live<RateLimits>) -> Self {
        Self { counters, limits }
    }

    async fn count(
        &self,
        key: CounterKey,
        limit: u32,
        window: Duration,
        now: Timestamp,
    ) -> (Option<Remaining>, Option<Error>) {
        if limit == 0 {
            return (None, None);
        }
        let remaining = Remaining { limit, count: self.counters.hit(key, window, now).await };
        let refusal = remaining.exceeded().then(|| remaining.refusal(now));
        (Some(remaining), refusal)
    }

    /// Counts a request without good credentials against its address.
    pub(crate) async fn address(
        &self,
        address: IpAddr,
        now: Timestamp,
    ) -> (Option<Remaining>, Option<Error>) {
        let limit = self.limits.get().anonymous;
        self.count(CounterKey::address("anonymous", address), limit, HOUR, now).await
    }

    /// Counts a token that was good for nothing against its address.
    pub(crate) async fn guessed(&self, address: IpAddr, now: Timestamp) {
        if self.limits.get().anonymous > 0 {
            self.counters.hit(CounterKey::address(GUESSES, address), HOUR, now).await;
        }
    }

    /// Is an address refused more tokens that somebody would have to look up? Generous, because others may sign in
    /// behind the same address.
    pub(crate) async fn has_guessed_enough(&self, address: IpAddr, now: Timestamp) -> Option<Error> {
        let limit = self.limits.get().anonymous.saturating_mul(GUESSES_FOR_EACH);
        if limit == 0 {
            return None;
        }
        let count = self.counters.peek(&CounterKey::address(GUESSES, address), HOUR, now).await;
        (count.count >= u64::from(limit)).then(|| Remaining { limit, count }.refusal(now))
    }

    /// Counts a request against its user.
    pub(crate) async fn caller(&self, who: &Principal, now: Timestamp) -> (Option<Remaining>, Option<Error>) {
        let limit = {
            let limits = self.limits.get();
            if who.level >= ADMIN_LEVEL { limits.admin } else { limits.authenticated }
        };
        self.count(CounterKey::id("caller", who.user), limit, HOUR, now).await
    }

    /// Counts a request against the limits of its operation. What is left is that of the tightest.
    pub(crate) async fn operation(
        &self,
        name: &'static str,
        access: &Access,
        address: IpAddr,
        who: Option<&Principal>,
        now: Timestamp,
    ) -> (Option<Remaining>, Option<Error>) {
        let mut tightest: Option<Remaining> = None;
        if !self.limits.get().operations {
            return (None, None);
        }
        for limit in &access.limits {
            let name = limit.of.unwrap_or(name);
            let key = match (limit.by, who) {
                (By::Caller, Some(who)) => CounterKey::id(name, who.user),
                _ => CounterKey::address(name, address),
            };
            let (left, refusal) = self.count(key, limit.calls, limit.window, now).await;
            if refusal.is_some() {
                return (left, refusal);
            }
            tightest = tightest.into_iter().chain(left).reduce(Remaining::tighter);
        }
        (tightest, None)
    }

    /// Counts a frame of a WebSocket against its user.
    pub(crate) async fn frame(&self, who: &Principal, per_minute: u32, now: Timestamp) -> Option<Error> {
        self.count(CounterKey::id("frames", who.user), per_minute, Duration::from_mins(1), now).await.1
    }
}
