//! Programs: what compiling a script gives, and what machines run.

pub(crate) mod code;
pub(crate) mod codec;
pub(crate) mod declarations;
mod soundness;
mod storage;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

pub use declarations::{Declarations, Handler, HandlerKind, Index};

use crate::commands::CommandSpec;
use crate::filter::Filter;
use crate::hear::HearKind;
use crate::step::Position;
use code::{Op, Reg};
pub use storage::LoadError;

/// Identifies a program: the SHA-256 of its stored form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgramHash(pub [u8; 32]);

impl fmt::Display for ProgramHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ProgramHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProgramHash({self})")
    }
}

/// A compiled script.
#[derive(Debug)]
pub struct Program {
    pub(crate) name: String,
    pub(crate) hash: ProgramHash,
    pub(crate) code: Vec<Op>,
    /// The first is the script itself.
    pub(crate) procedures: Vec<Procedure>,
    pub(crate) constants: Vec<Constant>,
    /// Texts of the program, by the constants and shared with the values of its machines.
    pub(crate) texts: Arc<[Box<str>]>,
    pub(crate) symbols: Arc<Symbols>,
    /// Variables of the script in the order of their registers, folded.
    pub(crate) variables: Vec<String>,
    pub(crate) sites: Vec<Site>,
    pub(crate) questions: Vec<Question>,
    /// Where statements begin and end in the code, in the order of their beginnings; inner ones after outer ones.
    pub(crate) statements: Vec<StatementRange>,
    pub(crate) declarations: Declarations,
    /// The stored form, made once since it also gives the hash.
    pub(crate) stored: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Procedure {
    pub(crate) name: String,
    pub(crate) parameters: u16,
    pub(crate) registers: u16,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Constant {
    Integer(i64),
    Float(f64),
    Text(u32),
}

/// Member names of a program, each with the number of its folded form.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    pub(crate) names: Vec<(Box<str>, u32)>,
    pub(crate) numbers: HashMap<Box<str>, u32>,
}

impl Symbols {
    pub(crate) fn intern(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.into(), number);
        self.names.push((name.into(), number));
        let folded = crate::machine::fold(name);
        if folded != name {
            let folded = self.intern(&folded);
            if let Some(entry) = self.names.get_mut(number as usize) {
                entry.1 = folded;
            }
        }
        number
    }
}

/// What a command is given.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) command: &'static CommandSpec,
    pub(crate) name: Option<String>,
    pub(crate) first: Reg,
    pub(crate) arguments: u16,
    pub(crate) clauses: Vec<SiteClause>,
    pub(crate) filter: Option<SiteFilter>,
    /// Where the value goes.
    pub(crate) to: Reg,
    /// Registers in use while it waits.
    pub(crate) live: u16,
}

#[derive(Debug)]
pub(crate) struct SiteClause {
    pub(crate) name: &'static str,
    pub(crate) first: Reg,
    /// Names of the values, for clauses of fields; else nothing and `count` values.
    pub(crate) fields: Option<Vec<String>>,
    pub(crate) count: u16,
}

/// Where the filter of a command comes from.
#[derive(Debug)]
pub(crate) enum SiteFilter {
    /// Written in the script; the values of its holes are in registers.
    Bound { filter: Filter, first: Reg },
    /// Text that only the run knows, in an argument; it is read when it has an operator.
    Text { argument: u16 },
}

/// What a HEAR asks.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) variable: String,
    pub(crate) kind: HearKind,
    pub(crate) first_option: Reg,
    pub(crate) options: u16,
    pub(crate) prompt: Option<Reg>,
    pub(crate) default: Option<Reg>,
    pub(crate) timeout: Option<Reg>,
    pub(crate) to: Reg,
    pub(crate) live: u16,
}

/// The code of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StatementRange {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) position: Position,
}

impl Program {
    /// The file of the script: its name with the ending, also where it was compiled without.
    pub(crate) fn file(&self) -> String {
        let has_ending = self.name.to_ascii_lowercase().ends_with(".bas");
        if has_ending { self.name.clone() } else { format!("{}.bas", self.name) }
    }

    /// The name it was compiled under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What identifies it: equal programs have equal hashes.
    pub fn hash(&self) -> ProgramHash {
        self.hash
    }

    /// What the script declares besides running.
    pub fn declarations(&self) -> &Declarations {
        &self.declarations
    }

    /// The variables of the script, folded to lower case; what inputs may be named.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    /// The form to keep; [`Program::from_bytes`] reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.stored.clone()
    }

    /// The innermost statement that an instruction belongs to.
    pub(crate) fn statement_at(&self, at: u32) -> Option<&StatementRange> {
        let after = self.statements.partition_point(|statement| statement.start <= at);
        // Inner statements begin later, so the last that still covers the place is the innermost.
        self.statements.get(..after)?.iter().rev().find(|statement| at < statement.end)
    }
}
