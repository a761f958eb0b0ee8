//! How certain a node is that it hears what other nodes say.
//!
//! A node sends itself beats over the same way that hints go. Hints and beats arrive in order, so when a beat comes
//! back everything that was published before it was sent has been heard, too. A span of coherence ends with the
//! connection; within it a node is certain for [`GOOD_FOR`] after the sending of the last beat that came back.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// How often a beat is sent.
pub(super) const BEAT: Duration = Duration::from_millis(250);
/// How long a beat is good for. With the way of a hint itself it must stay under the second in which a revocation
/// has to reach every node.
const GOOD_FOR: Duration = Duration::from_millis(750);

/// A span of time in which no hint was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coherence(u64);

impl Coherence {
    /// Of a bus that has no way to go.
    pub(super) const ALWAYS: Self = Self(0);
}

/// How the way to other nodes is.
pub(super) struct Standing {
    begun: Instant,
    /// Counts connections; tells whether the present one has brought a beat back.
    span: watch::Sender<(u64, bool)>,
    /// The present span as it is read at each request, and until when it is certain, in microseconds since `begun`.
    /// Zero if it is not.
    number: AtomicU64,
    good_until: AtomicU64,
    /// When the last beat came back, or the connection was opened, in microseconds since `begun`.
    heard: AtomicU64,
    overflowed: AtomicBool,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            span: watch::channel((0, false)).0,
            number: AtomicU64::new(0),
            good_until: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            overflowed: AtomicBool::new(false),
        }
    }
}

impl Standing {
    /// Microseconds since this began.
    pub(super) fn clock(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A connection stands: a new span, certain once the first beat is back.
    pub(super) fn opened(&self) {
        self.good_until.store(0, Ordering::Release);
        self.heard.store(self.clock(), Ordering::Relaxed);
        self.span.send_modify(|(number, beats)| {
            *number += 1;
            *beats = false;
            self.number.store(*number, Ordering::Release);
        });
    }

    /// The connection is gone.
    pub(super) fn closed(&self) {
        self.good_until.store(0, Ordering::Release);
        self.span.send_modify(|(_, beats)| *beats = false);
    }

    /// A beat of the present connection came back.
    pub(super) fn beat(&self, sent: u64) {
        self.heard.store(self.clock(), Ordering::Relaxed);
        let good_for = u64::try_from(GOOD_FOR.as_micros()).unwrap_or(0);
        self.good_until.store(sent.saturating_add(good_for), Ordering::Release);
        self.span.send_if_modified(|(_, beats)| !std::mem::replace(beats, true));
    }

    pub(super) fn coherence(&self) -> Option<Coherence> {
        // The number is read last. If the connection is lost and another opened in between, it is that of the new
        // one, in which nothing was missed either; the other way round it would be one of a span that is over.
        let good_until = self.good_until.load(Ordering::Acquire);
        let number = self.number.load(Ordering::Acquire);
        (self.clock() < good_until).then_some(Coherence(number))
    }

    /// How long no beat has come back over the present connection.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_micros(self.clock().saturating_sub(self.heard.load(Ordering::Relaxed)))
    }

    pub(super) async fn connected(&self) {
        // The sender lives as long as this does.
        let _ = self.span.subscribe().wait_for(|(_, beats)| *beats).await;
    }

    /// A hint found no place among those that wait to leave.
    pub(super) fn overflowed(&self) {
        self.overflowed.store(true, Ordering::Release);
    }

    /// Did one since this was asked last?
    pub(super) fn take_overflowed(&self) -> bool {
        self.overflowed.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_certain_from_its_first_beat_for_as_long_as_a_beat_is_good() {
        let standing = Standing::default();

        standing.opened();
        assert_eq!(standing.coherence(), None);
        standing.beat(standing.clock());
        let first = standing.coherence();
        assert!(first.is_some());
        standing.beat(standing.clock().saturating_sub(800_000));
        // A clock that is younger than a beat's good time can't show an old one.
        if standing.clock() > 800_000 {
            assert_eq!(standing.coherence(), None);
        }
        standing.closed();
        assert_eq!(standing.coherence(), None);
        standing.opened();
        standing.beat(standing.clock());
        assert_ne!(standing.coherence(), first);
    }
}
