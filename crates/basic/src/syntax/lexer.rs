//! Text to tokens: words, numbers, marks, and the comments between them.

use std::cell::Cell;

use super::report::Reports;
use super::text_blocks;
use super::token::{Kind, Mark, Names, Piece, Span, TextPieces, Token, Tokens};

/// Bytes of one logical line.
const MAX_LINE: u32 = 64 << 10;

pub(super) struct Lexer<'a> {
    pub(super) source: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) depth: u32,
    /// Where the logical line began, in tokens and in bytes.
    pub(super) line_token: usize,
    pub(super) line_start: usize,
    pub(super) line_reported: bool,
    /// A place and the end of its physical line, kept because many tokens of a line ask for it.
    line_ends: Cell<(usize, usize)>,
    /// The physical line with the last `${` that has no end, and how many it has.
    pub(super) unclosed_codes: Cell<(usize, u32)>,
    /// The end of a physical line on which no typographic double quote closes any more.
    pub(super) no_closing_quote: Cell<usize>,
    /// Strings of the script that have no end.
    pub(super) unclosed_strings: u32,
    pub(super) out: Tokens,
    pub(super) names: &'a mut Names,
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
            // Nothing is known yet: no place lies in an empty range.
            line_ends: Cell::new((1, 0)),
            unclosed_codes: Cell::new((0, 0)),
            no_closing_quote: Cell::new(0),
            unclosed_strings: 0,
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
            let opens = if self.depth == 0 { self.block_kind() } else { None };
            self.push(Kind::Line, self.end, false);
            if let Some(kind) = opens {
                text_blocks::read(self, kind);
            }
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

    pub(super) fn at_line_start(&self) -> bool {
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

    /// Where the physical line of a place ends.
    pub(super) fn line_end(&self, from: usize) -> usize {
        let (known, end) = self.line_ends.get();
        if (known..=end).contains(&from) {
            return end;
        }
        let end = self.bytes[from..].iter().position(|&b| b == b'\n').map_or(self.bytes.len(), |n| from + n);
        self.line_ends.set((from, end));
        end
    }

    pub(super) fn skip_line(&mut self) {
        self.at = self.line_end(self.at);
    }

    pub(super) fn word_at(&self, index: usize) -> &str {
        match self.out.tokens.get(index).map(|token| token.kind) {
            Some(Kind::Word(name)) => self.names.get(name),
            _ => "",
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
            mark if mark.opens() => self.depth += 1,
            mark if mark.closes() => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.push(Kind::Mark(mark), start, spaced);
    }
}
