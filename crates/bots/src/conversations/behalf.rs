//! `SET USER id`: a script that nobody started goes on for one of the bot's people.
//!
//! What it remembers and reads as the person's is theirs from then on, and of the tables it sees what they may see, which
//! is never more than the bot itself does. Over the API it still asks as the bot, without permissions: nobody is there who
//! showed that they are who they are. So no author gets at anybody's rights by it. Nor at what other bots remember of
//! people who never came to this one: only somebody who has begun a conversation with it can be named.

use basic::{Answer, Command, ErrorCode};
use gateway::{
    Module,
    command::{Performed, Run, Unperformed},
};
use kernel::{Id, id::kind::User};
use platform::db::{Db, DbError};

use super::{letters::reachable, store};
use crate::memory::keywords::text;

/// Under this name the run keeps whom it goes on for.
const KEPT: &str = "on_behalf_of";

/// The command.
pub(super) fn with_commands(module: Module, db: &Db) -> Module {
    let db = db.clone();
    module.command_where(
        "SET USER",
        |command| command.arguments.len() == 1,
        move |run, command| {
            let db = db.clone();
            async move { set_user(&db, &run, &command).await }
        },
    )
}

/// Whom the run goes on for, where it is another than it began with.
pub(super) fn of(run: &Run) -> Option<Id<User>> {
    run.kept.get(KEPT)?.as_str()?.parse().ok()
}

async fn set_user(db: &Db, run: &Run, command: &Command) -> Performed {
    let named = text(command, 0);
    let nobody = || {
        let message = format!("nobody who talks with this bot has the id {named}");
        Unperformed::failed(ErrorCode::NotFound, message)
    };
    if named == run.user.to_string() {
        return Ok(Answer::Done);
    }
    if !(run.is_of_bot() || of(run).is_some()) {
        let message = "a script that a person has started goes on for that person";
        return Err(Unperformed::failed(ErrorCode::Denied, message));
    }
    let user: Id<User> = named.trim().parse().map_err(|_| nobody())?;
    let (bot, now) = (run.bot, run.now);
    let is_there = db.read(run.org, move |tx| {
        Ok::<_, DbError>(reachable(tx, bot, user, now)? && store::has_talked_with(tx, user, bot)?)
    });
    if !is_there.await? {
        return Err(nobody());
    }
    run.kept.set(KEPT, Some(named.trim().into()));
    Ok(Answer::Done)
}
