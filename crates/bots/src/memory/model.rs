//! What is remembered, and whose it is.

use chrono::{DateTime, Utc};
use kernel::{
    Error, Id, Kind,
    id::kind::{Bot, Conversation, User},
};
use platform::db::DbError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema,
        schema::{SchemaType, Type},
    },
};
use uuid::Uuid;

use crate::bots::BotError;

/// Characters of a key.
pub(crate) const KEY: usize = 200;

/// What kind of thing is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Bot,
    Cache,
    Person,
    Attribute,
    User,
    Fact,
    Session,
    Context,
    Prompt,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Cache => "cache",
            Self::Person => "person",
            Self::Attribute => "attribute",
            Self::User => "user",
            Self::Fact => "fact",
            Self::Session => "session",
            Self::Context => "context",
            Self::Prompt => "prompt",
        }
    }
}

/// Whose a memory is. Nothing that belongs to one bot is found under another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    scope: Scope,
    bot: Uuid,
    subject: Uuid,
}

impl Owner {
    /// A bot, for everybody who uses it.
    pub(crate) fn bot(bot: Id<Bot>) -> Self {
        Self { scope: Scope::Bot, bot: bot.uuid(), subject: Uuid::nil() }
    }

    /// The same for what may be forgotten.
    pub(crate) fn cache(bot: Id<Bot>) -> Self {
        Self { scope: Scope::Cache, ..Self::bot(bot) }
    }

    /// A person with one bot.
    pub(crate) fn person(bot: Id<Bot>, user: Id<User>) -> Self {
        Self { scope: Scope::Person, bot: bot.uuid(), subject: user.uuid() }
    }

    /// What one bot notes about a person.
    pub(crate) fn attributes(bot: Id<Bot>, user: Id<User>) -> Self {
        Self { scope: Scope::Attribute, ..Self::person(bot, user) }
    }

    /// A person, in all bots of the organization.
    pub(crate) fn user(user: Id<User>) -> Self {
        Self { scope: Scope::User, bot: Uuid::nil(), subject: user.uuid() }
    }

    /// The facts about a person that the model sees, in all bots of the organization.
    pub(crate) fn facts(user: Id<User>) -> Self {
        Self { scope: Scope::Fact, ..Self::user(user) }
    }

    /// A conversation with a bot: its attributes.
    pub(crate) fn session(bot: Id<Bot>, conversation: Id<Conversation>) -> Self {
        Self { scope: Scope::Session, bot: bot.uuid(), subject: conversation.uuid() }
    }

    /// What the model sees in a conversation.
    pub(crate) fn context(bot: Id<Bot>, conversation: Id<Conversation>) -> Self {
        Self { scope: Scope::Context, ..Self::session(bot, conversation) }
    }

    /// The model's instructions in a conversation.
    pub(crate) fn prompt(bot: Id<Bot>, conversation: Id<Conversation>) -> Self {
        Self { scope: Scope::Prompt, ..Self::session(bot, conversation) }
    }

    pub(super) const fn scope(&self) -> &'static str {
        self.scope.as_str()
    }

    pub(super) const fn bot_bytes(&self) -> &[u8; 16] {
        self.bot.as_bytes()
    }

    pub(super) const fn subject_bytes(&self) -> &[u8; 16] {
        self.subject.as_bytes()
    }
}

/// A value of a bot's memory.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Memory {
    /// Under which it is kept.
    #[schema(example = "greeting")]
    pub key: String,
    /// What is kept: a text, a number, true or false, a list or an object.
    #[schema(example = json!("Welcome!"))]
    pub value: Value,
    /// When it was kept first.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A value to be kept.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMemory {
    /// Anything but null. As JSON it has at most 64 KiB.
    #[schema(schema_with = anything_but_null)]
    pub value: Value,
}

/// One schema a kind of value: makers of clients want to know what a list holds, which a list of types can't say.
fn anything_but_null() -> Schema {
    let any = || ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String))
        .item(ObjectBuilder::new().schema_type(Type::Number))
        .item(ObjectBuilder::new().schema_type(Type::Boolean))
        .item(ArrayBuilder::new().items(any()))
        .item(ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(any())))
        .description(Some("Anything but null. As JSON it has at most 64 KiB."))
        .examples([Value::from("Welcome!")])
        .into()
}

/// What can go wrong with a bot's memory.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Nothing is kept under the key.
    #[error("The bot remembers nothing under this key.")]
    NotFound,
    /// The bot remembers as much as it may.
    #[error("A bot remembers at most {0} values.")]
    Full(usize),
    /// About the bot.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for MemoryError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<MemoryError> for Error {
    fn from(error: MemoryError) -> Self {
        let message = error.to_string();
        match error {
            MemoryError::NotFound => Self::new(Kind::NotFound, message),
            MemoryError::Full(limit) => Self::conflict(message, "memory_limit").detail("limit", limit),
            MemoryError::Bot(error) => error.into(),
            MemoryError::Other(error) => error,
        }
    }
}
