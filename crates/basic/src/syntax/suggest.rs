//! What an author may have meant: the keyword nearest to a misspelled word, and words that mean nothing.

use super::parser::Parser;
use super::token::{Kind, Mark};
use crate::commands::{self, CommandSpec};

impl Parser<'_> {
    /// What may be wrong with a word that something follows: it is no command, or what joins the two is missing.
    pub(super) fn unknown_before(&self) -> Option<String> {
        let before = self.at.checked_sub(1)?;
        let follows =
            matches!(self.kind(), Kind::Text(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Word(_));
        let member =
            before > 0 && matches!(self.token_at(before - 1).kind, Kind::Mark(Mark::Dot | Mark::QuestionDot));
        let word = matches!(self.token_at(before).kind, Kind::Word(_)) && !member;
        (follows && word && !is_keyword(self.word_at(before))).then(|| {
            let shown = self.text_of(self.token_at(before).span);
            format!(
                "{shown} is no command that is known; if it is a variable, + or a comma is missing after it"
            )
        })
    }
}

impl Parser<'_> {
    /// Reports a word where only some may stand, and passes over the line.
    pub(super) fn unknown_option(&mut self, options: &[&str]) {
        let word = self.word_at(self.at).to_uppercase();
        let near = nearest(&word, options.iter().copied()).map(|near| format!("did you mean {near}?"));
        let (last, others) = options.split_last().unwrap_or((&"", &[]));
        self.expected_with(&format!("{} or {last}", others.join(", ")), near.as_deref());
        self.skip_line();
    }

    /// The command with clauses that a word stands behind which begins none of them, and what to say of that.
    pub(super) fn unknown_clause(&self) -> Option<(&'static CommandSpec, String)> {
        let (spec, _) = self.ended.filter(|&(_, at)| at == self.at)?;
        if !matches!(self.kind(), Kind::Word(_)) || spec.clauses.is_empty() {
            return None;
        }
        let names: Vec<&str> = spec.clauses.iter().map(|clause| clause.name).collect();
        let word = self.word_at(self.at).to_uppercase();
        let first_words = names.iter().filter_map(|name| name.split(' ').next());
        let near = nearest(&word, first_words).map(|near| format!("did you mean {near}? "));
        let near = near.unwrap_or_default();
        Some((spec, format!("{near}the clauses of {} are {}", spec.phrase, names.join(", "))))
    }
}

const STATEMENT_WORDS: &[&str] = &[
    "IF",
    "ELSE",
    "END",
    "FOR",
    "NEXT",
    "WHILE",
    "WEND",
    "DO",
    "LOOP",
    "SELECT",
    "CASE",
    "SWITCH",
    "WITH",
    "SUB",
    "FUNCTION",
    "CALL",
    "RETURN",
    "EXIT",
    "BREAK",
    "CONTINUE",
    "THROW",
    "HEAR",
    "BEGIN",
    "PARAM",
    "DESCRIPTION",
    "SET",
    "LET",
    "TABLE",
    "GOTO",
    "ON",
];

/// The commands that begin with a word, where it is one that some begin with.
pub(super) fn phrases_with(word: &str) -> Option<String> {
    let begins =
        |phrase: &str| phrase.split(' ').next().is_some_and(|first| first.eq_ignore_ascii_case(word));
    let phrases: Vec<&str> =
        commands::all().iter().map(|spec| spec.phrase).filter(|&phrase| begins(phrase)).collect();
    (!phrases.is_empty()).then(|| format!("commands that begin so: {}", phrases.join(", ")))
}

/// The keyword a misspelled word is nearest to.
pub(super) fn nearest_keyword(word: &str) -> Option<&'static str> {
    let phrases = commands::all().iter().map(|spec| spec.phrase);
    nearest_by(&word.to_uppercase(), STATEMENT_WORDS.iter().copied().chain(phrases), |phrase| {
        phrase.split(' ').next().unwrap_or_default()
    })
}

/// The name a misspelled one is nearest to, if it is near to any.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest_by(word, candidates, |candidate| candidate)
}

fn nearest_by<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
    compared: impl Fn(&'a str) -> &'a str,
) -> Option<&'a str> {
    // Two edits in a short word make another one.
    let length = word.chars().count();
    let limit = if length <= 7 { 1 } else { 2 };
    candidates
        .filter(|candidate| compared(candidate).chars().count().abs_diff(length) <= limit)
        .map(|candidate| (distance(word, compared(candidate)), candidate))
        .filter(|&(distance, _)| (1..=limit).contains(&distance))
        .min_by_key(|&(distance, candidate)| (distance, candidate.len(), candidate))
        .map(|(_, candidate)| candidate)
}

/// Whether a word means something to the language.
fn is_keyword(word: &str) -> bool {
    STATEMENT_WORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
        || commands::takes_operand(word)
        || !commands::beginning_with(word).is_empty()
}

/// Edits between two words, where swapping neighbours is one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(40).collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}
