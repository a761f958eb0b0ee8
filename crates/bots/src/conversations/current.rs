//! Which conversation is meant where nobody names one: the caller's latest, a session's, a new one.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Id,
    id::{
        BotId, ConversationId, InvalidId, MessageId,
        kind::{Conversation as ConversationKind, Session},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ConversationError, Conversations, NewConversation, NewMessage,
    message::{Message, Suggestion},
    store,
};
use crate::bots;

/// A conversation by its own id, or a session's latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Conversation(Id<ConversationKind>),
    Session(Id<Session>),
}

impl FromStr for Named {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self::Session).or_else(|_| text.parse().map(Self::Conversation))
    }
}

/// Something to be said, wherever the caller is talking already.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatMessage {
    /// Text of at most 32 KiB.
    #[schema(min_length = 1, max_length = 32768, pattern = "\\S", example = "A table for four, please.")]
    pub message: String,
    /// The conversation, or a session, whose latest it is.
    #[serde(default)]
    #[schema(
        pattern = "^(conv|ses)_[0-7][0-9a-hjkmnp-tv-z]{25}$",
        example = "conv_01jxk6qv9ve7m8g3t5s0c4d2ba"
    )]
    pub session_id: Option<String>,
    /// Id or slug of the bot, where no conversation is named: the caller's latest with it, or a new one.
    #[serde(default)]
    #[schema(example = "table-booking")]
    pub bot_id: Option<String>,
    /// The sender's own name for it: sent twice in one conversation, it is taken once and answered the same.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, example = "7f9c")]
    pub client_message_id: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Chatted {
    /// The conversation, to be named the next time.
    pub conversation_id: ConversationId,
    /// The same.
    pub session_id: ConversationId,
    /// The bot.
    pub bot_id: BotId,
    /// The message; absent while it waits for its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// When it was taken.
    pub timestamp: DateTime<Utc>,
    /// `delivered` with an answer, `sent` without one yet.
    #[schema(pattern = "^(delivered|sent)$", example = "delivered")]
    pub status: &'static str,
    /// What the bot said: its first words, if the conversation began, and its answer.
    pub response: Vec<Message>,
    /// Quick replies to the last of it.
    pub suggestions: Vec<Suggestion>,
}

impl Conversations {
    /// The caller's latest conversation that goes on, with that bot if one is named.
    pub(super) async fn current(
        &self,
        who: &Actor,
        bot: Option<String>,
    ) -> Result<Option<Id<ConversationKind>>, ConversationError> {
        let (who, now) = (who.clone(), self.surroundings.now());
        self.db
            .read(who.org, move |tx| {
                let Some(named) = bot else { return Ok(store::current(tx, who.user)?) };
                let bot = bots::service::usable(tx, &who, Some(&named), now)?;
                Ok(store::current_with(tx, who.user, bot.id)?)
            })
            .await
    }

    /// The same, where there must be one.
    pub(super) async fn present(
        &self,
        who: &Actor,
        bot: Option<String>,
    ) -> Result<Id<ConversationKind>, ConversationError> {
        self.current(who, bot).await?.ok_or(ConversationError::NoneCurrent)
    }

    /// Errors if there is no such bot for the caller.
    pub(super) async fn check_bot(&self, who: &Actor, named: &str) -> Result<(), kernel::Error> {
        let (asks, named, now) = (who.clone(), named.to_owned(), self.surroundings.now());
        let found = self.db.read(who.org, move |tx| bots::service::usable(tx, &asks, Some(&named), now));
        found.await.map(drop).map_err(kernel::Error::from)
    }

    /// The conversation that is named.
    pub(super) async fn named(
        &self,
        who: &Actor,
        text: &str,
    ) -> Result<Id<ConversationKind>, ConversationError> {
        match text.parse() {
            Ok(Named::Conversation(id)) => Ok(id),
            Ok(Named::Session(session)) => {
                let user = who.user;
                let latest = self.db.read(who.org, move |tx| store::latest_of(tx, session, user));
                latest.await?.ok_or(ConversationError::NotFound)
            }
            Err(_) => Err(ConversationError::NotFound),
        }
    }

    /// Says something where the caller is talking already, or begins to.
    pub(super) async fn chat(&self, who: Actor, chat: ChatMessage) -> Result<Chatted, ConversationError> {
        let message = NewMessage {
            content: chat.message,
            client_message_id: chat.client_message_id,
            ..NewMessage::default()
        };
        // Before anything is begun for it.
        self.check_message(&message)?;
        let present = match &chat.session_id {
            Some(named) => Some(self.named(&who, named).await?),
            None => self.current(&who, chat.bot_id.clone()).await?,
        };
        let (id, mut first_words) = if let Some(id) = present {
            (id, Vec::new())
        } else {
            let new = NewConversation { bot_id: chat.bot_id, ..NewConversation::default() };
            let started = self.start(who.clone(), new).await?;
            (started.conversation_id, started.messages)
        };
        let asks = who.clone();
        let row = self.db.read(who.org, move |tx| super::access::readable(tx, &asks, id)).await?;
        let sent = self.send_and_wait(who, id, message).await?;
        first_words.extend(sent.response);
        Ok(Chatted {
            conversation_id: id,
            session_id: id,
            bot_id: row.bot_id,
            message_id: sent.message_id,
            timestamp: sent.timestamp,
            status: sent.status,
            response: first_words,
            suggestions: sent.suggestions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_named_by_its_id_or_by_a_sessions() {
        let conversation = kernel::id::example("conv");
        assert_eq!(conversation.parse(), Ok(Named::Conversation(Id::example())));
        assert_eq!(kernel::id::example("ses").parse(), Ok(Named::Session(Id::example())));
        assert!(kernel::id::example("bot").parse::<Named>().is_err());
    }
}
