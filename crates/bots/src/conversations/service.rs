//! What can be done with conversations.

use gateway::command::Commands;
use kernel::{
    Actor, Error, Id, Permission, Surroundings, Versioned,
    id::kind::{Bot, Conversation as ConversationKind, Message as MessageKind, User},
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{
    db::{Db, DbError},
    objects::Objects,
    settings::Live,
};
use sea_query::{Condition, Expr, ExprTrait};

use super::{
    Conversation, ConversationError, Message,
    access::{note_reading, readable},
    dialog::Dialogs,
    hub::Hub,
    indexing::Indexing,
    message::{History, shown},
    model::Status,
    nodes::Nodes,
    side_by_side,
    stopping::Stops,
    store::{self, ConversationRow, MessageRow},
    typing::Typists,
    waiting::Lines,
};
use crate::{Parts, Settings, memory::Memories, scripts::programs::Programs};

/// The list of conversations.
pub(super) enum ConversationList {}

impl Listed for ConversationList {
    const SPEC: ListSpec = SPEC;
}

/// The list of a conversation's messages.
pub(super) enum MessageList {}

impl Listed for MessageList {
    const SPEC: ListSpec = MESSAGES;
}

/// What may be asked of the list of conversations.
pub(super) const SPEC: ListSpec = ListSpec {
    sorts: &[
        SortField::desc("last_activity"),
        SortField::desc("created_at"),
        SortField::desc("message_count"),
    ],
    filters: &[
        FilterField::id::<Bot>("bot_id", "With these bots."),
        FilterField::one_of(
            "status",
            &["active", "waiting", "archived", "ended"],
            "In one of these states; without it all but `archived`.",
        ),
        FilterField::one_of("channel", &["web", "api"], "Held there."),
        FilterField::id::<User>("user_id", "Of these people."),
        FilterField::texts("tag", "With one of these tags."),
        FilterField::one_of("rating", &["1", "2", "3", "4", "5"], "Rated so."),
        FilterField::time("started_after", "Begun then or later."),
        FilterField::time("started_before", "Begun before."),
    ],
    search: Some("titles"),
};
/// What may be asked of the list of messages.
pub(super) const MESSAGES: ListSpec = ListSpec {
    sorts: &[SortField::desc("created_at")],
    filters: &[FilterField::one_of("sender", &["user", "bot", "system", "staff"], "Said by one of these.")],
    search: None,
};

/// The service of conversations. A cheap handle.
#[derive(Clone)]
pub struct Conversations {
    pub(super) db: Db,
    pub(super) objects: Objects,
    pub(super) dialogs: Dialogs,
    pub(super) memories: Memories,
    pub(super) surroundings: Surroundings,
    pub(super) settings: Live<Settings>,
    /// Turns of one conversation.
    pub(super) lines: Lines<Id<ConversationKind>>,
    /// Turns of one bot, where they change the same things.
    pub(super) contended: Lines<Id<Bot>>,
    pub(super) hub: Hub,
    pub(super) indexing: Indexing,
    pub(super) nodes: Nodes,
    pub(super) stops: Stops,
    pub(super) typists: Typists,
}

/// The state of those that the list hides.
const ARCHIVED: &str = "archived";

/// Archived conversations are hidden from whoever does not ask for them. The condition is one that the indexes of the
/// sorts begin with.
pub(super) fn archived_or_not(request: &ListRequest) -> Option<Expr> {
    let asked = request.filters.iter().find(|(field, _)| *field == "status").map(|(_, states)| states);
    match asked {
        Some(states) if states.iter().all(|state| state == ARCHIVED) => Some(archived_is(true)),
        Some(states) if states.iter().any(|state| state == ARCHIVED) => None,
        _ => Some(archived_is(false)),
    }
}

fn archived_is(archived: bool) -> Expr {
    Expr::cust(if archived { "c.archived = TRUE" } else { "c.archived = FALSE" })
}

/// The part of a request for both kinds that is for one of them.
fn of_kind(request: &ListRequest, archived: bool) -> ListRequest {
    let mut of_kind = request.clone();
    for (_, states) in of_kind.filters.iter_mut().filter(|(field, _)| *field == "status") {
        states.retain(|state| (state == ARCHIVED) == archived);
    }
    of_kind
}

impl ConversationRow {
    pub(super) fn shown(self) -> Conversation {
        Conversation {
            conversation_id: self.id,
            session_id: self.session_id,
            bot_id: self.bot_id,
            bot_name: self.bot_name,
            user_id: self.user_id,
            channel: self.channel,
            title: self.title,
            status: Status::of(&self.status, self.archived),
            last_message: self.last_message,
            last_activity: self.last_activity,
            message_count: self.seq.unsigned_abs(),
            unread_count: u64::try_from(self.seq - self.read_seq).unwrap_or_default(),
            tags: self.tags.read().unwrap_or_default(),
            rating: self.rating,
            rating_comment: self.rating_comment,
            resolved: self.resolved,
            staff_active: self.staff_active,
            metadata: self.metadata.read().unwrap_or_default(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl Conversations {
    /// The service over the given adapters.
    pub(crate) fn new(parts: Parts, programs: Programs, memories: Memories) -> Self {
        let Parts { db, objects, bus, surroundings, settings, secrets, .. } = parts;
        let (hub, stops) = (Hub::default(), Stops::default());
        Self {
            nodes: Nodes::new(bus, db.clone(), hub.clone(), stops.clone(), surroundings.clone()),
            stops,
            typists: Typists::default(),
            indexing: Indexing::new(db.clone()),
            dialogs: Dialogs::new(db.clone(), secrets, programs, surroundings.clone(), settings.clone()),
            db,
            objects,
            memories,
            surroundings,
            settings,
            lines: Lines::default(),
            contended: Lines::default(),
            hub,
        }
    }

    /// What scripts can ask for, from now on.
    pub(crate) fn perform(&self, commands: Commands) {
        self.dialogs.perform(commands);
    }

    pub(super) async fn list(&self, who: Actor, request: ListRequest) -> Result<Page<Conversation>, Error> {
        let sees_all = who.may(Permission::CONVERSATIONS_READ);
        let user = who.user;
        let own = move || (!sees_all).then(|| Expr::cust("c.user_id").eq(user.as_bytes().to_vec()));
        let list = if sees_all { &store::LIST } else { &store::OWN };
        let page: Page<ConversationRow> = self
            .db
            .read(who.org, move |tx| {
                let read = |request: &ListRequest, kind: Expr| {
                    let which = Condition::all().add(kind).add_option(own());
                    tx.list(list, request, Some(which)).map_err(Error::from)
                };
                if let Some(kind) = archived_or_not(&request) {
                    return read(&request, kind);
                }
                side_by_side::page(&request, &|archived, request: &ListRequest| {
                    read(&of_kind(request, archived), archived_is(archived))
                })
            })
            .await?;
        self.note_page(&who, "conversations_listed", page.items.iter().map(|row| row.user_id)).await?;
        Ok(page.map(ConversationRow::shown))
    }

    pub(super) async fn get(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<Versioned<Conversation>, ConversationError> {
        let asks = who.clone();
        let row = self.db.read(who.org, move |tx| readable(tx, &asks, id)).await?;
        self.note_reading(&who, &row).await?;
        Ok(Versioned::new(row.rev, row.shown()))
    }

    /// Writes down that staff reads what is not theirs, before they do.
    pub(super) async fn note_reading(&self, who: &Actor, row: &ConversationRow) -> Result<(), DbError> {
        self.note_readings(who, std::slice::from_ref(row)).await
    }

    /// The same of several conversations.
    pub(super) async fn note_readings(&self, who: &Actor, rows: &[ConversationRow]) -> Result<(), DbError> {
        let not_theirs = rows.iter().filter(|row| !who.is(row.user_id)).map(|row| row.id);
        let ids: Vec<_> = not_theirs.collect();
        if ids.is_empty() {
            return Ok(());
        }
        let reads = who.clone();
        let noted =
            self.db.write(who.org, move |unit| ids.iter().try_for_each(|id| note_reading(unit, &reads, *id)));
        noted.await
    }

    pub(super) async fn message(
        &self,
        who: &Actor,
        conversation: Id<ConversationKind>,
        id: Id<MessageKind>,
    ) -> Result<Message, ConversationError> {
        let asks = who.clone();
        let (of, row) = self
            .db
            .read(who.org, move |tx| {
                let of = readable(tx, &asks, conversation)?;
                let row = store::message(tx, conversation, id)?.ok_or(ConversationError::MessageNotFound)?;
                Ok::<_, ConversationError>((of, row))
            })
            .await?;
        self.note_reading(who, &of).await?;
        Ok(shown(row, conversation))
    }

    pub(super) async fn messages(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        request: ListRequest,
    ) -> Result<Page<Message>, ConversationError> {
        let of_this = Condition::all().add(Expr::cust("m.conversation_id").eq(id.as_bytes().to_vec()));
        let asks = who.clone();
        let found = self.db.read(who.org, move |tx| {
            let row = readable(tx, &asks, id)?;
            let page: Page<MessageRow> =
                tx.list(&store::MESSAGES, &request, Some(of_this)).map_err(Error::from)?;
            Ok::<_, ConversationError>((row, page))
        });
        let (row, page) = found.await?;
        self.note_reading(&who, &row).await?;
        Ok(page.map(|row| shown(row, id)))
    }

    /// The last messages, or those before or after one of them; oldest first. Whose conversation it is has read them.
    pub(super) async fn history(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        limit: u32,
        before: Option<Id<MessageKind>>,
        after: Option<Id<MessageKind>>,
    ) -> Result<History, ConversationError> {
        let asks = who.clone();
        let found = self.db.read(who.org, move |tx| {
            let row = readable(tx, &asks, id)?;
            let place = |message| store::seq_of(tx, id, message)?.ok_or(ConversationError::MessageNotFound);
            let one_more = i64::from(limit) + 1;
            if let Some(after) = after {
                let rows = store::after(tx, id, place(after)?, one_more)?;
                return Ok((row, rows, false));
            }
            let end = before.map_or(Ok(row.seq + 1), place)?;
            let rows = store::before(tx, id, end, one_more)?;
            Ok::<_, ConversationError>((row, rows, true))
        });
        let (row, mut rows, newest_first) = found.await?;
        self.note_reading(&who, &row).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        if newest_first {
            rows.reverse();
        }
        let last = rows.last().map_or(0, |last| last.seq);
        if who.is(row.user_id) && last > row.read_seq {
            self.db.write(who.org, move |unit| store::read_up_to(unit, id, last)).await?;
        }
        Ok(History { items: rows.into_iter().map(|row| shown(row, id)).collect(), has_more })
    }

    /// The person has read up to that message.
    pub(super) async fn read(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        message: Id<MessageKind>,
    ) -> Result<(), ConversationError> {
        let asks = who.clone();
        self.db
            .write(who.org, move |unit| {
                let row = readable(unit, &asks, id)?;
                let seq = store::seq_of(unit, id, message)?.ok_or(ConversationError::MessageNotFound)?;
                // What the staff reads is not read by the person.
                if asks.is(row.user_id) {
                    store::read_up_to(unit, id, seq)?;
                }
                Ok(())
            })
            .await
    }
}
