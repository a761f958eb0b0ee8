//! A script that is run once, outside of the turns of a conversation: what it does is written when it has ended, all of
//! it or nothing. Nobody is there to answer it, so it can neither HEAR nor WAIT.

use std::{sync::Arc, time::Duration};

use basic::{Data, Program};
use gateway::command::{Draft, NotWritten};
use kernel::{
    Actor, Error, Id, Kind, Timestamp,
    id::kind::{Bot, Conversation as ConversationKind, Organization},
};
use tokio::time::{Instant, timeout};

use super::{
    ConversationError, Conversations,
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

/// A run that somebody wants.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) program: [u8; 32],
    /// What its PARAMs find.
    pub(crate) inputs: Vec<(String, Data)>,
    /// The conversation whose attributes it sees; one of its own, which nobody sees later, if there is none.
    pub(crate) conversation: Option<Id<ConversationKind>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What it said, in order.
    pub(crate) says: Vec<String>,
    /// What it gave back, if it ended.
    pub(crate) result: Data,
    /// Where and why it failed, if it did.
    pub(crate) failure: Option<(Option<u32>, String)>,
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

    /// Runs a script with the caller's rights. Beside a conversation it waits for its place among the turns.
    pub(crate) async fn run_once(&self, who: &Actor, bot: &BotRow, once: Once) -> Result<Ran, Error> {
        let places = self.settings.get().waiting_turns;
        let _in_line = match once.conversation {
            Some(id) => Some(self.lines.turn(id, places).await.ok_or(ConversationError::TurnInProgress)?),
            None => None,
        };
        let seconds = self.settings.get().script_run_seconds;
        let mut in_line_of_bot = None;
        for attempt in 0..TRIES {
            in_line_of_bot = match in_line_of_bot {
                None => self.line_of_bot(bot.id, attempt > 0).await,
                held => held,
            };
            let (bot, beside) = self.setting_of(who, bot.id, once.conversation).await?;
            let (channel, language, offered) = match &beside {
                Some(row) => (row.channel.as_str().into(), row.language.clone(), row.offered()),
                None => (API.into(), None, Vec::new()),
            };
            let scene = self.set(Setting {
                org: who.org,
                bot: bot.id,
                conversation: once.conversation.unwrap_or_else(|| self.surroundings.id()),
                user: who.user,
                permissions: who.permissions,
                channel,
                language,
                version: bot.version,
                offered,
            });
            let begun = Instant::now();
            let input = Input::Call(once.program, once.inputs.clone());
            let outcome = timeout(Duration::from_secs(seconds), self.dialogs.run(&scene, input)).await;
            let outcome = outcome.map_err(|_| timed_out(seconds))??;
            if let Some(says) = self.write_once(&scene, outcome, once.conversation.is_none()).await? {
                return Ok(ran(&scene, says, begun.elapsed()));
            }
        }
        Err(ConversationError::Busy.into())
    }

    /// The bot as it stands, with the caller's own conversation with it if one is named.
    async fn setting_of(
        &self,
        who: &Actor,
        bot: Id<Bot>,
        conversation: Option<Id<ConversationKind>>,
    ) -> Result<(BotRow, Option<TurnRow>), ConversationError> {
        let asks = who.clone();
        self.db
            .read(who.org, move |tx| {
                let bot = bots::store::by_id(tx, bot)?.ok_or(bots::BotError::NotFound)?;
                if bot.status != "active" {
                    return Err(ConversationError::BotInactive);
                }
                let Some(id) = conversation else { return Ok((bot, None)) };
                let row = store::for_turn(tx, id)?;
                let row = row.filter(|row| asks.is(row.user_id) && row.bot_id == bot.id);
                Ok((bot, Some(row.ok_or(ConversationError::NotFound)?)))
            })
            .await
    }

    /// Writes what the run did, or only what it left for its author if it failed. None if it was overtaken.
    async fn write_once(
        &self,
        scene: &Scene,
        outcome: Outcome,
        is_alone: bool,
    ) -> Result<Option<Vec<String>>, Error> {
        let notes = &scene.run.drafts;
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
        match self.write_drafts(scene, is_alone).await {
            Ok(()) => Ok(Some(outcome.says)),
            Err(NotWritten::Overtaken) => Ok(None),
            Err(NotWritten::Database(error)) => Err(error.into()),
            Err(NotWritten::Server(error)) => Err(error),
            Err(NotWritten::Refused(cause)) => {
                notes.with(|notes: &mut Notes| notes.failed(&cause));
                match self.write_drafts(scene, is_alone).await {
                    Err(NotWritten::Database(error)) => Err(error.into()),
                    _ => Ok(Some(outcome.says)),
                }
            }
        }
    }

    async fn write_drafts(&self, scene: &Scene, is_alone: bool) -> Result<(), NotWritten> {
        let (run, now) = (scene.run.clone(), self.surroundings.now());
        let has_failed = run.drafts.with(|notes: &mut Notes| notes.failure.is_some());
        if !has_failed {
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
            if has_failed {
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

fn timed_out(seconds: u64) -> Error {
    Error::new(
        Kind::Validation,
        format!("The script took longer than {seconds} seconds; nothing of it stays."),
    )
    .reason("script_timeout")
    .detail("limit", seconds)
}

fn ran(scene: &Scene, says: Vec<String>, duration: Duration) -> Ran {
    scene.run.drafts.with(|notes: &mut Notes| Ran {
        says,
        result: notes.result.clone().filter(|_| notes.failure.is_none()).unwrap_or(Data::Null),
        failure: notes.failure.as_ref().map(|failure| (failure.at, failure.message.clone())),
        steps: notes.steps,
        duration,
    })
}
