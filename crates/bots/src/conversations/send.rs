//! Taking a message: one turn of the conversation, once, whoever else takes turns meanwhile.

use std::time::Instant;

use kernel::{Actor, Error, Id, id::kind::Conversation as ConversationKind};
use tracing::Instrument;

use super::{
    ConversationError, Conversations, Message, NewMessage, Sent,
    dialog::Input,
    model::Wait,
    store::{self, MessageRow, TurnFound},
    turn::{Cause, shown},
};
use crate::bots;

/// How often a turn begins again when others are faster. Turns of one bot stand in line on each node, so that after
/// the first time only as many compete as there are nodes: of three, one is overtaken so often once in ten millions.
pub(super) const TRIES: usize = 40;
/// Characters of a sender's own name for a message.
const CLIENT_ID: usize = 128;

/// What a read for a turn found.
enum Found {
    /// The message is new.
    Fresh(Box<TurnFound>),
    /// It was taken before, and answered so.
    Known(MessageRow, Vec<MessageRow>),
}

impl Conversations {
    /// Takes a message and gives what the bot answers. The same message sent twice is taken once.
    pub(super) async fn send(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        message: NewMessage,
    ) -> Result<Sent, ConversationError> {
        self.check_message(&message)?;
        let started = Instant::now();
        let places = self.settings.get().waiting_turns;
        let in_line = self.lines.turn(id, places).await;
        let _in_line = in_line.ok_or(ConversationError::TurnInProgress)?;
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            match self.look(who, id, message.client_message_id.clone()).await? {
                Found::Known(own, answers) => return Ok(sent(id, own, answers, message.wait)),
                Found::Fresh(found) => {
                    if in_line_of_bot.is_none() {
                        in_line_of_bot = self.line_of_bot(found.row.bot_id, attempt > 0).await;
                        // Much can have happened meanwhile.
                        if in_line_of_bot.is_some() {
                            continue;
                        }
                    }
                    let span = tracing::info_span!(target: "telemetry", "conversation.turn");
                    match self.answer(who, id, &message, *found).instrument(span).await {
                        Err(ConversationError::Busy) => {}
                        other => {
                            let elapsed = started.elapsed();
                            metrics::histogram!("conversation_turn_duration_seconds").record(elapsed);
                            return other;
                        }
                    }
                }
            }
        }
        Err(ConversationError::Busy)
    }

    /// One read: the conversation, its bot, the run that waits, and whether the message was taken before.
    async fn look(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        client_message_id: Option<String>,
    ) -> Result<Found, ConversationError> {
        let (asks, limit) = (who.clone(), self.answer_limit());
        self.db
            .read(who.org, move |tx| {
                let row = store::for_turn(tx, id)?.filter(|row| asks.is(row.user_id));
                let row = row.ok_or(ConversationError::NotFound)?;
                // Who may use the bot can change while a conversation lasts.
                if !bots::may_use(&asks, &row.bot_visibility, row.bot_created_by) {
                    return Err(bots::BotError::NotFound.into());
                }
                let known = client_message_id.map(|client_id| store::by_client_id(tx, id, &client_id));
                if let Some(own) = known.transpose()?.flatten() {
                    let answers = store::answers(tx, id, &own, limit)?;
                    return Ok(Found::Known(own, answers));
                }
                if row.bot_status != "active" {
                    return Err(ConversationError::BotInactive);
                }
                Ok(Found::Fresh(Box::new(store::found(tx, id, row)?)))
            })
            .await
    }

    fn answer_limit(&self) -> i64 {
        i64::try_from(self.settings.get().talks_per_turn).unwrap_or(i64::MAX).saturating_add(2)
    }

    /// Runs and writes one turn. [`ConversationError::Busy`] if somebody else was faster.
    async fn answer(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        message: &NewMessage,
        TurnFound { row, run }: TurnFound,
    ) -> Result<Sent, ConversationError> {
        let scene = self.scene(who.org, id, &row, who.permissions);
        let waited = run.as_ref().is_some_and(|run| !run.sleeps);
        let ran = match run {
            // Whoever sleeps hears nothing.
            Some(run) if waited => {
                Some(self.dialogs.run(&scene, Input::Reply(run.stack, message.content.clone())).await?)
            }
            _ => None,
        };
        let cause = Cause::Heard(message.content.clone(), message.client_message_id.clone());
        let turn = self.next_turn(&scene, &row, cause, ran, waited);
        let mut messages = self.commit(who.org, turn, |_| Ok(())).await?;
        let answers = messages.split_off(1);
        let own = messages.pop().ok_or(ConversationError::Busy)?;
        Ok(answered(&own, answers, message.wait))
    }

    /// May it be said at all?
    pub(super) fn check_message(&self, message: &NewMessage) -> Result<(), ConversationError> {
        let length = message.client_message_id.as_ref().map(|id| id.chars().count());
        if length.is_some_and(|length| !(1..=CLIENT_ID).contains(&length)) {
            return Err(Error::invalid("client_message_id", "must have 1 to 128 characters").into());
        }
        if message.client_message_id.as_ref().is_some_and(|id| id.contains('\0')) {
            return Err(Error::invalid("client_message_id", "must not hold the character U+0000").into());
        }
        self.check_content(&message.content)
    }

    pub(super) fn check_content(&self, content: &str) -> Result<(), ConversationError> {
        let limit = self.settings.get().message_bytes;
        if content.len() > limit {
            return Err(ConversationError::TooLong(limit));
        }
        // Frames of a socket come here without the gateway's reading of bodies.
        if content.contains('\0') {
            return Err(Error::invalid("content", "must not hold the character U+0000").into());
        }
        if content.trim().is_empty() { Err(ConversationError::Empty) } else { Ok(()) }
    }
}

fn sent(id: Id<ConversationKind>, own: MessageRow, answers: Vec<MessageRow>, wait: Wait) -> Sent {
    let answers = answers.into_iter().map(|row| shown(row, id)).collect();
    answered(&shown(own, id), answers, wait)
}

fn answered(own: &Message, answers: Vec<Message>, wait: Wait) -> Sent {
    let (message_id, timestamp) = (Some(own.message_id), own.timestamp);
    if wait == Wait::None {
        return Sent { message_id, timestamp, status: "sent", response: Vec::new(), suggestions: Vec::new() };
    }
    let suggestions = answers.last().map(|last| last.suggestions.clone()).unwrap_or_default();
    Sent { message_id, timestamp, status: "delivered", response: answers, suggestions }
}
