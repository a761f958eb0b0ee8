//! Counters in fixed windows of time: limits of requests, failed sign-ins.
//!
//! In the process today. They forget when it ends, and several nodes count each for itself.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::DateTime;
use kernel::{Id, Timestamp};
use moka::{Expiry, sync::Cache};

/// How many different counters are kept; the least used ones are forgotten first.
const CAPACITY: u64 = 1_000_000;

/// What is counted: whose calls, of what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterKey {
    scope: &'static str,
    subject: Subject,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Address(IpAddr),
    Id([u8; 16]),
    Text(Arc<str>),
}

impl CounterKey {
    /// Counts for an address. An IPv6 host has a whole /64 to call from, so its network is what counts.
    pub fn address(scope: &'static str, address: IpAddr) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        };
        Self { scope, subject: Subject::Address(network) }
    }

    /// Counts for a thing with an id.
    pub fn id<K>(scope: &'static str, id: Id<K>) -> Self {
        Self { scope, subject: Subject::Id(*id.as_bytes()) }
    }

    /// Counts for a text.
    pub fn text(scope: &'static str, text: &str) -> Self {
        Self { scope, subject: Subject::Text(text.into()) }
    }
}

/// A counter's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Hits in the present window, the last one included.
    pub count: u64,
    /// When the next window begins.
    pub resets_at: Timestamp,
}

/// Windows are counted from 1970 on, so that nodes agree on them.
type Windowed = (CounterKey, i64);

struct Slot {
    hits: AtomicU64,
    lives: Duration,
}

/// Slots are dropped when their window is over.
struct WindowEnd;

impl Expiry<Windowed, Arc<Slot>> for WindowEnd {
    fn expire_after_create(&self, _: &Windowed, slot: &Arc<Slot>, _: std::time::Instant) -> Option<Duration> {
        Some(slot.lives)
    }
}

/// The counters of this node. A cheap handle.
#[derive(Clone)]
pub struct Counters(Cache<Windowed, Arc<Slot>>);

impl Default for Counters {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).expire_after(WindowEnd).build())
    }
}

fn window_of(window: Duration, now: Timestamp) -> (i64, Timestamp) {
    let length = i64::try_from(window.as_micros()).unwrap_or(i64::MAX).max(1);
    let number = now.timestamp_micros().div_euclid(length);
    let end = (number + 1).checked_mul(length).and_then(DateTime::from_timestamp_micros);
    (number, end.unwrap_or(now))
}

impl Counters {
    /// Counts one hit and tells how many there were in this window.
    pub fn hit(&self, key: CounterKey, window: Duration, now: Timestamp) -> Count {
        let (number, resets_at) = window_of(window, now);
        let slot =
            self.0.get_with((key, number), || Arc::new(Slot { hits: AtomicU64::new(0), lives: window }));
        Count { count: slot.hits.fetch_add(1, Ordering::Relaxed) + 1, resets_at }
    }

    /// Tells without counting.
    pub fn peek(&self, key: &CounterKey, window: Duration, now: Timestamp) -> Count {
        let (number, resets_at) = window_of(window, now);
        let slot = self.0.get(&(key.clone(), number));
        Count { count: slot.map_or(0, |slot| slot.hits.load(Ordering::Relaxed)), resets_at }
    }

    /// Forgets what was counted in this window.
    pub fn clear(&self, key: &CounterKey, window: Duration, now: Timestamp) {
        self.0.invalidate(&(key.clone(), window_of(window, now).0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(seconds: i64) -> Timestamp {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn hits_add_up_within_a_window_and_start_again_in_the_next() {
        let counters = Counters::default();
        let key = CounterKey::text("login", "ann");

        assert_eq!(counters.hit(key.clone(), MINUTE, at(61)).count, 1);
        let second = counters.hit(key.clone(), MINUTE, at(119));
        assert_eq!((second.count, second.resets_at), (2, at(120)));
        assert_eq!(counters.peek(&key, MINUTE, at(119)).count, 2);
        assert_eq!(counters.hit(key.clone(), MINUTE, at(120)).count, 1);
        counters.clear(&key, MINUTE, at(120));
        assert_eq!(counters.peek(&key, MINUTE, at(120)).count, 0);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_together() {
        let key = |text: &str| CounterKey::address("x", text.parse().unwrap());

        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
