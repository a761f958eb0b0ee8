//! Counters in fixed windows of time: limits of requests, failed sign-ins.
//!
//! In the process, where they forget when it ends and each node counts for itself; or shared over Valkey. While
//! that is lost each node goes on from what it knew last, and a Valkey that comes back empty is told.

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

use crate::cache;

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
        Self { scope, subject: Subject::Address(kernel::network(address)) }
    }

    /// Counts for an address that calls a thing with an id.
    pub fn address_at<K>(scope: &'static str, address: IpAddr, id: Id<K>) -> Self {
        Self::text(scope, &format!("{} {}", kernel::network(address), id.uuid()))
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

/// The counters. A cheap handle.
#[derive(Clone)]
pub struct Counters {
    /// What this node knows: everything, or what the shared counters said last.
    known: Cache<Windowed, Arc<Slot>>,
    shared: Option<cache::Cache>,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new(None)
    }
}

fn window_of(window: Duration, now: Timestamp) -> (i64, Timestamp) {
    let length = i64::try_from(window.as_micros()).unwrap_or(i64::MAX).max(1);
    let number = now.timestamp_micros().div_euclid(length);
    let end = (number + 1).checked_mul(length).and_then(DateTime::from_timestamp_micros);
    (number, end.unwrap_or(now))
}

impl Counters {
    /// Counters shared over the cache, or those of this process without one.
    pub fn new(shared: Option<cache::Cache>) -> Self {
        Self { known: Cache::builder().max_capacity(CAPACITY).expire_after(WindowEnd).build(), shared }
    }

    /// Counts one hit and tells how many there were in this window.
    pub async fn hit(&self, key: CounterKey, window: Duration, now: Timestamp) -> Count {
        let (number, resets_at) = window_of(window, now);
        let shared = self.shared.as_ref().map(|cache| (cache, shared_name(cache.prefix(), &key, number)));
        let slot = self.slot(key, number, window);
        if let Some((cache, name)) = shared {
            if let Some(count) = hit_shared(cache, &name, slot.hits.load(Ordering::Relaxed), window).await {
                slot.hits.store(count, Ordering::Relaxed);
                return Count { count, resets_at };
            }
            metrics::counter!("counters_counted_locally_total").increment(1);
        }
        Count { count: slot.hits.fetch_add(1, Ordering::Relaxed) + 1, resets_at }
    }

    /// Tells without counting.
    pub async fn peek(&self, key: &CounterKey, window: Duration, now: Timestamp) -> Count {
        let (number, resets_at) = window_of(window, now);
        if let Some(cache) = &self.shared {
            let name = shared_name(cache.prefix(), key, number);
            let asked = cache.ask::<(Option<u64>,)>(redis::pipe().cmd("GET").arg(&name)).await;
            if let Some((Some(count),)) = asked {
                return Count { count, resets_at };
            }
        }
        let slot = self.known.get(&(key.clone(), number));
        Count { count: slot.map_or(0, |slot| slot.hits.load(Ordering::Relaxed)), resets_at }
    }

    /// Forgets what was counted in this window.
    pub async fn clear(&self, key: &CounterKey, window: Duration, now: Timestamp) {
        let (number, _) = window_of(window, now);
        self.known.invalidate(&(key.clone(), number));
        if let Some(cache) = &self.shared {
            let name = shared_name(cache.prefix(), key, number);
            // Not deleted: a counter that is missing is begun with what a node knows of it, which is more than this.
            let mut cleared = redis::pipe();
            cleared.cmd("SET").arg(&name).arg(0).arg("PX").arg(milliseconds(window)).ignore();
            cache.ask::<()>(&cleared).await;
        }
    }

    fn slot(&self, key: CounterKey, number: i64, window: Duration) -> Arc<Slot> {
        self.known.get_with((key, number), || Arc::new(Slot { hits: AtomicU64::new(0), lives: window }))
    }
}

/// One hit, in one round trip: a counter that is missing begins at what is known of it, and ends with its window.
async fn hit_shared(cache: &cache::Cache, name: &str, known: u64, window: Duration) -> Option<u64> {
    let mut hit = redis::pipe();
    hit.atomic();
    hit.cmd("SET").arg(name).arg(known).arg("NX").arg("PX").arg(milliseconds(window)).ignore();
    hit.cmd("INCR").arg(name);
    cache.ask::<(u64,)>(&hit).await.map(|(count,)| count)
}

fn milliseconds(window: Duration) -> u64 {
    u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The counter's name in Valkey: `botserver:count:login:a:10.0.0.1:29384756`.
fn shared_name(prefix: &str, key: &CounterKey, number: i64) -> String {
    let CounterKey { scope, subject } = key;
    match subject {
        Subject::Address(address) => format!("{prefix}:count:{scope}:a:{address}:{number}"),
        Subject::Id(id) => {
            format!("{prefix}:count:{scope}:i:{}:{number}", uuid::Uuid::from_bytes(*id).simple())
        }
        Subject::Text(text) => format!("{prefix}:count:{scope}:t:{text}:{number}"),
    }
}

#[cfg(test)]
mod tests;
