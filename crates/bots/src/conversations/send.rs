//! Taking a message: one turn of the conversation, once, whoever else takes turns meanwhile.

use std::time::{Duration, Instant};

use basic::Reply;
use kernel::{Actor, Error, Id, Permission, Timestamp, id::kind::Conversation as ConversationKind};
use platform::{
    db::{Tx, Unit},
    idempotency,
};
use tracing::Instrument;

use super::{
    ConversationError, Conversations, Message, NewMessage, Sent,
    access::{may_read, not_its_own_script},
    attachments::{self, Attachment},
    dialog::Input,
    message::{Wait, shown},
    store::{self, ENDED, MessageRow, TurnFound, TurnRow},
    turn::{Cause, Heard},
};
use crate::bots::{self, store::DELETING};

/// How often a turn begins again when others are faster. Turns of one bot stand in line on each node, so that after
/// the first time only as many compete as there are nodes: of three, one is overtaken so often once in ten millions.
pub(super) const TRIES: usize = 40;
/// Characters of a sender's own name for a message.
const CLIENT_ID: usize = 128;

/// What a read for a turn found.
enum Found {
    /// The message is new; with what it sends.
    Fresh(Box<TurnFound>, Vec<Attachment>),
    /// It was taken before, and answered so.
    Known(Box<MessageRow>, Vec<MessageRow>),
}

impl Conversations {
    /// The same for somebody who waits for the answer, and not for ever. What they no longer wait for goes on.
    pub(super) async fn send_and_wait(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        message: NewMessage,
    ) -> Result<Sent, ConversationError> {
        let patience = Duration::from_secs(self.settings.get().answer_seconds);
        let (this, timestamp) = (self.clone(), self.surroundings.now());
        let taking = async move {
            let began = Instant::now();
            let taken = this.send(&who, id, message).await;
            // Nobody waits for it any more who could be told.
            if let Err(error) = &taken
                && began.elapsed() >= patience
            {
                tracing::warn!(conversation = %id, %error, "a message that was accepted was not taken");
            }
            taken
        };
        let taking = idempotency::carried(taking).instrument(tracing::Span::current());
        match tokio::time::timeout(patience, tokio::spawn(taking)).await {
            Ok(taken) => taken.map_err(Error::internal)?,
            Err(_) => Ok(Sent {
                conversation_id: id,
                message_id: None,
                timestamp,
                status: "sent",
                response: Vec::new(),
                suggestions: Vec::new(),
            }),
        }
    }

    /// Takes a message and gives what the bot answers. The same message sent twice is taken once.
    pub(super) async fn send(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        message: NewMessage,
    ) -> Result<Sent, ConversationError> {
        self.check_message(&message)?;
        not_its_own_script(who, id)?;
        let started = Instant::now();
        let _in_line = self.line_of(id, Some(who)).await?;
        let _turn = self.stops.begin(id, &self.surroundings);
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            match self.look(who, id, &message).await? {
                Found::Known(own, answers) => return Ok(sent(id, *own, answers, message.wait)),
                Found::Fresh(found, attachments) => {
                    if in_line_of_bot.is_none() {
                        in_line_of_bot = self.line_of_bot(found.row.bot_id, Some(who), attempt > 0).await;
                        // Much can have happened meanwhile.
                        if in_line_of_bot.is_some() {
                            continue;
                        }
                    }
                    let span = tracing::info_span!(target: "telemetry", "conversation.turn");
                    match self.answer(who, id, &message, *found, attachments).instrument(span).await {
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
        message: &NewMessage,
    ) -> Result<Found, ConversationError> {
        let (asks, limit, now) = (who.clone(), self.answer_limit(), self.surroundings.now());
        let (client_message_id, sends) = (message.client_message_id.clone(), message.attachments.clone());
        self.db
            .read(who.org, move |tx| {
                let row = store::for_turn(tx, id)?.filter(|row| may_read(&asks, row.user_id));
                let row = row.ok_or(ConversationError::NotFound)?;
                check_speaker(tx, &asks, &row, now)?;
                let client_id = client_message_id.map(|client_id| own_name(&asks, &row, client_id));
                let known = client_id.map(|client_id| store::by_client_id(tx, id, &client_id));
                if let Some(own) = known.transpose()?.flatten() {
                    let answers = store::answers(tx, id, &own, limit)?;
                    return Ok(Found::Known(Box::new(own), answers));
                }
                if row.status == ENDED {
                    return Err(ConversationError::Ended);
                }
                // The staff talks where a bot is off, and not where it is being deleted.
                if row.bot_status != "active" && (asks.is(row.user_id) || row.bot_status == DELETING) {
                    return Err(ConversationError::BotInactive);
                }
                let mut attachments = Vec::new();
                for attachment in sends {
                    let unsent = store::unsent(tx, id, asks.user, attachment)?;
                    let unsent = unsent.ok_or(ConversationError::AttachmentNotFound)?;
                    attachments.push(Attachment::from(&unsent));
                }
                Ok(Found::Fresh(Box::new(store::found(tx, id, row)?), attachments))
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
        attachments: Vec<Attachment>,
    ) -> Result<Sent, ConversationError> {
        let turn = message
            .client_message_id
            .as_ref()
            .map(|name| format!("{id} {}", own_name(who, &row, name.clone())));
        let is_staff = !who.is(row.user_id);
        let person = (!is_staff).then(|| who.clone());
        let scene = self.scene(who.org, id, &row, person, turn);
        // Where the staff has taken over, the bot hears nothing.
        let is_silent = is_staff || row.staff_active;
        let ran = match run {
            // Nor does whoever sleeps.
            Some(run) if !run.sleeps && !is_silent => {
                let sent = attachments.iter().map(Attachment::for_script).collect();
                let reply = Reply { text: message.content.clone(), attachments: sent };
                Some(self.run_heard(&scene, Input::Reply(run.stack, reply)).await?)
            }
            _ => None,
        };
        let cause = Cause::Heard(Heard {
            content: message.content.clone(),
            client_id: message.client_message_id.clone().map(|name| own_name(who, &row, name)),
            staff: is_staff.then_some(who.user),
            attachments: attachments.clone(),
        });
        let mut turn = self.next_turn(&scene, &row, cause, ran);
        if is_silent {
            turn.fallback = None;
        }
        let seq = turn.before.seq + 1;
        let sends = move |unit: &Unit<'_>| attachments::send(unit, id, seq, &attachments);
        let mut messages = self.commit(who.org, turn, sends).await?;
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
        let mut sends = message.attachments.clone();
        sends.sort_unstable();
        sends.dedup();
        if sends.len() < message.attachments.len() || sends.len() > attachments::MOST {
            let most = attachments::MOST;
            return Err(Error::invalid("attachments", format!("must be at most {most}, each once")).into());
        }
        // Whoever sends a file need not say anything.
        if message.content.is_empty() && !sends.is_empty() {
            return Ok(());
        }
        self.check_content(&message.content)
    }

    /// Would a message be taken? For whoever has to know it before it is.
    pub(super) async fn may_say(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        message: &NewMessage,
    ) -> Result<(), ConversationError> {
        self.look(who, id, message).await.map(drop)
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

/// May the caller say something in a conversation that they may read? Its person while they may use the bot, and staff.
fn check_speaker(tx: &Tx<'_>, who: &Actor, row: &TurnRow, now: Timestamp) -> Result<(), ConversationError> {
    if !who.is(row.user_id) {
        return Ok(who.require(Permission::CONVERSATIONS_WRITE)?);
    }
    // Who may use the bot can change while a conversation lasts.
    let guard = bots::Guard {
        bot: row.bot_id,
        visibility: &row.bot_visibility,
        created_by: row.bot_created_by,
        is_listed: row.bot_is_listed,
        anonymous_allowed: row.bot_anonymous_allowed,
    };
    if guard.lets_in(tx, who, now)? { Ok(()) } else { Err(bots::BotError::NotFound.into()) }
}

/// The sender's own name for a message as it is kept: two senders may choose the same.
fn own_name(who: &Actor, row: &TurnRow, name: String) -> String {
    if who.is(row.user_id) { name } else { format!("{}\n{name}", who.user) }
}

fn sent(id: Id<ConversationKind>, own: MessageRow, answers: Vec<MessageRow>, wait: Wait) -> Sent {
    let answers = answers.into_iter().map(|row| shown(row, id)).collect();
    answered(&shown(own, id), answers, wait)
}

fn answered(own: &Message, answers: Vec<Message>, wait: Wait) -> Sent {
    let (message_id, timestamp) = (Some(own.message_id), own.timestamp);
    let conversation_id = own.conversation_id;
    if wait == Wait::None {
        let (response, suggestions) = (Vec::new(), Vec::new());
        return Sent { conversation_id, message_id, timestamp, status: "sent", response, suggestions };
    }
    let suggestions = answers.last().map(|last| last.suggestions.clone()).unwrap_or_default();
    Sent { conversation_id, message_id, timestamp, status: "delivered", response: answers, suggestions }
}
