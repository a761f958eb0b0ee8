//! What a turn writes: the message, what the bot said, and where the dialog stands.

use std::sync::Arc;

use basic::hear::PASSWORD_TEXT;
use chrono::TimeDelta;
use gateway::command::{Draft, Drafts, NotWritten};
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Conversation as ConversationKind, Message as MessageKind, User},
};
use platform::db::{DbError, Json, Unit};
use serde_json::json;

use super::{
    attachments::{self, Attachment, Outgoing},
    dialog::{End, Outcome, Scene, Stack},
    events::{About, MessageReceived, MessageSent, Said},
    keywords::Offered,
    letters::Told,
    message::{Message, Sender, Suggestion, shown},
    store::{self, Advance, MessageRow, TurnRow},
    wake,
};
use crate::{logs::Notes, webhooks};

/// Characters of the last message that a list shows.
const LAST_MESSAGE: usize = 200;

/// A turn that has run and is to be written.
#[derive(Clone)]
pub(super) struct Turn {
    pub(super) conversation: Id<ConversationKind>,
    pub(super) bot: Id<Bot>,
    pub(super) user: Id<User>,
    pub(super) channel: Arc<str>,
    /// The package's version that the run began with.
    pub(super) version: i64,
    pub(super) before: Before,
    pub(super) cause: Cause,
    /// Said before anything else.
    pub(super) welcome: Option<String>,
    /// What came of the run. None if no dialog waited.
    pub(super) ran: Option<Outcome>,
    /// What the commands of the run do.
    pub(super) drafts: Drafts,
    /// Said if no dialog waited. None where the bot is silent.
    pub(super) fallback: Option<String>,
    /// Said if the script failed.
    pub(super) sorry: String,
}

/// What was there before a turn. Nothing is, where the conversation begins with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    /// The conversation's counter.
    pub(super) seq: i64,
    /// The conversation's fence number.
    fence: i64,
    /// Was it in the archive?
    archived: bool,
    run: Option<UnderWay>,
}

/// A run that was under way before a turn.
#[derive(Debug, Clone)]
struct UnderWay {
    program: [u8; 32],
    /// The package's version that it began with.
    version: i64,
    /// Does it wait for time, and not for an answer?
    sleeps: bool,
    /// Is the answer that it waits for a secret?
    asks_secret: bool,
    /// Do scripts wait below the one that goes on?
    has_callers: bool,
}

impl Before {
    /// As it was read.
    pub(super) fn of(row: &TurnRow) -> Self {
        let run = row.program.map(|program| UnderWay {
            program,
            version: row.version.unwrap_or_default(),
            sleeps: row.wake.is_some(),
            asks_secret: row.asks_secret == Some(true),
            has_callers: row.depth > Some(0),
        });
        Self { seq: row.seq, fence: row.fence, archived: row.archived, run }
    }

    /// Did a dialog wait for an answer?
    fn waited(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.sleeps)
    }

    /// Was the answer that it waited for a secret?
    fn asked_secret(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.asks_secret)
    }

    /// Did scripts wait below the one that goes on?
    fn had_callers(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.has_callers)
    }

    /// Was that program of that version of the package under way?
    fn ran(&self, program: [u8; 32], version: i64) -> bool {
        self.run.as_ref().is_some_and(|run| (run.program, run.version) == (program, version))
    }
}

/// Why there is a turn.
#[derive(Debug, Clone)]
pub(super) enum Cause {
    /// The conversation begins.
    Beginning,
    /// Somebody said something.
    Heard(Heard),
    /// A script has waited long enough.
    Woken,
    /// The bot says something of itself, whatever the dialog waits for.
    Told(Told),
}

/// The beginning of a message, as a list shows it.
fn beginning(message: &MessageRow) -> String {
    message.content.chars().take(LAST_MESSAGE).collect()
}

/// What somebody said.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) content: String,
    /// Their own name for it.
    pub(super) client_id: Option<String>,
    /// Who of the staff, where it was not the person.
    pub(super) staff: Option<Id<User>>,
    /// What they send with it.
    pub(super) attachments: Vec<Attachment>,
}

impl Turn {
    /// A turn in which no script runs and nothing is said.
    pub(super) fn new(scene: &Scene, cause: Cause, before: Before) -> Self {
        Self {
            conversation: scene.run.conversation,
            bot: scene.run.bot,
            user: scene.run.user,
            channel: Arc::clone(&scene.run.channel),
            version: scene.version,
            before,
            cause,
            welcome: None,
            ran: None,
            drafts: scene.run.drafts.clone(),
            fallback: None,
            sorry: String::new(),
        }
    }

    /// Writes all of it, in the unit. The first message is the person's, if they said something.
    pub(super) fn write(&self, unit: &Unit<'_>, at: Timestamp) -> Result<Vec<Message>, NotWritten> {
        // Before anything is locked.
        let is_heard = webhooks::any_enabled(unit)?;
        let messages = self.messages(unit, at);
        let seq = self.before.seq + i64::try_from(messages.len()).unwrap_or(i64::MAX);
        let last = messages.last().map(|(message, _)| beginning(message));
        let heard = self.heard();
        let to = Advance {
            seq,
            status: if self.waits() { "waiting" } else { "active" },
            last_message: last.as_deref(),
            archived: self.before.archived,
            // Whoever says something has read what stands before it.
            read_seq: heard.filter(|heard| heard.staff.is_none()).map(|_| self.before.seq + 1),
            staff_takes_over: heard.is_some_and(|heard| heard.staff.is_some()),
        };
        if !store::advance(unit, self.conversation, self.before.fence, &to, at)? {
            return Err(NotWritten::Overtaken);
        }
        for (message, client_id) in &messages {
            store::insert_message(unit, self.conversation, self.user, message, *client_id)?;
        }
        if let Some(outcome) = self.ran.as_ref().filter(|ran| !matches!(ran.end, End::Failed(_))) {
            let first = seq - i64::try_from(outcome.says.len()).unwrap_or(i64::MAX) + 1;
            self.drafts.with(|sent: &mut Outgoing| sent.send(unit, self.conversation, first))?;
        }
        self.write_run(unit, at)?;
        if self.was_cut_short() {
            // Nothing of what it did stays but what it says of itself.
            self.drafts.with(|notes: &mut Notes| notes.write(unit, at))?;
        } else {
            self.drafts.write(unit, at)?;
        }
        let messages: Vec<_> =
            messages.into_iter().map(|(message, _)| shown(message, self.conversation)).collect();
        // Nobody hears of it but webhooks, and each message would be a row.
        if is_heard {
            self.tell(unit, &messages)?;
        }
        Ok(messages)
    }

    /// Tells whoever subscribed what was said.
    fn tell(&self, unit: &Unit<'_>, messages: &[Message]) -> Result<(), DbError> {
        let about = About {
            conversation_id: self.conversation,
            bot_id: self.bot,
            user_id: self.user,
            channel: self.channel.to_string(),
        };
        messages.iter().try_for_each(|message| {
            let said = Said::of(&about, message);
            match message.sender {
                Sender::User => unit.emit(&MessageReceived(said)),
                Sender::Bot | Sender::Staff | Sender::System => unit.emit(&MessageSent(said)),
            }
        })
    }

    fn heard(&self) -> Option<&Heard> {
        match &self.cause {
            Cause::Heard(heard) => Some(heard),
            Cause::Beginning | Cause::Woken | Cause::Told(_) => None,
        }
    }

    fn write_run(&self, unit: &Unit<'_>, at: Timestamp) -> Result<(), DbError> {
        let had_callers = self.before.had_callers();
        let save = |stack: &Stack, wake| {
            let place = (self.bot, self.version);
            if self.before.ran(stack.top.program, self.version) {
                store::move_run(unit, self.conversation, place, stack, wake, had_callers)
            } else {
                store::save_run(unit, self.conversation, place, stack, wake, had_callers)
            }
        };
        match self.ran.as_ref().map(|outcome| &outcome.end) {
            Some(End::Waits(stack)) => save(stack, None),
            Some(End::Sleeps(stack, time)) => {
                save(stack, Some(wake::enqueue(unit, self.conversation, at + *time)?))
            }
            Some(End::Finished) => store::end_run(unit, self.conversation, had_callers),
            // A turn that was cut short leaves the dialog where it was, unless there is nobody who could begin it again.
            Some(End::Failed(_) | End::Stopped) if matches!(self.cause, Cause::Woken) => {
                store::end_run(unit, self.conversation, had_callers)
            }
            Some(End::Failed(_) | End::Stopped) | None => Ok(()),
        }
    }

    /// The same turn with a run that failed after all, because what it wants can't be.
    pub(super) fn failed(self, cause: String) -> Self {
        tracing::warn!(bot = %self.bot, cause, "a script failed");
        self.drafts.with(|notes: &mut Notes| notes.failed(&cause));
        Self { ran: Some(Outcome::failed(cause)), ..self }
    }

    /// Did its run end so that nothing of what it did stays?
    pub(super) fn was_cut_short(&self) -> bool {
        matches!(self.ran, Some(Outcome { end: End::Failed(_) | End::Stopped, .. }))
    }

    /// Does a dialog wait for an answer after the turn?
    pub(super) fn waits(&self) -> bool {
        match self.ran.as_ref().map(|outcome| &outcome.end) {
            Some(End::Waits(_)) => true,
            Some(End::Finished | End::Sleeps(..)) => false,
            // Where it was.
            Some(End::Failed(_) | End::Stopped) | None => self.before.waited(),
        }
    }

    fn messages(&self, unit: &Unit<'_>, at: Timestamp) -> Vec<(MessageRow, Option<&str>)> {
        let mut messages: Vec<(MessageRow, Option<&str>)> = Vec::new();
        let mut seq = self.before.seq;
        let mut in_reply_to: Option<Id<MessageKind>> = None;
        let mut say = |sender: Sender, content: &str, in_reply_to, client_id| {
            seq += 1;
            let row = MessageRow {
                seq,
                id: unit.surroundings().id_at(at),
                sender: sender.as_str().to_owned(),
                sender_id: None,
                content: content.to_owned(),
                suggestions: None,
                in_reply_to,
                feedback: None,
                attachments: None,
                metadata: None,
                // One after another also for whoever sorts by time.
                created_at: at + TimeDelta::microseconds(seq - self.before.seq - 1),
            };
            let id = row.id;
            messages.push((row, client_id));
            id
        };
        if let Some(heard) = self.heard() {
            // Whatever becomes of the answer, and whether or not anybody hears it: a secret is written nowhere.
            let is_secret = self.before.asked_secret() && heard.staff.is_none();
            let content = if is_secret { PASSWORD_TEXT } else { &heard.content };
            let sender = if heard.staff.is_some() { Sender::Staff } else { Sender::User };
            in_reply_to = Some(say(sender, content, None, heard.client_id.as_deref()));
        }
        if let Some(welcome) = &self.welcome {
            say(Sender::Bot, welcome, in_reply_to, None);
        }
        if let Cause::Told(told) = &self.cause {
            say(Sender::Bot, &told.content, None, None);
        }
        match &self.ran {
            Some(Outcome { end: End::Failed(_), .. }) => {
                say(Sender::System, &self.sorry, in_reply_to, None);
            }
            Some(outcome) => {
                for said in &outcome.says {
                    say(Sender::Bot, said, in_reply_to, None);
                }
                let first = messages.len() - outcome.says.len();
                self.drafts.with(|sent: &mut Outgoing| {
                    for (place, (message, _)) in messages[first..].iter_mut().enumerate() {
                        message.attachments = attachments::kept(&sent.at(place));
                    }
                });
            }
            None => {
                if let Some(fallback) = self.fallback.as_ref().filter(|_| self.heard().is_some()) {
                    say(Sender::Bot, fallback, in_reply_to, None);
                }
            }
        }
        if let (Some(heard), Some((first, _))) = (self.heard(), messages.first_mut()) {
            first.sender_id = heard.staff;
            first.attachments = attachments::kept(&heard.attachments);
        }
        if let (Cause::Told(Told { file: Some(file), .. }), Some((first, _))) =
            (&self.cause, messages.first_mut())
        {
            first.attachments = attachments::kept(&[file.into()]);
        }
        let is_stopped = matches!(self.ran, Some(Outcome { end: End::Stopped, .. }));
        let last = messages.last_mut().filter(|(last, _)| last.sender == Sender::Bot.as_str());
        if let Some((last, _)) = last.filter(|_| is_stopped) {
            last.metadata = Some(Json::of(&json!({ "stopped": true })));
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
