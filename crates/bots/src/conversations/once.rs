//! A script that is run once, outside of the turns of a conversation: what it does is written when it has ended, all of
//! it or nothing. Nobody is there to answer it, so it can neither HEAR nor WAIT.

use std::{sync::Arc, time::Duration};

use basic::{Data, Program};
use gateway::command::{Draft, NotWritten};
use kernel::{
    Actor, Error, Id, Kind, Timestamp,
    id::kind::{Bot, Conversation as ConversationKind, Organization, User},
};
use platform::db::Unit;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{
    ConversationError, Conversations,
    access::not_its_own_script,
    calls,
    commit::Setting,
    dialog::{End, Input, Outcome, Scene},
    send::TRIES,
    store::{self, TurnRow},
};
use crate::{
    bots::{self, store::BotRow},
    logs::Notes,
    memory,
};

/// Where scripts run that no conversation has begun.
const API: &str = "api";

/// Who runs a script.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    org: Id<Organization>,
    user: Id<User>,
    /// Who is there, if anybody is.
    person: Option<Actor>,
}

impl From<&Actor> for Runner {
    fn from(who: &Actor) -> Self {
        Self { org: who.org, user: who.user, person: Some(who.clone()) }
    }
}

impl Runner {
    /// The bot itself, for no person: it is to what remembers as if it were one.
    pub(crate) fn bot(org: Id<Organization>, bot: Id<Bot>) -> Self {
        Self { org, user: Id::from_uuid(bot.uuid()), person: None }
    }
}

/// What is written with a run, in its unit: given why the run failed, if it did.
pub(crate) type After = Arc<dyn Fn(&Unit<'_>, Option<&str>) -> Result<(), NotWritten> + Send + Sync>;

/// A run that somebody wants.
#[derive(Clone)]
pub(crate) struct Once {
    pub(crate) program: [u8; 32],
    /// What its PARAMs find.
    pub(crate) inputs: Vec<(String, Data)>,
    /// The conversation whose attributes it sees; one of its own, which nobody sees later, if there is none.
    pub(crate) conversation: Option<Id<ConversationKind>>,
    /// What is written with it.
    pub(crate) after: Option<After>,
    /// Names the run, where something does that outlasts this node.
    pub(crate) name: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What it said, in order.
    pub(crate) says: Vec<String>,
    /// What it gave back, if it ended.
    pub(crate) result: Data,
    /// What it left in the variables `result_…`, if it gave nothing back.
    pub(crate) results: Vec<(String, Data)>,
    /// Where and why it failed, if it did.
    pub(crate) failure: Option<(Option<u32>, String)>,
    /// The seconds that it had, if they were not enough.
    pub(crate) timed_out: Option<u64>,
    pub(crate) steps: u64,
    pub(crate) duration: Duration,
}

impl Conversations {
    /// A program of the bot.
    pub(crate) async fn program(
        &self,
        org: Id<Organization>,
        bot: Id<Bot>,
        hash: [u8; 32],
    ) -> Result<Arc<Program>, Error> {
        let program = self.dialogs.program_of(org, bot, hash).await?;
        program.map_err(|cause| {
            Error::conflict(
                format!("The script must be compiled anew: restart the bot ({cause})."),
                "compile_failed",
            )
        })
    }

    /// The roles of which the caller needs one to run a script, where they have none.
    pub(crate) async fn denial(&self, who: &Actor, program: &Program) -> Result<Option<String>, Error> {
        self.dialogs.denial(who.org, who.user, program).await
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.surroundings.now()
    }

    /// The script of that name, as the bot's package has it. None if there is none, or none that ever compiled.
    pub(crate) async fn script_of(
        &self,
        org: Id<Organization>,
        bot: &BotRow,
        name: &str,
    ) -> Result<Option<Arc<Program>>, Error> {
        let hash = self.dialogs.named(org, bot.id, bot.version, name).await?;
        let Some(hash) = hash else { return Ok(None) };
        self.program(org, bot.id, hash).await.map(Some)
    }

    /// What a script is given as its PARAMs, in their order.
    pub(crate) fn inputs(&self, program: &Program, given: Vec<Value>) -> Result<Vec<(String, Data)>, Error> {
        let given: Vec<_> = given.into_iter().map(Data::from_json).collect();
        calls::arguments(program, &given, self.now().fixed_offset())
            .map_err(|wrong| Error::invalid("arguments", wrong))
    }

    /// Runs a script. Beside a conversation it waits for its place among the turns.
    pub(crate) async fn run_once(&self, who: &Runner, bot: Id<Bot>, once: Once) -> Result<Ran, Error> {
        if let (Some(person), Some(beside)) = (&who.person, once.conversation) {
            not_its_own_script(person, beside)?;
        }
        let _in_line = match once.conversation {
            Some(id) => Some(self.line_of(id, who.person.as_ref()).await?),
            None => None,
        };
        let seconds = self.settings.get().script_run_seconds;
        let name = once.name.clone().unwrap_or_else(|| self.surroundings.uuid().to_string());
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            in_line_of_bot = match in_line_of_bot {
                None => self.line_of_bot(bot, who.person.as_ref(), attempt > 0).await,
                held => held,
            };
            let (bot, beside) = self.setting_of(who, bot, once.conversation).await?;
            let (channel, language, offered) = match &beside {
                Some(row) => (row.channel.as_str().into(), row.language.clone(), row.offered()),
                None => (API.into(), None, Vec::new()),
            };
            let scene = self.set(Setting {
                org: who.org,
                bot: bot.id,
                conversation: once.conversation.unwrap_or_else(|| self.surroundings.id()),
                user: who.user,
                person: who.person.clone(),
                channel,
                language,
                version: bot.version,
                turn: Some(name.clone()),
                offered,
                heard: false,
            });
            let begun = Instant::now();
            let input = Input::Call(once.program, once.inputs.clone());
            let outcome = timeout(Duration::from_secs(seconds), self.dialogs.run(&scene, input)).await;
            let timed_out = outcome.is_err().then_some(seconds);
            let outcome = outcome.unwrap_or_else(|_| Ok(Outcome::failed(took_longer_than(seconds))))?;
            if let Some(says) = self.write_once(&scene, outcome, &once).await? {
                return Ok(Ran { timed_out, ..ran(&scene, says, begun.elapsed()) });
            }
        }
        Err(ConversationError::Busy.into())
    }

    /// The bot as it stands, with the caller's own conversation with it if one is named.
    async fn setting_of(
        &self,
        who: &Runner,
        bot: Id<Bot>,
        conversation: Option<Id<ConversationKind>>,
    ) -> Result<(BotRow, Option<TurnRow>), ConversationError> {
        let user = who.user;
        self.db
            .read(who.org, move |tx| {
                let bot = bots::store::by_id(tx, bot)?.ok_or(bots::BotError::NotFound)?;
                if bot.status != "active" {
                    return Err(ConversationError::BotInactive);
                }
                let Some(id) = conversation else { return Ok((bot, None)) };
                let row = store::for_turn(tx, id)?;
                let row = row.filter(|row| row.user_id == user && row.bot_id == bot.id);
                Ok((bot, Some(row.ok_or(ConversationError::NotFound)?)))
            })
            .await
    }

    /// Writes what the run did, or only what it left for its author if it failed. None if it was overtaken.
    async fn write_once(
        &self,
        scene: &Scene,
        outcome: Outcome,
        once: &Once,
    ) -> Result<Option<Vec<String>>, Error> {
        let notes = &scene.run.drafts;
        if scene.run.is_of_bot() {
            // Nobody is there to hear it but the author.
            notes.with(|notes: &mut Notes| outcome.says.iter().for_each(|said| notes.say(said)));
        }
        match &outcome.end {
            End::Finished => {}
            End::Waits(_) => {
                notes
                    .with(|notes: &mut Notes| notes.failed("the script asks, and nobody is there to answer"));
            }
            End::Sleeps(..) => {
                notes.with(|notes: &mut Notes| notes.failed("a script that is run once can't wait"));
            }
            End::Stopped => notes.with(|notes: &mut Notes| notes.failed("somebody stopped the script")),
            End::Failed(cause) => notes.with(|notes: &mut Notes| notes.failed(cause)),
        }
        match self.write_drafts(scene, once).await {
            Ok(()) => Ok(Some(outcome.says)),
            Err(NotWritten::Overtaken) => Ok(None),
            Err(NotWritten::Database(error)) => Err(error.into()),
            Err(NotWritten::Interrupted) => Err(interrupted()),
            Err(NotWritten::Server(error)) => Err(error),
            Err(NotWritten::Refused(cause)) => {
                notes.with(|notes: &mut Notes| notes.failed(&cause));
                match self.write_drafts(scene, once).await {
                    Err(NotWritten::Database(error)) => Err(error.into()),
                    Err(NotWritten::Interrupted) => Err(interrupted()),
                    _ => Ok(Some(outcome.says)),
                }
            }
        }
    }

    async fn write_drafts(&self, scene: &Scene, once: &Once) -> Result<(), NotWritten> {
        let (run, now) = (scene.run.clone(), self.surroundings.now());
        let (is_alone, after) = (once.conversation.is_none(), once.after.clone());
        let failure = run
            .drafts
            .with(|notes: &mut Notes| notes.failure.as_ref().map(|failure| failure.message.clone()));
        if failure.is_none() {
            run.drafts.prepare().await.map_err(NotWritten::Server)?;
        }
        let written = self.db.write(run.org, move |unit| {
            // Both may have been deleted while it ran; nothing would ever remove what it leaves.
            bots::store::lock(unit, run.bot)?;
            let is_there = bots::store::by_id(unit, run.bot)?.is_some()
                && (is_alone || store::for_turn(unit, run.conversation)?.is_some());
            if !is_there {
                return Err(NotWritten::Overtaken);
            }
            if let Some(after) = &after {
                after(unit, failure.as_deref())?;
            }
            if failure.is_some() {
                return run.drafts.with(|notes: &mut Notes| notes.write(unit, now));
            }
            run.drafts.write(unit, now)?;
            if is_alone {
                // Nobody could ever ask for the attributes of a conversation that there is not.
                memory::store::forget_of(unit, run.conversation)?;
            }
            Ok(())
        });
        written.await
    }
}

fn took_longer_than(seconds: u64) -> String {
    format!("The script took longer than {seconds} seconds; nothing of it stays.")
}

fn interrupted() -> Error {
    Error::new(Kind::Unavailable, "Another node runs the script by now.")
}

impl Ran {
    /// The same, unless it took too long: `script_timeout`.
    pub(crate) fn in_time(self) -> Result<Self, Error> {
        let Some(seconds) = self.timed_out else { return Ok(self) };
        let error = Error::new(Kind::Validation, took_longer_than(seconds));
        Err(error.reason("script_timeout").detail("limit", seconds))
    }
}

fn ran(scene: &Scene, says: Vec<String>, duration: Duration) -> Ran {
    scene.run.drafts.with(|notes: &mut Notes| Ran {
        says,
        result: notes.result.clone().filter(|_| notes.failure.is_none()).unwrap_or(Data::Null),
        results: std::mem::take(&mut notes.results),
        failure: notes.failure.as_ref().map(|failure| (failure.at, failure.message.clone())),
        timed_out: None,
        steps: notes.steps,
        duration,
    })
}
