//! What becomes of a conversation between its first message and its end: changed, archived, ended, begun anew, deleted.

use kernel::{
    Actor, Error, Expected, FieldErrors, Id, Patch, Permission, Versioned,
    id::kind::Conversation as ConversationKind,
};
use platform::{
    audit::{Audit, Category},
    db::{DbError, Json, Unit},
};

use super::{
    Conversation, ConversationError, ConversationPatch, Conversations, Rating,
    access::{manageable, not_its_own_script, own, readable},
    events::{ConversationArchived, ConversationEnded, ConversationRated, Rated},
    message::{Feedback, Message, NewFeedback, Sender, shown},
    model::{NewStatus, check_metadata, checked_comment, checked_tags, checked_title, merged},
    removal,
    store::{self, ConversationRow, ENDED},
};

impl Conversations {
    /// Changes a conversation, all of it or nothing. What changes nothing leaves its revision.
    async fn change<F>(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        expected: Expected,
        action: &'static str,
        change: F,
    ) -> Result<Versioned<Conversation>, ConversationError>
    where
        F: FnOnce(&Unit<'_>, &mut ConversationRow) -> Result<(), ConversationError> + Clone + Send + 'static,
    {
        let now = self.surroundings.now();
        let row = self.db.write(who.org, move |unit| {
            store::lock(unit, id)?;
            let old = manageable(unit, &who, id)?;
            expected.check(old.rev)?;
            let mut row = old.clone();
            change(unit, &mut row)?;
            if row == old {
                return Ok(old);
            }
            row.rev = old.rev + 1;
            row.updated_at = now;
            store::save(unit, &row, now)?;
            if !who.is(row.user_id) {
                unit.audit(Audit::by(&who, action, Category::DataModification).on("conversation", id))?;
            }
            Ok::<_, ConversationError>(row)
        });
        let row = row.await?;
        Ok(Versioned::new(row.rev, row.shown()))
    }

    pub(super) async fn patch(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        expected: Expected,
        patch: ConversationPatch,
    ) -> Result<Versioned<Conversation>, ConversationError> {
        if patch.status.set() == Some(&NewStatus::Ended) {
            not_its_own_script(&who, id)?;
        }
        if !patch.staff_active.is_keep() {
            who.require(Permission::CONVERSATIONS_WRITE)?;
        }
        self.change(who, id, expected, "conversation_updated", move |unit, row| apply(unit, row, patch)).await
    }

    pub(super) async fn archive(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<Versioned<Conversation>, ConversationError> {
        self.change(who, id, Expected::Any, "conversation_archived", archive).await
    }

    pub(super) async fn unarchive(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<Versioned<Conversation>, ConversationError> {
        self.change(who, id, Expected::Any, "conversation_unarchived", |_, row| unarchive(row)).await
    }

    pub(super) async fn end(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<Versioned<Conversation>, ConversationError> {
        not_its_own_script(&who, id)?;
        self.change(who, id, Expected::Any, "conversation_ended", |unit, row| Ok(end(unit, row)?)).await
    }

    /// From here on there is no such conversation. Of its messages there may be many: a job removes them.
    pub(super) async fn delete(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        expected: Expected,
    ) -> Result<(), ConversationError> {
        not_its_own_script(&who, id)?;
        self.db
            .write(who.org, move |unit| {
                store::lock(unit, id)?;
                let row = manageable(unit, &who, id)?;
                expected.check(row.rev)?;
                store::delete(unit, id)?;
                removal::enqueue(unit, id, Some(who.user))?;
                unit.audit(
                    Audit::by(&who, "conversation_deleted", Category::DataModification)
                        .on("conversation", id),
                )?;
                Ok(())
            })
            .await
    }

    pub(super) async fn rate(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        rating: Rating,
    ) -> Result<Versioned<Conversation>, ConversationError> {
        let mut wrong = FieldErrors::default();
        wrong.check((1..=5).contains(&rating.score), "score", "must be a whole number from 1 to 5");
        let comment = checked_comment(rating.comment, &mut wrong);
        wrong.finish()?;
        let asks = who.clone();
        self.change(who, id, Expected::Any, "conversation_rated", move |unit, row| {
            own(&asks, row)?;
            (row.rating, row.rating_comment) = (Some(rating.score), comment.clone());
            unit.emit(&ConversationRated(Rated { about: (&*row).into(), score: rating.score, comment }))?;
            Ok(())
        })
        .await
    }

    pub(super) async fn judge(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        message: Id<kernel::id::kind::Message>,
        new: NewFeedback,
    ) -> Result<Message, ConversationError> {
        let mut wrong = FieldErrors::default();
        let comment = checked_comment(new.comment, &mut wrong);
        let tags = checked_tags(new.tags, &mut wrong);
        wrong.finish()?;
        let feedback = Json::of(&Feedback { value: new.value, comment, tags });
        let row = self.db.write(who.org, move |unit| {
            // Before it is looked at: nobody deletes it meanwhile.
            store::lock(unit, id)?;
            own(&who, &readable(unit, &who, id)?)?;
            let mut row = store::message(unit, id, message)?.ok_or(ConversationError::MessageNotFound)?;
            if Sender::read(&row.sender) == Sender::User {
                return Err(ConversationError::OwnMessage);
            }
            store::set_feedback(unit, id, message, &feedback)?;
            row.feedback = Some(feedback);
            Ok(row)
        });
        Ok(shown(row.await?, id))
    }
}

fn archive(unit: &Unit<'_>, row: &mut ConversationRow) -> Result<(), ConversationError> {
    if !row.archived {
        row.archived = true;
        unit.emit(&ConversationArchived((&*row).into()))?;
    }
    Ok(())
}

/// Out of the archive. What has ended does not go on again.
fn unarchive(row: &mut ConversationRow) -> Result<(), ConversationError> {
    if row.status == ENDED && !row.archived {
        return Err(ConversationError::Ended);
    }
    row.archived = false;
    Ok(())
}

/// Its dialog is dropped, and what was said stays.
pub(super) fn end(unit: &Unit<'_>, row: &mut ConversationRow) -> Result<(), DbError> {
    if row.status != ENDED {
        store::drop_state(unit, row.id)?;
        ENDED.clone_into(&mut row.status);
        unit.emit(&ConversationEnded((&*row).into()))?;
    }
    Ok(())
}

fn apply(
    unit: &Unit<'_>,
    row: &mut ConversationRow,
    patch: ConversationPatch,
) -> Result<(), ConversationError> {
    let mut wrong = FieldErrors::default();
    for (field, cleared) in [
        ("status", patch.status == Patch::Clear),
        ("resolved", patch.resolved == Patch::Clear),
        ("staff_active", patch.staff_active == Patch::Clear),
    ] {
        wrong.check(!cleared, field, "can't be cleared");
    }
    match &patch.title {
        Patch::Keep => {}
        Patch::Clear => row.title.clone_from(&row.bot_name),
        Patch::Set(title) => row.title = checked_title(title, &mut wrong),
    }
    let tags = match patch.tags {
        Patch::Keep => None,
        Patch::Clear => Some(Vec::new()),
        Patch::Set(tags) => Some(checked_tags(tags, &mut wrong)),
    };
    if !patch.metadata.is_keep() {
        let metadata = merged(row.metadata.read().map_err(Error::internal)?, patch.metadata);
        check_metadata(&metadata, &mut wrong);
        row.metadata = Json::of(&metadata);
    }
    wrong.finish()?;
    if let Some(tags) = tags {
        store::set_tags(unit, row.id, &tags)?;
        row.tags = Json::of(&tags);
    }
    row.resolved = patch.resolved.set().copied().unwrap_or(row.resolved);
    row.staff_active = patch.staff_active.set().copied().unwrap_or(row.staff_active);
    match patch.status.set() {
        None => Ok(()),
        Some(NewStatus::Active) => unarchive(row),
        Some(NewStatus::Archived) => archive(unit, row),
        Some(NewStatus::Ended) => Ok(end(unit, row)?),
    }
}
