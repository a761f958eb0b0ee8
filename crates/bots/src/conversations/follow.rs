//! Following what is said: the watchers of a conversation, each at its own place.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::Stream;
use kernel::{
    Actor, Error, Id,
    id::kind::{Conversation as ConversationKind, Organization},
};
use platform::db::Db;

use super::{
    ConversationError, Conversations,
    access::readable,
    hub::{Frame, News, Watch},
    message::shown,
    store::{self, MessageRow},
    typing,
};

impl Conversations {
    /// Everything said after `since` (from now on if it is None), as it is said: nothing twice, nothing lost. With how
    /// much of it was said already. In between, that somebody types.
    pub(super) async fn follow(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        since: Option<u64>,
    ) -> Result<(Missed, impl Stream<Item = Heard> + Send + use<>), ConversationError> {
        // Watching begins before the look: what is said in between is in both, and told once.
        let watch = self.hub.watch(id);
        let asks = who.clone();
        let read = self.db.read(who.org, move |tx| {
            let row = readable(tx, &asks, id)?;
            let after = since.and_then(|since| i64::try_from(since).ok());
            let first = after.map(|after| store::after(tx, id, after, 1)).transpose()?;
            Ok::<_, ConversationError>((row, first.and_then(|first| first.into_iter().next())))
        });
        let (row, first) = read.await?;
        self.note_reading(who, &row).await?;
        let seq = row.seq;
        let seen = since.map_or(seq.unsigned_abs(), |since| Ord::min(since, seq.unsigned_abs()));
        let missed = Missed { from: seen, count: seq.unsigned_abs().saturating_sub(seen) };
        self.check_replay(missed, first.as_ref())?;
        let frames = self.frames(who, id, watch, seen, since.is_some());
        Ok((missed, frames))
    }

    /// What is said in each of these conversations from now on, and after which place that is: all of them, or none.
    pub(super) async fn follow_all(
        &self,
        who: &Actor,
        ids: Vec<Id<ConversationKind>>,
    ) -> Result<Vec<Followed<impl Stream<Item = Heard> + Send + use<>>>, ConversationError> {
        let watches: Vec<_> = ids.iter().map(|id| self.hub.watch(*id)).collect();
        let asks = who.clone();
        let read = self.db.read(who.org, move |tx| {
            ids.iter().map(|id| readable(tx, &asks, *id)).collect::<Result<Vec<_>, ConversationError>>()
        });
        let rows = read.await?;
        self.note_readings(who, &rows).await?;
        let followed = rows.iter().zip(watches).map(|(row, watch)| {
            let seen = row.seq.unsigned_abs();
            (row.id, seen, self.frames(who, row.id, watch, seen, false))
        });
        Ok(followed.collect())
    }

    /// What is said after the place that was seen. `behind`: some of it may have been said already.
    fn frames(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        watch: Watch,
        seen: u64,
        behind: bool,
    ) -> impl Stream<Item = Heard> + Send + use<> {
        let follower = Follower { db: self.db.clone(), org: who.org, id, watch, seen, pending: Vec::new() };
        futures_util::stream::unfold((behind, follower), |(behind, mut follower)| async move {
            let frame = follower.next(behind).await?;
            Some((frame, (false, follower)))
        })
    }

    /// What is missed by whoever follows from later on: everything from there to where they began.
    pub(super) async fn before(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        missed: Missed,
    ) -> Result<Vec<Frame>, ConversationError> {
        let asks = who.clone();
        let most = missed.count.min(self.settings.get().replay_frames.into());
        let (after, most) =
            (i64::try_from(missed.from).unwrap_or(i64::MAX), most.try_into().unwrap_or(i64::MAX));
        let read = self.db.read(who.org, move |tx| {
            let row = readable(tx, &asks, id)?;
            Ok::<_, ConversationError>((row, store::after(tx, id, after, most)?))
        });
        let (row, said) = read.await?;
        self.note_reading(who, &row).await?;
        self.check_replay(missed, said.first())?;
        let until = missed.from.saturating_add(missed.count);
        let said = said.into_iter().map(|row| Frame::of(shown(row, id)));
        Ok(said.filter(|frame| frame.seq() <= until).collect())
    }

    /// Errors if that is so much, or was said so long ago, that it is for the history.
    fn check_replay(&self, missed: Missed, first: Option<&MessageRow>) -> Result<(), ConversationError> {
        let (most, days) = {
            let settings = self.settings.get();
            (settings.replay_frames, TimeDelta::days(settings.replay_days.into()))
        };
        let oldest = self.surroundings.now() - days;
        let is_old = !days.is_zero() && first.is_some_and(|first| first.created_at < oldest);
        if missed.count > u64::from(most) || is_old {
            let error = Error::conflict("Too much was said meanwhile; read the history.", "resync_required");
            return Err(error.into());
        }
        Ok(())
    }
}

/// What whoever follows hears.
pub(super) enum Heard {
    /// Something was said.
    Said(Arc<Frame>),
    /// Somebody types.
    Typing(Arc<typing::Told>),
}

/// A conversation that is followed: the place after which its frames begin, and they.
type Followed<S> = (Id<ConversationKind>, u64, S);

/// What is told of a conversation before what is said from now on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed {
    /// The place after which it begins.
    pub(super) from: u64,
    /// How many messages it has.
    pub(super) count: u64,
}

/// One watcher's way through a conversation.
struct Follower {
    db: Db,
    org: Id<Organization>,
    id: Id<ConversationKind>,
    watch: Watch,
    /// The place up to which everything was told.
    seen: u64,
    /// What is to be told next, last first.
    pending: Vec<Arc<Frame>>,
}

impl Follower {
    /// The next frame. `behind`: look into the database before waiting.
    async fn next(&mut self, mut behind: bool) -> Option<Heard> {
        loop {
            if let Some(frame) = self.pending.pop() {
                if frame.seq() > self.seen {
                    self.seen = frame.seq();
                    return Some(Heard::Said(frame));
                }
                continue;
            }
            if behind {
                // Apart: nearly always a watcher only waits.
                Box::pin(self.read_on()).await?;
                behind = false;
                continue;
            }
            match self.watch.next().await {
                Some(News::Typing(told)) => return Some(Heard::Typing(told)),
                Some(News::Said(frames))
                    if frames.first().is_some_and(|first| first.seq() <= self.seen + 1) =>
                {
                    self.pending = frames.iter().rev().cloned().collect();
                }
                // Something is missing: it is in the database.
                _ => behind = true,
            }
        }
    }

    async fn read_on(&mut self) -> Option<()> {
        let (id, seen) = (self.id, i64::try_from(self.seen).unwrap_or(i64::MAX));
        match self.db.read(self.org, move |tx| store::after(tx, id, seen, 1000)).await {
            Ok(rows) => {
                let frames = rows.into_iter().rev().map(|row| Arc::new(Frame::of(shown(row, id))));
                self.pending = frames.collect();
                Some(())
            }
            Err(error) => {
                tracing::error!(%error, "a watcher could not read on");
                None
            }
        }
    }
}
