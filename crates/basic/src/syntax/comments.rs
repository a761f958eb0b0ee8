//! Comments, and whether `'` begins one or opens a string.

use super::lexer::Lexer;
use super::operands::is_operator_word;
use super::strings::MAX_UNCLOSED;
use super::token::{Kind, Mark};
use crate::commands;
use crate::functions;

/// Words of the longest phrase of a command.
const MAX_PHRASE: usize = 5;

/// Whether an operand comes next.
#[derive(PartialEq)]
enum Operand {
    No,
    /// The word before may take one, or be a variable.
    Perhaps,
    Yes,
}

impl Lexer<'_> {
    pub(super) fn at_comment(&self, byte: u8, spaced: bool) -> bool {
        match byte {
            b'\'' => !self.opens_string(spaced),
            b'#' => self.first_on_line() && self.peek(1) != Some(b'{'),
            b'/' => self.peek(1) == Some(b'/'),
            b'r' | b'R' if self.at_line_start() || (self.depth > 0 && self.first_on_line()) => {
                self.bytes[self.at..].get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"rem"))
                    && match self.peek(3) {
                        None => true,
                        Some(b) if b.is_ascii_whitespace() => !self.assigns(self.at + 3),
                        _ => false,
                    }
            }
            _ => false,
        }
    }

    /// Whether only blanks stand before this on the physical line.
    fn first_on_line(&self) -> bool {
        let before = self.bytes[..self.at].iter().rev();
        let mut line = before.take_while(|&&b| b != b'\n');
        line.all(|b| b.is_ascii_whitespace() || *b >= 0x80)
    }

    /// Whether an assignment follows: `rem = 1` assigns a variable of that name, and `REM ====` draws a line.
    fn assigns(&self, from: usize) -> bool {
        let line = &self.bytes[from..self.line_end(from)];
        let rest = line.trim_ascii_start();
        rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=')
    }

    /// Whether the `'` here opens a string: an operand comes next, and the string has an end on this line.
    fn opens_string(&self, spaced: bool) -> bool {
        match self.operand_next(spaced) {
            Operand::No => false,
            Operand::Yes => self.bytes[self.at + 1..self.line_end(self.at)].contains(&b'\''),
            Operand::Perhaps => self.closes_before_operator(),
        }
    }

    fn operand_next(&self, spaced: bool) -> Operand {
        if self.at_line_start() {
            // The code of `${…}` has no line of its own.
            return if self.depth > 0 { Operand::Yes } else { Operand::No };
        }
        match self.out.tokens.last().map(|token| token.kind) {
            Some(Kind::Mark(mark)) if mark.closes() => Operand::No,
            // The `*` of a menu and the colon of a label end their lines.
            Some(Kind::Mark(Mark::Star)) if self.ends_menu() => Operand::No,
            Some(Kind::Mark(Mark::Colon)) if self.out.tokens.len() == self.line_token + 2 => Operand::No,
            Some(Kind::Mark(_)) => Operand::Yes,
            Some(Kind::Word(_)) if !spaced || self.is_complete() => Operand::No,
            Some(Kind::Word(name)) => {
                let word = self.names.get(name);
                if self.begins_statement() || self.must_take_operand(word) {
                    Operand::Yes
                } else if commands::takes_operand(word) || functions::find(word).is_some() {
                    Operand::Perhaps
                } else {
                    Operand::No
                }
            }
            _ => Operand::No,
        }
    }

    /// Whether the words up to here are a whole statement, so that `'` begins a remark.
    fn is_complete(&self) -> bool {
        let first = self.line_token;
        let count = self.out.tokens.len() - first;
        if count > MAX_PHRASE {
            return count >= 2 && self.word_at(self.out.tokens.len() - 2) == "end";
        }
        let words: Vec<&str> = (first..first + count).map(|index| self.word_at(index)).collect();
        match words.as_slice() {
            ["exit", _]
            | ["begin", "talk" | "mail"]
            | ["begin", "system", "prompt"]
            | ["default" | "else"] => true,
            ["case", "else"] | [.., "error", "message"] | [.., "end", _] => true,
            words => commands::beginning_with(words.first().unwrap_or(&"")).iter().any(|phrase| {
                let spec = &commands::all()[phrase.spec];
                phrase.words.as_slice() == words && spec.maximum() == 0 && spec.clauses.is_empty()
            }),
        }
    }

    /// Whether the words up to here are a command that stands where a statement begins, and not a variable.
    fn begins_statement(&self) -> bool {
        let end = self.out.tokens.len();
        let starts = |at: usize| at == self.line_token || matches!(self.word_at(at - 1), "then" | "else");
        let first = end.saturating_sub(MAX_PHRASE).max(self.line_token);
        (first..end).filter(|&at| starts(at)).any(|at| {
            let words = || (at..end).map(|index| self.word_at(index));
            let phrases = commands::beginning_with(self.word_at(at)).iter();
            let mut taking = phrases.filter(|phrase| commands::all()[phrase.spec].maximum() > 0);
            taking.any(|phrase| words().eq(phrase.words.iter().copied()))
        })
    }

    /// Whether a word says nothing without an operand behind it.
    fn must_take_operand(&self, word: &str) -> bool {
        let before = self.word_at(self.out.tokens.len().wrapping_sub(2));
        match word {
            "if" | "elseif" | "and" | "or" | "not" | "xor" | "mod" | "like" | "while" | "until" | "case"
            | "throw" | "assert" | "where" => true,
            "parse" => before == "json",
            "numeric" => before == "is",
            _ => false,
        }
    }

    /// Whether a closing `'` comes on this line where an expression can go on or end. A remark with an apostrophe in
    /// a word, or with one behind a word, is none.
    fn closes_before_operator(&self) -> bool {
        let line = &self.bytes[..self.line_end(self.at)];
        let (mut at, mut unclosed) = (self.at + 1, 0);
        while let Some(&byte) = line.get(at) {
            match byte {
                b'\'' => break,
                b'\\' => at += 1,
                b'$' if unclosed < MAX_UNCLOSED && line.get(at + 1) == Some(&b'{') => {
                    let end = self.find_closing_brace(at + 2, 0);
                    unclosed += u32::from(end.is_none());
                    at = end.unwrap_or(at);
                }
                _ => {}
            }
            at += 1;
        }
        let Some(behind) = line.get(at + 1..) else {
            return false;
        };
        let rest = behind.trim_ascii_start();
        let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        match rest.first() {
            None | Some(b'\'') => true,
            Some(_) if word > 0 => {
                let word = String::from_utf8_lossy(&rest[..word]).to_ascii_lowercase();
                rest.len() < behind.len() && (is_operator_word(&word) || commands::is_clause_word(&word))
            }
            Some(byte) => b"+-*/%^&|=<>!?:,;.)]}".contains(byte),
        }
    }
}
