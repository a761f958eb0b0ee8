//! Strings: escapes, interpolation, quotes of text processors.

use super::lexer::Lexer;
use super::token::{Piece, Span, TextPieces};

/// How often the end of a string, or on one line of a `${`, may be searched in vain. A script has no more of them, and
/// each search goes over all that follows.
pub(super) const MAX_UNCLOSED: u32 = 16;

/// How deep code may stand in strings of code in strings.
const MAX_CODES: u32 = 20;

impl Lexer<'_> {
    pub(super) fn string(&mut self, quote: u8, spaced: bool) {
        let start = self.at;
        self.at += 1;
        let mut pieces = TextPieces::default();
        let mut text = String::new();
        loop {
            let from = self.at;
            while self
                .peek(0)
                .is_some_and(|b| b != quote && b != b'\\' && b != b'$' && b != b'\n' && b != b'\r')
            {
                self.at += 1;
            }
            text.push_str(&self.source[from..self.at]);
            match self.peek(0) {
                Some(b) if b == quote => {
                    if quote == b'"' && self.peek(1) == Some(b'"') {
                        text.push('"');
                        self.at += 2;
                        continue;
                    }
                    self.at += 1;
                    break;
                }
                Some(b'\\') => self.escape(&mut text),
                Some(b'$') => self.interpolation(&mut text, &mut pieces),
                Some(b'\r') => {
                    self.at += 1;
                    if self.peek(0) != Some(b'\n') {
                        text.push('\r');
                    }
                }
                Some(b'\n') if quote == b'"' && self.unclosed_strings < MAX_UNCLOSED => {
                    text.push('\n');
                    self.at += 1;
                }
                _ => {
                    self.unterminated(start, &mut text, &mut pieces);
                    break;
                }
            }
        }
        if !text.is_empty() || pieces.pieces.is_empty() {
            pieces.pieces.push(Piece::Literal(text));
        }
        self.push_text(pieces, start, spaced);
    }

    /// Where the quotes end that a text processor has put in place of straight ones.
    pub(super) fn typographic_end(&self, open: char) -> Option<usize> {
        let closing = match open {
            '“' | '”' | '„' => ['”', '“'],
            '‘' | '’' => ['’', '‘'],
            _ => return None,
        };
        let from = self.at + open.len_utf8();
        let end = self.line_end(self.at).min(self.end);
        let double = closing.contains(&'”');
        if double && self.no_closing_quote.get() == end {
            return None;
        }
        let found = self.source[from..end].find(closing).map(|length| from + length);
        if double && found.is_none() {
            self.no_closing_quote.set(end);
        }
        found
    }

    pub(super) fn typographic_string(&mut self, open: usize, end: usize, spaced: bool) {
        let start = self.at;
        let text = self.source[start + open..end].to_owned();
        // Closing quotes of both kinds are as long as opening ones.
        self.at = end + open;
        let span = self.span(start);
        let message = "typographic quotes are read as straight ones".to_owned();
        self.reports.warn("B116", span, message, Some("write \" instead"));
        self.push_text(TextPieces { pieces: vec![Piece::Literal(text)], block: false }, start, spaced);
    }

    /// The string has no end: report it where it begins, and go on after that line.
    fn unterminated(&mut self, start: usize, text: &mut String, pieces: &mut TextPieces) {
        self.unclosed_strings += 1;
        self.at = start;
        let end = self.line_end(start);
        let line = self.source[start..end].trim_end();
        self.at = start + line.len();
        let span = self.span(start);
        self.reports.error_with(
            "B001",
            span,
            "this string has no end".into(),
            Some("expected a closing quote".into()),
            Some("a quote inside a string is written \\\" or \"\""),
        );
        pieces.pieces.clear();
        text.clear();
    }

    fn escape(&mut self, text: &mut String) {
        let escaped = self.peek(1);
        self.at += 2;
        match escaped {
            Some(b'n') => text.push('\n'),
            Some(b't') => text.push('\t'),
            Some(b'r') => text.push('\r'),
            Some(b'"') => text.push('"'),
            Some(b'\'') => text.push('\''),
            Some(b'\\') => text.push('\\'),
            Some(b'$') => text.push('$'),
            Some(b'u') => match self.unicode_escape() {
                Some(c) => text.push(c),
                None => text.push_str("\\u"),
            },
            _ => {
                text.push('\\');
                self.at -= 1;
            }
        }
    }

    /// The four digits after `\u`, and a second half where they are a surrogate.
    fn unicode_escape(&mut self) -> Option<char> {
        let unit = |at: usize| {
            let digits = self.bytes.get(at..at + 4)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
            u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        };
        let first = unit(self.at)?;
        if let Some(Ok(c)) = char::decode_utf16([first]).next() {
            self.at += 4;
            return Some(c);
        }
        let second = (self.bytes.get(self.at + 4..self.at + 6)? == b"\\u").then(|| unit(self.at + 6))??;
        let c = char::decode_utf16([first, second]).next()?.ok()?;
        self.at += 10;
        Some(c)
    }

    /// At `$`: code up to its closing brace, or a plain dollar sign.
    pub(super) fn interpolation(&mut self, text: &mut String, pieces: &mut TextPieces) {
        let Some(end) = (self.peek(1) == Some(b'{')).then(|| self.closing_brace(self.at + 2)).flatten()
        else {
            text.push('$');
            self.at += 1;
            return;
        };
        if !text.is_empty() {
            pieces.pieces.push(Piece::Literal(std::mem::take(text)));
        }
        pieces.pieces.push(Piece::Code(Span { start: self.at as u32 + 2, end: end as u32 }));
        self.at = end + 1;
    }

    /// Where the brace opened before `from` closes, on the same line; quotes inside are balanced.
    fn closing_brace(&self, from: usize) -> Option<usize> {
        self.closing_brace_within(from, 0)
    }

    /// The same, of code that stands in so many others.
    fn closing_brace_within(&self, from: usize, codes: u32) -> Option<usize> {
        let line = self.line_end(from);
        let in_vain = || match self.unclosed_codes.get() {
            (of, count) if of == line => count,
            _ => 0,
        };
        if in_vain() >= MAX_UNCLOSED || codes > MAX_CODES {
            return None;
        }
        let end = self.find_closing_brace(from, codes);
        if end.is_none() {
            self.unclosed_codes.set((line, in_vain() + 1));
        }
        end
    }

    /// As [`Self::closing_brace`], however often it was in vain.
    pub(super) fn find_closing_brace(&self, from: usize, codes: u32) -> Option<usize> {
        let mut depth = 0u32;
        let mut quote = None;
        let mut at = from;
        while let Some(&byte) = self.bytes.get(at) {
            match (byte, quote) {
                (b'\n', _) => return None,
                (b'\\', Some(_)) => at += 1,
                // A string in the code may hold code of its own, with quotes and braces.
                (b'$', Some(_)) if self.bytes.get(at + 1) == Some(&b'{') => {
                    at = self.closing_brace_within(at + 2, codes + 1).unwrap_or(at);
                }
                (b'"' | b'\'', None) => quote = Some(byte),
                (_, Some(open)) if byte == open => quote = None,
                (b'{', None) => depth += 1,
                (b'}', None) if depth == 0 => return Some(at),
                (b'}', None) => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        None
    }
}
