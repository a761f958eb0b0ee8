//! The commands of the language as data: what they are called, what they take, what they give, who may use them.
//!
//! The parser has no code for a single command; it reads this table. So do the reference (`keywords`) and the hosts.
//! A row writes arguments and clauses in a small notation of its own, explained in the module `notation`.

mod control;
mod dialog;
mod memory;
mod model;
mod notation;
mod storage;
mod target;
mod world;

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

pub(crate) use notation::Separator;
pub use notation::{Argument, ArgumentKind, ClauseKind, ClauseSpec};
pub use target::Target;

use crate::program::HandlerKind;

/// How much scripts use a command, and so the order in which hosts come to have it. A host may lack commands of any
/// tier; [`Known::commands`](crate::Known::commands) tells the compiler which it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Tier {
    /// Nineteen of twenty commands in scripts are of this tier.
    One,
    /// Some scripts use it.
    Two,
    /// Few scripts use it.
    Three,
}

/// One command.
#[derive(Debug, PartialEq, serde::Serialize)]
pub struct CommandSpec {
    /// Its words, in capitals.
    pub phrase: &'static str,
    /// Other spellings.
    pub aliases: Vec<&'static str>,
    /// The subject it belongs to.
    pub subject: &'static str,
    /// Positional arguments.
    pub arguments: Vec<Argument>,
    /// Named parts.
    pub clauses: Vec<ClauseSpec>,
    /// Whether it gives a value.
    pub gives_value: bool,
    /// How much scripts use it.
    pub tier: Tier,
    /// What the principal of the run must be allowed.
    pub permission: &'static str,
    /// One paragraph for the reference.
    pub documentation: &'static str,
    /// A line of script.
    pub example: &'static str,
}

/// What is taken when a package is installed, and performed by nobody when a script runs.
pub const DECLARED: &[&str] = &["ALLOW ROLE", "CREATE INDEX", "WEBHOOK"];

impl CommandSpec {
    /// How many arguments must be given.
    pub fn minimum(&self) -> usize {
        self.arguments.iter().filter(|argument| argument.required).count()
    }

    /// How many arguments may be given.
    pub fn maximum(&self) -> usize {
        if self.arguments.last().is_some_and(|argument| argument.repeated) {
            usize::MAX
        } else {
            self.arguments.len()
        }
    }

    /// Whether the machine does it by itself, so that no host need have it.
    ///
    /// AGGREGATE and MERGE are not among these: only what they do to rows in memory needs no host.
    pub fn is_of_machine(&self) -> bool {
        matches!(
            self.phrase,
            "TALK"
                | "SEND MESSAGE"
                | "PRINT"
                | "FILTER"
                | "GROUP BY"
                | "PIVOT"
                | "MAP"
                | "FILL"
                | "EXTENSION"
        )
    }

    /// Whether it says, at the top of a script, what holds before the script runs. SET SCHEDULE, which may also plan at
    /// run time, is not among these.
    pub fn is_declaration(&self) -> bool {
        DECLARED.contains(&self.phrase)
            || HandlerKind::of_phrase(self.phrase).is_some_and(|kind| kind != HandlerKind::Delayed)
    }

    /// The description of an argument; the last one stands for all that follow when it may be repeated.
    pub(crate) fn argument(&self, index: usize) -> Option<&Argument> {
        match self.arguments.get(index) {
            Some(argument) => Some(argument),
            None => self.arguments.last().filter(|last| last.repeated),
        }
    }
}

impl std::fmt::Display for CommandSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.phrase)
    }
}

/// A row of the table: phrases, arguments, clauses, what it gives, tier, permission, documentation, example.
struct Row(&'static str, &'static str, &'static str, Gives, Tier, &'static str, &'static str, &'static str);

#[derive(Clone, Copy, PartialEq)]
enum Gives {
    Nothing,
    Value,
}

struct Table {
    specs: Vec<CommandSpec>,
    /// Phrases by their first word, in lower case; the longest first.
    by_first_word: HashMap<&'static str, Vec<Phrase>>,
    operand_words: HashSet<&'static str>,
}

/// One spelling of a command. A `*` among its words is any word, which is the first argument.
pub(crate) struct Phrase {
    pub(crate) words: Vec<&'static str>,
    pub(crate) spec: usize,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let subjects: [(&'static str, &[Row]); 6] = [
            ("dialog", dialog::ROWS),
            ("memory", memory::ROWS),
            ("model", model::ROWS),
            ("storage", storage::ROWS),
            ("world", world::ROWS),
            ("control", control::ROWS),
        ];
        let mut specs = Vec::new();
        for (subject, rows) in subjects {
            specs.extend(rows.iter().map(|row| spec(subject, row)));
        }
        let mut by_first_word: HashMap<&'static str, Vec<Phrase>> = HashMap::new();
        let mut operand_words: HashSet<&'static str> = LANGUAGE_OPERAND_WORDS.iter().copied().collect();
        for (index, spec) in specs.iter().enumerate() {
            for spelling in std::iter::once(&spec.phrase).chain(&spec.aliases) {
                // The table lives as long as the program; the lower-case spellings with it.
                let lower: &'static str = spelling.to_ascii_lowercase().leak();
                let words: Vec<&'static str> = lower.split(' ').collect();
                let joins = words.len() > 1 && !words.contains(&"*");
                let underscored: Option<&'static str> = joins.then(|| &*words.join("_").leak());
                if spec.maximum() > 0 {
                    operand_words.extend(words.last().copied());
                    operand_words.extend(underscored);
                }
                if let Some(word) = underscored {
                    by_first_word.entry(word).or_default().push(Phrase { words: vec![word], spec: index });
                }
                by_first_word.entry(words[0]).or_default().push(Phrase { words, spec: index });
            }
            for clause in spec.clauses.iter().filter(|clause| clause.kind != ClauseKind::Flag) {
                operand_words.extend(clause.lower.last().copied());
            }
        }
        for phrases in by_first_word.values_mut() {
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.words.len()));
        }
        Table { specs, by_first_word, operand_words }
    })
}

/// Words of the language itself after which an operand comes.
const LANGUAGE_OPERAND_WORDS: &[&str] = &[
    "if",
    "elseif",
    "and",
    "or",
    "not",
    "xor",
    "mod",
    "is",
    "in",
    "like",
    "contains",
    "between",
    "to",
    "step",
    "while",
    "until",
    "case",
    "select",
    "switch",
    "return",
    "throw",
    "assert",
    "as",
    "with",
    "default",
    "description",
    "where",
    "call",
    "menu",
    "title",
    "last",
    "first",
    "enum",
    "by",
    "from",
];

fn spec(subject: &'static str, row: &Row) -> CommandSpec {
    let mut phrases = row.0.split('|');
    CommandSpec {
        phrase: phrases.next().unwrap_or_default(),
        aliases: phrases.collect(),
        subject,
        arguments: notation::arguments(row.1),
        clauses: notation::clauses(row.2),
        gives_value: row.3 == Gives::Value,
        tier: row.4,
        permission: row.5,
        documentation: row.6,
        example: row.7,
    }
}

/// All commands, in the order of the reference.
pub fn all() -> &'static [CommandSpec] {
    &table().specs
}

/// The command with a phrase, written in capitals with single blanks.
pub fn find(phrase: &str) -> Option<&'static CommandSpec> {
    static BY_PHRASE: OnceLock<HashMap<&'static str, usize>> = OnceLock::new();
    let by_phrase = BY_PHRASE
        .get_or_init(|| all().iter().enumerate().map(|(index, spec)| (spec.phrase, index)).collect());
    by_phrase.get(phrase).and_then(|&index| all().get(index))
}

/// Spellings that begin with a word (in lower case), the longest first.
pub(crate) fn beginning_with(word: &str) -> &'static [Phrase] {
    table().by_first_word.get(word).map_or(&[], Vec::as_slice)
}

/// Whether a clause of some command begins with a word, in lower case.
pub(crate) fn is_clause_word(word: &str) -> bool {
    let mut clauses = all().iter().flat_map(|spec| &spec.clauses);
    clauses.any(|clause| clause.spellings.iter().any(|words| words.first() == Some(&word)))
}

/// Whether an operand may follow a word, so that `'` after it opens a string.
pub(crate) fn takes_operand(word: &str) -> bool {
    table().operand_words.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_documented_and_its_phrase_is_unique() {
        let mut seen = HashSet::new();
        for spec in all() {
            for spelling in std::iter::once(&spec.phrase).chain(&spec.aliases) {
                assert!(seen.insert(*spelling), "{spelling} twice");
            }
            assert!(!spec.documentation.is_empty() && !spec.example.is_empty(), "{spec}");
            assert!(!spec.permission.is_empty(), "{spec}");
        }
    }

    #[test]
    fn every_example_compiles() {
        for spec in all() {
            let compiled = crate::compile("example", spec.example, &crate::Known::default());
            let errors: Vec<_> =
                compiled.diagnostics.iter().map(|d| d.render("example", spec.example)).collect();
            assert!(compiled.program.is_some(), "{spec}: {}", errors.join(""));
        }
    }
}
