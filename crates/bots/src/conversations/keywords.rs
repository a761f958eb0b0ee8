//! What scripts can do with their conversation: quick replies, attributes, what the model sees of it.

use basic::{Answer, Command, Data, ErrorCode, commands::Target};
use gateway::{
    Module,
    command::{Draft, NotWritten, Performed, Run, Unperformed},
};
use kernel::{Id, Timestamp, id::kind::Conversation};
use platform::{
    db::{Db, Json, Unit},
    settings::Live,
};

use super::{Conversations, message::Suggestion, store};
use crate::{
    Settings,
    memory::{
        Memories, Owner,
        keywords::{given, text},
    },
};

/// Characters of a quick reply.
const SUGGESTION: usize = 200;
/// The name of what has none.
const DEFAULT: &str = "default";

/// The quick replies of a conversation, as the turn leaves them. They stay until a script takes them away.
#[derive(Debug, Default)]
pub(super) struct Offered {
    conversation: Option<Id<Conversation>>,
    all: Vec<Suggestion>,
    changed: bool,
}

impl Offered {
    /// Those that stand when the turn begins.
    pub(super) fn set(&mut self, conversation: Id<Conversation>, all: Vec<Suggestion>) {
        *self = Self { conversation: Some(conversation), all, changed: false };
    }

    pub(super) fn all(&self) -> Vec<Suggestion> {
        self.all.clone()
    }

    fn add(&mut self, suggestion: Suggestion, most: usize) -> Result<(), Unperformed> {
        if self.all.contains(&suggestion) {
            return Ok(());
        }
        if self.all.len() >= most {
            return Err(Unperformed::argument(format!("a conversation offers at most {most} suggestions")));
        }
        self.all.push(suggestion);
        self.changed = true;
        Ok(())
    }

    fn clear(&mut self) {
        self.changed |= !self.all.is_empty();
        self.all.clear();
    }
}

impl Draft for Offered {
    fn write(&self, unit: &Unit<'_>, _: Timestamp) -> Result<(), NotWritten> {
        if let Some(conversation) = self.conversation.filter(|_| self.changed) {
            let kept = (!self.all.is_empty()).then(|| Json::of(&self.all));
            store::set_suggestions(unit, conversation, kept.as_ref())?;
        }
        Ok(())
    }
}

/// What performs the commands of conversations. Not the service itself: that has the commands, and neither would ever
/// be let go of.
#[derive(Clone)]
struct Keywords {
    db: Db,
    memories: Memories,
    settings: Live<Settings>,
}

/// The commands of conversations.
pub(super) fn with_commands(module: Module, conversations: &Conversations) -> Module {
    let Conversations { db, memories, settings, .. } = conversations.clone();
    let keywords = Keywords { db, memories, settings };
    let (suggesting, reading, writing) = (keywords.clone(), keywords.clone(), keywords.clone());
    let (reading_named, writing_named) = (keywords.clone(), keywords.clone());
    let (context, prompt) = (keywords.clone(), keywords);
    module
        .command("ADD SUGGESTION", move |run, command| {
            let most = suggesting.settings.get().suggestions;
            async move { suggest(&run, &command, most) }
        })
        .command("CLEAR SUGGESTIONS", |run, _| async move {
            run.drafts.with(Offered::clear);
            Ok(Answer::Done)
        })
        .command("GET SESSION", move |run, command| {
            let keywords = reading.clone();
            async move { keywords.get_session(&run, &command).await }
        })
        .command("SET SESSION", move |run, command| {
            let keywords = writing.clone();
            async move { keywords.set_session(&run, &command).await }
        })
        .command_where("GET", names_session, move |run, command| {
            let keywords = reading_named.clone();
            async move {
                let name = text(&command, 0);
                let Target::Session(name) = Target::of(&name) else { return Ok(Answer::Value(Data::Null)) };
                Ok(Answer::Value(keywords.attribute(&run, run.conversation, name).await?))
            }
        })
        .command_where("SET", names_session, move |run, command| {
            let keywords = writing_named.clone();
            async move {
                let name = text(&command, 0);
                let Target::Session(name) = Target::of(&name) else { return Ok(Answer::Done) };
                keywords.set_attribute(&run, run.conversation, name, &given(&command))
            }
        })
        .command("SET CONTEXT", move |run, command| {
            let keywords = context.clone();
            async move { keywords.set_context(&run, &command) }
        })
        .command("SET SYSTEM PROMPT", move |run, command| {
            let keywords = prompt.clone();
            async move {
                keywords.see(&run, Owner::prompt(run.bot, run.conversation), DEFAULT, &text(&command, 0))
            }
        })
}

fn names_session(command: &Command) -> bool {
    let (name, most) = (text(command, 0), if command.keyword.phrase == "GET" { 1 } else { 2 });
    command.arguments.len() <= most && matches!(Target::of(&name), Target::Session(_))
}

fn suggest(run: &Run, command: &Command, most: usize) -> Performed {
    let value = text(command, 0);
    let label = match given(command) {
        Data::Null => value.clone(),
        label => label.to_string(),
    };
    let fits = |text: &str| (1..=SUGGESTION).contains(&text.chars().count()) && !text.contains('\0');
    if !fits(&value) || !fits(&label) {
        return Err(Unperformed::argument(format!("a suggestion has 1 to {SUGGESTION} characters")));
    }
    let suggestion = Suggestion { text: label, value };
    run.drafts.with(|offered: &mut Offered| offered.add(suggestion, most))?;
    Ok(Answer::Done)
}

impl Keywords {
    async fn get_session(&self, run: &Run, command: &Command) -> Performed {
        let (of, name) = match command.arguments.len() {
            0 | 1 => (run.conversation, text(command, 0)),
            _ => (conversation(command)?, text(command, 1)),
        };
        Ok(Answer::Value(self.attribute(run, of, &name).await?))
    }

    async fn set_session(&self, run: &Run, command: &Command) -> Performed {
        if command.arguments.len() < 3 {
            return self.set_attribute(run, run.conversation, &text(command, 0), &given(command));
        }
        let of = conversation(command)?;
        if of != run.conversation {
            self.of_the_bot(run, of).await?;
        }
        self.set_attribute(run, of, &text(command, 1), &command.arguments[2])
    }

    /// An attribute of a conversation with the bot: one that the server knows, or one that a script has set.
    async fn attribute(&self, run: &Run, of: Id<Conversation>, name: &str) -> Result<Data, Unperformed> {
        let known = |text: String| Ok(Data::Text(text));
        match name.to_ascii_lowercase().as_str() {
            "id" => known(of.to_string()),
            "user_id" if of == run.conversation => known(run.user.to_string()),
            "channel" if of == run.conversation => known(run.channel.to_string()),
            "user_id" => known(self.of_the_bot(run, of).await?.user_id.to_string()),
            "channel" => known(self.of_the_bot(run, of).await?.channel),
            _ => self.memories.recall(run, Owner::session(run.bot, of), name).await,
        }
    }

    fn set_attribute(&self, run: &Run, of: Id<Conversation>, name: &str, value: &Data) -> Performed {
        if ["id", "user_id", "channel"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return Err(Unperformed::argument(format!(
                "the attribute {name} is the server's and can't be set"
            )));
        }
        self.memories.keep(run, Owner::session(run.bot, of), name, value, None)?;
        Ok(Answer::Done)
    }

    /// Another conversation. Of other bots there is none.
    async fn of_the_bot(
        &self,
        run: &Run,
        of: Id<Conversation>,
    ) -> Result<store::ConversationRow, Unperformed> {
        let found = self.db.read(run.org, move |tx| store::get(tx, of)).await?;
        found.filter(|row| row.bot_id == run.bot).ok_or_else(no_such_conversation)
    }

    fn set_context(&self, run: &Run, command: &Command) -> Performed {
        let (first, second) = (text(command, 0), given(command));
        let owner = Owner::context(run.bot, run.conversation);
        match second {
            Data::Null => self.see(run, owner, DEFAULT, &first),
            context => self.see(run, owner, &first, &context.to_string()),
        }
    }

    /// What the model sees from now on under a name. Nothing takes it away.
    fn see(&self, run: &Run, owner: Owner, name: &str, context: &str) -> Performed {
        let value = if context.is_empty() { Data::Null } else { Data::Text(context.to_owned()) };
        self.memories.keep(run, owner, name, &value, None)?;
        Ok(Answer::Done)
    }
}

fn conversation(command: &Command) -> Result<Id<Conversation>, Unperformed> {
    text(command, 0).parse().map_err(|_| no_such_conversation())
}

fn no_such_conversation() -> Unperformed {
    Unperformed::failed(ErrorCode::NotFound, "there is no such conversation with this bot")
}
