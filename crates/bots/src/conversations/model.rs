//! Conversations and messages as the API shows them.

use chrono::{DateTime, Utc};
use kernel::{
    Error, Kind,
    id::{BotId, ConversationId, MessageId, SessionId, UserId},
    text,
};
use platform::db::DbError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{Schema, Type, schema::SchemaType},
};

use crate::bots::BotError;

/// Characters of a title.
pub(super) const TITLE: usize = 200;

/// A thread of messages between a person and a bot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Conversation {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The bot.
    pub bot_id: BotId,
    /// The bot's name.
    #[schema(example = "Table Booking")]
    pub bot_name: String,
    /// The person.
    pub user_id: UserId,
    /// Where it is held.
    #[schema(pattern = "^(web|api)$", example = "web")]
    pub channel: String,
    /// What it is called.
    #[schema(example = "Table Booking")]
    pub title: String,
    /// `active`, or `waiting` while a dialog waits for an answer.
    #[schema(pattern = "^(active|waiting)$", example = "waiting")]
    pub status: String,
    /// The beginning of the last message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "For how many people?")]
    pub last_message: Option<String>,
    /// When something was said last.
    pub last_activity: DateTime<Utc>,
    /// How many messages there are.
    pub message_count: u64,
    /// What whoever started it noted.
    #[schema(example = json!({ "campaign": "spring" }))]
    pub metadata: Map<String, Value>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The person.
    User,
    /// The bot.
    Bot,
    /// The server: a script that failed.
    System,
}

impl Sender {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bot => "bot",
            Self::System => "system",
        }
    }

    pub(super) fn read(text: &str) -> Self {
        match text {
            "user" => Self::User,
            "bot" => Self::Bot,
            _ => Self::System,
        }
    }
}

/// A quick reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suggestion {
    /// What the button says.
    #[schema(example = "Friday")]
    pub text: String,
    /// What it sends.
    #[schema(example = "Friday")]
    pub value: String,
}

/// Something said.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Message {
    /// The message.
    pub message_id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Its place in the conversation, from 1.
    pub seq: u64,
    /// Who said it.
    pub sender: Sender,
    /// What was said.
    #[schema(example = "For how many people?")]
    pub content: String,
    /// `text`, or `markdown`.
    #[schema(pattern = "^(text|markdown)$", example = "text")]
    pub content_type: &'static str,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Quick replies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub suggestions: Vec<Suggestion>,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
}

/// A conversation to be started.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewConversation {
    /// Id or slug; the organization's default bot if absent.
    #[schema(example = "table-booking")]
    pub bot_id: Option<String>,
    /// Said at once, after the bot's first words. At most 32 KiB.
    #[schema(min_length = 1, max_length = 32768, pattern = "\\S", example = "A table for four, please.")]
    pub initial_message: Option<String>,
    /// The bot's name if absent.
    #[schema(schema_with = title_schema, required = false)]
    pub title: Option<String>,
    /// Where it is held: `web`, if absent, or `api`.
    #[schema(pattern = "^(web|api)$", example = "web")]
    pub channel: Option<String>,
    /// The language that the person speaks, such as `en` or `pt-BR`.
    #[schema(min_length = 2, max_length = 8, pattern = "^[A-Za-z-]+$", example = "en")]
    pub language: Option<String>,
    /// At most 16 KiB of one's own.
    #[schema(example = json!({ "campaign": "spring" }))]
    pub metadata: Map<String, Value>,
}

fn title_schema() -> Schema {
    let line = text::line_schema("The bot's name if absent.", 1, TITLE, "My table");
    line.schema_type(SchemaType::from_iter([Type::String, Type::Null])).into()
}

/// A conversation that began.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Started {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The session that started it.
    pub session_id: SessionId,
    /// The bot.
    pub bot_id: BotId,
    /// `active`, or `waiting` while a dialog waits for an answer.
    #[schema(pattern = "^(active|waiting)$", example = "waiting")]
    pub status: String,
    /// The bot's first words, and what came of the initial message.
    pub messages: Vec<Message>,
}

/// How long the sender waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// Until the bot has answered: 201 with what it said.
    #[default]
    Answer,
    /// Until the message is kept: 202 without the answer, which comes over the WebSocket or is read later.
    None,
}

/// Something to be said.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Text of at most 32 KiB.
    #[schema(min_length = 1, max_length = 32768, pattern = "\\S", example = "A table for four, please.")]
    pub content: String,
    /// The sender's own name for it: sent twice, it is taken once and answered the same.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, example = "7f9c")]
    pub client_message_id: Option<String>,
    /// How long to wait.
    #[serde(default)]
    pub wait: Wait,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sent {
    /// The message; absent while it waits for its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// When it was taken.
    pub timestamp: DateTime<Utc>,
    /// `delivered` with an answer, `sent` without one yet.
    #[schema(pattern = "^(delivered|sent)$", example = "delivered")]
    pub status: &'static str,
    /// What the bot answered.
    pub response: Vec<Message>,
    /// Quick replies to the last of it.
    pub suggestions: Vec<Suggestion>,
}

/// Messages by time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct History {
    /// Oldest first.
    pub items: Vec<Message>,
    /// Are there more in the direction that was asked?
    pub has_more: bool,
}

/// What can go wrong in conversations.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// There is none, or it is not the caller's.
    #[error("There is no such conversation.")]
    NotFound,
    /// There is no such message in it.
    #[error("There is no such message in this conversation.")]
    MessageNotFound,
    /// The bot is not active.
    #[error("The bot does not answer right now.")]
    BotInactive,
    /// Too many messages wait already.
    #[error("Too many messages of this conversation wait for their turn.")]
    TurnInProgress,
    /// The content is empty.
    #[error("A message needs some text.")]
    Empty,
    /// The content is too long.
    #[error("A message has at most {0} bytes.")]
    TooLong(usize),
    /// Other nodes were faster, again and again.
    #[error("The conversation is busy. Try again.")]
    Busy,
    /// About the bot.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for ConversationError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<ConversationError> for Error {
    fn from(error: ConversationError) -> Self {
        let message = error.to_string();
        match error {
            ConversationError::NotFound | ConversationError::MessageNotFound => {
                Self::new(Kind::NotFound, message)
            }
            ConversationError::BotInactive => Self::conflict(message, "bot_inactive"),
            ConversationError::TurnInProgress => Self::conflict(message, "turn_in_progress"),
            ConversationError::Empty => {
                Self::invalid("content", "must not be empty").reason("invalid_message")
            }
            ConversationError::TooLong(limit) => {
                Self::invalid("content", format!("must have at most {limit} bytes"))
                    .reason("message_too_long")
            }
            ConversationError::Busy => Self::unavailable("conversations", message),
            ConversationError::Bot(error) => error.into(),
            ConversationError::Other(error) => error,
        }
    }
}
