//! Finding messages by what they say.

use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Conversation as ConversationKind, Message as MessageKind, User},
};
use platform::{
    db::{Filter, Json, ListOf, SearchOn},
    record,
};

record! {
    /// A message with what is shown of its conversation.
    #[derive(Debug, Clone)]
    pub(crate) struct FoundRow {
        pub(crate) seq: i64,
        pub(crate) id: Id<MessageKind>,
        pub(crate) sender: String,
        pub(crate) sender_id: Option<Id<User>>,
        pub(crate) content: String,
        pub(crate) suggestions: Option<Json>,
        pub(crate) in_reply_to: Option<Id<MessageKind>>,
        pub(crate) feedback: Option<Json>,
        pub(crate) attachments: Option<Json>,
        pub(crate) metadata: Option<Json>,
        pub(crate) created_at: Timestamp,
        pub(crate) conversation_id: Id<ConversationKind>,
        pub(crate) title: String,
        pub(crate) user_id: Id<User>,
        pub(crate) bot_id: Id<Bot>,
        pub(crate) bot_name: String,
    }
}

/// The messages of all conversations, of one person or of all.
pub(crate) const SEARCH: ListOf = ListOf {
    from: "messages m JOIN conversations c ON c.org_id = m.org_id AND c.id = m.conversation_id
        JOIN bots b ON b.org_id = c.org_id AND b.id = c.bot_id",
    columns: "m.seq, m.id, m.sender, m.sender_id, m.content, m.suggestions, m.in_reply_to, m.feedback, m.attachments,
        m.metadata, m.created_at, c.id, c.title, c.user_id, c.bot_id, b.name",
    org: "m.org_id",
    id: "m.id",
    sorts: &[("created_at", "m.created_at")],
    filters: &[
        ("bot_id", Filter::Id("c.bot_id", "bot")),
        ("conversation_id", Filter::Id("m.conversation_id", "conv")),
    ],
    search: Some(SearchOn { table: "messages", alias: "m", column: "content_key", begins: &[] }),
};
