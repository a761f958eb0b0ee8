//! Time and randomness, passed in and never taken, so that tests decide both.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use rand::{Rng, rngs::ThreadRng};
use uuid::Uuid;

use crate::id::Id;

/// An instant in UTC. The database keeps it as microseconds since 1970.
pub type Timestamp = DateTime<Utc>;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, cut to microseconds so that it survives a round trip through the database.
    fn now(&self) -> Timestamp;
}

/// Gives random bytes that nobody can predict.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Utc::now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}

/// The thread's cryptographic generator, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        ThreadRng::default().fill_bytes(bytes);
    }
}

/// What a service needs from the world around it: a clock and randomness, and the ids made of both.
#[derive(Clone)]
pub struct Surroundings(Arc<World>);

struct World {
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
}

impl Surroundings {
    /// The given clock and randomness.
    pub fn new(clock: impl Clock, random: impl Random) -> Self {
        Self(Arc::new(World { clock: Box::new(clock), random: Box::new(random) }))
    }

    /// The system's own.
    pub fn system() -> Self {
        Self::new(SystemClock, SystemRandom)
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.random.fill(&mut bytes);
        bytes
    }

    /// A new id whose time part is the present instant.
    pub fn id<K>(&self) -> Id<K> {
        self.id_at(self.now())
    }

    /// A new id whose time part is the given instant, for rows that carry the same `created_at`.
    pub fn id_at<K>(&self, at: Timestamp) -> Id<K> {
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
        Id::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid())
    }

    /// A random number.
    pub fn seed(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::kind;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let world = Surroundings::system();
        let early = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
        let late = DateTime::from_timestamp_millis(1_700_000_000_001).unwrap();

        assert!(world.id_at::<kind::Bot>(early) < world.id_at::<kind::Bot>(late));
    }

    #[test]
    fn the_present_survives_a_trip_through_microseconds() {
        let now = SystemClock.now();

        assert_eq!(DateTime::from_timestamp_micros(now.timestamp_micros()), Some(now));
    }
}
