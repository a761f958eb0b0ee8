//! What a connection follows: begun, taken up again where it was lost, and given up.

use axum::extract::ws::Utf8Bytes;
use futures_util::{Stream, StreamExt, stream};
use gateway::{Following, Frame, FrameHandler, Socket, Topic, module::BoxFuture};
use kernel::{
    Actor, Error, Id, Permission,
    id::{ConversationId, kind::Conversation as ConversationKind},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields;
use crate::conversations::{
    Conversations,
    follow::{Heard, Missed},
    hub::Frame as Said,
};

/// Answers `resume` frames: what was said after a place comes again, and then what is said.
pub(in crate::conversations) struct Resumes(pub(in crate::conversations) Conversations);

/// The topics that are conversations.
pub(in crate::conversations) struct Topics(pub(in crate::conversations) Conversations);

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

fn forward(socket: &Socket, key: String, from: u64, heard: impl Stream<Item = Heard> + Send + 'static) {
    socket.follow(key, from, texts_of(socket, heard));
}

/// What a connection is sent of what is heard in a conversation.
fn texts_of<S: Stream<Item = Heard> + Send + 'static>(
    socket: &Socket,
    heard: S,
) -> impl Stream<Item = Utf8Bytes> + Send + use<S> {
    let number = socket.number();
    let texts = move |heard| {
        stream::iter(match heard {
            Heard::Said(frame) => [Some(frame.text()), frame.suggestion()],
            Heard::Typing(told) => [told.text_for(number), None],
        })
    };
    heard.flat_map(texts).filter_map(std::future::ready)
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
            let who = socket.signed_in()?;
            let Resume { conversation_id, since } = fields("resume", frame.body)?;
            let tell = |Missed { from, count }| {
                socket.send("resumed", &Resumed { id: frame.id, conversation_id, from, count });
            };
            self.resume(socket, &who, conversation_id, since, tell).await
        })
    }
}

impl Topic for Topics {
    fn id(&self, text: &str) -> Option<String> {
        text.parse().ok().map(|id: ConversationId| id.to_string())
    }

    fn follow<'a>(
        &'a self,
        who: &'a Actor,
        socket: &'a Socket,
        ids: Vec<String>,
    ) -> BoxFuture<'a, kernel::Result<Vec<Following>>> {
        Box::pin(async move {
            who.require(Permission::CHAT_READ)?;
            let ids = ids.iter().map(|id| id.parse()).collect::<Result<_, _>>();
            let ids = ids.map_err(|_| Error::not_found("conversation"))?;
            let followed = self.0.follow_all(who, ids).await?;
            let following = |(id, from, heard): (Id<ConversationKind>, _, _)| Following {
                id: id.to_string(),
                from,
                frames: texts_of(socket, heard).boxed(),
            };
            Ok(followed.into_iter().map(following).collect())
        })
    }
}
