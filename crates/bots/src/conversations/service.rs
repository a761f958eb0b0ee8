//! What can be done with conversations.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use futures_util::Stream;
use kernel::{
    Actor, Error, FieldErrors, Id, Permission, Surroundings,
    id::kind::{Conversation as ConversationKind, Message as MessageKind, User},
    list::{ListRequest, ListSpec, Page, SortField},
};
use platform::db::{Db, Json, Tx};
use sea_query::{Condition, Expr, ExprTrait};

use super::{
    Conversation, ConversationError, Message, NewConversation, NewMessage, Sent, Started,
    dialog::{End, Input, Moment, Outcome, Stage},
    hub::{Frame, Frames, Hub, Watch},
    model::{History, Wait},
    store::{self, ConversationRow, MessageRow, NewRow, TurnRow},
    turn::{Turn, shown},
    waiting::Lines,
};
use crate::{
    Settings,
    bots::{self, store::BotRow},
    scripts::programs::Programs,
};

/// What may be asked of the list of conversations.
pub(super) const SPEC: ListSpec = ListSpec {
    sorts: &[
        SortField::desc("last_activity"),
        SortField::desc("created_at"),
        SortField::desc("message_count"),
    ],
    filters: &["bot_id", "status", "channel", "user_id", "started_after", "started_before"],
    search: true,
};
/// What may be asked of the list of messages.
pub(super) const MESSAGES: ListSpec =
    ListSpec { sorts: &[SortField::desc("created_at")], filters: &["sender"], search: false };
/// How often a turn begins again when other nodes are faster.
const TRIES: usize = 8;
/// Characters of a title.
const TITLE: usize = 200;
/// Bytes of metadata.
const METADATA: usize = 16 << 10;
/// Characters of a sender's own name for a message.
const CLIENT_ID: usize = 128;

/// The service of conversations. A cheap handle.
#[derive(Clone)]
pub struct Conversations {
    db: Db,
    programs: Programs,
    surroundings: Surroundings,
    settings: Arc<Settings>,
    stage: Stage,
    lines: Lines,
    hub: Hub,
}

/// What a read for a turn found.
enum Found {
    /// The message is new.
    Fresh(TurnRow),
    /// It was taken before, and answered so.
    Known(MessageRow, Vec<MessageRow>),
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

fn readable(
    tx: &Tx<'_>,
    who: &Actor,
    id: Id<ConversationKind>,
) -> Result<ConversationRow, ConversationError> {
    store::get(tx, id)?.filter(|row| may_read(who, row.user_id)).ok_or(ConversationError::NotFound)
}

impl Conversations {
    /// The service over the given adapters.
    pub(crate) fn new(db: Db, programs: Programs, surroundings: Surroundings, settings: Settings) -> Self {
        Self {
            db,
            programs,
            surroundings,
            settings: Arc::new(settings),
            stage: Stage::default(),
            lines: Lines::default(),
            hub: Hub::default(),
        }
    }

    pub(super) async fn list(&self, who: Actor, request: ListRequest) -> Result<Page<Conversation>, Error> {
        let mut own = Condition::all();
        if !who.may(Permission::CONVERSATIONS_READ) {
            own = own.add(Expr::cust("c.user_id").eq(who.user.as_bytes().to_vec()));
        }
        let page: Page<ConversationRow> = self
            .db
            .read(who.org, move |tx| tx.list(&store::LIST, &request, Some(own)).map_err(Error::from))
            .await?;
        Ok(page.map(ConversationRow::shown))
    }

    pub(super) async fn get(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
    ) -> Result<Conversation, ConversationError> {
        let row = self.db.read(who.org, move |tx| readable(tx, &who, id)).await?;
        Ok(row.shown())
    }

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
            status = self.get(who.clone(), conversation_id).await?.status;
        }
        Ok(Started { conversation_id, session_id: who.session, bot_id: bot.id, status, messages })
    }

    async fn message(
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

    async fn begin(
        &self,
        who: &Actor,
        new: NewConversation,
    ) -> Result<(Id<ConversationKind>, BotRow, Vec<Message>, String), ConversationError> {
        let id = self.surroundings.id();
        let new = Arc::new(new);
        for _ in 0..TRIES {
            let (named, asks) = (Arc::clone(&new), who.clone());
            let bot = self
                .db
                .read(who.org, move |tx| bots::service::usable(tx, &asks, named.bot_id.as_deref()))
                .await?;
            if bot.status != "active" {
                return Err(ConversationError::BotInactive);
            }
            let ran = match bot.start_program {
                Some(hash) => {
                    Some((hash, self.run(who, bot.id, hash, Input::Start, new.language.clone()).await?))
                }
                None => None,
            };
            let (says, waits) = (self.phrases(&bot.config), is_waiting(ran.as_ref()));
            let turn = Turn {
                conversation: id,
                bot: bot.id,
                seq: 0,
                fence: 0,
                heard: None,
                welcome: says.welcome,
                ran,
                fallback: says.fallback,
                sorry: says.sorry,
            };
            if let Some(messages) = self.write_first(who, Arc::clone(&new), bot.clone(), turn).await? {
                let status = if waits { "waiting" } else { "active" };
                return Ok((id, bot, messages, status.to_owned()));
            }
        }
        Err(ConversationError::Busy)
    }

    /// Writes a conversation with its first turn. None if the bot got another start script meanwhile.
    async fn write_first(
        &self,
        who: &Actor,
        new: Arc<NewConversation>,
        bot: BotRow,
        turn: Turn,
    ) -> Result<Option<Vec<Message>>, ConversationError> {
        let (world, now, user) = (self.surroundings.clone(), self.surroundings.now(), who.user);
        self.db
            .write(who.org, move |unit| {
                let present = bots::store::by_id(unit, bot.id)?.ok_or(bots::BotError::NotFound)?;
                // The program must be one that is kept when the run is written.
                if present.start_program != bot.start_program {
                    return Ok(None);
                }
                store::insert(
                    unit,
                    &NewRow {
                        id: turn.conversation,
                        bot: bot.id,
                        user,
                        channel: new.channel.as_deref().unwrap_or("web"),
                        language: new.language.as_deref(),
                        title: new.title.as_deref().map_or(bot.name.as_str(), str::trim),
                        metadata: Json::of(&new.metadata),
                        at: now,
                    },
                )?;
                bots::store::touch(unit, bot.id, now)?;
                Ok(turn.write(unit, &world, now)?.ok())
            })
            .await
    }

    /// Takes a message and gives what the bot answers. The same message sent twice is taken once.
    pub(super) async fn send(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        message: NewMessage,
    ) -> Result<Sent, ConversationError> {
        self.check_message(&message)?;
        let started = Instant::now();
        let in_line = self.lines.turn(id, self.settings.waiting_turns).await;
        let _in_line = in_line.ok_or(ConversationError::TurnInProgress)?;
        for _ in 0..TRIES {
            match self.look(who, id, message.client_message_id.clone()).await? {
                Found::Known(own, answers) => return Ok(sent(id, own, answers, message.wait)),
                Found::Fresh(row) => {
                    if let Some(sent) = self.turn(who, id, &message, row).await? {
                        let elapsed = started.elapsed();
                        metrics::histogram!("conversation_turn_duration_seconds").record(elapsed);
                        return Ok(sent);
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
                Ok(Found::Fresh(row))
            })
            .await
    }

    fn answer_limit(&self) -> i64 {
        i64::try_from(self.settings.talks_per_turn).unwrap_or(i64::MAX).saturating_add(2)
    }

    /// Runs and writes one turn. None if another node was faster.
    async fn turn(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        message: &NewMessage,
        row: TurnRow,
    ) -> Result<Option<Sent>, ConversationError> {
        let ran = match (row.program, row.state) {
            (Some(program), Some(state)) => {
                let input = Input::Reply(state.into(), message.content.clone());
                Some((program, self.run(who, row.bot_id, program, input, row.language).await?))
            }
            _ => None,
        };
        count(ran.as_ref());
        let says = self.phrases(&row.bot_config);
        let turn = Turn {
            conversation: id,
            bot: row.bot_id,
            seq: row.seq,
            fence: row.fence,
            heard: Some((message.content.clone(), message.client_message_id.clone())),
            welcome: None,
            ran,
            fallback: says.fallback,
            sorry: says.sorry,
        };
        let (world, now, hub) = (self.surroundings.clone(), self.surroundings.now(), self.hub.clone());
        let written = self.db.write(who.org, move |unit| {
            let Ok(messages) = turn.write(unit, &world, now)? else { return Ok(None) };
            if hub.is_watched(id) {
                let frames: Frames =
                    messages.iter().cloned().map(|message| Arc::new(Frame::of(message))).collect();
                unit.after_commit(move || hub.publish(id, frames));
            }
            Ok::<_, ConversationError>(Some(messages))
        });
        let Some(mut messages) = written.await? else { return Ok(None) };
        let answers = messages.split_off(1);
        Ok(messages.pop().map(|own| answered(&own, answers, message.wait)))
    }

    async fn run(
        &self,
        who: &Actor,
        bot: Id<kernel::id::kind::Bot>,
        program: [u8; 32],
        input: Input,
        language: Option<String>,
    ) -> Result<Outcome, Error> {
        let program = self.programs.get(who.org, bot, program).await?;
        let moment = Moment {
            language,
            now: self.surroundings.now().fixed_offset(),
            seed: self.surroundings.seed(),
            talks: self.settings.talks_per_turn,
            bytes: self.settings.turn_bytes,
        };
        let outcome = match program {
            Ok(program) => self.stage.run(program, input, moment).await?,
            Err(error) => Outcome::failed(error.to_string()),
        };
        if let End::Failed(cause) = &outcome.end {
            tracing::warn!(%bot, cause, "a script failed");
        }
        Ok(outcome)
    }

    /// May it be said at all?
    pub(super) fn check_message(&self, message: &NewMessage) -> Result<(), ConversationError> {
        let length = message.client_message_id.as_ref().map(|id| id.chars().count());
        if length.is_some_and(|length| !(1..=CLIENT_ID).contains(&length)) {
            return Err(Error::invalid("client_message_id", "must have 1 to 128 characters").into());
        }
        self.check_content(&message.content)
    }

    fn check_content(&self, content: &str) -> Result<(), ConversationError> {
        let limit = self.settings.message_bytes;
        if content.len() > limit {
            return Err(ConversationError::TooLong(limit));
        }
        if content.trim().is_empty() { Err(ConversationError::Empty) } else { Ok(()) }
    }

    /// What the bot says where no script does.
    fn phrases(&self, config: &Json) -> Phrases {
        let mut config: BTreeMap<String, String> = config.read().unwrap_or_default();
        let mut phrase = |key: &str| config.remove(key).filter(|text| !text.trim().is_empty());
        Phrases {
            welcome: phrase("welcome-message"),
            fallback: phrase("fallback-message").unwrap_or_else(|| self.settings.fallback_message.clone()),
            sorry: phrase("error-message").unwrap_or_else(|| self.settings.error_message.clone()),
        }
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

    /// Everything said after `since` (from now on if it is None), as it is said: nothing twice, nothing lost.
    pub(super) async fn follow(
        &self,
        who: &Actor,
        id: Id<ConversationKind>,
        since: Option<u64>,
    ) -> Result<impl Stream<Item = Arc<Frame>> + Send + use<>, ConversationError> {
        // Watching begins before the look: what is said in between is in both, and told once.
        let watch = self.hub.watch(id);
        let asks = who.clone();
        let seq = self.db.read(who.org, move |tx| readable(tx, &asks, id).map(|row| row.seq)).await?;
        let seen = since.map_or(seq.unsigned_abs(), |since| Ord::min(since, seq.unsigned_abs()));
        if seq.unsigned_abs().saturating_sub(seen) > u64::from(self.settings.replay_frames) {
            let error = Error::conflict("Too much was said meanwhile; read the history.", "resync_required");
            return Err(error.into());
        }
        let follower = Follower { db: self.db.clone(), org: who.org, id, watch, seen, pending: Vec::new() };
        let told = (since.is_some(), follower);
        Ok(futures_util::stream::unfold(told, |(behind, mut follower)| async move {
            let frame = follower.next(behind).await?;
            Some((frame, (false, follower)))
        }))
    }
}

struct Phrases {
    welcome: Option<String>,
    fallback: String,
    sorry: String,
}

/// One watcher's way through a conversation.
struct Follower {
    db: Db,
    org: Id<kernel::id::kind::Organization>,
    id: Id<ConversationKind>,
    watch: Watch,
    /// The place up to which everything was told.
    seen: u64,
    /// What is to be told next, last first.
    pending: Vec<Arc<Frame>>,
}

impl Follower {
    /// The next frame. `behind`: look into the database before waiting.
    async fn next(&mut self, mut behind: bool) -> Option<Arc<Frame>> {
        loop {
            if let Some(frame) = self.pending.pop() {
                if frame.seq() > self.seen {
                    self.seen = frame.seq();
                    return Some(frame);
                }
                continue;
            }
            if behind {
                self.read_on().await?;
                behind = false;
                continue;
            }
            match self.watch.next().await {
                Some(frames) if frames.first().is_some_and(|first| first.seq() <= self.seen + 1) => {
                    self.pending = frames.iter().rev().cloned().collect();
                }
                // Something is missing: it is in the database.
                _ => behind = true,
            }
        }
    }

    async fn read_on(&mut self) -> Option<()> {
        let (id, seen) = (self.id, i64::try_from(self.seen).unwrap_or(i64::MAX));
        match self.db.read(self.org, move |tx| store::after(tx, id, seen, 1000)).await {
            Ok(rows) => {
                let frames = rows.into_iter().rev().map(|row| Arc::new(Frame::of(shown(row, id))));
                self.pending = frames.collect();
                Some(())
            }
            Err(error) => {
                tracing::error!(%error, "a watcher could not read on");
                None
            }
        }
    }
}

fn check(new: &NewConversation) -> Result<(), Error> {
    let mut wrong = FieldErrors::default();
    let title = new.title.as_ref().map(|title| title.trim().chars().count());
    wrong.check(
        title.is_none_or(|count| (1..=TITLE).contains(&count)),
        "title",
        "must have 1 to 200 characters",
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

fn is_waiting(ran: Option<&([u8; 32], Outcome)>) -> bool {
    matches!(ran, Some((_, Outcome { end: End::Waits(_), .. })))
}

fn count(ran: Option<&([u8; 32], Outcome)>) {
    let outcome = match ran.map(|(_, outcome)| &outcome.end) {
        Some(End::Waits(_)) => "waiting",
        Some(End::Finished) => "finished",
        Some(End::Failed(_)) => "failed",
        None => "fallback",
    };
    metrics::counter!("conversation_turns_total", "outcome" => outcome).increment(1);
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
