//! The parser's ground: looking at tokens, reporting what stands in the wrong place, nesting.

use std::collections::HashSet;

use super::blocks::Open;
use super::lexer;
use super::report::{Lines, Reports};
use super::token::{Kind, Mark, Name, Names, Span, Token, Tokens};
use super::tree::{Expr, ExprKind, Script, Statement};
use crate::commands::CommandSpec;

/// How deep expressions and blocks may nest.
const MAX_NESTING: u32 = 200;

#[expect(clippy::struct_excessive_bools, reason = "each says where the reader is, and none excludes another")]
pub(super) struct Parser<'a> {
    pub(super) source: &'a str,
    pub(super) lines: &'a Lines<'a>,
    pub(super) names: &'a mut Names,
    pub(super) reports: &'a mut Reports,
    pub(super) tokens: Tokens,
    pub(super) at: usize,
    nesting: u32,
    /// How deep the tree of the operands read last is on its left side, where loops read it without nesting.
    pub(super) depth: u32,
    nesting_reported: bool,
    /// Open brackets: inside them a command without brackets takes one argument.
    pub(super) brackets: u32,
    /// Whether the innermost bracket is an object's.
    pub(super) in_object: bool,
    /// Commands whose arguments are being read, outermost first: their clause words end what stands in them.
    pub(super) enclosing: Vec<&'static CommandSpec>,
    /// The command that was read last, and where what it was given ends.
    pub(super) ended: Option<(&'static CommandSpec, usize)>,
    /// Whether a clause of HEAR is being read.
    pub(super) hearing: bool,
    /// Blocks that are open, outermost first.
    pub(super) open: Vec<Open>,
    pub(super) script: Script,
    /// Names of SUB and FUNCTION, wherever they stand.
    pub(super) procedures: HashSet<Name>,
    /// Whether the script assigns a variable `hear`, so that the word alone is no question.
    pub(super) hear_is_variable: bool,
    /// Those of them that were read.
    pub(super) declared: HashSet<Name>,
    pub(super) in_procedure: bool,
    /// Whether TRY was met and reported: its CATCH and END TRY are passed over.
    pub(super) reserved_try: bool,
}

/// Reads a whole script.
pub(crate) fn parse<'a>(
    source: &'a str,
    lines: &'a Lines<'a>,
    tokens: Tokens,
    names: &'a mut Names,
    reports: &'a mut Reports,
) -> Script {
    let mut parser = Parser {
        source,
        lines,
        names,
        reports,
        tokens,
        at: 0,
        nesting: 0,
        depth: 0,
        nesting_reported: false,
        brackets: 0,
        in_object: false,
        enclosing: Vec::new(),
        ended: None,
        hearing: false,
        open: Vec::new(),
        script: Script::default(),
        procedures: HashSet::new(),
        hear_is_variable: false,
        declared: HashSet::new(),
        in_procedure: false,
        reserved_try: false,
    };
    parser.look_ahead();
    let body = parser.lines_until_closer();
    parser.script.body = body;
    parser.script
}

impl Parser<'_> {
    pub(super) fn token(&self) -> Token {
        self.token_at(self.at)
    }

    pub(super) fn token_at(&self, index: usize) -> Token {
        let end = || Token { kind: Kind::End, span: Span::default(), spaced: false };
        self.tokens.tokens.get(index).or(self.tokens.tokens.last()).copied().unwrap_or_else(end)
    }

    pub(super) fn kind(&self) -> Kind {
        self.token().kind
    }

    pub(super) fn span(&self) -> Span {
        self.token().span
    }

    pub(super) fn previous_span(&self) -> Span {
        self.token_at(self.at.saturating_sub(1)).span
    }

    pub(super) fn since(&self, start: Span) -> Span {
        start.to(self.previous_span())
    }

    pub(super) fn advance(&mut self) {
        if self.at + 1 < self.tokens.tokens.len() {
            self.at += 1;
        }
    }

    /// The folded word at a place, or nothing where no word stands.
    pub(super) fn word_at(&self, index: usize) -> &str {
        match self.token_at(index).kind {
            Kind::Word(name) => self.names.get(name),
            _ => "",
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word_at(self.at) == word
    }

    pub(super) fn is_words(&self, words: &[&str]) -> bool {
        let is = |at: usize, word: &str| match self.word_at(at) {
            "" => false,
            found => found == word || word == "*",
        };
        words.iter().enumerate().all(|(n, word)| is(self.at + n, word))
    }

    pub(super) fn is_mark(&self, mark: Mark) -> bool {
        self.kind() == Kind::Mark(mark)
    }

    pub(super) fn is_mark_at(&self, index: usize, mark: Mark) -> bool {
        self.token_at(index).kind == Kind::Mark(mark)
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn eat_mark(&mut self, mark: Mark) -> bool {
        let found = self.is_mark(mark);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn at_line_end(&self) -> bool {
        matches!(self.kind(), Kind::Line | Kind::End)
    }

    pub(super) fn text_of(&self, span: Span) -> &str {
        self.source.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// What stands at a place, for a message.
    pub(super) fn found(&self) -> String {
        match self.kind() {
            Kind::Line | Kind::End => "end of line".into(),
            Kind::Text(_) => "a string".into(),
            Kind::Mark(mark) => mark.text().into(),
            _ => self.text_of(self.span()).to_owned(),
        }
    }

    pub(super) fn expected(&mut self, what: &str) {
        self.expected_with(what, None);
    }

    pub(super) fn expected_with(&mut self, what: &str, hint: Option<&str>) {
        let unknown = self.unknown_clause();
        let hint = hint.or(unknown.as_ref().map(|(_, hint)| hint.as_str()));
        let message = format!("expected {what}, found {}", self.found());
        let span = self.span();
        self.reports.error_with("B010", span, message, None, hint);
    }

    pub(super) fn expect_mark(&mut self, mark: Mark) -> bool {
        let found = self.eat_mark(mark);
        if !found {
            self.expected(mark.text());
        }
        found
    }

    pub(super) fn name(&mut self, what: &str) -> Option<(Name, String, Span)> {
        if let Kind::Word(name) = self.kind() {
            let span = self.span();
            self.advance();
            return Some((name, self.text_of(span).to_owned(), span));
        }
        self.expected(what);
        None
    }

    pub(super) fn line_of(&self, span: Span) -> u32 {
        self.lines.position(span.start).0
    }

    pub(super) fn error_expr(&self) -> Expr {
        Expr { kind: ExprKind::Error, span: self.span() }
    }

    /// Runs a part of the parser one level deeper; too deep is an error and reads nothing.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> T,
        refused: impl FnOnce(&Self) -> T,
    ) -> T {
        if self.nesting >= MAX_NESTING {
            if !self.nesting_reported {
                self.nesting_reported = true;
                let span = self.span();
                self.reports.error("B005", span, "this is nested more than 200 levels deep");
            }
            self.skip_line();
            return refused(self);
        }
        self.nesting += 1;
        let result = read(self);
        self.nesting -= 1;
        result
    }

    /// Counts one more operator on the left side of a tree; `false` where that is too deep.
    pub(super) fn deepen(&mut self, limit: u32) -> bool {
        self.depth += 1;
        if self.depth <= limit {
            return true;
        }
        if !self.nesting_reported {
            self.nesting_reported = true;
            let span = self.span();
            let message = format!("an expression of more than {limit} operators in a row: divide it");
            self.reports.error("B005", span, message);
        }
        self.skip_line();
        false
    }

    pub(super) fn skip_line(&mut self) {
        while !self.at_line_end() {
            self.advance();
        }
    }

    /// Ends a statement: what is left of its line is an error.
    pub(super) fn end_statement(&mut self) {
        while self.eat_mark(Mark::Semicolon) {}
        if !self.at_line_end() {
            if let Some((spec, hint)) = self.unknown_clause() {
                let message = format!("{} has no clause {}", spec.phrase, self.found());
                let span = self.span();
                self.reports.error_with("B022", span, message, None, Some(&hint));
            } else {
                let hint = self.unknown_before();
                self.expected_with("end of line", hint.as_deref());
            }
            self.skip_line();
        }
        if self.kind() == Kind::Line {
            self.advance();
        }
    }

    /// Finds what has to be known of the whole script before its first line is read.
    fn look_ahead(&mut self) {
        for index in 0..self.tokens.tokens.len() {
            if self.word_at(index) == "hear" && self.is_mark_at(index + 1, Mark::Equal) {
                let before = index.checked_sub(1).map(|before| self.token_at(before).kind);
                let assigns = match before {
                    None | Some(Kind::Line) => true,
                    Some(Kind::Word(word)) => {
                        matches!(self.names.get(word), "let" | "set" | "then" | "else")
                    }
                    _ => false,
                };
                self.hear_is_variable |= assigns;
            }
            let begins = index == 0 || matches!(self.token_at(index - 1).kind, Kind::Line);
            if begins
                && matches!(self.word_at(index), "sub" | "function")
                && let Kind::Word(name) = self.token_at(index + 1).kind
            {
                self.procedures.insert(name);
            }
        }
    }

    /// Code inside a string, read as an expression of its own.
    pub(super) fn inner_expression(&mut self, span: Span) -> Expr {
        let tokens = lexer::lex_inner(self.source, span, self.names, self.reports);
        let outer = std::mem::replace(&mut self.tokens, tokens);
        let (at, brackets) = (std::mem::replace(&mut self.at, 0), std::mem::replace(&mut self.brackets, 1));
        let expression = self.nested(Self::expression, Self::error_expr);
        if !self.at_line_end() {
            self.expected("}");
        }
        self.tokens = outer;
        self.at = at;
        self.brackets = brackets;
        expression
    }

    /// Present, as the readers of statements give nothing for what only declares.
    #[expect(clippy::unnecessary_wraps, reason = "the last step of functions that may give nothing")]
    pub(super) fn statement_from(&self, start: Span, kind: super::tree::StatementKind) -> Option<Statement> {
        Some(Statement { kind, span: self.since(start) })
    }
}
