//! Messages as the API shows them, and as they are sent.

use chrono::{DateTime, Utc};
use kernel::{
    Id,
    id::{AttachmentId, ConversationId, MessageId, UserId, kind::Conversation},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Schema, schema::ArrayBuilder},
};

use super::{
    attachments::{self, Attachment},
    store::MessageRow,
};

/// Files that are sent with a message.
fn files() -> Schema {
    ArrayBuilder::new()
        .items(AttachmentId::schema())
        .max_items(Some(attachments::MOST))
        .unique_items(true)
        .description(Some(
            "Files that the sender has uploaded in this conversation, each sent once. At most 10.",
        ))
        .examples([Value::Array(Vec::new())])
        .into()
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
    /// Somebody of the organization in the bot's place.
    Staff,
}

impl Sender {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bot => "bot",
            Self::System => "system",
            Self::Staff => "staff",
        }
    }

    pub(super) fn read(text: &str) -> Self {
        match text {
            "user" => Self::User,
            "bot" => Self::Bot,
            "staff" => Self::Staff,
            _ => Self::System,
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::User => Role::User,
            Self::Bot | Self::Staff => Role::Assistant,
            Self::System => Role::System,
        }
    }
}

/// The part that a message has for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = MessageRole)]
pub enum Role {
    /// What the person says.
    User,
    /// What the bot says, or the staff in its place.
    Assistant,
    /// What the server says.
    System,
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

/// What somebody thinks of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = FeedbackValue)]
pub enum Verdict {
    /// It helped.
    Positive,
    /// It did not.
    Negative,
}

/// What the person thinks of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feedback {
    /// Did it help?
    pub value: Verdict,
    /// In their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "The opening hours are wrong.")]
    pub comment: Option<String>,
    /// What it is about.
    #[serde(default)]
    #[schema(example = json!(["wrong"]))]
    pub tags: Vec<String>,
}

/// What a person thinks of a message, to be kept.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFeedback {
    /// Did it help?
    pub value: Verdict,
    /// In their own words. At most 2000 characters.
    #[serde(default)]
    #[schema(max_length = 2000, example = "The opening hours are wrong.")]
    pub comment: Option<String>,
    /// What it is about: at most 20 tags, each in one line of 1 to 50 characters without commas.
    #[serde(default)]
    #[schema(schema_with = super::model::tags_schema, required = false)]
    pub tags: Vec<String>,
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
    /// Who of the staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<UserId>,
    /// The part that it has for a model.
    pub role: Role,
    /// What was said.
    #[schema(example = "For how many people?")]
    pub content: String,
    /// `text`; of a message without any, what it sends: `image`, `audio` or `file`.
    #[schema(pattern = "^(text|markdown|image|audio|file)$", example = "text")]
    pub content_type: &'static str,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// Files that were sent with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub attachments: Vec<Attachment>,
    /// Quick replies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub suggestions: Vec<Suggestion>,
    /// The message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
    /// What the person thinks of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// What else there is to know of it: `stopped` where its answer was stopped.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(required = false, example = json!({ "stopped": true }))]
    pub metadata: Map<String, Value>,
}

/// A stored message as the API shows it.
pub(super) fn shown(row: MessageRow, conversation_id: Id<Conversation>) -> Message {
    let sender = Sender::read(&row.sender);
    let attachments: Vec<Attachment> = row.attachments.and_then(|json| json.read().ok()).unwrap_or_default();
    let sends = attachments.first().filter(|_| row.content.is_empty());
    Message {
        message_id: row.id,
        conversation_id,
        seq: row.seq.unsigned_abs(),
        sender,
        sender_id: row.sender_id,
        role: sender.role(),
        content_type: sends.map_or("text", Attachment::content_type),
        content: row.content,
        attachments,
        timestamp: row.created_at,
        suggestions: row.suggestions.and_then(|json| json.read().ok()).unwrap_or_default(),
        in_reply_to: row.in_reply_to,
        feedback: row.feedback.and_then(|json| json.read().ok()),
        metadata: row.metadata.and_then(|json| json.read().ok()).unwrap_or_default(),
    }
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
    /// Not at all: 200 with what happens as it happens, as `text/event-stream`.
    Stream,
}

/// Something to be said.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Text of at most 32 KiB. It may be absent where files are sent.
    #[serde(default)]
    #[schema(
        required = true,
        min_length = 1,
        max_length = 32768,
        pattern = "\\S",
        example = "A table for four, please."
    )]
    pub content: String,
    /// Files that the sender has uploaded in this conversation, each sent once. At most 10.
    #[serde(default)]
    #[schema(schema_with = files)]
    pub attachments: Vec<AttachmentId>,
    /// The sender's own name for it: sent twice, it is taken once and answered the same.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, example = "7f9c")]
    pub client_message_id: Option<String>,
    /// How long to wait.
    #[serde(default)]
    pub wait: Wait,
    /// What it is.
    #[serde(default)]
    pub r#type: MessageType,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    /// Something that the person says.
    #[default]
    Text,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sent {
    /// Its conversation.
    pub conversation_id: ConversationId,
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
