//! Whose a conversation is: the one place that decides.

use kernel::{
    Actor, Id, Permission,
    id::kind::{Conversation, User},
};
use platform::{
    audit::{Audit, Category},
    db::{DbError, Tx, Unit},
};

use super::{
    ConversationError, Conversations,
    store::{self, ConversationRow},
};

/// May the caller read what this person says to bots?
pub(super) fn may_read(who: &Actor, user: Id<User>) -> bool {
    who.is(user) || who.may(Permission::CONVERSATIONS_READ)
}

/// The conversation, if the caller may read it. Where not, there is none.
pub(super) fn readable(
    tx: &Tx<'_>,
    who: &Actor,
    id: Id<Conversation>,
) -> Result<ConversationRow, ConversationError> {
    store::get(tx, id)?.filter(|row| may_read(who, row.user_id)).ok_or(ConversationError::NotFound)
}

/// The conversation, if the caller may change it: its person, and staff who may write.
pub(super) fn manageable(
    tx: &Tx<'_>,
    who: &Actor,
    id: Id<Conversation>,
) -> Result<ConversationRow, ConversationError> {
    let row = readable(tx, who, id)?;
    if !who.is(row.user_id) {
        who.require(Permission::CONVERSATIONS_WRITE)?;
    }
    Ok(row)
}

/// What takes a turn of the conversation or ends its dialog is nothing for a script that runs in it: it would wait for
/// itself, or pull away what it stands on.
pub(super) fn not_its_own_script(who: &Actor, id: Id<Conversation>) -> Result<(), ConversationError> {
    if who.origin.asked_within.contains(&id) { Err(ConversationError::OwnScript) } else { Ok(()) }
}

/// Only its person may do it.
pub(super) fn own(who: &Actor, row: &ConversationRow) -> Result<(), ConversationError> {
    if who.is(row.user_id) { Ok(()) } else { Err(ConversationError::PersonOnly) }
}

impl Conversations {
    /// Writes down that somebody reads a page of what is not theirs, if it holds any of that.
    pub(super) async fn note_page(
        &self,
        who: &Actor,
        action: &'static str,
        mut of: impl Iterator<Item = Id<User>>,
    ) -> Result<(), DbError> {
        if of.all(|user| who.is(user)) {
            return Ok(());
        }
        let entry = Audit::by(who, action, Category::DataAccess);
        self.db.write(who.org, move |unit| unit.audit(entry)).await
    }
}

/// Writes down that somebody reads what is not theirs.
pub(super) fn note_reading(unit: &Unit<'_>, who: &Actor, id: Id<Conversation>) -> Result<(), DbError> {
    unit.audit(Audit::by(who, "conversation_read", Category::DataAccess).on("conversation", id))
}
