//! Attachments: files that were uploaded to be sent.

use kernel::{
    Id, Timestamp,
    id::kind::{Attachment, Conversation as ConversationKind, Organization, User},
};
use platform::{
    db::{DbError, ServerTx, Tx, Unit},
    objects::{ObjectHash, Stored},
    record,
};

record! {
    /// An attachment.
    #[derive(Debug, Clone)]
    pub(crate) struct AttachmentRow {
        pub(crate) id: Id<Attachment>,
        pub(crate) user_id: Id<User>,
        pub(crate) name: String,
        pub(crate) mime_type: String,
        pub(crate) size: i64,
        pub(crate) hash: ObjectHash,
        pub(crate) created_at: Timestamp,
    }
}

/// Keeps an upload, and that the object is its own.
pub(crate) fn insert_attachment(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    row: &AttachmentRow,
) -> Result<(), DbError> {
    unit.claim_object(Stored { hash: row.hash, size: row.size.unsigned_abs() }, row.id.as_bytes())?;
    unit.execute(
        "INSERT INTO conversation_attachments (org_id, id, conversation_id, user_id, name, mime_type, size, hash,
            created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            &row.id,
            &conversation,
            &row.user_id,
            &row.name,
            &row.mime_type,
            &row.size,
            &row.hash,
            &row.created_at,
        ],
    )?;
    Ok(())
}

/// An upload of that person that no message has sent yet.
pub(crate) fn unsent(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    user: Id<User>,
    id: Id<Attachment>,
) -> Result<Option<AttachmentRow>, DbError> {
    tx.one(
        "SELECT id, user_id, name, mime_type, size, hash, created_at FROM conversation_attachments
         WHERE org_id = $1 AND conversation_id = $2 AND user_id = $3 AND id = $4 AND message_seq IS NULL",
        &[&conversation, &user, &id],
    )
}

/// A file of the conversation, whether a message has sent it or not.
pub(crate) fn attachment(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    id: Id<Attachment>,
) -> Result<Option<AttachmentRow>, DbError> {
    tx.one(
        "SELECT id, user_id, name, mime_type, size, hash, created_at FROM conversation_attachments
         WHERE org_id = $1 AND conversation_id = $2 AND id = $3",
        &[&conversation, &id],
    )
}

/// Files that messages of the conversation have sent, in the order of their ids from the one after that.
pub(crate) fn sent_attachments(
    tx: &Tx<'_>,
    conversation: Id<ConversationKind>,
    after: Option<Id<Attachment>>,
    most: i64,
) -> Result<Vec<AttachmentRow>, DbError> {
    let after = after.unwrap_or_else(|| Id::from_uuid(uuid::Uuid::nil()));
    tx.all(
        "SELECT id, user_id, name, mime_type, size, hash, created_at FROM conversation_attachments
         WHERE org_id = $1 AND conversation_id = $2 AND id > $3 AND message_seq IS NOT NULL ORDER BY id LIMIT $4",
        &[&conversation, &after, &most],
    )
}

/// The message at that place sends the upload. False if another one has.
pub(crate) fn send_attachment(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    id: Id<Attachment>,
    seq: i64,
) -> Result<bool, DbError> {
    let sent = unit.execute(
        "UPDATE conversation_attachments SET message_seq = $4
         WHERE org_id = $1 AND conversation_id = $2 AND id = $3 AND message_seq IS NULL",
        &[&conversation, &id, &seq],
    )?;
    Ok(sent == 1)
}

/// Removes up to so many attachments of a conversation. Gives how many.
pub(crate) fn delete_attachments(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    most: i64,
) -> Result<u64, DbError> {
    let some = unit.all::<(Id<Attachment>,)>(
        "SELECT id FROM conversation_attachments WHERE org_id = $1 AND conversation_id = $2 LIMIT $3",
        &[&conversation, &most],
    )?;
    remove(unit, &some, "DELETE FROM conversation_attachments WHERE org_id = $1 AND id = $2")
}

/// Removes up to so many uploads that nobody has sent since then. Gives how many.
pub(crate) fn delete_unsent(unit: &Unit<'_>, before: Timestamp, most: i64) -> Result<u64, DbError> {
    let some = unit.all::<(Id<Attachment>,)>(
        "SELECT id FROM conversation_attachments
         WHERE org_id = $1 AND message_seq IS NULL AND created_at <= $2 ORDER BY created_at LIMIT $3",
        &[&before, &most],
    )?;
    // One that another unit sends this moment stays.
    remove(
        unit,
        &some,
        "DELETE FROM conversation_attachments WHERE org_id = $1 AND id = $2 AND message_seq IS NULL",
    )
}

fn remove(unit: &Unit<'_>, some: &[(Id<Attachment>,)], statement: &'static str) -> Result<u64, DbError> {
    let mut removed = 0;
    for (id,) in some {
        let gone = unit.execute(statement, &[id])?;
        if gone == 1 {
            unit.release_objects(id.as_bytes())?;
        }
        removed += gone;
    }
    Ok(removed)
}

/// Organizations that have uploads which nobody has sent.
pub(crate) fn with_unsent(tx: &ServerTx<'_>) -> Result<Vec<(Id<Organization>,)>, DbError> {
    tx.across_organizations(
        "SELECT org_id FROM conversation_attachments WHERE message_seq IS NULL GROUP BY org_id",
    )
}
