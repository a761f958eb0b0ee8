//! Conversations over WebSocket: `message` frames, and following what is said.

mod following;

use gateway::{Close, Frame, FrameHandler, Socket, module::BoxFuture, socket::Status};
use kernel::{
    Actor, Error, Id, Kind, Permission,
    id::{AttachmentId, ConversationId, MessageId, kind::Conversation as ConversationKind},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Conversations, NewConversation, NewMessage, message::Wait};
use following::follow;
pub(super) use following::{Resume, Resumed, Resumes, Topics};

/// Answers `message` frames.
pub(super) struct Messages {
    conversations: Conversations,
}

/// Answers `read` frames: the person has read up to a message.
pub(super) struct Reads(pub(super) Conversations);

/// Answers `stop` frames: the answer that is being written is to end.
pub(super) struct StopsAnswers(pub(super) Conversations);

/// The fields of a `read` frame.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    /// The conversation.
    conversation_id: ConversationId,
    /// The last message that was read.
    message_id: MessageId,
}

/// The fields of a `stop` frame.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stop {
    /// The conversation.
    conversation_id: ConversationId,
}

/// Answers `typing` frames: the sender types, or no more.
pub(super) struct TypesOn(pub(super) Conversations);

/// The fields of a `typing` frame.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Types {
    /// The conversation.
    conversation_id: ConversationId,
    /// Do they type?
    active: bool,
}

/// The fields of a `message` frame.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    /// Text of at most 32 KiB; needed unless there are attachments.
    #[serde(default)]
    content: String,
    /// Files that were uploaded in the conversation.
    #[serde(default)]
    attachments: Vec<AttachmentId>,
    /// The conversation; a new one if absent.
    conversation_id: Option<ConversationId>,
    /// The same, or a session, whose latest conversation is meant.
    #[serde(default)]
    session_id: Option<String>,
    /// Id or slug of the bot of a new one; that of the address, or the default one, if absent.
    bot_id: Option<String>,
    /// The sender's own name for it: sent twice in one conversation, it is taken once.
    client_message_id: Option<String>,
}

impl Messages {
    pub(super) fn new(conversations: Conversations) -> Self {
        Self { conversations }
    }

    async fn say(&self, socket: &Socket, frame: Frame) -> kernel::Result<()> {
        let who = socket.signed_in()?;
        who.require(Permission::CHAT_WRITE)?;
        let said: Message = fields("message", frame.body)?;
        let message = NewMessage {
            content: said.content,
            attachments: said.attachments,
            client_message_id: said.client_message_id,
            wait: Wait::None,
            ..NewMessage::default()
        };
        // Before anything is begun for it.
        self.conversations.check_message(&message)?;
        let named = match (said.conversation_id, said.session_id) {
            (Some(id), _) => Some(id),
            (None, Some(session)) => Some(self.conversations.named(&who, &session).await?),
            (None, None) => None,
        };
        let conversation = match named {
            Some(id) => {
                follow(&self.conversations, socket, &who, id, None).await?;
                id
            }
            None => self.begin(socket, &who, said.bot_id).await?,
        };
        self.conversations.type_no_more(socket, conversation);
        let sent = self.conversations.send(&who, conversation, message).await?;
        let mut extra = Map::new();
        extra.insert("message_id".to_owned(), json!(sent.message_id));
        extra.insert("conversation_id".to_owned(), json!(conversation));
        socket.ack(frame.id.as_deref(), extra);
        Ok(())
    }

    /// Starts a conversation with the bot that the frame or the connection's address names.
    async fn begin(
        &self,
        socket: &Socket,
        who: &Actor,
        bot: Option<String>,
    ) -> kernel::Result<Id<ConversationKind>> {
        socket.check_room(1)?;
        let named = socket.query("bot").or_else(|| socket.query("bot_id"));
        let bot_id = bot.or_else(|| named.map(str::to_owned));
        let new = NewConversation { bot_id, ..NewConversation::default() };
        let started = self.conversations.start(who.clone(), new).await?;
        socket.send(
            "status",
            &Status {
                state: if who.is_visitor() { "anonymous" } else { "authenticated" },
                conversation_id: Some(started.conversation_id),
                bot_id: Some(started.bot_id),
                session_id: Some(started.session_id),
                user_id: Some(who.user),
                ..Status::default()
            },
        );
        follow(&self.conversations, socket, who, started.conversation_id, Some(0)).await?;
        Ok(started.conversation_id)
    }
}

/// The fields of a frame, or what is wrong with them.
fn fields<T: serde::de::DeserializeOwned>(kind: &str, body: Map<String, Value>) -> kernel::Result<T> {
    serde_json::from_value(Value::Object(body)).map_err(|problem| Error::invalid(kind, problem.to_string()))
}

impl FrameHandler for Reads {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            let who = socket.signed_in()?;
            who.require(Permission::CHAT_READ)?;
            let Read { conversation_id, message_id } = fields("read", frame.body)?;
            self.0.read(&who, conversation_id, message_id).await?;
            let mut extra = Map::new();
            extra.insert("conversation_id".to_owned(), json!(conversation_id));
            socket.ack(frame.id.as_deref(), extra);
            Ok(())
        })
    }
}

impl FrameHandler for TypesOn {
    /// A message that was sent before may be handled until it is answered.
    fn at_once(&self) -> bool {
        true
    }

    fn is_hint(&self) -> bool {
        true
    }

    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            let who = socket.signed_in()?;
            who.require(Permission::CHAT_WRITE)?;
            let Types { conversation_id, active } = fields("typing", frame.body)?;
            if active {
                self.0.type_on(socket, &who, conversation_id).await?;
            } else {
                self.0.type_no_more(socket, conversation_id);
            }
            if frame.id.is_some() {
                let mut extra = Map::new();
                extra.insert("conversation_id".to_owned(), json!(conversation_id));
                socket.ack(frame.id.as_deref(), extra);
            }
            Ok(())
        })
    }
}

impl FrameHandler for StopsAnswers {
    /// The answer may be to a message that came over the same connection, and is handled until it is written.
    fn at_once(&self) -> bool {
        true
    }

    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            let who = socket.signed_in()?;
            who.require(Permission::CHAT_WRITE)?;
            let Stop { conversation_id } = fields("stop", frame.body)?;
            self.0.stop(who, conversation_id).await?;
            let mut extra = Map::new();
            extra.insert("conversation_id".to_owned(), json!(conversation_id));
            socket.ack(frame.id.as_deref(), extra);
            Ok(())
        })
    }
}

impl FrameHandler for Messages {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(self.say(socket, frame))
    }

    /// `?bot=…` must be one that the caller may use; `?conversation_id=…&since=…` follows that conversation from the
    /// start.
    fn opened<'a>(&'a self, socket: &'a Socket) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            let who = socket.signed_in()?;
            // A visitor was let in by their bot.
            if let Some(bot) =
                socket.query("bot").or_else(|| socket.query("bot_id")).filter(|_| !who.is_visitor())
                && let Err(error) = self.conversations.check_bot(&who, bot).await
            {
                if error.kind() == Kind::NotFound {
                    socket.error(None, &error);
                    socket.close(Close::NoSuchBot);
                    return Ok(());
                }
                return Err(error);
            }
            let Some(id) = socket.query("conversation_id") else { return Ok(()) };
            let id = id.parse().map_err(|_| Error::not_found("conversation"))?;
            let since = socket.query("since").map(str::parse).transpose();
            let since = since.map_err(|_| Error::invalid("since", "must be a whole number"))?;
            follow(&self.conversations, socket, &who, id, since).await?;
            Ok(())
        })
    }
}
