//! Hints between whoever works and whoever watches: "this changed, look again". Never the truth, which is in the
//! database.
//!
//! Within the process they are handed over directly. Between nodes they go over Valkey, or over PostgreSQL's
//! LISTEN/NOTIFY where there is no Valkey: one channel for all topics, one connection a node. What could not be
//! brought is made up for by [`Heard::Missed`]: whoever hears it looks at everything again.
//!
//! Who keeps in memory what hints keep true asks [`Bus::coherence`] before believing it.

mod carry;
mod coherence;
mod frame;
mod postgres;
mod valkey;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dashmap::DashMap;
use kernel::Surroundings;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, oneshot,
    },
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

pub use coherence::Coherence;

use crate::{
    cache::{Address, CacheError, Settings},
    db::{DbError, DbOptions},
};
use carry::{Carrier, Outgoing, Transport};
use coherence::Standing;
use frame::{Frame, Said};

/// Hints that wait for a slow subscriber; it is told when it missed some.
const WAITING: usize = 256;
/// Hints that wait to be brought to other nodes; they are told when there were more.
const LEAVING: usize = 4096;
/// How long the last hints get when the server stops.
const LAST_HINTS: Duration = Duration::from_secs(2);

/// The bus of this node. A cheap handle.
#[derive(Clone, Default)]
pub struct Bus {
    topics: Arc<Topics>,
    away: Option<Arc<Away>>,
}

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A hint.
    Hint(Bytes),
    /// Hints were missed: look at everything again.
    Missed,
}

/// A subscription to one topic. It ends when dropped.
pub struct Subscription {
    // Dropped in this order: the topic is left only once the hints are no longer received. Of two subscriptions that
    // end at once the later one sees that nobody is left.
    hints: broadcast::Receiver<Heard>,
    _topic: Topic,
}

/// Who listens to what on this node.
#[derive(Default)]
struct Topics(DashMap<Box<str>, broadcast::Sender<Heard>>);

/// The way to other nodes.
struct Away {
    node: Uuid,
    leaving: mpsc::Sender<Outgoing>,
    standing: Arc<Standing>,
    /// Brings hints there and back, as long as this lives.
    _carrying: AbortOnDropHandle<()>,
}

/// Forgets the topic with its last subscriber.
struct Topic {
    topics: Arc<Topics>,
    name: Box<str>,
}

impl Topics {
    fn tell(&self, topic: &str, heard: Heard) {
        if let Some(subscribers) = self.0.get(topic) {
            // Nobody listens any more: nobody needs to know.
            let _ = subscribers.send(heard);
        }
    }

    fn tell_everybody_missed(&self) {
        for subscribers in &self.0 {
            let _ = subscribers.send(Heard::Missed);
        }
    }
}

impl Bus {
    /// The bus over Valkey, if the settings name its address. Needs a running Tokio.
    pub fn over_valkey(settings: &Settings, world: &Surroundings) -> Result<Option<Self>, CacheError> {
        let Some(url) = &settings.url else { return Ok(None) };
        let address = Address::read(url, &settings.prefix)?;
        Ok(Some(Self::carried_by(valkey::Valkey::new(&address), world)))
    }

    /// The bus over LISTEN/NOTIFY of the same PostgreSQL that keeps the rows. Needs a running Tokio.
    pub fn over_postgres(database: &DbOptions, world: &Surroundings) -> Result<Self, DbError> {
        let address = crate::db::postgres::Address::parse(&database.url)?;
        Ok(Self::carried_by(postgres::Postgres::new(address), world))
    }

    fn carried_by(transport: impl Transport, world: &Surroundings) -> Self {
        let (topics, standing) = (Arc::new(Topics::default()), Arc::new(Standing::default()));
        let (leaving, queue) = mpsc::channel(LEAVING);
        let node = world.uuid();
        let carrier = Carrier::new(node, Arc::clone(&topics), Arc::clone(&standing), queue);
        let carrying = AbortOnDropHandle::new(tokio::spawn(carrier.run(transport)));
        Self { topics, away: Some(Arc::new(Away { node, leaving, standing, _carrying: carrying })) }
    }

    /// Tells whoever subscribes to the topic, on this node and on others.
    pub fn publish(&self, topic: &str, hint: Bytes) {
        self.tell_others(topic, &hint);
        self.topics.tell(topic, Heard::Hint(hint));
    }

    /// Tells whoever subscribes to the topic on other nodes. Costs nothing where there are none.
    pub fn tell_others(&self, topic: &str, hint: &[u8]) {
        let Some(away) = &self.away else { return };
        metrics::counter!("bus_hints_sent_total").increment(1);
        let frame = Frame { from: away.node, said: Said::Hint { topic, hint } };
        if away.leaving.try_send(Outgoing::Frame(frame.write())).is_err() {
            away.standing.overflowed();
        }
    }

    /// Are there other nodes that could be told?
    pub fn has_others(&self) -> bool {
        self.away.is_some()
    }

    /// Hears what is published from now on.
    pub fn subscribe(&self, topic: &str) -> Subscription {
        let sender = self.topics.0.entry(topic.into()).or_insert_with(|| broadcast::channel(WAITING).0);
        let hints = sender.subscribe();
        Subscription { hints, _topic: Topic { topics: Arc::clone(&self.topics), name: topic.into() } }
    }

    /// The present span of time in which every hint of other nodes is heard within a second. None if that is not
    /// certain now: then nothing may be believed that hints keep true. What was learnt in another span may be wrong.
    pub fn coherence(&self) -> Option<Coherence> {
        self.away.as_ref().map_or(Some(Coherence::ALWAYS), |away| away.standing.coherence())
    }

    /// Waits until hints of other nodes are heard.
    pub async fn connected(&self) {
        if let Some(away) = &self.away {
            away.standing.connected().await;
        }
    }

    /// Waits until what was published has left, as long as that may take when a server stops.
    pub async fn flush(&self) {
        let Some(away) = &self.away else { return };
        let (left, has_left) = oneshot::channel();
        let flushed = async {
            // Neither fails but when the carrier is gone, and then nothing leaves any more.
            let _ = away.leaving.send(Outgoing::Flush(left)).await;
            let _ = has_left.await;
        };
        if timeout(LAST_HINTS, flushed).await.is_err() {
            tracing::warn!("the last hints to other nodes did not leave in time");
        }
    }
}

impl Subscription {
    /// The next hint. None only when the bus is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.hints.recv().await {
            Ok(heard) => Some(heard),
            Err(RecvError::Lagged(_)) => Some(Heard::Missed),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.topics.0.remove_if(&self.name, |_, subscribers| subscribers.receiver_count() == 0);
    }
}

#[cfg(test)]
mod tests;
