//! That somebody types: told to whoever follows the conversation, on every node, and kept nowhere.
//!
//! A typist is one connection in one conversation. What it says holds for a while and has to be said again; it ends by
//! itself when that is not done, when the connection ends, and with a message. So does what others hear of it: a node
//! that dies can't take it back.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::Utf8Bytes;
use chrono::{DateTime, Utc};
use dashmap::{DashMap, Entry};
use gateway::Socket;
use kernel::{
    Actor, Id, Timestamp,
    id::{ConversationId, UserId, kind::Conversation},
};
use serde::Serialize;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ConversationError, Conversations,
    access::manageable,
    dialog::{Input, Outcome, Scene},
    message::Sender,
    store::{ConversationRow, ENDED},
};

/// Whoever doesn't say again that they type has stopped.
const LAPSES: Duration = Duration::from_secs(10);
/// Others are told again after that time at the earliest.
const TOLD_AGAIN: Duration = Duration::from_secs(3);
/// A bot types if its answer takes longer.
const TAKES_TIME: Duration = Duration::from_millis(500);

/// A `typing` frame of the server.
#[derive(Serialize, ToSchema)]
pub(super) struct Typing {
    #[schema(ignore)]
    r#type: &'static str,
    /// The conversation.
    conversation_id: ConversationId,
    /// Do they type? Where that is not said again within ten seconds, they don't any more.
    active: bool,
    /// Who does: `user`, `bot` or `staff`.
    sender: Sender,
    /// Who of the staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<UserId>,
    /// When it was told.
    timestamp: DateTime<Utc>,
}

/// That somebody types in a conversation, or no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types {
    pub(super) conversation: Id<Conversation>,
    active: bool,
    sender: Sender,
    sender_id: Option<UserId>,
}

/// The same as watchers get it.
#[derive(Debug)]
pub(super) struct Told {
    /// The connection that said so, which is not told itself.
    by: Option<u64>,
    text: Utf8Bytes,
}

impl Told {
    /// The frame for that connection; none if it is its own.
    pub(super) fn text_for(&self, socket: u64) -> Option<Utf8Bytes> {
        (self.by != Some(socket)).then(|| self.text.clone())
    }
}

impl Types {
    fn of_bot(conversation: Id<Conversation>) -> Self {
        Self { conversation, active: true, sender: Sender::Bot, sender_id: None }
    }

    fn no_more(self) -> Self {
        Self { active: false, ..self }
    }

    /// As it goes to the watchers of a node.
    pub(super) fn told(self, by: Option<u64>, timestamp: Timestamp) -> Told {
        let Self { conversation: conversation_id, active, sender, sender_id } = self;
        let frame = Typing { r#type: "typing", conversation_id, active, sender, sender_id, timestamp };
        Told { by, text: serde_json::to_string(&frame).unwrap_or_default().into() }
    }

    /// As other nodes are told it.
    pub(super) fn write(self) -> Vec<u8> {
        let mut bytes = self.conversation.as_bytes().to_vec();
        let sender = match self.sender {
            Sender::User => 0,
            Sender::Staff => 1,
            Sender::Bot | Sender::System => 2,
        };
        bytes.extend([u8::from(self.active), sender]);
        bytes.extend(self.sender_id.iter().flat_map(|id| *id.as_bytes()));
        bytes
    }

    pub(super) fn read(hint: &[u8]) -> Option<Self> {
        let (conversation, rest) = hint.split_first_chunk()?;
        let (&[active, sender], id) = rest.split_first_chunk()?;
        let sender = match sender {
            0 => Sender::User,
            1 => Sender::Staff,
            2 => Sender::Bot,
            _ => return None,
        };
        let sender_id = match id {
            [] => None,
            id => Some(Id::from_uuid(Uuid::from_slice(id).ok()?)),
        };
        let conversation = Id::from_uuid(Uuid::from_bytes(*conversation));
        Some(Self { conversation, active: active == 1, sender, sender_id })
    }
}

/// Who types over a connection of this node. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct Typists(Arc<DashMap<(u64, Id<Conversation>), Typist>>);

struct Typist {
    types: Types,
    told_at: Instant,
    /// Told when they say it again. Also tells this typist from the next one in the same place.
    again: Arc<Notify>,
}

impl Typists {
    /// Says again that somebody types: None if they didn't, else whether others have to be told again.
    fn again(&self, socket: u64, conversation: Id<Conversation>) -> Option<(Types, bool)> {
        let mut typist = self.0.get_mut(&(socket, conversation))?;
        typist.again.notify_one();
        let is_long_ago = typist.told_at.elapsed() >= TOLD_AGAIN;
        if is_long_ago {
            typist.told_at = Instant::now();
        }
        Some((typist.types, is_long_ago))
    }

    /// Notes that somebody begins. None if they had.
    fn begin(&self, socket: u64, types: Types) -> Option<Arc<Notify>> {
        let Entry::Vacant(place) = self.0.entry((socket, types.conversation)) else { return None };
        let again = Arc::new(Notify::new());
        place.insert(Typist { types, told_at: Instant::now(), again: Arc::clone(&again) });
        Some(again)
    }

    fn end(&self, socket: u64, conversation: Id<Conversation>) -> Option<Types> {
        self.0.remove(&(socket, conversation)).map(|(_, typist)| typist.types)
    }

    /// Ends this typist, and not the next one in the same place.
    fn end_of(&self, socket: u64, types: Types, again: &Arc<Notify>) -> Option<Types> {
        let key = (socket, types.conversation);
        let ended = self.0.remove_if(&key, |_, typist| Arc::ptr_eq(&typist.again, again));
        ended.map(|(_, typist)| typist.types)
    }
}

/// Waits until a typist has not said it again for long.
async fn lapse(again: &Notify) {
    while timeout(LAPSES, again.notified()).await.is_ok() {}
}

impl Conversations {
    /// Somebody types over a connection. Only who may say something there may.
    pub(super) async fn type_on(
        &self,
        socket: &Socket,
        who: &Actor,
        id: Id<Conversation>,
    ) -> Result<(), ConversationError> {
        let number = socket.number();
        if let Some((types, is_long_ago)) = self.typists.again(number, id) {
            if is_long_ago {
                // The conversation may have ended since, or be theirs no more.
                if let Err(error) = self.may_type(who, id).await {
                    self.type_no_more(socket, id);
                    return Err(error);
                }
                self.tell_typing(types, Some(number));
            }
            return Ok(());
        }
        let row = self.may_type(who, id).await?;
        let is_staff = !who.is(row.user_id);
        let (sender, sender_id) =
            if is_staff { (Sender::Staff, Some(who.user)) } else { (Sender::User, None) };
        let types = Types { conversation: id, active: true, sender, sender_id };
        if let Some(again) = self.typists.begin(number, types) {
            self.tell_typing(types, Some(number));
            let (this, ended) = (self.clone(), socket.ended());
            tokio::spawn(async move {
                // Either way it is over.
                let _ = ended.run_until_cancelled(lapse(&again)).await;
                if let Some(types) = this.typists.end_of(number, types, &again) {
                    this.tell_typing(types.no_more(), Some(number));
                }
            });
        }
        Ok(())
    }

    /// The conversation, if somebody may say something there now.
    async fn may_type(
        &self,
        who: &Actor,
        id: Id<Conversation>,
    ) -> Result<ConversationRow, ConversationError> {
        let asks = who.clone();
        let row = self.db.read(who.org, move |tx| manageable(tx, &asks, id)).await?;
        if row.status == ENDED { Err(ConversationError::Ended) } else { Ok(row) }
    }

    /// Somebody types no more over a connection, if they did.
    pub(super) fn type_no_more(&self, socket: &Socket, id: Id<Conversation>) {
        if let Some(types) = self.typists.end(socket.number(), id) {
            self.tell_typing(types.no_more(), Some(socket.number()));
        }
    }

    /// Runs a script for a person who waits: where that takes time, the bot types until it is done.
    pub(super) async fn run_heard(&self, scene: &Scene, input: Input) -> Result<Outcome, ConversationError> {
        let run = self.dialogs.run(scene, input);
        let mut run = std::pin::pin!(run);
        if let Ok(ran) = timeout(TAKES_TIME, &mut run).await {
            return Ok(ran?);
        }
        let _types = BotTypes::begin(self, scene.run.conversation);
        loop {
            if let Ok(ran) = timeout(TOLD_AGAIN, &mut run).await {
                return Ok(ran?);
            }
            self.tell_typing(Types::of_bot(scene.run.conversation), None);
        }
    }

    fn tell_typing(&self, types: Types, by: Option<u64>) {
        if self.hub.is_watched(types.conversation) {
            self.hub.tell(types.conversation, types.told(by, self.surroundings.now()));
        }
        self.nodes.tell_typing(types);
    }
}

/// A bot types until this is dropped.
struct BotTypes<'a> {
    conversations: &'a Conversations,
    types: Types,
}

impl<'a> BotTypes<'a> {
    fn begin(conversations: &'a Conversations, conversation: Id<Conversation>) -> Self {
        let types = Types::of_bot(conversation);
        conversations.tell_typing(types, None);
        Self { conversations, types }
    }
}

impl Drop for BotTypes<'_> {
    fn drop(&mut self) {
        self.conversations.tell_typing(self.types.no_more(), None);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn types(conversation: [u8; 16], active: bool, staff: Option<[u8; 16]>) -> Types {
        Types {
            conversation: Id::from_uuid(Uuid::from_bytes(conversation)),
            active,
            sender: if staff.is_some() { Sender::Staff } else { Sender::User },
            sender_id: staff.map(|id| Id::from_uuid(Uuid::from_bytes(id))),
        }
    }

    proptest! {
        #[test]
        fn it_is_read_as_it_is_told(conversation: [u8; 16], active: bool, staff: Option<[u8; 16]>) {
            let types = types(conversation, active, staff);
            prop_assert_eq!(Types::read(&types.write()), Some(types));
        }

        #[test]
        fn no_hint_panics(hint: Vec<u8>) {
            let _ = Types::read(&hint);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_say_it_again_has_stopped() {
        let (again, begun) = (Arc::new(Notify::new()), Instant::now());
        let lapses = async {
            lapse(&again).await;
            begun.elapsed()
        };
        let says_it_again = async {
            for _ in 0..3 {
                tokio::time::sleep(LAPSES.saturating_sub(Duration::from_secs(1))).await;
                again.notify_one();
            }
        };

        let (lasted, ()) = tokio::join!(lapses, says_it_again);

        assert_eq!(lasted.as_secs(), 3 * (LAPSES.as_secs() - 1) + LAPSES.as_secs());
    }

    #[test]
    fn a_typist_that_ends_late_leaves_the_next_one_in_its_place() {
        let (typists, types) = (Typists::default(), types([1; 16], true, None));
        let first = typists.begin(1, types).unwrap();
        assert!(typists.begin(1, types).is_none(), "they do already");
        assert_eq!(typists.end(1, types.conversation), Some(types));
        let second = typists.begin(1, types).unwrap();

        assert_eq!(typists.end_of(1, types, &first), None);
        assert!(typists.again(1, types.conversation).is_some());
        assert_eq!(typists.end_of(1, types, &second), Some(types));
        assert!(typists.again(1, types.conversation).is_none());
    }
}
