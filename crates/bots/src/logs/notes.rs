//! What a run notes while it runs.

use basic::{Data, RuntimeError};
use gateway::command::{Draft, NotWritten};
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Conversation},
};
use platform::db::Unit;

use super::store;

/// Lines that a turn may leave.
const LINES: usize = 200;
/// Characters of one.
const LONGEST: usize = 4000;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// It was printed.
    Info,
    /// The script failed.
    Error,
}

impl Level {
    /// As it is stored and shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

/// A line for the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) script: Option<String>,
    /// The line of the script that it is about.
    pub(crate) at: Option<u32>,
    pub(crate) message: String,
}

/// What a run leaves for its author, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    of: Option<(Id<Bot>, Id<Conversation>)>,
    pub(crate) lines: Vec<Line>,
    /// What the script gave back, if it ended.
    pub(crate) result: Option<Data>,
    /// What stands in the variables `result_…` of a script that acts for the bot, if it gave nothing back.
    pub(crate) results: Vec<(String, Data)>,
    /// Steps of its machines.
    pub(crate) steps: u64,
    /// Why it failed, if it did.
    pub(crate) failure: Option<Line>,
}

impl Notes {
    /// Says whose run it is.
    pub(crate) fn begin(&mut self, bot: Id<Bot>, conversation: Id<Conversation>) {
        self.of = Some((bot, conversation));
    }

    fn push(&mut self, line: Line) {
        match self.lines.len() {
            ..LINES => self.lines.push(line),
            LINES => self.lines.push(Line {
                message: format!("There was more: a turn leaves at most {LINES} lines."),
                ..line
            }),
            _ => {}
        }
    }

    /// A script printed something.
    pub(crate) fn print(&mut self, script: &str, text: &str) {
        let message = shortened(text);
        self.push(Line { level: Level::Info, script: Some(script.to_owned()), at: None, message });
    }

    /// A script said something, and nobody was there to hear it.
    pub(crate) fn say(&mut self, text: &str) {
        self.push(Line { level: Level::Info, script: None, at: None, message: shortened(text) });
    }

    /// A script failed and nothing caught it.
    pub(crate) fn failed_at(&mut self, error: &RuntimeError) {
        let line = Line {
            level: Level::Error,
            script: Some(error.file.trim_end_matches(".bas").to_owned()),
            at: Some(error.line),
            message: shortened(&error.message),
        };
        self.failure = Some(line.clone());
        self.push(line);
    }

    /// A run ended in failure. What was said of it already isn't said again.
    pub(crate) fn failed(&mut self, cause: &str) {
        if self.failure.is_none() {
            let line = Line { level: Level::Error, script: None, at: None, message: shortened(cause) };
            self.failure = Some(line.clone());
            self.push(line);
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

impl Draft for Notes {
    fn write(&self, unit: &Unit<'_>, at: Timestamp) -> Result<(), NotWritten> {
        if let Some((bot, conversation)) = self.of {
            for line in &self.lines {
                store::append(unit, bot, conversation, line, at)?;
            }
        }
        Ok(())
    }
}
