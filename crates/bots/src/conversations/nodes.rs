//! Turns that happen on one node and are watched on another.
//!
//! A node that wrote a turn tells the others which one. Those where somebody watches the conversation read it from
//! the database, once for all of its watchers, and hand it to the hub as if the turn had been theirs.

use std::{ops::RangeInclusive, sync::Arc};

use kernel::{
    Id, Surroundings,
    id::kind::{Conversation, Organization},
};
use platform::{
    bus::{Bus, Heard, Subscription},
    db::{Db, DbError},
};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{
    hub::{Frame, Frames, Hub},
    message::shown,
    stopping::Stops,
    store,
    typing::Types,
};

const TOPIC: &str = "conversations.turn";
const STOP: &str = "conversations.stop";
const TYPING: &str = "conversations.typing";
/// Turns of other nodes that are read at the same time.
const AT_ONCE: usize = 16;

/// The other nodes. A cheap handle.
#[derive(Clone)]
pub(super) struct Nodes {
    bus: Bus,
    /// Hears of the turns of other nodes, what they want stopped, and who types there, as long as this lives. None where
    /// there are none.
    _hearing: Option<Arc<[AbortOnDropHandle<()>; 3]>>,
}

/// A turn that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) org: Id<Organization>,
    pub(super) conversation: Id<Conversation>,
    /// The places of its messages.
    pub(super) messages: RangeInclusive<u64>,
}

impl Written {
    fn write(&self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(self.org.as_bytes());
        bytes[16..32].copy_from_slice(self.conversation.as_bytes());
        bytes[32..40].copy_from_slice(&self.messages.start().to_be_bytes());
        bytes[40..].copy_from_slice(&self.messages.end().to_be_bytes());
        bytes
    }

    fn read(hint: &[u8]) -> Option<Self> {
        let (org, rest) = hint.split_first_chunk()?;
        let (conversation, rest) = rest.split_first_chunk()?;
        let (first, last) = rest.split_first_chunk()?;
        let messages = u64::from_be_bytes(*first)..=u64::from_be_bytes(last.try_into().ok()?);
        Some(Self { org: id(*org), conversation: id(*conversation), messages })
    }
}

const fn id<K>(bytes: [u8; 16]) -> Id<K> {
    Id::from_uuid(Uuid::from_bytes(bytes))
}

impl Nodes {
    /// Needs a running Tokio if the bus reaches other nodes.
    pub(super) fn new(bus: Bus, db: Db, hub: Hub, stops: Stops, world: Surroundings) -> Self {
        let hearing = bus.has_others().then(|| {
            let typing = tokio::spawn(hear_typing(bus.subscribe(TYPING), hub.clone(), world));
            let turns = tokio::spawn(hear(bus.subscribe(TOPIC), db, hub));
            let stopped = tokio::spawn(hear_stops(bus.subscribe(STOP), stops));
            Arc::new([turns, stopped, typing].map(AbortOnDropHandle::new))
        });
        Self { bus, _hearing: hearing }
    }

    /// Are there any?
    pub(super) fn are_there(&self) -> bool {
        self.bus.has_others()
    }

    /// Once the turn is committed.
    pub(super) fn tell(&self, written: &Written) {
        self.bus.tell_others(TOPIC, &written.write());
    }

    /// Somebody types, or no more.
    pub(super) fn tell_typing(&self, types: Types) {
        if self.are_there() {
            self.bus.tell_others(TYPING, &types.write());
        }
    }

    /// The answer in that conversation is to be stopped, wherever it is written.
    pub(super) fn tell_to_stop(&self, conversation: Id<Conversation>) {
        self.bus.tell_others(STOP, conversation.as_bytes());
    }
}

async fn hear(mut turns: Subscription, db: Db, hub: Hub) {
    let mut reading = JoinSet::new();
    while let Some(heard) = turns.next().await {
        let written = match heard {
            Heard::Hint(hint) => Written::read(&hint),
            Heard::Missed => None,
        };
        let Some(written) = written else {
            hub.look_everywhere();
            continue;
        };
        if !hub.is_watched(written.conversation) {
            continue;
        }
        // Two turns of one conversation may come out of order: a watcher that sees a gap reads on by itself.
        while reading.len() >= AT_ONCE {
            reading.join_next().await;
        }
        reading.spawn(hand_on(db.clone(), hub.clone(), written));
    }
}

/// Who wants an answer stopped asks again if that was missed.
async fn hear_stops(mut told: Subscription, stops: Stops) {
    while let Some(heard) = told.next().await {
        if let Heard::Hint(hint) = heard
            && let Ok(conversation) = <[u8; 16]>::try_from(&*hint)
        {
            stops.stop(id(conversation));
        }
    }
}

/// Who missed it hears it again, or sees the message.
async fn hear_typing(mut told: Subscription, hub: Hub, world: Surroundings) {
    while let Some(heard) = told.next().await {
        if let Heard::Hint(hint) = heard
            && let Some(types) = Types::read(&hint)
            && hub.is_watched(types.conversation)
        {
            hub.tell(types.conversation, types.told(None, world.now()));
        }
    }
}

/// Reads the turn and gives it to whoever watches.
async fn hand_on(db: Db, hub: Hub, written: Written) {
    let Written { org, conversation, messages } = written;
    let before = i64::try_from(*messages.start()).unwrap_or(i64::MAX).saturating_sub(1);
    let count = i64::try_from(messages.end().saturating_sub(*messages.start())).unwrap_or(i64::MAX);
    let rows = db.read(org, move |tx| store::after(tx, conversation, before, count.saturating_add(1)));
    let frames: Result<Frames, DbError> = rows
        .await
        .map(|rows| rows.into_iter().map(|row| Arc::new(Frame::of(shown(row, conversation)))).collect());
    hub.publish(
        conversation,
        frames.unwrap_or_else(|error| {
            tracing::warn!(%error, "a turn of another node could not be read");
            // The watchers look for themselves.
            Frames::default()
        }),
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_turn_is_read_as_it_is_told(org: [u8; 16], conversation: [u8; 16], first: u64, last: u64) {
            let written = Written {
                org: id(org),
                conversation: id(conversation),
                messages: first..=last,
            };
            prop_assert_eq!(Written::read(&written.write()), Some(written));
        }

        #[test]
        fn no_hint_panics(hint: Vec<u8>) {
            let _ = Written::read(&hint);
        }
    }
}
