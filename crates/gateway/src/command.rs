//! What modules do for scripts: the commands of the language, each contributed in one place.
//!
//! The language has only the specification of a command. A module that performs one registers a handler for its
//! phrase ([`Module::command`]); whoever runs scripts collects all of them ([`Commands::of`]) and asks. A command that
//! nobody performs fails in the script with a sentence that says so.
//!
//! What a command does to the database is not done when the script comes to it. It is kept in a [`Draft`], and written
//! with the turn: all that a script did between two questions stands in one unit of work, or nothing of it. A turn that
//! was overtaken runs again with fresh drafts.

use std::{
    any::{Any, TypeId},
    collections::{BTreeMap, HashMap},
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use basic::{Answer, Command, ErrorCode, HostError};
use kernel::{
    Actor, Error, Id, Timestamp,
    id::kind::{Bot, Conversation, Organization, User},
};
use platform::db::{DbError, Unit};
use serde_json::Value;

use crate::{Module, module::BoxFuture};

/// What a handler gives: how the script goes on.
pub type Performed = std::result::Result<Answer, Unperformed>;

/// Why a command was not performed.
#[derive(Debug)]
pub enum Unperformed {
    /// The script is told, and may go on with it.
    Failed(HostError),
    /// The server can't at the moment: nothing of the turn happens, and whoever waits for it is told.
    Server(Error),
}

impl Unperformed {
    /// An error of that kind, with a sentence for the script's author.
    pub fn failed(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Failed(HostError { code, message: message.into() })
    }

    /// An argument that is wrong.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::failed(ErrorCode::Argument, message)
    }
}

impl From<Error> for Unperformed {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl From<DbError> for Unperformed {
    fn from(error: DbError) -> Self {
        Self::Server(error.into())
    }
}

/// A run that asks for a command: whose it is, and what it has done so far.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whose everything is.
    pub org: Id<Organization>,
    /// The bot whose script it is.
    pub bot: Id<Bot>,
    /// Where it talks.
    pub conversation: Id<Conversation>,
    /// Where that is held, such as `web`.
    pub channel: Arc<str>,
    /// On whose behalf it acts.
    pub user: Id<User>,
    /// Who is there, with whose rights it acts: the person whose request began the turn. Nobody where a timer goes on for
    /// somebody who isn't there, and where it acts for the bot itself: then it has no rights at all.
    pub person: Option<Actor>,
    /// The turn's time.
    pub now: Timestamp,
    /// Names the turn to whoever must not do a thing twice: the same for one that runs again.
    pub turn: Arc<str>,
    /// Is what it says written into the conversation? Where not, its caller gets it, or the log.
    pub heard: bool,
    /// What will be written with the turn.
    pub drafts: Drafts,
    /// What stays from turn to turn, until the run ends.
    pub kept: Kept,
}

impl Run {
    /// Does it act for the bot itself, and for no person? So do schedules, and what other servers call.
    pub fn is_of_bot(&self) -> bool {
        self.user.as_bytes() == self.bot.as_bytes()
    }
}

/// What a domain keeps during a turn, and writes in the turn's unit of work.
pub trait Draft: Any + Send + Sync {
    /// What has to be done before the unit of work, because it takes time: keeping content as objects. It has no effect
    /// that anybody sees if the turn is not written.
    fn prepare(&self) -> Option<BoxFuture<'static, std::result::Result<(), Error>>> {
        None
    }

    /// Writes all of it. It may run more than once.
    fn write(&self, unit: &Unit<'_>, at: Timestamp) -> std::result::Result<(), NotWritten>;
}

/// Why nothing of a turn was written.
#[derive(Debug)]
pub enum NotWritten {
    /// Somebody else changed meanwhile what the turn was based on: it runs again.
    Overtaken,
    /// What the script wants can't be: it fails with this sentence for its author.
    Refused(String),
    /// Whoever runs it may no longer: another node does.
    Interrupted,
    /// The database failed.
    Database(DbError),
    /// Something else of the server failed.
    Server(Error),
}

impl From<DbError> for NotWritten {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// The drafts of a turn, one of each kind. A cheap handle.
#[derive(Clone, Default)]
pub struct Drafts(Arc<Mutex<BTreeMap<TypeId, Box<dyn Draft>>>>);

impl fmt::Debug for Drafts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drafts").field(&self.lock().len()).finish()
    }
}

impl Drafts {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TypeId, Box<dyn Draft>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the draft of that kind and changes it; it is made where there is none.
    pub fn with<D: Draft + Default, T>(&self, change: impl FnOnce(&mut D) -> T) -> T {
        let mut drafts = self.lock();
        let draft: &mut dyn Any =
            &mut **drafts.entry(TypeId::of::<D>()).or_insert_with(|| Box::new(D::default()));
        match draft.downcast_mut() {
            Some(draft) => change(draft),
            // What stands under the name of a type is of that type.
            None => change(&mut D::default()),
        }
    }

    /// Does what has to be done before they are written.
    pub async fn prepare(&self) -> std::result::Result<(), Error> {
        let wanted: Vec<_> = self.lock().values().filter_map(|draft| draft.prepare()).collect();
        for prepared in wanted {
            prepared.await?;
        }
        Ok(())
    }

    /// Writes all of them. Their order is the same for every turn, so that two never wait for each other.
    pub fn write(&self, unit: &Unit<'_>, at: Timestamp) -> std::result::Result<(), NotWritten> {
        self.lock().values().try_for_each(|draft| draft.write(unit, at))
    }
}

/// What modules keep for as long as a run goes on, by names of their own: it is stored, sealed, where the run stops. A
/// cheap handle.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<BTreeMap<String, Value>>>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.lock().len()).finish()
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept under that name.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.lock().get(name).cloned()
    }

    /// Keeps something under that name, or nothing.
    pub fn set(&self, name: &str, value: Option<Value>) {
        let mut all = self.lock();
        match value {
            Some(value) => all.insert(name.to_owned(), value),
            None => all.remove(name),
        };
    }

    /// All of it, to be stored. None if there is nothing.
    pub fn stored(&self) -> Option<Vec<u8>> {
        let all = self.lock();
        if all.is_empty() { None } else { serde_json::to_vec(&*all).ok() }
    }

    /// Takes what was stored in place of what there is.
    pub fn restore(&self, stored: &[u8]) -> std::result::Result<(), serde_json::Error> {
        *self.lock() = serde_json::from_slice(stored)?;
        Ok(())
    }
}

type Handle = Arc<dyn Fn(Run, Command) -> BoxFuture<'static, Performed> + Send + Sync>;

/// What performs one command, or one of its forms.
#[derive(Clone)]
pub struct CommandHandler {
    phrase: &'static str,
    is_meant: fn(&Command) -> bool,
    handle: Handle,
}

impl CommandHandler {
    /// What performs the command of that phrase where it is meant.
    pub fn new<F, Fut>(phrase: &'static str, is_meant: fn(&Command) -> bool, handler: F) -> Self
    where
        F: Fn(Run, Command) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Performed> + Send + 'static,
    {
        Self { phrase, is_meant, handle: Arc::new(move |run, command| Box::pin(handler(run, command))) }
    }
}

/// Modules whose commands can't be.
#[derive(Debug, thiserror::Error)]
#[error("a module performs {0}, which is no command of the language")]
pub struct UnknownCommand(&'static str);

/// What a server can do for scripts, collected from its modules.
#[derive(Clone, Default)]
pub struct Commands(HashMap<&'static str, Vec<CommandHandler>>);

impl Commands {
    /// The commands of these modules.
    pub fn of(modules: &[Module]) -> std::result::Result<Self, UnknownCommand> {
        let mut commands = Self::default();
        for handler in modules.iter().flat_map(|module| &module.commands) {
            if !basic::commands::all().iter().any(|spec| spec.phrase == handler.phrase) {
                return Err(UnknownCommand(handler.phrase));
            }
            commands.0.entry(handler.phrase).or_default().push(handler.clone());
        }
        Ok(commands)
    }

    /// What is performed, by its phrases.
    pub fn phrases(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Performs a command; one that nobody does is an error that says so.
    pub async fn perform(&self, run: Run, command: Command) -> Performed {
        let handlers = self.0.get(command.keyword.phrase).map(Vec::as_slice).unwrap_or_default();
        match handlers.iter().find(|handler| (handler.is_meant)(&command)) {
            Some(handler) => (handler.handle)(run, command).await,
            None => Err(nobody_performs(&command)),
        }
    }
}

fn nobody_performs(command: &Command) -> Unperformed {
    let message = match &command.name {
        Some(name) => format!("unknown function {name}"),
        None => format!("this server does not have {}", command.keyword.phrase),
    };
    Unperformed::failed(ErrorCode::Unknown, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(phrase: &'static str) -> Module {
        Module::new("test").command(phrase, |_, _| async { Ok(Answer::Done) })
    }

    #[test]
    fn only_commands_of_the_language_can_be_performed() {
        assert!(Commands::of(&[module("SET BOT MEMORY")]).is_ok());
        let refused = Commands::of(&[module("DANCE")]).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some("a module performs DANCE, which is no command of the language"));
    }

    #[test]
    fn a_turn_has_one_draft_of_each_kind() {
        #[derive(Default)]
        struct Noted(Vec<u8>);
        impl Draft for Noted {
            fn write(&self, _: &Unit<'_>, _: Timestamp) -> std::result::Result<(), NotWritten> {
                Ok(())
            }
        }
        let drafts = Drafts::default();

        drafts.with(|noted: &mut Noted| noted.0.push(1));
        drafts.clone().with(|noted: &mut Noted| noted.0.push(2));

        assert_eq!(drafts.with(|noted: &mut Noted| noted.0.clone()), [1, 2]);
    }
}
