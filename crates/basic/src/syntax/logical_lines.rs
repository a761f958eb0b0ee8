//! Logical lines: where a line of the script ends, where the next one goes on with it, what opens a block.
//!
//! Lines that go on are joined here, so that the parser sees one [`Kind::Line`] at the end of each logical line. The
//! few continuations that depend on a command (`WHERE` on the next line) are the parser's.

use super::lexer::Lexer;
use super::text_blocks;
use super::token::{Kind, Mark};

impl Lexer<'_> {
    pub(super) fn newline(&mut self) {
        let start = self.at;
        if self.at_line_start() {
            self.at += 1;
            self.line_start = self.at;
            return;
        }
        if self.depth > 0 {
            if self.end_of_script_bracket() {
                self.depth = 0;
            } else {
                // The lines without anything are looked at once and not again for each of them.
                let rest = &self.source[self.at..self.end];
                let blank = &rest[..rest.len() - rest.trim_start().len()];
                self.at += blank.rfind('\n').map_or(1, |last| last + 1);
                return;
            }
        } else if self.goes_on() {
            self.at += 1;
            return;
        }
        if let Some(kind) = self.block_kind() {
            self.push(Kind::Line, start, false);
            self.at += 1;
            text_blocks::read(self, kind);
            return;
        }
        self.push(Kind::Line, start, false);
        self.at += 1;
        self.begin_line();
    }

    pub(super) fn begin_line(&mut self) {
        self.line_token = self.out.tokens.len();
        self.line_start = self.at;
        self.line_reported = false;
    }

    pub(super) fn end_line(&mut self) {
        let at = self.at;
        self.push(Kind::Line, at, false);
        self.begin_line();
    }

    /// An open bracket would swallow the rest of the script. A line that can only begin a statement ends it.
    fn end_of_script_bracket(&self) -> bool {
        let rest = &self.source[self.at..self.end];
        let Some(line) = rest.lines().map(str::trim).find(|line| !line.is_empty()) else {
            return true;
        };
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default().to_ascii_lowercase();
        let follows = words.next().unwrap_or_default();
        match first.as_str() {
            "end" | "for" | "if" | "do" | "exit" => {
                follows.starts_with(|c: char| c.is_alphabetic()) || (first == "end" && follows.is_empty())
            }
            "next" | "wend" | "loop" | "else" => !follows.starts_with([':', '=', ',', '.']),
            "talk" | "hear" | "param" => follows.starts_with(|c: char| c.is_alphabetic() || c == '"'),
            _ => false,
        }
    }

    /// Whether the logical line goes on after this physical line.
    pub(super) fn goes_on(&mut self) -> bool {
        let count = self.out.tokens.len();
        let Some(last) = self.out.tokens.last().copied() else {
            return false;
        };
        match last.kind {
            // The `*` of a menu stands for any other text, and ends its line.
            Kind::Mark(Mark::Star) if self.ends_menu() => {}
            Kind::Mark(
                Mark::Plus
                | Mark::Minus
                | Mark::Star
                | Mark::Slash
                | Mark::Ampersand
                | Mark::Comma
                | Mark::Equal
                | Mark::And
                | Mark::Or
                | Mark::Coalesce,
            ) => return true,
            // The name of a member is no operator.
            Kind::Word(_)
                if matches!(
                    self.out.tokens.get(count.wrapping_sub(2)).map(|token| token.kind),
                    Some(Kind::Mark(Mark::Dot | Mark::QuestionDot))
                ) => {}
            Kind::Word(name) => match self.names.get(name) {
                "and" | "or" => return count > self.line_token + 1,
                "not" | "where" | "set" => return true,
                "with" if count > self.line_token + 1 && self.word_at(count - 2) != "end" => return true,
                "_" if last.spaced => {
                    self.out.tokens.pop();
                    return true;
                }
                _ => {}
            },
            _ => {}
        }
        // What follows a line that opens a text block is text.
        if self.block_kind().is_some() {
            return false;
        }
        let next = self.bytes[self.at + 1..].trim_ascii_start();
        next.first() == Some(&b'+') && {
            // Only the line right after: a blank line ends the statement.
            let skipped = self.bytes.len() - (self.at + 1) - next.len();
            !self.bytes[self.at + 1..self.at + 1 + skipped].contains(&b'\n')
        }
    }

    /// Whether the `*` just read stands for any other reply, after a comma, AS or MENU.
    pub(super) fn ends_menu(&self) -> bool {
        let before = self.out.tokens.len().wrapping_sub(2);
        let comma = self.out.tokens.get(before).is_some_and(|token| token.kind == Kind::Mark(Mark::Comma));
        comma || matches!(self.word_at(before), "as" | "menu")
    }

    /// The block that the logical line opens, if it does.
    pub(super) fn block_kind(&self) -> Option<&'static str> {
        let first = self.line_token;
        if self.word_at(first) != "begin" {
            return None;
        }
        let length = self.out.tokens.len() - first;
        match self.word_at(first + 1) {
            "talk" if length == 2 => Some("talk"),
            "system" if length == 3 && self.word_at(first + 2) == "prompt" => Some("system prompt"),
            "mail" if length > 2 => Some("mail"),
            _ => None,
        }
    }

    pub(super) fn opens_brace_block(&self) -> bool {
        let complete = match self.out.tokens.last().map(|token| token.kind) {
            Some(Kind::Mark(mark)) => matches!(mark, Mark::ParenClose | Mark::BracketClose),
            Some(_) => true,
            None => false,
        };
        self.depth == 0
            && complete
            && self.word_at(self.line_token) == "if"
            && self.source[self.at..self.line_end(self.at)].trim().is_empty()
    }
}
