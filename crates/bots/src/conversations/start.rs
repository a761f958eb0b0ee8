//! Beginning a conversation, or beginning it anew: the bot's welcome, its start script up to the first question, the
//! initial message.

use std::sync::Arc;

use kernel::{
    Actor, Error, FieldErrors, Id,
    id::kind::{Bot, Conversation as ConversationKind, Session},
};
use platform::{
    audit::{Audit, Category},
    db::{Json, Unit},
};

use super::{
    ConversationError, Conversations, Message, NewConversation, NewMessage, Started, WEB,
    access::{manageable, not_its_own_script},
    commit::{Setting, count},
    dialog::{Input, Scene},
    events::{About, ConversationStarted},
    model::{Status, check_metadata, checked_title},
    send::TRIES,
    store::{self, ENDED, NewRow, TurnRow},
    turn::{Before, Cause, Turn},
    visits,
};
use crate::bots::{self, store::BotRow};

/// A conversation that has begun, or begun anew.
struct Begun {
    id: Id<ConversationKind>,
    session: Id<Session>,
    bot: Id<Bot>,
    messages: Vec<Message>,
    waits: bool,
}

impl Conversations {
    /// Begins a conversation: the bot's welcome, its start script up to the first question, the initial message.
    pub(super) async fn start(&self, who: Actor, new: NewConversation) -> Result<Started, ConversationError> {
        check(&new)?;
        if let Some(message) = &new.initial_message {
            self.check_content(message)?;
        }
        let initial = new.initial_message.clone();
        let begun = self.begin(&who, new).await?;
        let mut started = begun.started();
        if let Some(content) = initial {
            let said = NewMessage { content, ..NewMessage::default() };
            let sent = self.send(&who, started.conversation_id, said).await?;
            if let Some(own) = sent.message_id {
                let said = self.message(&who, started.conversation_id, own).await?;
                started.messages.push(said);
            }
            started.messages.extend(sent.response);
            started.status = self.get(who.clone(), started.conversation_id).await?.value.status;
        }
        Ok(started)
    }

    async fn begin(&self, who: &Actor, new: NewConversation) -> Result<Begun, ConversationError> {
        let id = self.surroundings.id();
        let _turn = self.stops.begin(id, &self.surroundings);
        let visited = who.visits.filter(|_| new.bot_id.is_none());
        let new =
            Arc::new(NewConversation { bot_id: visited.map(|bot| bot.to_string()).or(new.bot_id), ..new });
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            let (named, asks, now) = (Arc::clone(&new), who.clone(), self.surroundings.now());
            let bot = self
                .db
                .read(who.org, move |tx| bots::service::usable(tx, &asks, named.bot_id.as_deref(), now))
                .await?;
            if bot.status != "active" {
                return Err(ConversationError::BotInactive);
            }
            if in_line_of_bot.is_none() {
                in_line_of_bot = self.line_of_bot(bot.id, Some(who), attempt > 0).await;
                if in_line_of_bot.is_some() {
                    continue;
                }
            }
            let scene = self.set(Setting {
                org: who.org,
                bot: bot.id,
                conversation: id,
                user: who.user,
                person: Some(who.clone()),
                channel: new.channel.as_deref().unwrap_or(WEB).into(),
                language: new.language.clone(),
                version: bot.version,
                turn: None,
                offered: Vec::new(),
                heard: true,
            });
            let turn = self.first_turn(&scene, &bot, Before::default()).await?;
            let waits = turn.waits();
            match self.write_first(who, Arc::clone(&new), bot.clone(), turn).await {
                Err(ConversationError::Busy) => {}
                written => {
                    return Ok(Begun { id, session: who.session, bot: bot.id, messages: written?, waits });
                }
            }
        }
        Err(ConversationError::Busy)
    }

    /// The bot's first words, behind what was said before.
    async fn first_turn(
        &self,
        scene: &Scene,
        bot: &BotRow,
        before: Before,
    ) -> Result<Turn, ConversationError> {
        let ran = match bot.start_program {
            Some(hash) => Some(self.dialogs.run(scene, Input::Start(hash)).await?),
            None => None,
        };
        count(ran.as_ref());
        let says = self.phrases(&bot.config);
        Ok(Turn {
            welcome: says.welcome,
            ran,
            sorry: says.sorry,
            ..Turn::new(scene, Cause::Beginning, before)
        })
    }

    /// Writes a conversation with its first turn. [`ConversationError::Busy`] if the bot got another package meanwhile.
    async fn write_first(
        &self,
        who: &Actor,
        new: Arc<NewConversation>,
        bot: BotRow,
        turn: Turn,
    ) -> Result<Vec<Message>, ConversationError> {
        let (id, now, user, session) = (turn.conversation, self.surroundings.now(), who.user, who.session);
        let is_visitors = who.is_visitor();
        self.commit(who.org, turn, move |unit| {
            still_the_same(unit, &bot, now)?;
            if is_visitors {
                // Until this unit ends, the visit can't.
                if !identity::visitors::hold(unit.server(), session)? {
                    return Err(Error::unauthorized("The visit has ended.", "session_ended").into());
                }
                if store::has_begun(unit, user, visits::MOST)? {
                    return Err(bots::BotError::TooManySessions(visits::MOST).into());
                }
            }
            let channel = new.channel.as_deref().unwrap_or(WEB);
            store::insert(
                unit,
                &NewRow {
                    id,
                    session: Some(session),
                    bot: bot.id,
                    user,
                    is_visitors,
                    channel,
                    language: new.language.as_deref(),
                    title: new.title.as_deref().map_or(bot.name.as_str(), str::trim),
                    metadata: Json::of(&new.metadata),
                    at: now,
                },
            )?;
            unit.emit(&ConversationStarted(About {
                conversation_id: id,
                bot_id: bot.id,
                user_id: user,
                channel: channel.to_owned(),
            }))?;
            Ok(())
        })
        .await
    }

    /// Clears what the dialog has kept, and begins it anew behind what was said before.
    pub(super) async fn reset(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<Started, ConversationError> {
        not_its_own_script(&who, id)?;
        let _in_line = self.line_of(id, Some(&who)).await?;
        let _turn = self.stops.begin(id, &self.surroundings);
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            let (row, bot, session) = self.clear(&who, id).await?;
            if in_line_of_bot.is_none() {
                in_line_of_bot = self.line_of_bot(bot.id, Some(&who), attempt > 0).await;
                if in_line_of_bot.is_some() {
                    continue;
                }
            }
            // Nobody else's script runs with the rights of the staff.
            let person = who.is(row.user_id).then(|| who.clone());
            let mut scene = self.scene(who.org, id, &row, person, None);
            scene.version = bot.version;
            let turn = self.first_turn(&scene, &bot, Before::of(&row)).await?;
            let (waits, now, of) = (turn.waits(), self.surroundings.now(), bot.clone());
            match self.commit(who.org, turn, move |unit| still_the_same(unit, &of, now)).await {
                Err(ConversationError::Busy) => {}
                written => {
                    let begun = Begun { id, session, bot: bot.id, messages: written?, waits };
                    return Ok(begun.started());
                }
            }
        }
        Err(ConversationError::Busy)
    }

    /// Drops where the dialog stands. What the script reads from then on is as in a new conversation. Gives the session
    /// that started it, too.
    async fn clear(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
    ) -> Result<(TurnRow, BotRow, Id<Session>), ConversationError> {
        let (who, now) = (who.clone(), self.surroundings.now());
        self.db
            .write(who.org, move |unit| {
                store::lock(unit, id)?;
                let mut row = manageable(unit, &who, id)?;
                if row.status == ENDED {
                    return Err(ConversationError::Ended);
                }
                // Where the staff has taken over, the bot is silent until they let it go on: this is how they do.
                if row.staff_active && who.is(row.user_id) {
                    return Err(ConversationError::StaffActive);
                }
                row.staff_active = false;
                let bot = bots::store::by_id(unit, row.bot_id)?.ok_or(ConversationError::NotFound)?;
                if bot.status != "active" {
                    return Err(ConversationError::BotInactive);
                }
                store::drop_state(unit, id)?;
                "active".clone_into(&mut row.status);
                row.rev += 1;
                store::save(unit, &row, now)?;
                if !who.is(row.user_id) {
                    let entry = Audit::by(&who, "conversation_reset", Category::DataModification);
                    unit.audit(entry.on("conversation", id))?;
                }
                let session = row.session_id.unwrap_or(who.session);
                let row = store::for_turn(unit, id)?.ok_or(ConversationError::NotFound)?;
                Ok((row, bot, session))
            })
            .await
    }
}

impl Begun {
    fn started(self) -> Started {
        Started {
            conversation_id: self.id,
            session_id: self.session,
            bot_id: self.bot,
            status: if self.waits { Status::Waiting } else { Status::Active },
            messages: self.messages,
        }
    }
}

/// The programs must be ones that are kept when the run is written.
fn still_the_same(unit: &Unit<'_>, bot: &BotRow, now: kernel::Timestamp) -> Result<(), ConversationError> {
    bots::store::touch(unit, bot.id, now)?;
    let present = bots::store::by_id(unit, bot.id)?.ok_or(bots::BotError::NotFound)?;
    if present.version != bot.version {
        return Err(ConversationError::Busy);
    }
    present.check_sessions(unit, now)?;
    Ok(())
}

fn check(new: &NewConversation) -> Result<(), Error> {
    let mut wrong = FieldErrors::default();
    if let Some(title) = &new.title {
        checked_title(title, &mut wrong);
    }
    let channel = new.channel.as_deref();
    wrong.check(matches!(channel, None | Some("web" | "api")), "channel", "must be web or api");
    let letters = |text: &str| {
        matches!(text.len(), 2..=8) && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
    };
    wrong.check(
        new.language.as_deref().is_none_or(letters),
        "language",
        "must be a code such as en or pt-BR",
    );
    check_metadata(&new.metadata, &mut wrong);
    wrong.finish()
}
