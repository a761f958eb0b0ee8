//! What a turn writes: the message, what the bot said, and where the dialog stands.

use kernel::{
    Id, Surroundings, Timestamp,
    id::kind::{Bot, Conversation as ConversationKind, Message as MessageKind},
};
use platform::db::{DbError, Json, Unit};

use super::{
    dialog::{End, Outcome},
    model::{Message, Sender, Suggestion},
    store::{self, MessageRow},
};

/// Characters of the last message that a list shows.
const LAST_MESSAGE: usize = 200;

/// A turn that has run and is to be written.
pub(super) struct Turn {
    pub(super) conversation: Id<ConversationKind>,
    pub(super) bot: Id<Bot>,
    /// The conversation's counter before the turn.
    pub(super) seq: i64,
    /// The conversation's fence number before the turn.
    pub(super) fence: i64,
    /// What the person said, and their own name for it.
    pub(super) heard: Option<(String, Option<String>)>,
    /// Said before anything else.
    pub(super) welcome: Option<String>,
    /// The program that ran, with what came of it. None if no dialog waited.
    pub(super) ran: Option<([u8; 32], Outcome)>,
    /// Said if no dialog waited.
    pub(super) fallback: String,
    /// Said if the script failed.
    pub(super) sorry: String,
}

/// Somebody else moved the conversation on meanwhile.
pub(super) struct Overtaken;

impl Turn {
    /// Writes all of it, in the unit. The first message is the person's, if they said something.
    pub(super) fn write(
        &self,
        unit: &Unit<'_>,
        world: &Surroundings,
        at: Timestamp,
    ) -> Result<Result<Vec<Message>, Overtaken>, DbError> {
        let messages = self.messages(world, at);
        let seq = self.seq + i64::try_from(messages.len()).unwrap_or(i64::MAX);
        let last = messages
            .last()
            .map(|(message, _)| message.content.chars().take(LAST_MESSAGE).collect::<String>());
        let status = if self.waits() { "waiting" } else { "active" };
        if !store::advance(unit, self.conversation, self.fence, seq, status, last.as_deref(), at)? {
            return Ok(Err(Overtaken));
        }
        for (message, client_id) in &messages {
            store::insert_message(unit, self.conversation, message, *client_id)?;
        }
        match &self.ran {
            Some((program, Outcome { end: End::Waits(state), .. })) => {
                store::save_run(unit, self.conversation, self.bot, program, state)?;
            }
            Some((_, Outcome { end: End::Finished, .. })) => store::end_run(unit, self.conversation)?,
            // A failed turn leaves the dialog where it was.
            Some((_, Outcome { end: End::Failed(_), .. })) | None => {}
        }
        Ok(Ok(messages.into_iter().map(|(message, _)| shown(message, self.conversation)).collect()))
    }

    /// Does a dialog wait after the turn?
    fn waits(&self) -> bool {
        match &self.ran {
            Some((_, outcome)) => match outcome.end {
                End::Waits(_) => true,
                // Where it was: it waited before, unless this was its beginning.
                End::Failed(_) => self.heard.is_some(),
                End::Finished => false,
            },
            None => false,
        }
    }

    fn messages(&self, world: &Surroundings, at: Timestamp) -> Vec<(MessageRow, Option<&str>)> {
        let mut messages: Vec<(MessageRow, Option<&str>)> = Vec::new();
        let mut seq = self.seq;
        let mut in_reply_to: Option<Id<MessageKind>> = None;
        let mut say = |sender: Sender, content: &str, in_reply_to, client_id| {
            seq += 1;
            let row = MessageRow {
                seq,
                id: world.id_at(at),
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
        if let Some((content, client_id)) = &self.heard {
            in_reply_to = Some(say(Sender::User, content, None, client_id.as_deref()));
        }
        if let Some(welcome) = &self.welcome {
            say(Sender::Bot, welcome, in_reply_to, None);
        }
        match &self.ran {
            Some((_, Outcome { end: End::Failed(_), .. })) => {
                say(Sender::System, &self.sorry, in_reply_to, None);
            }
            Some((_, outcome)) => {
                for said in &outcome.says {
                    say(Sender::Bot, said, in_reply_to, None);
                }
            }
            None if self.heard.is_some() => {
                say(Sender::Bot, &self.fallback, in_reply_to, None);
            }
            None => {}
        }
        self.suggest(&mut messages);
        messages
    }

    /// Quick replies stand at the last thing the bot said.
    fn suggest(&self, messages: &mut [(MessageRow, Option<&str>)]) {
        let suggestions =
            self.ran.as_ref().map(|(_, outcome)| &outcome.suggestions).filter(|s| !s.is_empty());
        let last = messages.last_mut().filter(|(message, _)| message.sender == Sender::Bot.as_str());
        if let (Some(suggestions), Some((message, _))) = (suggestions, last) {
            message.suggestions = Some(Json::of(suggestions));
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
