//! Filter text as symbols, so that a hole is never mistaken for characters.

use super::{FilterError, Part};

/// One character of the text, or a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Char(char),
    Hole(usize),
}

/// Reads symbols from left to right.
pub(super) struct Scanner<'a> {
    parts: &'a [Part<'a>],
    symbols: Vec<Symbol>,
    /// Index of the next symbol.
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(parts: &'a [Part<'a>]) -> Self {
        let mut symbols = Vec::new();
        let mut holes = 0..;
        for part in parts {
            match part {
                Part::Text(text) => symbols.extend(text.chars().map(Symbol::Char)),
                Part::Hole => symbols.extend(holes.next().map(Symbol::Hole)),
            }
        }
        Self { parts, symbols, at: 0 }
    }

    /// How many holes the filter has.
    pub(super) fn holes(&self) -> usize {
        self.parts.iter().filter(|part| **part == Part::Hole).count()
    }

    pub(super) fn peek(&self) -> Option<Symbol> {
        self.symbols.get(self.at).copied()
    }

    /// The next symbol if it is a character.
    pub(super) fn peek_char(&self) -> Option<char> {
        match self.peek() {
            Some(Symbol::Char(c)) => Some(c),
            _ => None,
        }
    }

    pub(super) fn next(&mut self) -> Option<Symbol> {
        let symbol = self.peek();
        self.at += usize::from(symbol.is_some());
        symbol
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek_char().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Takes the character if it is the next.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek_char() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Takes the text if it is next, whatever follows.
    pub(super) fn take_text(&mut self, wanted: &str) -> bool {
        let found =
            wanted.chars().enumerate().all(|(i, c)| self.symbols.get(self.at + i) == Some(&Symbol::Char(c)));
        if found {
            self.at += wanted.chars().count();
        }
        found
    }

    /// The length of the keyword if it is next as a whole word, ignoring case.
    fn keyword_length(&self, wanted: &str) -> Option<usize> {
        let matches = wanted.bytes().enumerate().all(|(i, w)| {
            matches!(self.symbols.get(self.at + i), Some(Symbol::Char(c)) if c.eq_ignore_ascii_case(&char::from(w)))
        });
        let ends = !matches!(self.symbols.get(self.at + wanted.len()), Some(Symbol::Char(c)) if is_word(*c));
        (matches && ends).then_some(wanted.len())
    }

    /// Whether the keyword is next as a whole word.
    pub(super) fn at_keyword(&self, wanted: &str) -> bool {
        self.keyword_length(wanted).is_some()
    }

    /// Takes the keyword if it is next as a whole word, ignoring case.
    pub(super) fn take_keyword(&mut self, wanted: &str) -> bool {
        let length = self.keyword_length(wanted);
        self.at += length.unwrap_or(0);
        length.is_some()
    }

    /// Takes two keywords with blanks between them, or nothing.
    pub(super) fn take_keywords(&mut self, first: &str, second: &str) -> bool {
        let start = self.at;
        if self.take_keyword(first) {
            self.skip_blanks();
            if self.take_keyword(second) {
                return true;
            }
        }
        self.at = start;
        false
    }

    /// Takes the word that is next: letters, digits, `_`, `.`, `-`, `$`.
    pub(super) fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek_char().filter(|c| is_word(*c) || matches!(c, '.' | '-' | '$')) {
            word.push(c);
            self.at += 1;
        }
        word
    }

    /// An error at a symbol.
    pub(super) fn error_at(&self, at: usize, message: impl Into<String>) -> FilterError {
        let mut left = at;
        for (part, content) in self.parts.iter().enumerate() {
            let length = match content {
                Part::Text(text) => text.chars().count(),
                Part::Hole => 1,
            };
            if left < length {
                let offset = match content {
                    Part::Text(text) => text.char_indices().nth(left).map_or(0, |(offset, _)| offset),
                    Part::Hole => 0,
                };
                return FilterError { part, offset, message: message.into() };
            }
            left -= length;
        }
        let part = self.parts.len().saturating_sub(1);
        let offset = if let Some(Part::Text(text)) = self.parts.last() { text.len() } else { 0 };
        FilterError { part, offset, message: message.into() }
    }

    /// An error at the next symbol, saying what is found there.
    pub(super) fn expected(&self, what: &str) -> FilterError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Symbol::Hole(_)) => "a value".to_owned(),
            Some(Symbol::Char(c)) => format!("`{c}`"),
        };
        self.error_at(self.at, format!("expected {what}, found {found}"))
    }
}

/// Letters, digits and `_`: what a keyword may not be followed by.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
