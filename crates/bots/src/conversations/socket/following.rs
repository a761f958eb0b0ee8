//! What a connection follows: begun, taken up again where it was lost, and given up.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use futures_util::{Stream, StreamExt, stream};
use gateway::{Frame, FrameHandler, Socket, module::BoxFuture};
use kernel::{
    Actor, Error, Id, Permission,
    id::{ConversationId, kind::Conversation as ConversationKind},
};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::ToSchema;

use super::{fields, signed_in};
use crate::conversations::{Conversations, follow::Missed, hub::Frame as Said};

/// Topics of one frame.
const MOST: usize = 100;
/// The beginning of the topics that are conversations.
const CONVERSATION: &str = "conversation:";

/// Answers `resume` frames: what was said after a place comes again, and then what is said.
pub(in crate::conversations) struct Resumes(pub(in crate::conversations) Conversations);

/// Answers `subscribe` frames: topics are followed from now on.
pub(in crate::conversations) struct Subscribes(pub(in crate::conversations) Conversations);

/// Answers `unsubscribe` frames: topics are followed no more.
pub(in crate::conversations) struct Unsubscribes;

/// The fields of a `resume` frame.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::conversations) struct Resume {
    /// The conversation.
    conversation_id: ConversationId,
    /// The `seq` up to which everything is known.
    since: u64,
}

/// The fields of a `resumed` frame.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::conversations) struct Resumed {
    /// The `id` of the frame that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The conversation.
    conversation_id: ConversationId,
    /// The `seq` after which the messages begin that follow.
    from: u64,
    /// How many of them were said already and have not come over this connection: none if it follows the conversation
    /// from there, or from before, as it is.
    count: u64,
}

/// The fields of `subscribe` and `unsubscribe` frames.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::conversations) struct Topics {
    /// What is meant, each as `conversation:` and the id of a conversation. At most 100.
    topics: Vec<String>,
}

impl Topics {
    /// The conversations that are meant, or everything that is wrong with them.
    fn conversations(&self) -> kernel::Result<Vec<Id<ConversationKind>>> {
        if self.topics.is_empty() || self.topics.len() > MOST {
            return Err(Error::invalid("topics", format!("must be 1 to {MOST}")));
        }
        let one = |topic: &String| topic.strip_prefix(CONVERSATION).and_then(|id| id.parse().ok());
        let all: Option<Vec<_>> = self.topics.iter().map(one).collect();
        all.ok_or_else(|| {
            Error::invalid("topics", "must be such as conversation:conv_…; there are no others")
        })
    }
}

/// Forwards what is said in a conversation, from after that place on, if it is not forwarded already.
pub(super) async fn follow(
    conversations: &Conversations,
    socket: &Socket,
    who: &Actor,
    id: Id<ConversationKind>,
    since: Option<u64>,
) -> kernel::Result<()> {
    who.require(Permission::CHAT_READ)?;
    let key = id.to_string();
    if socket.followed_from(&key).is_none() {
        socket.check_room(1)?;
        let (missed, frames) = conversations.follow(who, id, since).await?;
        forward(socket, key, missed.from, frames);
    }
    Ok(())
}

fn forward(socket: &Socket, key: String, from: u64, said: impl Stream<Item = Arc<Said>> + Send + 'static) {
    socket.follow(key, from, said.flat_map(|frame| stream::iter(texts(&frame))));
}

/// What a connection is sent of something that was said.
fn texts(frame: &Said) -> impl Iterator<Item = Utf8Bytes> + use<> {
    [Some(frame.text()), frame.suggestion()].into_iter().flatten()
}

impl Resumes {
    /// Sends what was said after that place and did not come yet, and then what is said. `tell` hears before how much
    /// was missed.
    async fn resume(
        &self,
        socket: &Socket,
        who: &Actor,
        id: Id<ConversationKind>,
        since: u64,
        tell: impl FnOnce(Missed),
    ) -> kernel::Result<()> {
        who.require(Permission::CHAT_READ)?;
        let key = id.to_string();
        let Some(from) = socket.followed_from(&key) else {
            socket.check_room(1)?;
            let (missed, frames) = self.0.follow(who, id, Some(since)).await?;
            tell(missed);
            forward(socket, key, missed.from, frames);
            return Ok(());
        };
        // It may follow from later on, because it said something before it asked for what it had missed.
        let missed = Missed { from: since, count: from.saturating_sub(since) };
        let frames = if missed.count > 0 { self.0.before(who, id, missed).await? } else { Vec::new() };
        tell(missed);
        frames.iter().flat_map(texts).for_each(|text| socket.send_text(text));
        socket.followed_back_to(&key, since);
        Ok(())
    }
}

impl FrameHandler for Resumes {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            let who = signed_in(socket)?;
            let Resume { conversation_id, since } = fields("resume", frame.body)?;
            let tell = |Missed { from, count }| {
                socket.send("resumed", &Resumed { id: frame.id, conversation_id, from, count });
            };
            self.resume(socket, &who, conversation_id, since, tell).await
        })
    }
}

impl FrameHandler for Subscribes {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            let who = signed_in(socket)?;
            who.require(Permission::CHAT_READ)?;
            let mut ids = fields::<Topics>("subscribe", frame.body)?.conversations()?;
            ids.retain(|id| socket.followed_from(&id.to_string()).is_none());
            ids.sort_unstable();
            ids.dedup();
            socket.check_room(ids.len())?;
            for (id, from, frames) in self.0.follow_all(&who, ids).await? {
                forward(socket, id.to_string(), from, frames);
            }
            socket.ack(frame.id.as_deref(), Map::new());
            Ok(())
        })
    }
}

impl FrameHandler for Unsubscribes {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            signed_in(socket)?;
            for id in fields::<Topics>("unsubscribe", frame.body)?.conversations()? {
                socket.unfollow(&id.to_string());
            }
            socket.ack(frame.id.as_deref(), Map::new());
            Ok(())
        })
    }
}
