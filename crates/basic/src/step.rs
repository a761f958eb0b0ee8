//! What passes between machine and host: where a machine stops, and how it goes on.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use crate::commands::CommandSpec;
use crate::data::{Data, File};
use crate::filter::BoundFilter;
pub use crate::hear::HearKind;

/// Where a machine stopped.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The bot says something to the current conversation. Resume with [`Answer::Done`].
    Talk(String),
    /// A line for the log of the bot. Resume with [`Answer::Done`].
    Print(String),
    /// The script waits for the user. Resume with [`Answer::Reply`].
    Hear(Hear),
    /// A command of the host. Resume with its value, [`Answer::Done`], or [`Answer::Failed`].
    Command(Box<Command>),
    /// The script ended, with the value of RETURN or null.
    Finished(Data),
    /// The script ended with an error.
    Failed(Box<RuntimeError>),
}

/// A question to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hear {
    /// The variable the reply goes to, as the script names it; empty where HEAR stands in an expression.
    pub variable: String,
    /// What kind of reply is expected.
    pub kind: HearKind,
    /// The options of a menu.
    pub options: Vec<String>,
    /// The prompt, which was already said.
    pub prompt: Option<String>,
    /// From 1 to 3.
    pub attempt: u8,
    /// Seconds after which the host resumes with [`Answer::Done`] to end the waiting; none waits on.
    pub timeout_seconds: Option<u32>,
}

/// A command the host performs.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// What the command is.
    pub keyword: &'static CommandSpec,
    /// The name, where the keyword is the general call of something the compiler does not know.
    pub name: Option<String>,
    /// Positional arguments.
    pub arguments: Vec<Data>,
    /// Named clauses in the order of the script.
    pub clauses: Vec<(&'static str, Clause)>,
    /// Which rows: what WHERE, ORDER BY, LIMIT and filter text say, with the values of the script bound. No value can
    /// change the tree. An argument that was read as filter text stands in `arguments` too, as text for the log.
    pub filter: Option<BoundFilter>,
    /// Where it stands in the script.
    pub position: Position,
}

impl Command {
    /// The clause of a name.
    pub fn clause(&self, word: &str) -> Option<&Clause> {
        self.clauses.iter().find(|(name, _)| *name == word).map(|(_, clause)| clause)
    }

    /// The first value of a clause of values.
    pub fn clause_value(&self, word: &str) -> Option<&Data> {
        match self.clause(word)? {
            Clause::Values(values) => values.first(),
            Clause::Fields(_) => None,
        }
    }
}

/// What a clause of a command carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Clause {
    /// Values, as in `WITH TEMPLATE t`. Empty for a clause that is only a word.
    Values(Vec<Data>),
    /// Names and values, as in `SET a = 1, b = 2`.
    Fields(Vec<(String, Data)>),
}

/// A place in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// What a machine goes on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Resume {
    /// The time of the conversation. All of `NOW()` until the next stop gives this instant.
    pub now: DateTime<FixedOffset>,
    /// Seeds random numbers and ids until the next stop.
    pub seed: u64,
    /// The answer to the last stop.
    pub answer: Answer,
}

/// The answer of the host to a stop.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Begin; also what a fresh machine takes for any other answer.
    Start,
    /// Done, without a value.
    Done,
    /// The value of the command.
    Value(Data),
    /// The value of a command that also changed its arguments, as SAVE writes the generated id back.
    Changed {
        /// The value of the command.
        value: Data,
        /// The changes, in order.
        changes: Vec<Change>,
    },
    /// What the user replied to HEAR.
    Reply(Reply),
    /// The command failed.
    Failed(HostError),
}

/// A member of an argument that a command sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which argument, from 0.
    pub argument: usize,
    /// Which element, where the argument is an array or rows.
    pub element: Option<usize>,
    /// The member's name.
    pub member: String,
    /// Its new value.
    pub value: Data,
}

/// A reply of the user.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The text, empty when only something was attached.
    pub text: String,
    /// What came with it.
    pub attachments: Vec<Attachment>,
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), attachments: Vec::new() }
    }
}

/// Something attached to a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// The file as the script gets it; its `mime_type` decides which HEAR takes it.
    pub file: File,
    /// What the host read out of it, for a HEAR that asks for it: a transcript, the content of a code.
    pub text: Option<String>,
}

/// Why the host did not perform a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostError {
    /// The kind of error.
    pub code: ErrorCode,
    /// What the author reads.
    pub message: String,
}

/// The kinds of run-time errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// An argument is missing or wrong.
    Argument,
    /// A limit was passed; cannot be caught.
    Limit,
    /// A division by zero.
    DivisionByZero,
    /// A value of the wrong type.
    Type,
    /// A function or command nobody knows.
    Unknown,
    /// Something does not exist.
    NotFound,
    /// Not allowed.
    Denied,
    /// A member of null was assigned.
    NullWrite,
    /// THROW.
    Thrown,
    /// No connection, or a forbidden address.
    Http,
    /// It took too long.
    Timeout,
    /// The language model failed.
    Model,
    /// The data store refused.
    Data,
}

impl ErrorCode {
    /// All codes.
    pub const ALL: [Self; 13] = [
        Self::Argument,
        Self::Limit,
        Self::DivisionByZero,
        Self::Type,
        Self::Unknown,
        Self::NotFound,
        Self::Denied,
        Self::NullWrite,
        Self::Thrown,
        Self::Http,
        Self::Timeout,
        Self::Model,
        Self::Data,
    ];

    /// What `ERR` gives.
    pub fn number(self) -> i64 {
        match self {
            Self::Argument => 5,
            Self::Limit => 6,
            Self::DivisionByZero => 11,
            Self::Type => 13,
            Self::Unknown => 35,
            Self::NotFound => 53,
            Self::Denied => 70,
            Self::NullWrite => 91,
            Self::Thrown => 1000,
            Self::Http => 1001,
            Self::Timeout => 1002,
            Self::Model => 1003,
            Self::Data => 1004,
        }
    }

    /// The name in reports, such as `DIVISION_BY_ZERO`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Argument => "ARGUMENT",
            Self::Limit => "LIMIT",
            Self::DivisionByZero => "DIVISION_BY_ZERO",
            Self::Type => "TYPE",
            Self::Unknown => "UNKNOWN",
            Self::NotFound => "NOT_FOUND",
            Self::Denied => "DENIED",
            Self::NullWrite => "NULL_WRITE",
            Self::Thrown => "THROWN",
            Self::Http => "HTTP",
            Self::Timeout => "TIMEOUT",
            Self::Model => "MODEL",
            Self::Data => "DATA",
        }
    }
}

/// An error that ended a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}:{line}:{column}: {}: {message}", code.as_str())]
pub struct RuntimeError {
    /// The kind of error.
    pub code: ErrorCode,
    /// What the author reads.
    pub message: String,
    /// The file of the script, with its ending.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The procedures that were running, innermost first, each with where it stood.
    pub calls: Vec<CallSite>,
    /// The command that failed, if one did: its phrase, as in `FIND`.
    pub keyword: Option<&'static str>,
}

/// A procedure that was running when an error came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallSite {
    /// The procedure; empty for the script itself.
    pub procedure: String,
    /// Where it stood.
    pub position: Position,
}
