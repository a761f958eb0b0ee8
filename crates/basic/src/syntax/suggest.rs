//! The keyword that a misspelled word is nearest to.

use crate::commands;

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

/// The keyword a misspelled word is nearest to.
pub(super) fn nearest_keyword(word: &str) -> Option<&'static str> {
    let word = word.to_uppercase();
    let limit = if word.chars().count() <= 4 { 1 } else { 2 };
    let phrases = commands::all().iter().map(|spec| spec.phrase);
    STATEMENT_WORDS
        .iter()
        .copied()
        .chain(phrases)
        .map(|candidate| (distance(&word, candidate.split(' ').next().unwrap_or_default()), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, candidate)| (distance, candidate.len()))
        .map(|(_, candidate)| candidate)
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
