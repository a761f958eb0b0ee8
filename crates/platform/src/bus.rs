//! Hints between whoever works and whoever watches: "this changed, look again". Never the truth, which is in the
//! database. In the process today.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::broadcast::{self, error::RecvError};

/// Hints that wait for a slow subscriber; it is told when it missed some.
const WAITING: usize = 256;

/// The bus of this node. A cheap handle.
#[derive(Clone, Default)]
pub struct Bus(Arc<DashMap<String, broadcast::Sender<Bytes>>>);

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A hint.
    Hint(Bytes),
    /// So many hints were missed: look at everything again.
    Missed(u64),
}

/// A subscription to one topic. It ends when dropped.
pub struct Subscription {
    // Dropped in this order: the topic is left only once the hints are no longer received. Of two subscriptions that
    // end at once the later one sees that nobody is left.
    hints: broadcast::Receiver<Bytes>,
    _topic: Topic,
}

/// Forgets the topic with its last subscriber.
struct Topic {
    bus: Bus,
    name: String,
}

impl Bus {
    /// Tells whoever subscribes to the topic.
    pub fn publish(&self, topic: &str, hint: Bytes) {
        if let Some(subscribers) = self.0.get(topic) {
            // Nobody listens any more: nobody needs to know.
            let _ = subscribers.send(hint);
        }
    }

    /// Hears what is published from now on.
    pub fn subscribe(&self, topic: &str) -> Subscription {
        let sender = self.0.entry(topic.to_owned()).or_insert_with(|| broadcast::channel(WAITING).0);
        let hints = sender.subscribe();
        Subscription { hints, _topic: Topic { bus: self.clone(), name: topic.to_owned() } }
    }
}

impl Subscription {
    /// The next hint. None only when the bus is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.hints.recv().await {
            Ok(hint) => Some(Heard::Hint(hint)),
            Err(RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.bus.0.remove_if(&self.name, |_, subscribers| subscribers.receiver_count() == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_subscriber_hears_its_topic_and_no_other() {
        let bus = Bus::default();
        let mut subscription = bus.subscribe("a");

        bus.publish("b", Bytes::from_static(b"no"));
        bus.publish("a", Bytes::from_static(b"yes"));

        assert_eq!(subscription.next().await, Some(Heard::Hint(Bytes::from_static(b"yes"))));
    }

    #[tokio::test]
    async fn a_slow_subscriber_is_told_that_it_missed_something() {
        let bus = Bus::default();
        let mut subscription = bus.subscribe("a");
        for _ in 0..WAITING + 3 {
            bus.publish("a", Bytes::new());
        }

        assert_eq!(subscription.next().await, Some(Heard::Missed(3)));
    }

    #[test]
    fn a_topic_without_subscribers_is_forgotten() {
        let bus = Bus::default();
        let (first, second) = (bus.subscribe("a"), bus.subscribe("a"));

        drop(first);
        assert_eq!(bus.0.len(), 1);
        drop(second);
        assert!(bus.0.is_empty());
    }
}
