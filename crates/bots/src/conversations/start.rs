//! Beginning a conversation: the bot's welcome, its start script up to the first question, the initial message.

use std::sync::Arc;

use kernel::{Actor, Error, FieldErrors, Id, id::kind::Conversation as ConversationKind, text};
use platform::db::Json;

use super::{
    ConversationError, Conversations, Message, NewConversation, NewMessage, Started,
    commit::{Setting, count},
    dialog::Input,
    events::ConversationStarted,
    model::TITLE,
    send::TRIES,
    store::{self, NewRow},
    turn::{Cause, Turn},
};
use crate::bots::{self, store::BotRow};

/// Bytes of metadata.
const METADATA: usize = 16 << 10;
/// Where a conversation is held that doesn't say.
const WEB: &str = "web";

impl Conversations {
    /// Begins a conversation: the bot's welcome, its start script up to the first question, the initial message.
    pub(super) async fn start(&self, who: Actor, new: NewConversation) -> Result<Started, ConversationError> {
        check(&new)?;
        if let Some(message) = &new.initial_message {
            self.check_content(message)?;
        }
        let initial = new.initial_message.clone();
        let (conversation_id, bot, mut messages, mut status) = self.begin(&who, new).await?;
        if let Some(content) = initial {
            let sent =
                self.send(&who, conversation_id, NewMessage { content, ..NewMessage::default() }).await?;
            if let Some(own) = sent.message_id {
                let said = self.message(&who, conversation_id, own).await?;
                messages.push(said);
            }
            messages.extend(sent.response);
            status = self.get(who.clone(), conversation_id).await?.value.status;
        }
        Ok(Started { conversation_id, session_id: who.session, bot_id: bot.id, status, messages })
    }

    async fn begin(
        &self,
        who: &Actor,
        new: NewConversation,
    ) -> Result<(Id<ConversationKind>, BotRow, Vec<Message>, String), ConversationError> {
        let id = self.surroundings.id();
        let new = Arc::new(new);
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            let (named, asks) = (Arc::clone(&new), who.clone());
            let bot = self
                .db
                .read(who.org, move |tx| bots::service::usable(tx, &asks, named.bot_id.as_deref()))
                .await?;
            if bot.status != "active" {
                return Err(ConversationError::BotInactive);
            }
            if in_line_of_bot.is_none() {
                in_line_of_bot = self.line_of_bot(bot.id, attempt > 0).await;
                if in_line_of_bot.is_some() {
                    continue;
                }
            }
            let scene = self.set(Setting {
                org: who.org,
                bot: bot.id,
                conversation: id,
                user: who.user,
                permissions: who.permissions,
                channel: new.channel.as_deref().unwrap_or(WEB).into(),
                language: new.language.clone(),
                version: bot.version,
                offered: Vec::new(),
            });
            let ran = match bot.start_program {
                Some(hash) => Some(self.dialogs.run(&scene, Input::Start(hash)).await?),
                None => None,
            };
            count(ran.as_ref());
            let says = self.phrases(&bot.config);
            let turn = Turn {
                conversation: id,
                bot: bot.id,
                version: bot.version,
                seq: 0,
                fence: 0,
                cause: Cause::Beginning,
                welcome: says.welcome,
                ran,
                waited: false,
                drafts: scene.run.drafts.clone(),
                fallback: says.fallback,
                sorry: says.sorry,
            };
            let status = if turn.waits() { "waiting" } else { "active" };
            match self.write_first(who, Arc::clone(&new), bot.clone(), turn).await {
                Err(ConversationError::Busy) => {}
                written => return Ok((id, bot, written?, status.to_owned())),
            }
        }
        Err(ConversationError::Busy)
    }

    /// Writes a conversation with its first turn. [`ConversationError::Busy`] if the bot got another package meanwhile.
    async fn write_first(
        &self,
        who: &Actor,
        new: Arc<NewConversation>,
        bot: BotRow,
        turn: Turn,
    ) -> Result<Vec<Message>, ConversationError> {
        let (id, now, user) = (turn.conversation, self.surroundings.now(), who.user);
        self.commit(who.org, turn, move |unit| {
            bots::store::touch(unit, bot.id, now)?;
            let present = bots::store::by_id(unit, bot.id)?.ok_or(bots::BotError::NotFound)?;
            // The programs must be ones that are kept when the run is written.
            if present.version != bot.version {
                return Err(ConversationError::Busy);
            }
            present.check_sessions(unit, now)?;
            let channel = new.channel.as_deref().unwrap_or(WEB);
            store::insert(
                unit,
                &NewRow {
                    id,
                    bot: bot.id,
                    user,
                    channel,
                    language: new.language.as_deref(),
                    title: new.title.as_deref().map_or(bot.name.as_str(), str::trim),
                    metadata: Json::of(&new.metadata),
                    at: now,
                },
            )?;
            unit.emit(&ConversationStarted { conversation_id: id, bot_id: bot.id, user_id: user, channel })?;
            Ok(())
        })
        .await
    }
}

fn check(new: &NewConversation) -> Result<(), Error> {
    let mut wrong = FieldErrors::default();
    let fits = |title: &str| title.chars().count() <= TITLE && text::is_one_line(title);
    wrong.check(
        new.title.as_deref().is_none_or(|title| fits(title.trim())),
        "title",
        "must have 1 to 200 characters, in one line",
    );
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
    let size = serde_json::to_string(&new.metadata).map_or(usize::MAX, |text| text.len());
    wrong.check(size <= METADATA, "metadata", "must have at most 16 KiB");
    wrong.finish()
}
