//! What happens to conversations, told to whoever subscribed.

use kernel::{
    Event, Hearer, Permission, PublicEvent,
    id::{BotId, ConversationId, UserId},
};
use serde::Serialize;
use serde_json::Value;

/// Somebody began to talk to a bot.
#[derive(Debug, Serialize)]
pub(super) struct ConversationStarted<'a> {
    pub(super) conversation_id: ConversationId,
    pub(super) bot_id: BotId,
    pub(super) user_id: UserId,
    pub(super) channel: &'a str,
}

impl Event for ConversationStarted<'_> {
    const NAME: &'static str = "conversation.started";

    fn subject(&self) -> String {
        self.conversation_id.to_string()
    }
}

impl PublicEvent for ConversationStarted<'_> {
    const ABOUT: &'static str = "Somebody began to talk to a bot.";

    fn example() -> Self {
        Self {
            conversation_id: ConversationId::example(),
            bot_id: BotId::example(),
            user_id: UserId::example(),
            channel: "web",
        }
    }

    fn may_hear(who: &Hearer, data: &Value) -> bool {
        who.is(&data["user_id"]) || who.may(Permission::CONVERSATIONS_READ)
    }
}
