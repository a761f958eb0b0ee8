//! The job that puts a letter into a conversation.

use gateway::Module;
use kernel::{
    Error, Id, Timestamp,
    id::kind::{Bot, Conversation as ConversationKind, User},
};
use platform::{
    db::{Json, Tx, Unit},
    jobs::{JobContext, JobError},
};
use serde_json::{Map, Value};

use super::{DELIVER, Letter, reachable};
use crate::{
    bots::{self, BotError, LOOK_AGAIN, store::BotRow},
    conversations::{
        ConversationError, Conversations, WEB,
        commit::Setting,
        events::{About, ConversationStarted},
        send::TRIES,
        store::{self, AttachmentRow, NewRow, TurnRow},
        turn::{Before, Cause, Turn},
    },
};

/// What a bot says of itself, whatever the dialog waits for.
#[derive(Debug, Clone)]
pub(in crate::conversations) struct Told {
    pub(in crate::conversations) content: String,
    pub(in crate::conversations) file: Option<AttachmentRow>,
}

/// Where a letter goes.
enum Destination {
    /// Nowhere: bot or addressee are gone, or they may no longer use it.
    Nowhere,
    /// Into that conversation.
    Held(Id<ConversationKind>, Box<TurnRow>),
    /// Into a new one with the bot.
    New(Box<BotRow>),
    /// Nowhere yet: the bot is off, or the staff talks.
    Later,
}

/// The job of delivering.
pub(in crate::conversations) fn with_jobs(module: Module, conversations: &Conversations) -> Module {
    let conversations = conversations.clone();
    module.job(&DELIVER, move |job, letter: Letter| {
        let conversations = conversations.clone();
        async move { conversations.deliver(&job, letter).await }
    })
}

fn destination(tx: &Tx<'_>, bot: Id<Bot>, user: Id<User>, now: Timestamp) -> Result<Destination, Error> {
    let Some(row) = bots::store::by_id(tx, bot)? else { return Ok(Destination::Nowhere) };
    if !reachable(tx, bot, user, now)? {
        return Ok(Destination::Nowhere);
    }
    if row.status != "active" {
        return Ok(Destination::Later);
    }
    let Some(id) = store::current_with(tx, user, bot)? else { return Ok(Destination::New(row.into())) };
    Ok(match store::for_turn(tx, id)? {
        Some(found) if found.staff_active => Destination::Later,
        Some(found) => Destination::Held(id, found.into()),
        None => Destination::New(row.into()),
    })
}

impl Conversations {
    async fn deliver(&self, job: &JobContext, letter: Letter) -> Result<Value, JobError> {
        for _ in 0..TRIES {
            // Where it goes is asked again in line: a turn under way shall not be overtaken for it.
            let _in_line = match self.destination(job, &letter).await? {
                Destination::Held(id, _) => self.lines.turn(id, usize::MAX).await,
                _ => None,
            };
            let put = match self.destination(job, &letter).await? {
                Destination::Nowhere => return Ok(Value::Null),
                Destination::Later if letter.is_too_old(self.surroundings.now()) => {
                    return Err(JobError::fail("The bot was off, or the staff talked, for too long."));
                }
                Destination::Later => return Err(later()),
                Destination::Held(id, row) => self.put(job, &letter, id, &row).await,
                Destination::New(bot) => self.begin_with(job, &letter, *bot).await,
            };
            match put {
                Err(ConversationError::Busy) => {}
                Err(ConversationError::Bot(BotError::TooManySessions(most))) => {
                    if letter.is_too_old(self.surroundings.now()) {
                        let problem =
                            format!("The bot held {most} conversations, as many as it may, for too long.");
                        return Err(JobError::fail(problem));
                    }
                    return Err(later());
                }
                Err(error) => return Err(Error::from(error).into()),
                Ok(()) => return Ok(Value::Null),
            }
        }
        Err(Error::from(ConversationError::Busy).into())
    }

    async fn destination(&self, job: &JobContext, letter: &Letter) -> Result<Destination, Error> {
        let (bot, user, now) = (letter.bot_id, letter.user_id, self.surroundings.now());
        self.db.read(job.org(), move |tx| destination(tx, bot, user, now)).await
    }

    /// Puts a letter behind what was said.
    async fn put(
        &self,
        job: &JobContext,
        letter: &Letter,
        id: Id<ConversationKind>,
        row: &TurnRow,
    ) -> Result<(), ConversationError> {
        let scene = self.scene(job.org(), id, row, None, None);
        let turn = self.next_turn(&scene, row, Cause::Told(self.told(letter)?), None);
        self.commit_letter(job, turn, |_| Ok(())).await
    }

    /// Begins a conversation with a letter. No script runs: nobody is there.
    async fn begin_with(
        &self,
        job: &JobContext,
        letter: &Letter,
        bot: BotRow,
    ) -> Result<(), ConversationError> {
        let (id, user, at) = (self.surroundings.id(), letter.user_id, self.surroundings.now());
        let scene = self.set(Setting {
            org: job.org(),
            bot: bot.id,
            conversation: id,
            user,
            person: None,
            channel: WEB.into(),
            language: None,
            version: bot.version,
            turn: None,
            offered: Vec::new(),
            heard: true,
        });
        let turn = Turn::new(&scene, Cause::Told(self.told(letter)?), Before::default());
        self.commit_letter(job, turn, move |unit| {
            // It may have been deleted; nothing would ever remove what it leaves.
            bots::store::lock(unit, bot.id)?;
            let present = bots::store::by_id(unit, bot.id)?.ok_or(ConversationError::Busy)?;
            present.check_sessions(unit, at)?;
            store::insert(
                unit,
                &NewRow {
                    id,
                    session: None,
                    bot: bot.id,
                    user,
                    is_visitors: false,
                    channel: WEB,
                    language: None,
                    title: &bot.name,
                    metadata: Json::of(&Map::new()),
                    at,
                },
            )?;
            let channel = WEB.to_owned();
            let about = About { conversation_id: id, bot_id: bot.id, user_id: user, channel };
            Ok(unit.emit(&ConversationStarted(about))?)
        })
        .await
    }

    fn told(&self, letter: &Letter) -> Result<Told, Error> {
        let (user, now) = (letter.user_id, self.surroundings.now());
        let file = letter.file.as_ref().map(|file| file.row(user, now)).transpose()?;
        Ok(Told { content: letter.content.clone(), file })
    }

    /// Writes the turn and that the job is done, both or neither.
    async fn commit_letter<F>(&self, job: &JobContext, turn: Turn, first: F) -> Result<(), ConversationError>
    where
        F: FnOnce(&Unit<'_>) -> Result<(), ConversationError> + Clone + Send + 'static,
    {
        let (this, id, seq) = (job.clone(), turn.conversation, turn.before.seq + 1);
        let file = match &turn.cause {
            Cause::Told(told) => told.file.clone(),
            _ => None,
        };
        self.commit(job.org(), turn, move |unit| {
            this.complete_in(unit, &Value::Null).map_err(lost)?;
            first(unit)?;
            if let Some(file) = &file {
                store::insert_attachment(unit, id, file)?;
                store::send_attachment(unit, id, file.id, seq)?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}

/// It keeps its place in the line of its letters: those that come later wait behind it.
const fn later() -> JobError {
    JobError::NotYet(LOOK_AGAIN)
}

/// Another node has the job by now, or the database failed.
fn lost(error: JobError) -> ConversationError {
    match error {
        JobError::Retry(error) | JobError::RetryAfter(error, _) | JobError::Fail(error) => error.into(),
        JobError::Interrupted | JobError::NotYet(_) => {
            Error::unavailable("jobs", "Another node delivers the letter by now.").into()
        }
    }
}
