//! The notation of arguments and clauses in the table of commands.
//!
//! Arguments, parted by blanks: `name` must be given, `[name]` may be, `[name...]` may be given any number of times.
//! After a colon stands the kind: `key:word`, with the names of [`ArgumentKind`] in small letters. A sign before the name tells what may part it from the one before besides
//! a comma: `=key` an equals sign or AS, `~who` one of TO, WITH, FROM, AS, `+script` nothing at all.
//!
//! Clauses, parted by semicolons: the words in capitals, then what follows them: nothing for a flag, `value`, `values`,
//! `word`, `fields`, `order`, `condition`, `place`. A `|` parts spellings of one clause; the first is its name.

/// A positional argument of a command.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Argument {
    /// Its name in the reference and in errors.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgumentKind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether any number may follow.
    pub repeated: bool,
    /// What may part it from the one before, besides a comma.
    #[serde(skip)]
    pub(crate) separator: Separator,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArgumentKind {
    /// Any expression.
    Value,
    /// An expression; a word that is no variable stands for itself.
    Word,
    /// All that is left of the line, as text.
    Rest,
    /// Expressions; when there are several and all are names or members, they name the fields of a record.
    Fields,
    /// As [`Fields`](Self::Fields), but two of them are a key and a record.
    Keyed,
}

/// What may part an argument from the one before, besides a comma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    Comma,
    /// `=` or AS.
    Equal,
    /// TO, WITH, FROM, AS.
    Word,
    /// Nothing.
    Blank,
}

/// A named part of a command.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ClauseSpec {
    /// Its words, in capitals; what a host looks for.
    pub name: &'static str,
    /// What follows the words.
    pub kind: ClauseKind,
    /// The words of each spelling, in lower case.
    #[serde(skip)]
    pub(crate) spellings: Vec<Vec<&'static str>>,
    /// The last words of all spellings.
    #[serde(skip)]
    pub(crate) lower: Vec<&'static str>,
}

/// What follows the words of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClauseKind {
    /// Nothing.
    Flag,
    /// One value.
    Value,
    /// Values parted by commas.
    Values,
    /// One value; a word that is no variable stands for itself.
    Word,
    /// `name = value` or `name AS value`, parted by commas.
    Fields,
    /// Names with ASC or DESC, parted by commas.
    Order,
    /// A condition whose left sides are columns.
    Condition,
    /// A variable that the command sets to its value.
    Place,
}

pub(super) fn arguments(notation: &'static str) -> Vec<Argument> {
    notation
        .split_whitespace()
        .map(|token| {
            let optional = token.strip_prefix('[').and_then(|token| token.strip_suffix(']'));
            let token = optional.unwrap_or(token);
            let (token, repeated) = token.strip_suffix("...").map_or((token, false), |token| (token, true));
            let (separator, token) = match token.as_bytes().first() {
                Some(b'=') => (Separator::Equal, &token[1..]),
                Some(b'~') => (Separator::Word, &token[1..]),
                Some(b'+') => (Separator::Blank, &token[1..]),
                _ => (Separator::Comma, token),
            };
            let (name, kind) = token.split_once(':').unwrap_or((token, "value"));
            let kind = match kind {
                "word" => ArgumentKind::Word,
                "rest" => ArgumentKind::Rest,
                "fields" => ArgumentKind::Fields,
                "keyed" => ArgumentKind::Keyed,
                _ => ArgumentKind::Value,
            };
            Argument { name, kind, required: optional.is_none(), repeated, separator }
        })
        .collect()
}

pub(super) fn clauses(notation: &'static str) -> Vec<ClauseSpec> {
    notation
        .split(';')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .map(|clause| {
            let split = clause.find(|c: char| c.is_ascii_lowercase()).unwrap_or(clause.len());
            let (words, kind) = clause.split_at(split);
            let kind = match kind.trim() {
                "" => ClauseKind::Flag,
                "values" => ClauseKind::Values,
                "word" => ClauseKind::Word,
                "fields" => ClauseKind::Fields,
                "order" => ClauseKind::Order,
                "condition" => ClauseKind::Condition,
                "place" => ClauseKind::Place,
                _ => ClauseKind::Value,
            };
            let mut spellings: Vec<Vec<&'static str>> = words
                .split('|')
                // The table lives as long as the program; the lower-case words with it.
                .map(|words| (*words.trim().to_ascii_lowercase().leak()).split(' ').collect())
                .collect();
            let lower = spellings.iter().filter_map(|words| words.last().copied()).collect();
            let name = words.split('|').next().unwrap_or_default().trim();
            spellings.sort_by_key(|words| std::cmp::Reverse(words.len()));
            ClauseSpec { name, kind, spellings, lower }
        })
        .collect()
}
