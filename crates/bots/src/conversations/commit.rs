//! The way of every turn into the database, and from there to whoever watches.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gateway::command::{Drafts, Kept, NotWritten, Run};
use kernel::{
    Actor, Id,
    id::kind::{Bot, Conversation as ConversationKind, Organization, User},
};
use platform::db::{DbError, Json, Unit};
use tokio::time::timeout;

use super::{
    ConversationError, Conversations, Message,
    dialog::{End, Outcome, Scene},
    hub::{Frame, Frames},
    keywords::Offered,
    message::Suggestion,
    nodes::Written,
    store::TurnRow,
    turn::{Before, Cause, Turn},
    waiting::Turn as InLine,
};
use crate::logs::Notes;

/// How long a script waits for a turn of another conversation than its own.
const MOMENT: Duration = Duration::from_secs(1);

/// What a bot says where no script does.
pub(super) struct Phrases {
    pub(super) welcome: Option<String>,
    pub(super) fallback: String,
    pub(super) sorry: String,
}

/// Where a turn happens, and for whom.
pub(super) struct Setting {
    pub(super) org: Id<Organization>,
    pub(super) bot: Id<Bot>,
    pub(super) conversation: Id<ConversationKind>,
    pub(super) user: Id<User>,
    /// Whose rights it has, if somebody is there.
    pub(super) person: Option<Actor>,
    pub(super) channel: Arc<str>,
    pub(super) language: Option<String>,
    pub(super) version: i64,
    /// Names the turn, where something does that outlasts this node.
    pub(super) turn: Option<String>,
    pub(super) offered: Vec<Suggestion>,
    /// Is what is said written into the conversation?
    pub(super) heard: bool,
}

/// Why a turn was not committed.
enum NotCommitted {
    Turn(NotWritten),
    Other(ConversationError),
}

impl From<DbError> for NotCommitted {
    fn from(error: DbError) -> Self {
        Self::Turn(error.into())
    }
}

impl Conversations {
    /// The scene of the next turn of a conversation.
    pub(super) fn scene(
        &self,
        org: Id<Organization>,
        conversation: Id<ConversationKind>,
        row: &TurnRow,
        person: Option<Actor>,
        turn: Option<String>,
    ) -> Scene {
        self.set(Setting {
            org,
            bot: row.bot_id,
            conversation,
            user: row.user_id,
            person,
            channel: row.channel.as_str().into(),
            language: row.language.clone(),
            version: row.version.unwrap_or_default(),
            turn,
            offered: row.offered(),
            heard: true,
        })
    }

    /// A scene with nothing done in it yet.
    pub(super) fn set(&self, setting: Setting) -> Scene {
        let stop = self.stops.begin(setting.conversation, &self.surroundings);
        let drafts = Drafts::default();
        drafts.with(|offered: &mut Offered| offered.set(setting.conversation, setting.offered));
        drafts.with(|notes: &mut Notes| notes.begin(setting.bot, setting.conversation));
        let run = Run {
            org: setting.org,
            bot: setting.bot,
            conversation: setting.conversation,
            channel: setting.channel,
            user: setting.user,
            person: setting.person,
            now: self.surroundings.now(),
            turn: setting.turn.unwrap_or_else(|| stop.name().to_string()).into(),
            heard: setting.heard,
            drafts,
            kept: Kept::default(),
        };
        Scene { run, version: setting.version, language: setting.language, stop }
    }

    /// The turn of a conversation that is under way.
    pub(super) fn next_turn(&self, scene: &Scene, row: &TurnRow, cause: Cause, ran: Option<Outcome>) -> Turn {
        if !matches!(cause, Cause::Told(_)) {
            count(ran.as_ref());
        }
        let says = self.phrases(&row.bot_config);
        Turn {
            ran,
            fallback: Some(says.fallback),
            sorry: says.sorry,
            ..Turn::new(scene, cause, Before::of(row))
        }
    }

    /// Waits for a turn of the conversation. What a script asks for waits a moment only: the turn there may wait for the
    /// script's own.
    pub(super) async fn line_of(
        &self,
        conversation: Id<ConversationKind>,
        person: Option<&Actor>,
    ) -> Result<InLine<Id<ConversationKind>>, ConversationError> {
        let in_line = self.lines.turn(conversation, self.settings.get().waiting_turns);
        let turn = if is_asked_within(person) {
            timeout(MOMENT, in_line).await.ok().flatten()
        } else {
            in_line.await
        };
        turn.ok_or(ConversationError::TurnInProgress)
    }

    /// Turns of a bot that change the same things overtake each other. Whoever was overtaken goes on in line, and so does
    /// everybody while there is one, so that nobody is overtaken for ever. None where there is no need; and for what a
    /// script asks for, whose own turn may be the one that it would wait for.
    pub(super) async fn line_of_bot(
        &self,
        bot: Id<Bot>,
        person: Option<&Actor>,
        overtaken: bool,
    ) -> Option<InLine<Id<Bot>>> {
        if is_asked_within(person) || (!overtaken && !self.contended.is_busy(bot)) {
            return None;
        }
        self.contended.turn(bot, usize::MAX).await
    }

    /// Writes a turn, all of it or nothing, and tells whoever watches. [`ConversationError::Busy`] if somebody else
    /// changed meanwhile what it is based on. A run that wants what can't be has failed.
    pub(super) async fn commit<F>(
        &self,
        org: Id<Organization>,
        turn: Turn,
        first: F,
    ) -> Result<Vec<Message>, ConversationError>
    where
        F: FnOnce(&Unit<'_>) -> Result<(), ConversationError> + Clone + Send + 'static,
    {
        if !turn.was_cut_short() {
            turn.drafts.prepare().await?;
        }
        let messages = match self.write(org, turn.clone(), first.clone()).await {
            Err(NotCommitted::Turn(NotWritten::Refused(cause))) => {
                self.write(org, turn.failed(cause), first).await?
            }
            written => written?,
        };
        self.indexing.said(messages.len());
        Ok(messages)
    }

    async fn write<F>(
        &self,
        org: Id<Organization>,
        turn: Turn,
        first: F,
    ) -> Result<Vec<Message>, NotCommitted>
    where
        F: FnOnce(&Unit<'_>) -> Result<(), ConversationError> + Clone + Send + 'static,
    {
        let (hub, nodes, now) = (self.hub.clone(), self.nodes.clone(), self.surroundings.now());
        self.db
            .write(org, move |unit| {
                first(unit).map_err(NotCommitted::Other)?;
                let messages = turn.write(unit, now).map_err(NotCommitted::Turn)?;
                let conversation = turn.conversation;
                if hub.is_watched(conversation) {
                    let frames: Frames =
                        messages.iter().cloned().map(|message| Arc::new(Frame::of(message))).collect();
                    unit.after_commit(move || hub.publish(conversation, frames));
                }
                if nodes.are_there()
                    && let (Some(first), Some(last)) = (messages.first(), messages.last())
                {
                    let written = Written { org, conversation, messages: first.seq..=last.seq };
                    unit.after_commit(move || nodes.tell(&written));
                }
                Ok(messages)
            })
            .await
    }

    /// What the bot says where no script does.
    pub(super) fn phrases(&self, config: &Json) -> Phrases {
        let mut config: BTreeMap<String, String> = config.read().unwrap_or_default();
        let mut phrase = |key: &str| config.remove(key).filter(|text| !text.trim().is_empty());
        Phrases {
            welcome: phrase("welcome-message"),
            fallback: phrase("fallback-message")
                .unwrap_or_else(|| self.settings.get().fallback_message.clone()),
            sorry: phrase("error-message").unwrap_or_else(|| self.settings.get().error_message.clone()),
        }
    }
}

impl From<NotCommitted> for ConversationError {
    fn from(error: NotCommitted) -> Self {
        match error {
            NotCommitted::Other(error) => error,
            NotCommitted::Turn(NotWritten::Database(error)) => error.into(),
            NotCommitted::Turn(NotWritten::Server(error)) => error.into(),
            NotCommitted::Turn(NotWritten::Overtaken | NotWritten::Refused(_) | NotWritten::Interrupted) => {
                Self::Busy
            }
        }
    }
}

/// Does a script ask for it, on that person's behalf?
fn is_asked_within(person: Option<&Actor>) -> bool {
    person.is_some_and(|who| who.origin.is_script())
}

pub(super) fn count(ran: Option<&Outcome>) {
    let outcome = match ran.map(|outcome| &outcome.end) {
        Some(End::Waits(_)) => "waiting",
        Some(End::Sleeps(..)) => "sleeping",
        Some(End::Finished) => "finished",
        Some(End::Failed(_)) => "failed",
        Some(End::Stopped) => "stopped",
        None => "fallback",
    };
    metrics::counter!("conversation_turns_total", "outcome" => outcome).increment(1);
}
