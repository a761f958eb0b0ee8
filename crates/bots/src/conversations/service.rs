//! What can be done with conversations.

use gateway::command::Commands;
use kernel::{
    Actor, Error, Id, Permission, Surroundings, Versioned,
    id::kind::{Bot, Conversation as ConversationKind, Message as MessageKind, User},
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{
    bus::Bus,
    db::{Db, Tx},
    settings::Live,
};
use sea_query::{Condition, Expr, ExprTrait};

use super::{
    Conversation, ConversationError, Message,
    dialog::Dialogs,
    hub::Hub,
    model::History,
    nodes::Nodes,
    store::{self, ConversationRow, MessageRow},
    turn::shown,
    waiting::Lines,
};
use crate::{Settings, memory::Memories, scripts::programs::Programs};

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
        FilterField::one_of("status", &["active", "waiting"], "In one of these states."),
        FilterField::one_of("channel", &["web", "api"], "Held there."),
        FilterField::id::<User>("user_id", "Of these people."),
        FilterField::time("started_after", "Begun then or later."),
        FilterField::time("started_before", "Begun before."),
    ],
    search: Some("titles"),
};
/// What may be asked of the list of messages.
pub(super) const MESSAGES: ListSpec = ListSpec {
    sorts: &[SortField::desc("created_at")],
    filters: &[FilterField::one_of("sender", &["user", "bot", "system"], "Said by one of these.")],
    search: None,
};

/// The service of conversations. A cheap handle.
#[derive(Clone)]
pub struct Conversations {
    pub(super) db: Db,
    pub(super) dialogs: Dialogs,
    pub(super) memories: Memories,
    pub(super) surroundings: Surroundings,
    pub(super) settings: Live<Settings>,
    /// Turns of one conversation.
    pub(super) lines: Lines<Id<ConversationKind>>,
    /// Turns of one bot, where they change the same things.
    pub(super) contended: Lines<Id<Bot>>,
    pub(super) hub: Hub,
    pub(super) nodes: Nodes,
}

/// The one function that decides whose a conversation is.
fn may_read(who: &Actor, user: Id<User>) -> bool {
    who.is(user) || who.may(Permission::CONVERSATIONS_READ)
}

impl ConversationRow {
    fn shown(self) -> Conversation {
        Conversation {
            conversation_id: self.id,
            bot_id: self.bot_id,
            bot_name: self.bot_name,
            user_id: self.user_id,
            channel: self.channel,
            title: self.title,
            status: self.status,
            last_message: self.last_message,
            last_activity: self.last_activity,
            message_count: self.seq.unsigned_abs(),
            metadata: self.metadata.read().unwrap_or_default(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// The conversation, if the caller may read it.
pub(super) fn readable(
    tx: &Tx<'_>,
    who: &Actor,
    id: Id<ConversationKind>,
) -> Result<ConversationRow, ConversationError> {
    store::get(tx, id)?.filter(|row| may_read(who, row.user_id)).ok_or(ConversationError::NotFound)
}

impl Conversations {
    /// The service over the given adapters.
    pub(crate) fn new(
        db: Db,
        bus: Bus,
        programs: Programs,
        memories: Memories,
        surroundings: Surroundings,
        settings: Live<Settings>,
    ) -> Self {
        let hub = Hub::default();
        Self {
            nodes: Nodes::new(bus, db.clone(), hub.clone()),
            db,
            dialogs: Dialogs::new(programs, surroundings.clone(), settings.clone()),
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
        let read = self.db.read(who.org, move |tx| {
            if who.may(Permission::CONVERSATIONS_READ) {
                return tx.list(&store::LIST, &request, None).map_err(Error::from);
            }
            let own = Condition::all().add(Expr::cust("c.user_id").eq(who.user.as_bytes().to_vec()));
            tx.list(&store::OWN, &request, Some(own)).map_err(Error::from)
        });
        let page: Page<ConversationRow> = read.await?;
        Ok(page.map(ConversationRow::shown))
    }

    pub(super) async fn get(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<Versioned<Conversation>, ConversationError> {
        let row = self.db.read(who.org, move |tx| readable(tx, &who, id)).await?;
        Ok(Versioned::new(row.rev, row.shown()))
    }
    pub(super) async fn message(
        &self,
        who: &Actor,
        conversation: Id<ConversationKind>,
        id: Id<MessageKind>,
    ) -> Result<Message, ConversationError> {
        let found = self.db.read(who.org, move |tx| {
            let seq = store::seq_of(tx, conversation, id)?.ok_or(ConversationError::MessageNotFound)?;
            let mut rows = store::after(tx, conversation, seq - 1, 1)?;
            rows.pop().ok_or(ConversationError::MessageNotFound)
        });
        Ok(shown(found.await?, conversation))
    }
    pub(super) async fn messages(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        request: ListRequest,
    ) -> Result<Page<Message>, ConversationError> {
        let of_this = Condition::all().add(Expr::cust("m.conversation_id").eq(id.as_bytes().to_vec()));
        let page = self.db.read(who.org, move |tx| {
            readable(tx, &who, id)?;
            let page: Page<MessageRow> =
                tx.list(&store::MESSAGES, &request, Some(of_this)).map_err(Error::from)?;
            Ok::<_, ConversationError>(page)
        });
        Ok(page.await?.map(|row| shown(row, id)))
    }

    /// The last messages, or those before or after one of them; oldest first.
    pub(super) async fn history(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        limit: u32,
        before: Option<Id<MessageKind>>,
        after: Option<Id<MessageKind>>,
    ) -> Result<History, ConversationError> {
        let rows = self.db.read(who.org, move |tx| {
            let row = readable(tx, &who, id)?;
            let place = |message| store::seq_of(tx, id, message)?.ok_or(ConversationError::MessageNotFound);
            let one_more = i64::from(limit) + 1;
            if let Some(after) = after {
                return Ok((store::after(tx, id, place(after)?, one_more)?, false));
            }
            let end = before.map_or(Ok(row.seq + 1), place)?;
            Ok::<_, ConversationError>((store::before(tx, id, end, one_more)?, true))
        });
        let (mut rows, newest_first) = rows.await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        if newest_first {
            rows.reverse();
        }
        Ok(History { items: rows.into_iter().map(|row| shown(row, id)).collect(), has_more })
    }
}
