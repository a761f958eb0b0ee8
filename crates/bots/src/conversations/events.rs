//! What happens to conversations, told to whoever subscribed.

use gateway::Module;
use kernel::{
    Event, Hearer, Permission, PublicEvent, Timestamp,
    id::{BotId, ConversationId, MessageId, UserId},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    message::{Message, Sender},
    store::ConversationRow,
};

/// Which conversation something happened in.
#[derive(Debug, Clone, Serialize)]
pub(super) struct About {
    pub(super) conversation_id: ConversationId,
    pub(super) bot_id: BotId,
    pub(super) user_id: UserId,
    pub(super) channel: String,
}

impl From<&ConversationRow> for About {
    fn from(row: &ConversationRow) -> Self {
        Self {
            conversation_id: row.id,
            bot_id: row.bot_id,
            user_id: row.user_id,
            channel: row.channel.clone(),
        }
    }
}

impl About {
    fn example() -> Self {
        Self {
            conversation_id: ConversationId::example(),
            bot_id: BotId::example(),
            user_id: UserId::example(),
            channel: "web".to_owned(),
        }
    }
}

/// What was said in it.
#[derive(Debug, Serialize)]
pub(super) struct Said<'a> {
    #[serde(flatten)]
    about: &'a About,
    message_id: MessageId,
    sender: Sender,
    content: &'a str,
    timestamp: Timestamp,
}

impl<'a> Said<'a> {
    pub(super) fn of(about: &'a About, message: &'a Message) -> Self {
        Self {
            about,
            message_id: message.message_id,
            sender: message.sender,
            content: &message.content,
            timestamp: message.timestamp,
        }
    }
}

/// How it was rated.
#[derive(Debug, Serialize)]
pub(super) struct Rated {
    #[serde(flatten)]
    pub(super) about: About,
    pub(super) score: i64,
    pub(super) comment: Option<String>,
}

/// Who may read the conversation may hear of it.
fn may_read(who: &Hearer, data: &Value) -> bool {
    who.is(&data["user_id"]) || who.may(Permission::CONVERSATIONS_READ)
}

macro_rules! events {
    ($(#[doc = $about:literal] $name:ident $(<$life:lifetime>)? ($data:ty) $text:literal = $example:expr;)*) => {
        /// Declares them.
        pub(super) fn declare(module: Module) -> Module {
            module$(.event::<$name>())*
        }

        $(
            #[doc = $about]
            #[derive(Debug, Serialize)]
            #[serde(transparent)]
            pub(super) struct $name $(<$life>)? (pub(super) $data);

            impl $(<$life>)? Event for $name $(<$life>)? {
                const NAME: &'static str = $text;

                fn subject(&self) -> String {
                    self.0.conversation().to_string()
                }
            }

            impl $(<$life>)? PublicEvent for $name $(<$life>)? {
                const ABOUT: &'static str = $about.trim_ascii();

                fn example() -> Self {
                    Self($example)
                }

                fn may_hear(who: &Hearer, data: &Value) -> bool {
                    may_read(who, data)
                }
            }
        )*
    };
}

/// What an event is about.
trait InConversation {
    fn conversation(&self) -> ConversationId;
}

impl InConversation for About {
    fn conversation(&self) -> ConversationId {
        self.conversation_id
    }
}

impl InConversation for Rated {
    fn conversation(&self) -> ConversationId {
        self.about.conversation_id
    }
}

impl InConversation for Said<'_> {
    fn conversation(&self) -> ConversationId {
        self.about.conversation_id
    }
}

fn said_example(sender: Sender, content: &str) -> Said<'_> {
    static ABOUT: std::sync::LazyLock<About> = std::sync::LazyLock::new(About::example);
    Said {
        about: &ABOUT,
        message_id: MessageId::example(),
        sender,
        content,
        timestamp: Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(20_484),
    }
}

events! {
    /// Somebody began to talk to a bot.
    ConversationStarted(About) "conversation.started" = About::example();
    /// Somebody said something to a bot.
    MessageReceived<'a>(Said<'a>) "message.received" = said_example(Sender::User, "A table for four, please.");
    /// The bot, or the staff in its place, said something.
    MessageSent<'a>(Said<'a>) "message.sent" = said_example(Sender::Bot, "For which day?");
    /// A conversation was put into the archive.
    ConversationArchived(About) "conversation.archived" = About::example();
    /// A conversation was ended.
    ConversationEnded(About) "conversation.ended" = About::example();
    /// Somebody rated their conversation.
    ConversationRated(Rated) "conversation.rated" = Rated {
        about: About::example(),
        score: 5,
        comment: Some("Quick and friendly.".to_owned()),
    };
}
