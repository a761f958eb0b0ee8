//! Finding messages by what they say.
//!
//! The index is one of trigrams, as of all searches; of a text that is frequent on the server the caller's own messages
//! are walked, the last first.

use kernel::{
    Actor, Error, Id, Permission,
    id::{
        BotId, ConversationId, UserId,
        kind::{Bot, Conversation as ConversationKind},
    },
    list::{Count, FilterField, ListRequest, ListSpec, Listed, Page, SortField},
    text,
};
use sea_query::{Condition, Expr, ExprTrait};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Conversations, Message,
    message::shown,
    store::{FoundRow, MessageRow, SEARCH},
};

/// Characters of a text that the index knows.
const LEAST: usize = 3;

/// The list of messages that were found.
pub(crate) enum FoundList {}

impl Listed for FoundList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("created_at")],
        filters: &[
            FilterField::id::<Bot>("bot_id", "In conversations with this bot."),
            FilterField::id::<ConversationKind>("conversation_id", "In this conversation."),
        ],
        // The text to search for has a parameter of its own, which must be there.
        search: None,
    };
    const BESIDE: &'static [&'static str] = &["query"];
}

/// A message that was found, with the conversation that it stands in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct FoundMessage {
    /// The message.
    pub message: Message,
    /// What its conversation is called.
    #[schema(example = "Table Booking")]
    pub title: String,
    /// Whose conversation it is.
    pub user_id: UserId,
    /// The bot.
    pub bot_id: BotId,
    /// The bot's name.
    #[schema(example = "Table Booking")]
    pub bot_name: String,
}

impl FoundRow {
    fn shown(self) -> FoundMessage {
        let row = MessageRow {
            seq: self.seq,
            id: self.id,
            sender: self.sender,
            sender_id: self.sender_id,
            content: self.content,
            suggestions: self.suggestions,
            in_reply_to: self.in_reply_to,
            feedback: self.feedback,
            attachments: self.attachments,
            metadata: self.metadata,
            created_at: self.created_at,
        };
        let conversation: ConversationId = self.conversation_id;
        FoundMessage {
            message: shown(row, conversation),
            title: self.title,
            user_id: self.user_id,
            bot_id: self.bot_id,
            bot_name: self.bot_name,
        }
    }
}

/// Whose messages are looked through. The index of the sort begins with it.
pub(super) fn own(user: Id<kernel::id::kind::User>) -> Condition {
    Condition::all().add(Expr::cust("m.user_id").eq(user.as_bytes().to_vec()))
}

impl Conversations {
    /// Messages that hold a text, the last first: the caller's, with `conversations:read` all.
    pub(super) async fn search(&self, who: Actor, request: ListRequest) -> Result<Page<FoundMessage>, Error> {
        let length = request.search.as_ref().map_or(0, |asked| text::key(asked).chars().count());
        if length < LEAST {
            let is_first = request.count != Count::None;
            let (total, limit) = (is_first.then_some(0), request.limit);
            return Ok(Page {
                items: Vec::new(),
                total,
                total_exact: None,
                limit,
                offset: Some(0),
                next_cursor: None,
            });
        }
        self.indexing.take_in().await?;
        let which = if who.may(Permission::CONVERSATIONS_READ) { Condition::all() } else { own(who.user) };
        let page: Page<FoundRow> = self
            .db
            .read(who.org, move |tx| tx.list(&SEARCH, &request, Some(which)).map_err(Error::from))
            .await?;
        self.note_page(&who, "conversations_searched", page.items.iter().map(|row| row.user_id)).await?;
        Ok(page.map(FoundRow::shown))
    }
}
