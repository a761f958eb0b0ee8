//! Who watches which conversation on this node, and what they get.

use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use chrono::{DateTime, Utc};
use dashmap::DashMap;
use kernel::{
    Id,
    id::{ConversationId, MessageId, kind::Conversation},
};
use serde::Serialize;
use tokio::sync::broadcast;
use utoipa::ToSchema;

use super::{
    message::{Message, Suggestion},
    typing,
};

/// Turns that wait for a slow watcher, which reads the rest from the database. The room for them is there as long as
/// anybody watches.
const WAITING: usize = 16;

/// The frames of one turn, in order. None at all: something happened that is in the database.
pub(super) type Frames = Arc<[Arc<Frame>]>;

/// What watchers hear.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// A turn.
    Said(Frames),
    /// That somebody types.
    Typing(Arc<typing::Told>),
}

/// A message as it goes to every watcher: written once, by whoever needs it first.
#[derive(Debug)]
pub(super) struct Frame {
    message: Message,
    text: OnceLock<Utf8Bytes>,
    suggestion: OnceLock<Utf8Bytes>,
}

impl Frame {
    /// The frame of a stored message.
    pub(super) fn of(message: Message) -> Self {
        Self { message, text: OnceLock::new(), suggestion: OnceLock::new() }
    }

    pub(super) fn seq(&self) -> u64 {
        self.message.seq
    }

    /// As it goes over the wire.
    pub(super) fn text(&self) -> Utf8Bytes {
        let write = || {
            let sent = Said { r#type: "message", message: &self.message, r#final: true };
            serde_json::to_string(&sent).unwrap_or_default().into()
        };
        self.text.get_or_init(write).clone()
    }

    /// The quick replies to it, which go over the wire behind it; none where there are none.
    pub(super) fn suggestion(&self) -> Option<Utf8Bytes> {
        let message = &self.message;
        let write = || {
            let offered = Offered {
                r#type: "suggestion",
                conversation_id: message.conversation_id,
                message_id: message.message_id,
                suggestions: &message.suggestions,
                timestamp: message.timestamp,
            };
            serde_json::to_string(&offered).unwrap_or_default().into()
        };
        (!message.suggestions.is_empty()).then(|| self.suggestion.get_or_init(write).clone())
    }
}

/// A `message` frame.
#[derive(Serialize, ToSchema)]
pub(super) struct Said<'a> {
    #[schema(ignore)]
    r#type: &'static str,
    #[serde(flatten)]
    message: &'a Message,
    /// Always true: the whole message.
    r#final: bool,
}

/// A `suggestion` frame.
#[derive(Serialize, ToSchema)]
pub(super) struct Offered<'a> {
    #[schema(ignore)]
    r#type: &'static str,
    /// The conversation.
    conversation_id: ConversationId,
    /// The message.
    message_id: MessageId,
    /// What may be answered.
    suggestions: &'a [Suggestion],
    /// When it was said.
    timestamp: DateTime<Utc>,
}

/// The watchers of this node. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct Hub(Arc<DashMap<Id<Conversation>, broadcast::Sender<News>>>);

/// Watches one conversation until dropped.
pub(super) struct Watch {
    hub: Hub,
    conversation: Id<Conversation>,
    /// None while it is dropped.
    news: Option<broadcast::Receiver<News>>,
}

impl Hub {
    /// Is anybody watching? Frames for nobody need not be made.
    pub(super) fn is_watched(&self, conversation: Id<Conversation>) -> bool {
        self.0.contains_key(&conversation)
    }

    /// Hands the frames of a committed turn to whoever watches.
    pub(super) fn publish(&self, conversation: Id<Conversation>, frames: Frames) {
        if let Some(watchers) = self.0.get(&conversation) {
            // The last watcher may have gone this moment.
            let _ = watchers.send(News::Said(frames));
        }
    }

    /// Tells whoever watches that somebody types.
    pub(super) fn tell(&self, conversation: Id<Conversation>, told: typing::Told) {
        if let Some(watchers) = self.0.get(&conversation) {
            let _ = watchers.send(News::Typing(Arc::new(told)));
        }
    }

    /// Tells every watcher to read what they have not seen from the database.
    pub(super) fn look_everywhere(&self) {
        let nothing = News::Said(Frames::default());
        for watchers in self.0.iter() {
            let _ = watchers.send(nothing.clone());
        }
    }

    /// Watches from now on.
    pub(super) fn watch(&self, conversation: Id<Conversation>) -> Watch {
        let watchers = self.0.entry(conversation).or_insert_with(|| broadcast::channel(WAITING).0);
        Watch { hub: self.clone(), conversation, news: Some(watchers.subscribe()) }
    }
}

impl Watch {
    /// What is heard next. None if some was missed, and what was said must be read from the database.
    pub(super) async fn next(&mut self) -> Option<News> {
        self.news.as_mut()?.recv().await.ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let news = self.news.take();
        // It stops counting under the entry's lock: of two that go at once, one is the last.
        self.hub.0.remove_if(&self.conversation, |_, watchers| {
            drop(news);
            watchers.receiver_count() == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn watchers_that_leave_at_once_leave_nothing_behind() {
        let (hub, conversation) = (Hub::default(), Id::example());
        for _ in 0..500 {
            let watches = [hub.watch(conversation), hub.watch(conversation)];
            let together = Barrier::new(2);
            thread::scope(|scope| {
                for watch in watches {
                    scope.spawn(|| {
                        together.wait();
                        drop(watch);
                    });
                }
            });
            assert!(!hub.is_watched(conversation));
        }
    }
}
