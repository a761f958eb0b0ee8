//! What a turn writes: the message, what the bot said, and where the dialog stands.

use gateway::command::{Draft, Drafts, NotWritten};
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Conversation as ConversationKind, Message as MessageKind},
};
use platform::db::{DbError, Json, Unit};

use super::{
    dialog::{End, Outcome, Stack},
    keywords::Offered,
    model::{Message, Sender, Suggestion},
    store::{self, MessageRow},
    wake,
};
use crate::logs::Notes;

/// Characters of the last message that a list shows.
const LAST_MESSAGE: usize = 200;

/// A turn that has run and is to be written.
#[derive(Clone)]
pub(super) struct Turn {
    pub(super) conversation: Id<ConversationKind>,
    pub(super) bot: Id<Bot>,
    /// The package's version that the run began with.
    pub(super) version: i64,
    /// The conversation's counter before the turn.
    pub(super) seq: i64,
    /// The conversation's fence number before the turn.
    pub(super) fence: i64,
    pub(super) cause: Cause,
    /// Said before anything else.
    pub(super) welcome: Option<String>,
    /// What came of the run. None if no dialog waited.
    pub(super) ran: Option<Outcome>,
    /// Does a dialog wait for an answer before the turn?
    pub(super) waited: bool,
    /// What the commands of the run do.
    pub(super) drafts: Drafts,
    /// Said if no dialog waited.
    pub(super) fallback: String,
    /// Said if the script failed.
    pub(super) sorry: String,
}

/// Why there is a turn.
#[derive(Debug, Clone)]
pub(super) enum Cause {
    /// The conversation begins.
    Beginning,
    /// Somebody said something, under their own name for it.
    Heard(String, Option<String>),
    /// A script has waited long enough.
    Woken,
}

impl Turn {
    /// Writes all of it, in the unit. The first message is the person's, if they said something.
    pub(super) fn write(&self, unit: &Unit<'_>, at: Timestamp) -> Result<Vec<Message>, NotWritten> {
        let messages = self.messages(unit, at);
        let seq = self.seq + i64::try_from(messages.len()).unwrap_or(i64::MAX);
        let last = messages
            .last()
            .map(|(message, _)| message.content.chars().take(LAST_MESSAGE).collect::<String>());
        let status = if self.waits() { "waiting" } else { "active" };
        if !store::advance(unit, self.conversation, self.fence, seq, status, last.as_deref(), at)? {
            return Err(NotWritten::Overtaken);
        }
        for (message, client_id) in &messages {
            store::insert_message(unit, self.conversation, message, *client_id)?;
        }
        self.write_run(unit, at)?;
        if self.has_failed() {
            // Nothing of what it did stays but what it says of itself.
            self.drafts.with(|notes: &mut Notes| notes.write(unit, at))?;
        } else {
            self.drafts.write(unit, at)?;
        }
        Ok(messages.into_iter().map(|(message, _)| shown(message, self.conversation)).collect())
    }

    fn write_run(&self, unit: &Unit<'_>, at: Timestamp) -> Result<(), DbError> {
        let save = |stack: &Stack, wake| {
            store::save_run(unit, self.conversation, self.bot, self.version, stack, wake)
        };
        match self.ran.as_ref().map(|outcome| &outcome.end) {
            Some(End::Waits(stack)) => save(stack, None),
            Some(End::Sleeps(stack, time)) => {
                save(stack, Some(wake::enqueue(unit, self.conversation, at + *time)?))
            }
            Some(End::Finished) => store::end_run(unit, self.conversation),
            // A failed turn leaves the dialog where it was, unless there is nobody who could begin it again.
            Some(End::Failed(_)) if matches!(self.cause, Cause::Woken) => {
                store::end_run(unit, self.conversation)
            }
            Some(End::Failed(_)) | None => Ok(()),
        }
    }

    /// The same turn with a run that failed after all, because what it wants can't be.
    pub(super) fn failed(self, cause: String) -> Self {
        tracing::warn!(bot = %self.bot, cause, "a script failed");
        self.drafts.with(|notes: &mut Notes| notes.failed(&cause));
        Self { ran: Some(Outcome::failed(cause)), ..self }
    }

    fn has_failed(&self) -> bool {
        matches!(self.ran, Some(Outcome { end: End::Failed(_), .. }))
    }

    /// Does a dialog wait for an answer after the turn?
    pub(super) fn waits(&self) -> bool {
        match self.ran.as_ref().map(|outcome| &outcome.end) {
            Some(End::Waits(_)) => true,
            Some(End::Finished | End::Sleeps(..)) => false,
            // Where it was.
            Some(End::Failed(_)) | None => self.waited,
        }
    }

    fn messages(&self, unit: &Unit<'_>, at: Timestamp) -> Vec<(MessageRow, Option<&str>)> {
        let mut messages: Vec<(MessageRow, Option<&str>)> = Vec::new();
        let mut seq = self.seq;
        let mut in_reply_to: Option<Id<MessageKind>> = None;
        let mut say = |sender: Sender, content: &str, in_reply_to, client_id| {
            seq += 1;
            let row = MessageRow {
                seq,
                id: unit.surroundings().id_at(at),
                sender: sender.as_str().to_owned(),
                content: content.to_owned(),
                suggestions: None,
                in_reply_to,
                created_at: at,
            };
            let id = row.id;
            messages.push((row, client_id));
            id
        };
        if let Cause::Heard(content, client_id) = &self.cause {
            in_reply_to = Some(say(Sender::User, content, None, client_id.as_deref()));
        }
        if let Some(welcome) = &self.welcome {
            say(Sender::Bot, welcome, in_reply_to, None);
        }
        match &self.ran {
            Some(Outcome { end: End::Failed(_), .. }) => {
                say(Sender::System, &self.sorry, in_reply_to, None);
            }
            Some(outcome) => {
                for said in &outcome.says {
                    say(Sender::Bot, said, in_reply_to, None);
                }
            }
            None if matches!(self.cause, Cause::Heard(..)) => {
                say(Sender::Bot, &self.fallback, in_reply_to, None);
            }
            None => {}
        }
        self.suggest(&mut messages);
        messages
    }

    /// Quick replies stand at the last thing the bot said: what may be answered, and what the conversation offers.
    fn suggest(&self, messages: &mut [(MessageRow, Option<&str>)]) {
        let mut suggestions: Vec<Suggestion> =
            self.ran.as_ref().map(|outcome| outcome.options.clone()).unwrap_or_default();
        let offered = self.drafts.with(|offered: &mut Offered| offered.all());
        suggestions.extend(offered.into_iter().filter(|one| !suggestions.contains(one)).collect::<Vec<_>>());
        let last = messages.last_mut().filter(|(message, _)| message.sender == Sender::Bot.as_str());
        if let Some((message, _)) = last.filter(|_| !suggestions.is_empty()) {
            message.suggestions = Some(Json::of(&suggestions));
        }
    }
}

/// A stored message as the API shows it.
pub(super) fn shown(row: MessageRow, conversation_id: Id<ConversationKind>) -> Message {
    let suggestions: Option<Vec<Suggestion>> = row.suggestions.and_then(|json| json.read().ok());
    Message {
        message_id: row.id,
        conversation_id,
        seq: row.seq.unsigned_abs(),
        sender: Sender::read(&row.sender),
        content: row.content,
        content_type: "text",
        timestamp: row.created_at,
        suggestions: suggestions.unwrap_or_default(),
        in_reply_to: row.in_reply_to,
    }
}
