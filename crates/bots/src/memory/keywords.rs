//! What scripts can remember: the memory of the bot, of the person, and what is kept for a while.

use basic::{Answer, Command, Data, commands::Target};
use chrono::TimeDelta;
use gateway::{
    Module,
    command::{Performed, Run, Unperformed},
};
use kernel::Timestamp;

use super::{Memories, model::Owner};

/// How long CACHE SET keeps a value where it doesn't say.
const CACHED: TimeDelta = TimeDelta::days(1);

/// Whose the value under a key is, for a run.
type Whose = fn(&Run) -> Owner;

/// The commands of memory.
pub(super) fn with_commands(mut module: Module, memories: &Memories) -> Module {
    let bot: Whose = |run| Owner::bot(run.bot);
    let person: Whose = |run| Owner::person(run.bot, run.user);
    let user: Whose = |run| Owner::user(run.user);
    let facts: Whose = |run| Owner::facts(run.user);
    let attributes: Whose = |run| Owner::attributes(run.bot, run.user);
    let cache: Whose = |run| Owner::cache(run.bot);
    for (phrase, whose) in [
        ("SET BOT MEMORY", bot),
        ("REMEMBER", person),
        ("SET USER MEMORY", user),
        ("SET USER FACT", facts),
        ("CACHE SET", cache),
    ] {
        module = keeping(module, memories, phrase, whose);
    }
    for (phrase, whose) in [
        ("GET BOT MEMORY", bot),
        ("RECALL", person),
        ("GET USER MEMORY", user),
        ("GET USER", attributes),
        ("CACHE GET", cache),
    ] {
        let memories = memories.clone();
        module = module.command(phrase, move |run, command| {
            let memories = memories.clone();
            async move { value(memories.recall(&run, whose(&run), &text(&command, 0)).await) }
        });
    }
    let (facts_of, named, set) = (memories.clone(), memories.clone(), memories.clone());
    module
        .command("CLEAR USER MEMORY", {
            let memories = memories.clone();
            move |run, command| {
                let memories = memories.clone();
                async move { forget(&memories, &run, &command) }
            }
        })
        .command("USER FACTS", move |run, _| {
            let memories = facts_of.clone();
            async move {
                Ok(Answer::Value(Data::Object(memories.recall_all(&run, Owner::facts(run.user)).await?)))
            }
        })
        .command_where("SET USER", |command| command.arguments.len() > 1, {
            let memories = memories.clone();
            move |run, command| {
                let memories = memories.clone();
                async move { keep(&memories, &run, Owner::attributes(run.bot, run.user), &command) }
            }
        })
        .command_where("GET", names_memory, move |run, command| {
            let memories = named.clone();
            async move { value(get(&memories, &run, &text(&command, 0)).await) }
        })
        .command_where("SET", |command| command.arguments.len() < 3 && names_memory(command), {
            move |run, command| {
                let memories = set.clone();
                async move { set_named(&memories, &run, &command) }
            }
        })
}

fn keeping(module: Module, memories: &Memories, phrase: &'static str, whose: Whose) -> Module {
    let memories = memories.clone();
    module.command(phrase, move |run, command| {
        let memories = memories.clone();
        async move { keep(&memories, &run, whose(&run), &command) }
    })
}

/// Keeps the second argument under the first, for as many seconds as the third says.
fn keep(memories: &Memories, run: &Run, owner: Owner, command: &Command) -> Performed {
    let seconds = command.arguments.get(2).filter(|seconds| !seconds.is_null());
    let mut until = seconds.map(|seconds| end(run.now, seconds)).transpose()?;
    if owner == Owner::cache(run.bot) {
        until = until.or(Some(run.now + CACHED));
    }
    memories.keep(run, owner, &text(command, 0), &given(command), until)?;
    Ok(Answer::Done)
}

/// The value of a command that parts name and value by a comma, `=` or AS.
pub(crate) fn given(command: &Command) -> Data {
    command.arguments.get(1).or_else(|| command.clause_value("AS")).cloned().unwrap_or_default()
}

/// When something that is kept for so many seconds ends.
fn end(now: Timestamp, seconds: &Data) -> Result<Timestamp, Unperformed> {
    let wrong = || Unperformed::argument("the seconds to remember something are a number above zero");
    let seconds = seconds.as_number().or_else(|| seconds.as_text()?.trim().parse().ok()).ok_or_else(wrong)?;
    if seconds.is_nan() || seconds <= 0.0 {
        return Err(wrong());
    }
    // What is kept for longer than anybody counts is kept for good; a thousand years are.
    let milliseconds = (seconds * 1000.0).min(1000.0 * 366.0 * 86_400_000.0);
    Ok(now + TimeDelta::milliseconds(milliseconds as i64))
}

fn forget(memories: &Memories, run: &Run, command: &Command) -> Performed {
    let owner = Owner::user(run.user);
    if command.arguments.is_empty() {
        Memories::clear(run, owner);
    } else {
        memories.keep(run, owner, &text(command, 0), &Data::Null, None)?;
    }
    Ok(Answer::Done)
}

/// Does GET or SET name something of the memory?
fn names_memory(command: &Command) -> bool {
    let name = text(command, 0);
    command.arguments.len() < 3
        && matches!(Target::of(&name), Target::User(_) | Target::Bot(_) | Target::Word(_))
        && !(command.keyword.phrase == "GET" && command.arguments.len() > 1)
}

async fn get(memories: &Memories, run: &Run, name: &str) -> Result<Data, Unperformed> {
    match Target::of(name) {
        Target::Bot(key) => memories.recall(run, Owner::bot(run.bot), key).await,
        Target::User("id") => Ok(Data::Text(run.user.to_string())),
        Target::User(key) => memories.recall(run, Owner::attributes(run.bot, run.user), key).await,
        _ => {
            // What was remembered of the person goes before what the bot knows for all.
            for owner in
                [Owner::person(run.bot, run.user), Owner::bot(run.bot), Owner::attributes(run.bot, run.user)]
            {
                let found = memories.recall(run, owner, name).await?;
                if !found.is_null() {
                    return Ok(found);
                }
            }
            Ok(Data::Null)
        }
    }
}

fn set_named(memories: &Memories, run: &Run, command: &Command) -> Performed {
    let name = text(command, 0);
    let (owner, key) = match Target::of(&name) {
        Target::Bot(key) => (Owner::bot(run.bot), key),
        Target::User(key) => (Owner::attributes(run.bot, run.user), key),
        _ => (Owner::attributes(run.bot, run.user), name.as_str()),
    };
    memories.keep(run, owner, key, &given(command), None)?;
    Ok(Answer::Done)
}

/// An argument as its text.
pub(crate) fn text(command: &Command, index: usize) -> String {
    command.arguments.get(index).map(ToString::to_string).unwrap_or_default()
}

fn value(value: Result<Data, Unperformed>) -> Performed {
    value.map(Answer::Value)
}
