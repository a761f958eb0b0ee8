//! Messages.

use kernel::{
    Id, Timestamp,
    id::kind::{Conversation as ConversationKind, Message as MessageKind, User},
};
use platform::{
    db::{DbError, Filter, Json, ListOf, Tx, Unit},
    record,
};

record! {
    /// A message.
    #[derive(Debug, Clone)]
    pub(crate) struct MessageRow {
        pub(crate) seq: i64,
        pub(crate) id: Id<MessageKind>,
        pub(crate) sender: String,
        /// Who of the staff said it.
        pub(crate) sender_id: Option<Id<User>>,
        pub(crate) content: String,
        pub(crate) suggestions: Option<Json>,
        pub(crate) in_reply_to: Option<Id<MessageKind>>,
        pub(crate) feedback: Option<Json>,
        pub(crate) attachments: Option<Json>,
        pub(crate) metadata: Option<Json>,
        pub(crate) created_at: Timestamp,
    }
}

/// The columns of a [`MessageRow`], as they stand in the table and behind an alias.
macro_rules! columns {
    () => {
        "seq, id, sender, sender_id, content, suggestions, in_reply_to, feedback, attachments, metadata, created_at"
    };
}

const SENDERS: &[(&str, &str)] =
    &[("user", "user"), ("bot", "bot"), ("system", "system"), ("staff", "staff")];

/// The messages of one conversation.
pub(crate) const MESSAGES: ListOf = ListOf {
    from: "messages m",
    columns: "m.seq, m.id, m.sender, m.sender_id, m.content, m.suggestions, m.in_reply_to, m.feedback, m.attachments,
        m.metadata, m.created_at",
    org: "m.org_id",
    id: "m.id",
    sorts: &[("created_at", "m.seq")],
    filters: &[("sender", Filter::OneOf("m.sender", SENDERS))],
    search: None,
};

pub(crate) fn insert_message(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    user: Id<User>,
    message: &MessageRow,
    client_message_id: Option<&str>,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO messages (org_id, conversation_id, seq, id, sender, sender_id, content, suggestions, in_reply_to,
            attachments, metadata, client_message_id, created_at, user_id, content_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            &conversation,
            &message.seq,
            &message.id,
            &message.sender,
            &message.sender_id,
            &message.content,
            &message.suggestions,
            &message.in_reply_to,
            &message.attachments,
            &message.metadata,
            &client_message_id,
            &message.created_at,
            &user,
            &kernel::text::key(&message.content),
        ],
    )?;
    Ok(())
}

/// The message that a client sent under its own name.
pub(crate) fn by_client_id(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    client_message_id: &str,
) -> Result<Option<MessageRow>, DbError> {
    tx.one(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages WHERE org_id = $1 AND conversation_id = $2 AND client_message_id = $3"
        ),
        &[&conversation, &client_message_id],
    )
}

/// What was said in answer to a message. Answers stand right behind it.
pub(crate) fn answers(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    message: &MessageRow,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    tx.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages WHERE org_id = $1 AND conversation_id = $2 AND seq > $3 AND seq <= $3 + $5
                AND in_reply_to = $4 ORDER BY seq"
        ),
        &[&conversation, &message.seq, &message.id, &limit],
    )
}

/// The place of a message in the conversation.
pub(crate) fn seq_of(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    id: Id<MessageKind>,
) -> Result<Option<i64>, DbError> {
    let row = tx.one::<(i64, Id<ConversationKind>)>(
        "SELECT seq, conversation_id FROM messages WHERE org_id = $1 AND id = $2",
        &[&id],
    )?;
    Ok(row.filter(|(_, of)| *of == conversation).map(|(seq, _)| seq))
}

/// The message of that id in the conversation.
pub(crate) fn message(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    id: Id<MessageKind>,
) -> Result<Option<MessageRow>, DbError> {
    tx.one(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages WHERE org_id = $1 AND conversation_id = $2 AND id = $3"
        ),
        &[&conversation, &id],
    )
}

/// Messages after a place, oldest first.
pub(crate) fn after(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    seq: i64,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    tx.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages WHERE org_id = $1 AND conversation_id = $2 AND seq > $3 ORDER BY seq LIMIT $4"
        ),
        &[&conversation, &seq, &limit],
    )
}

/// Messages before a place, newest first.
pub(crate) fn before(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    seq: i64,
    limit: i64,
) -> Result<Vec<MessageRow>, DbError> {
    tx.all(
        concat!(
            "SELECT ",
            columns!(),
            " FROM messages WHERE org_id = $1 AND conversation_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4"
        ),
        &[&conversation, &seq, &limit],
    )
}

/// Keeps what the person thinks of a message.
pub(crate) fn set_feedback(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    id: Id<MessageKind>,
    feedback: &Json,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE messages SET feedback = $4 WHERE org_id = $1 AND conversation_id = $2 AND id = $3",
        &[&conversation, &id, feedback],
    )?;
    Ok(())
}
