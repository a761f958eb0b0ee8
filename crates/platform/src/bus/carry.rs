//! The one task of a node that brings hints to others and hears theirs, connecting again for as long as the bus is
//! there.

use std::{error::Error, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Interval, MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;

use super::{
    Heard, Topics,
    coherence::{BEAT, Standing},
    frame::{Frame, Said},
};
use crate::{backoff::Backoff, cache::CONNECTING};

/// Frames brought in one round trip.
const BATCH: usize = 256;
/// How long a round trip may take, and how long a connection on which not even the own beats come back is believed
/// in.
const DEAD_AFTER: Duration = Duration::from_secs(2);

pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// A way between nodes: whatever is published on it, every node hears in the same order.
pub(super) trait Transport: Send + Sync + 'static {
    type Connection: Connection;

    /// What it is called in the log.
    const NAME: &'static str;
    /// Bytes of the longest frame that it takes.
    const FRAME_LIMIT: usize;

    /// Connects, and listens from then on.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Failure>> + Send;
}

/// A connection of one.
pub(super) trait Connection: Send + 'static {
    /// Publishes these, in order.
    fn publish(&mut self, frames: &[Bytes]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The next frame, own ones included. Err if the connection is gone or dropped something. Loses nothing when
    /// the future is dropped.
    fn next(&mut self) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

/// What waits to leave.
pub(super) enum Outgoing {
    Frame(Bytes),
    /// Answered when everything before it has left.
    Flush(oneshot::Sender<()>),
}

/// Brings and hears.
pub(super) struct Carrier {
    node: Uuid,
    topics: Arc<Topics>,
    standing: Arc<Standing>,
    queue: mpsc::Receiver<Outgoing>,
    /// What is being brought. Kept until it is known to have left: twice does no harm, a hint lost does.
    leaving: Vec<Bytes>,
    flushing: Vec<oneshot::Sender<()>>,
}

/// Why a connection is left.
enum Left {
    /// It failed.
    Lost(Failure),
    /// Nobody needs it any more.
    Done,
}

impl Carrier {
    pub(super) fn new(
        node: Uuid,
        topics: Arc<Topics>,
        standing: Arc<Standing>,
        queue: mpsc::Receiver<Outgoing>,
    ) -> Self {
        Self { node, topics, standing, queue, leaving: Vec::new(), flushing: Vec::new() }
    }

    /// Until the bus is gone.
    pub(super) async fn run<T: Transport>(mut self, transport: T) {
        let mut backoff = Backoff::default();
        let mut said = false;
        loop {
            let connected = timeout(CONNECTING, transport.connect()).await;
            let why = match connected.unwrap_or_else(|_| Err("it does not answer".into())) {
                Ok(connection) => {
                    tracing::info!(over = T::NAME, "hints of other nodes are heard");
                    (said, backoff) = (false, Backoff::default());
                    match self.serve::<T>(connection).await {
                        Left::Lost(why) => why,
                        Left::Done => return,
                    }
                }
                Err(why) => why,
            };
            if !std::mem::replace(&mut said, true) {
                metrics::counter!("bus_lost_total").increment(1);
                tracing::warn!(
                    over = T::NAME, %why,
                    "hints of other nodes are not heard: this node asks the database until they are"
                );
            }
            backoff.wait().await;
        }
    }

    /// Brings and hears over one connection until it is lost.
    async fn serve<T: Transport>(&mut self, mut connection: T::Connection) -> Left {
        self.standing.opened();
        metrics::gauge!("bus_connected").set(1.0);
        // Whatever was said before is lost on this node. What is read from now on is heard of when it changes.
        self.topics.tell_everybody_missed();
        let mut beats = beats();
        let left = loop {
            if let Err(why) = self.bring::<T>(&mut connection).await {
                break Left::Lost(why);
            }
            let mut arrived = Vec::new();
            tokio::select! {
                frame = connection.next() => match frame {
                    Ok(frame) => self.hear(&frame),
                    Err(why) => break Left::Lost(why),
                },
                _ = beats.tick() => {
                    if self.standing.silence() > DEAD_AFTER {
                        break Left::Lost("its own beats do not come back".into());
                    }
                    let beat = Frame { from: self.node, said: Said::Beat(self.standing.clock()) };
                    self.leaving.push(beat.write());
                }
                count = self.queue.recv_many(&mut arrived, BATCH) => {
                    if count == 0 {
                        break Left::Done;
                    }
                    self.take(arrived);
                }
            }
        };
        self.standing.closed();
        metrics::gauge!("bus_connected").set(0.0);
        left
    }

    fn take(&mut self, arrived: Vec<Outgoing>) {
        for outgoing in arrived {
            match outgoing {
                Outgoing::Frame(frame) => self.leaving.push(frame),
                Outgoing::Flush(left) => self.flushing.push(left),
            }
        }
    }

    async fn bring<T: Transport>(&mut self, connection: &mut T::Connection) -> Result<(), Failure> {
        if self.standing.take_overflowed() {
            self.leaving.push(Frame { from: self.node, said: Said::LookEverywhere }.write());
        }
        if !self.leaving.is_empty() {
            for frame in &mut self.leaving {
                *frame = Frame::fitted(std::mem::take(frame), T::FRAME_LIMIT);
            }
            let published = timeout(DEAD_AFTER, connection.publish(&self.leaving)).await;
            published.unwrap_or_else(|_| Err("it does not answer".into()))?;
            self.leaving.clear();
        }
        for left in self.flushing.drain(..) {
            // Whoever waited has gone.
            let _ = left.send(());
        }
        Ok(())
    }

    fn hear(&self, bytes: &Bytes) {
        let Some(Frame { from, said }) = Frame::read(bytes) else {
            // Of a node of another version, which may mean anything.
            return self.topics.tell_everybody_missed();
        };
        if from == self.node {
            if let Said::Beat(sent) = said {
                self.standing.beat(sent);
            }
            return;
        }
        match said {
            Said::Beat(_) => {}
            Said::Hint { topic, hint } => {
                metrics::counter!("bus_hints_heard_total").increment(1);
                self.topics.tell(topic, Heard::Hint(bytes.slice_ref(hint)));
            }
            Said::Look { topic } => self.topics.tell(topic, Heard::Missed),
            Said::LookEverywhere => self.topics.tell_everybody_missed(),
        }
    }
}

fn beats() -> Interval {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}
