//! Text to tokens: comments, strings, interpolation, continued lines, text blocks.
//!
//! Lines that go on are joined here, so that the parser sees one [`Kind::Line`] at the end of each logical line. The
//! few continuations that depend on a command (`WHERE` on the next line) are the parser's.

use super::blocks;
use super::report::Reports;
use super::token::{Kind, Mark, Names, Piece, Span, TextPieces, Token, Tokens};
use crate::commands;

/// Bytes of one logical line.
const MAX_LINE: u32 = 64 << 10;

pub(super) struct Lexer<'a> {
    pub(super) source: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) end: usize,
    depth: u32,
    /// Where the logical line began, in tokens and in bytes.
    line_token: usize,
    line_start: usize,
    line_reported: bool,
    pub(super) out: Tokens,
    names: &'a mut Names,
    pub(super) reports: &'a mut Reports,
}

/// The tokens of a whole script.
pub(crate) fn lex(source: &str, names: &mut Names, reports: &mut Reports) -> Tokens {
    let start = if source.starts_with('\u{feff}') { 3 } else { 0 };
    let mut lexer = Lexer::new(source, start, source.len(), names, reports);
    // A folded name is at least as frequent as anything else; eight bytes a token is what scripts have.
    lexer.out.tokens.reserve(source.len() / 6);
    lexer.run();
    lexer.out
}

/// The tokens of the code between `${` and `}`.
pub(crate) fn lex_inner(source: &str, span: Span, names: &mut Names, reports: &mut Reports) -> Tokens {
    let mut lexer = Lexer::new(source, span.start as usize, span.end as usize, names, reports);
    lexer.depth = 1;
    lexer.run();
    lexer.out
}

impl<'a> Lexer<'a> {
    pub(super) fn new(
        source: &'a str,
        start: usize,
        end: usize,
        names: &'a mut Names,
        reports: &'a mut Reports,
    ) -> Self {
        Self {
            source,
            bytes: &source.as_bytes()[..end],
            at: start,
            end,
            depth: 0,
            line_token: 0,
            line_start: start,
            line_reported: false,
            out: Tokens::default(),
            names,
            reports,
        }
    }

    pub(super) fn run(&mut self) {
        loop {
            let before = self.at;
            self.skip_blanks();
            let spaced = self.at > before || self.at == self.line_start;
            let Some(byte) = self.peek(0) else { break };
            if byte == b'\n' {
                self.newline();
            } else if self.at_comment(byte, spaced) {
                self.skip_line();
            } else {
                self.token(byte, spaced);
            }
            if !self.line_reported && self.at - self.line_start > MAX_LINE as usize {
                self.line_reported = true;
                self.reports.error("B004", self.span(self.line_start), "this line is longer than 64 KiB");
            }
        }
        if !self.at_line_start() {
            self.push(Kind::Line, self.end, false);
        }
        self.push(Kind::End, self.end, false);
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    pub(super) fn span(&self, start: usize) -> Span {
        Span { start: start as u32, end: self.at as u32 }
    }

    pub(super) fn push(&mut self, kind: Kind, start: usize, spaced: bool) {
        let span = self.span(start);
        self.out.tokens.push(Token { kind, span, spaced });
    }

    pub(super) fn push_text(&mut self, pieces: TextPieces, start: usize, spaced: bool) {
        let number = self.out.texts.len() as u32;
        self.out.texts.push(pieces);
        self.push(Kind::Text(number), start, spaced);
    }

    fn at_line_start(&self) -> bool {
        self.out.tokens.len() == self.line_token
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                // Blanks of other scripts, a byte order mark in the middle of a joined file.
                0x80.. => match self.source[self.at..self.end].chars().next() {
                    Some(c) if c.is_whitespace() || c == '\u{feff}' => self.at += c.len_utf8(),
                    _ => return,
                },
                _ => return,
            }
        }
    }

    pub(super) fn line_end(&self, from: usize) -> usize {
        self.bytes[from..].iter().position(|&b| b == b'\n').map_or(self.bytes.len(), |n| from + n)
    }

    pub(super) fn skip_line(&mut self) {
        self.at = self.line_end(self.at);
    }

    fn at_comment(&self, byte: u8, spaced: bool) -> bool {
        match byte {
            b'\'' => !(self.expects_operand(spaced) && self.closes_on_line()),
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
        let before = &self.bytes[..self.at];
        let line = before.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
        before[line..].iter().all(|b| b.is_ascii_whitespace() || *b >= 0x80)
    }

    /// Whether an assignment follows: `rem = 1` assigns a variable of that name.
    fn assigns(&self, from: usize) -> bool {
        let line = &self.bytes[from..self.line_end(from)];
        let rest = line.trim_ascii_start();
        rest.first() == Some(&b'=')
    }

    fn closes_on_line(&self) -> bool {
        self.bytes[self.at + 1..self.line_end(self.at)].contains(&b'\'')
    }

    /// Whether an operand may begin here, so that `'` opens a string instead of a comment.
    fn expects_operand(&self, spaced: bool) -> bool {
        if self.at_line_start() {
            return false;
        }
        match self.out.tokens.last().map(|token| token.kind) {
            Some(Kind::Mark(Mark::ParenClose | Mark::BracketClose | Mark::BraceClose)) => false,
            // The `*` of a menu and the colon of a label end their lines.
            Some(Kind::Mark(Mark::Star)) if self.ends_menu() => false,
            Some(Kind::Mark(Mark::Colon)) if self.out.tokens.len() == self.line_token + 2 => false,
            Some(Kind::Mark(_)) => true,
            Some(Kind::Word(name)) => {
                spaced && !self.is_complete() && commands::takes_operand(self.names.get(name))
            }
            _ => false,
        }
    }

    /// Whether the words of the line are a whole statement, so that `'` begins a remark.
    fn is_complete(&self) -> bool {
        let first = self.line_token;
        let count = self.out.tokens.len() - first;
        if count > 5 {
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

    /// Whether the `*` just read stands for any other reply, after a comma, AS or MENU.
    fn ends_menu(&self) -> bool {
        let before = self.out.tokens.len().wrapping_sub(2);
        let comma = self.out.tokens.get(before).is_some_and(|token| token.kind == Kind::Mark(Mark::Comma));
        comma || matches!(self.word_at(before), "as" | "menu")
    }

    pub(super) fn word_at(&self, index: usize) -> &str {
        match self.out.tokens.get(index).map(|token| token.kind) {
            Some(Kind::Word(name)) => self.names.get(name),
            _ => "",
        }
    }

    fn newline(&mut self) {
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
                self.at += 1;
                return;
            }
        } else if self.goes_on() {
            self.at += 1;
            return;
        }
        if let Some(kind) = self.block_kind() {
            self.push(Kind::Line, start, false);
            self.at += 1;
            blocks::read(self, kind);
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
        let next = self.bytes[self.at + 1..].trim_ascii_start();
        next.first() == Some(&b'+') && {
            // Only the line right after: a blank line ends the statement.
            let skipped = self.bytes.len() - (self.at + 1) - next.len();
            !self.bytes[self.at + 1..self.at + 1 + skipped].contains(&b'\n')
        }
    }

    /// The block that the logical line opens, if it does.
    fn block_kind(&self) -> Option<&'static str> {
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

    pub(super) fn token(&mut self, byte: u8, spaced: bool) {
        let start = self.at;
        match byte {
            b'"' | b'\'' => self.string(byte, spaced),
            b'0'..=b'9' => self.number(spaced),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(spaced),
            0x80.. => {
                let c = self.source[self.at..self.end].chars().next().unwrap_or(' ');
                if unicode_ident::is_xid_start(c) {
                    self.word(spaced);
                } else if let Some(end) = self.typographic_end(c) {
                    self.typographic_string(c.len_utf8(), end, spaced);
                } else {
                    self.at += c.len_utf8();
                    let (text, hint) = match c {
                        '“' | '”' | '„' => (c, Some("use straight quotes: \"")),
                        '‘' | '’' => (c, Some("use straight quotes: '")),
                        _ => (c, None),
                    };
                    let span = self.span(start);
                    self.reports.error_with("B003", span, format!("unexpected character {text}"), None, hint);
                }
            }
            _ => self.mark(byte, spaced),
        }
    }

    pub(super) fn word(&mut self, spaced: bool) {
        let start = self.at;
        let mut end = start;
        while let Some(&byte) = self.bytes.get(end) {
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                end += 1;
            } else if byte >= 0x80 {
                match self.source[end..self.end].chars().next() {
                    Some(c) if unicode_ident::is_xid_continue(c) => end += c.len_utf8(),
                    _ => break,
                }
            } else {
                break;
            }
        }
        self.at = end;
        let first = self.at_line_start();
        let name = self.names.intern(&self.source[start..end]);
        self.push(Kind::Word(name), start, spaced);
        if first && self.depth == 0 && self.names.get(name) == "description" {
            self.bare_description();
        }
    }

    /// `DESCRIPTION` without quotes takes the rest of the line.
    fn bare_description(&mut self) {
        let end = self.line_end(self.at);
        let rest = self.source[self.at..end].trim();
        let bare = rest.starts_with(|c: char| c.is_alphanumeric())
            && self.source[self.at..].starts_with([' ', '\t']);
        if bare {
            let start = self.at + 1;
            let text = rest.to_owned();
            self.at = end;
            self.push_text(TextPieces { pieces: vec![Piece::Literal(text)], block: false }, start, true);
        }
    }

    pub(super) fn number(&mut self, spaced: bool) {
        let start = self.at;
        while self.peek(0).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        let mut whole = true;
        if self.peek(0) == Some(b'.') && self.peek(1).is_some_and(|b| b.is_ascii_digit()) {
            whole = false;
            self.at += 1;
            while self.peek(0).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1;
            }
        }
        let text = &self.source[start..self.at];
        let kind = match text.parse::<i64>() {
            Ok(value) if whole => Kind::Integer(value),
            _ => Kind::Float(text.parse::<f64>().ok().filter(|f| f.is_finite()).unwrap_or(f64::MAX)),
        };
        self.push(kind, start, spaced);
    }

    pub(super) fn mark(&mut self, byte: u8, spaced: bool) {
        let start = self.at;
        let two = |next: u8| self.peek(1) == Some(next);
        let (mark, length) = match byte {
            b'(' => (Mark::ParenOpen, 1),
            b')' => (Mark::ParenClose, 1),
            b'[' => (Mark::BracketOpen, 1),
            b']' => (Mark::BracketClose, 1),
            b'{' => (Mark::BraceOpen, 1),
            b'}' => (Mark::BraceClose, 1),
            b'#' if two(b'{') => (Mark::ObjectOpen, 2),
            b'$' if two(b'{') => (Mark::InterpolationOpen, 2),
            b',' => (Mark::Comma, 1),
            b'.' => (Mark::Dot, 1),
            b'?' if two(b'?') => (Mark::Coalesce, 2),
            // `a?.b`, but not the number of `c ?.5 : 1`, which is no number in this language anyway.
            b'?' if two(b'.') => (Mark::QuestionDot, 2),
            b'?' => (Mark::Question, 1),
            b':' => (Mark::Colon, 1),
            b';' => (Mark::Semicolon, 1),
            b'=' if two(b'=') => (Mark::EqualEqual, 2),
            b'=' => (Mark::Equal, 1),
            b'!' if two(b'=') => (Mark::NotEqual, 2),
            b'!' => (Mark::Bang, 1),
            b'<' if two(b'>') => (Mark::NotEqual, 2),
            b'<' if two(b'=') => (Mark::LessEqual, 2),
            b'<' => (Mark::Less, 1),
            b'>' if two(b'=') => (Mark::GreaterEqual, 2),
            b'>' => (Mark::Greater, 1),
            b'+' => (Mark::Plus, 1),
            b'-' => (Mark::Minus, 1),
            b'*' => (Mark::Star, 1),
            b'/' => (Mark::Slash, 1),
            b'%' => (Mark::Percent, 1),
            b'^' => (Mark::Caret, 1),
            b'&' if two(b'&') => (Mark::And, 2),
            b'&' => (Mark::Ampersand, 1),
            b'|' if two(b'|') => (Mark::Or, 2),
            _ => {
                self.at += 1;
                let span = self.span(start);
                let shown = char::from(byte).escape_default().to_string();
                self.reports.error("B003", span, format!("unexpected character {shown}"));
                return;
            }
        };
        self.at += length;
        match mark {
            // The brace of `IF c {` opens a block, and its lines are statements.
            Mark::BraceOpen if self.opens_brace_block() => {}
            Mark::ParenOpen
            | Mark::BracketOpen
            | Mark::BraceOpen
            | Mark::ObjectOpen
            | Mark::InterpolationOpen => self.depth += 1,
            Mark::ParenClose | Mark::BracketClose | Mark::BraceClose => {
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        self.push(Kind::Mark(mark), start, spaced);
    }

    fn opens_brace_block(&self) -> bool {
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
