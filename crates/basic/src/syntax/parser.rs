//! The parser's ground: looking at tokens, nesting, blocks and their ends.

use super::lexer;
use super::report::{Lines, Reports};
use super::token::{Kind, Mark, Name, Names, Span, Token, Tokens};
use super::tree::{Block, Expr, ExprKind, Script, Statement};
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
    /// Whether a clause of HEAR is being read.
    pub(super) hearing: bool,
    /// Blocks that are open, outermost first.
    open: Vec<Open>,
    pub(super) script: Script,
    /// Names of SUB and FUNCTION, wherever they stand.
    pub(super) procedures: Vec<Name>,
    pub(super) in_procedure: bool,
    /// Whether TRY was met and reported: its CATCH and END TRY are passed over.
    pub(super) reserved_try: bool,
}

/// The kinds of blocks, by what ends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    If,
    BraceIf,
    For,
    While,
    Do,
    Select,
    With,
    Sub,
    Function,
    On,
    Schedule,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    kind: BlockKind,
    line: u32,
    shown: &'static str,
}

/// What ends a block or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closer {
    End(BlockKind),
    Else,
    ElseIf,
    Case,
    CaseElse,
}

impl Closer {
    fn closes(self, kind: BlockKind) -> bool {
        match self {
            Self::End(ended) => ended == kind,
            Self::Else => matches!(kind, BlockKind::If | BlockKind::Select),
            Self::ElseIf => kind == BlockKind::If,
            Self::Case | Self::CaseElse => kind == BlockKind::Select,
        }
    }
}

impl BlockKind {
    fn end(self) -> &'static str {
        match self {
            Self::If => "END IF",
            Self::BraceIf => "}",
            Self::For => "NEXT or END FOR",
            Self::While => "WEND or END WHILE",
            Self::Do => "LOOP",
            Self::Select => "END SELECT",
            Self::With => "END WITH",
            Self::Sub => "END SUB",
            Self::Function => "END FUNCTION",
            Self::On => "END ON",
            Self::Schedule => "END SCHEDULE",
        }
    }
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
        hearing: false,
        open: Vec::new(),
        script: Script::default(),
        procedures: Vec::new(),
        in_procedure: false,
        reserved_try: false,
    };
    parser.find_procedures();
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

    fn expected_with(&mut self, what: &str, hint: Option<&str>) {
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
            self.expected("end of line");
            self.skip_line();
        }
        if self.kind() == Kind::Line {
            self.advance();
        }
    }

    fn find_procedures(&mut self) {
        for index in 0..self.tokens.tokens.len() {
            let begins = index == 0 || matches!(self.token_at(index - 1).kind, Kind::Line);
            if begins
                && matches!(self.word_at(index), "sub" | "function")
                && let Kind::Word(name) = self.token_at(index + 1).kind
            {
                self.procedures.push(name);
            }
        }
    }

    /// The statements of a block, up to what ends it or a part of it; `close` reads the end.
    pub(super) fn block(&mut self, kind: BlockKind, opened: Span, shown: &'static str) -> Block {
        self.nested(
            |parser| {
                let line = parser.line_of(opened);
                parser.open.push(Open { kind, line, shown });
                let block = parser.lines_until_closer();
                parser.open.pop();
                block
            },
            |_| Block::new(),
        )
    }

    fn lines_until_closer(&mut self) -> Block {
        let mut block = Block::new();
        loop {
            match self.kind() {
                Kind::End => return block,
                Kind::Line | Kind::Mark(Mark::Semicolon) => self.advance(),
                _ => {
                    if let Some(closer) = self.closer() {
                        if self.open.iter().any(|open| closer.closes(open.kind)) {
                            return block;
                        }
                        self.stray(closer);
                    } else {
                        self.statement_line(&mut block);
                    }
                }
            }
        }
    }

    fn statement_line(&mut self, block: &mut Block) {
        let before = self.at;
        if let Some(statement) = self.statement() {
            block.push(statement);
        }
        if self.at == before || !(self.at > 0 && self.token_at(self.at - 1).kind == Kind::Line) {
            self.end_statement();
        }
    }

    /// The end of a block that nothing opened.
    fn stray(&mut self, closer: Closer) {
        let start = self.span();
        let innermost = self.open.last().copied();
        self.skip_closer();
        let span = self.since(start);
        let shown = self.text_of(span).to_uppercase();
        let (message, label, hint) = match (innermost, closer) {
            (Some(open), _) => (
                format!("{shown} closes a {} opened at line {}", open.shown, open.line),
                Some(format!("expected {}", open.kind.end())),
                Some(hint_for(open.kind, closer)),
            ),
            (None, Closer::Else | Closer::ElseIf) => (format!("{shown} without IF"), None, None),
            (None, Closer::Case | Closer::CaseElse) => (format!("{shown} without SELECT"), None, None),
            (None, Closer::End(kind)) => (format!("{shown} without {}", opener(kind)), None, None),
        };
        self.reports.error_with("B012", span, message, label, hint);
        self.skip_line();
    }

    fn skip_closer(&mut self) {
        let words = usize::from(matches!(self.word_at(self.at), "end" | "case"));
        self.advance();
        if words == 1 && matches!(self.kind(), Kind::Word(_)) {
            self.advance();
        }
    }

    /// Reads the end of a block; where another stands, the block is reported as open and nothing is read.
    pub(super) fn close(&mut self, kind: BlockKind, opened: Span, shown: &'static str) -> bool {
        let closer = self.closer();
        if closer == Some(Closer::End(kind)) {
            if kind == BlockKind::BraceIf {
                self.advance();
            } else {
                self.skip_closer();
            }
            return true;
        }
        let line = self.line_of(opened);
        if self.kind() == Kind::End {
            let message = format!("{shown} has no end");
            let label = Some(format!("expected {}", kind.end()));
            self.reports.error_with("B011", opened, message, label, None);
            return false;
        }
        let start = self.span();
        let end = self.token_at(self.at + 1);
        let two = matches!(self.word_at(self.at), "end" | "case") && matches!(end.kind, Kind::Word(_));
        let span = if two { start.to(end.span) } else { start };
        let words = self.text_of(span).to_uppercase();
        let message = format!("{words} closes a {shown} opened at line {line}");
        let hint = closer.map(|closer| hint_for(kind, closer));
        self.reports.error_with("B012", span, message, Some(format!("expected {}", kind.end())), hint);
        false
    }

    /// What ends a block, if this line does.
    pub(super) fn closer(&self) -> Option<Closer> {
        let word = match self.kind() {
            Kind::Word(name) => self.names.get(name),
            Kind::Mark(Mark::BraceClose) => return Some(Closer::End(BlockKind::BraceIf)),
            _ => return None,
        };
        let next = self.token_at(self.at + 1);
        // `next = 1`, `case.status = 2`: variables of these names.
        if matches!(next.kind, Kind::Mark(Mark::Equal | Mark::Dot | Mark::QuestionDot | Mark::BracketOpen)) {
            let indexes = matches!(next.kind, Kind::Mark(Mark::BracketOpen)) && next.spaced;
            if !indexes {
                return None;
            }
        }
        let innermost = self.open.last().map(|open| open.kind);
        let alone = matches!(next.kind, Kind::Line | Kind::End | Kind::Mark(Mark::Semicolon));
        match word {
            "end" => match self.word_at(self.at + 1) {
                "if" => Some(Closer::End(BlockKind::If)),
                "for" => Some(Closer::End(BlockKind::For)),
                "while" => Some(Closer::End(BlockKind::While)),
                "select" | "switch" => Some(Closer::End(BlockKind::Select)),
                "with" => Some(Closer::End(BlockKind::With)),
                "sub" => Some(Closer::End(BlockKind::Sub)),
                "function" => Some(Closer::End(BlockKind::Function)),
                "on" => Some(Closer::End(BlockKind::On)),
                "schedule" => Some(Closer::End(BlockKind::Schedule)),
                _ => None,
            },
            "endif" if alone => Some(Closer::End(BlockKind::If)),
            "next" if alone || matches!(next.kind, Kind::Word(_)) => Some(Closer::End(BlockKind::For)),
            "wend" if alone => Some(Closer::End(BlockKind::While)),
            "loop" if alone || matches!(self.word_at(self.at + 1), "while" | "until") => {
                Some(Closer::End(BlockKind::Do))
            }
            "else" if self.word_at(self.at + 1) == "if" => Some(Closer::ElseIf),
            "elseif" => Some(Closer::ElseIf),
            "else" => Some(Closer::Else),
            "case" if self.word_at(self.at + 1) == "else" => Some(Closer::CaseElse),
            "case" if !alone => Some(Closer::Case),
            "default" if alone && innermost == Some(BlockKind::Select) => Some(Closer::CaseElse),
            _ => None,
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

fn opener(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::If | BlockKind::BraceIf => "IF",
        BlockKind::For => "FOR",
        BlockKind::While => "WHILE",
        BlockKind::Do => "DO",
        BlockKind::Select => "SELECT",
        BlockKind::With => "WITH",
        BlockKind::Sub => "SUB",
        BlockKind::Function => "FUNCTION",
        BlockKind::On => "ON",
        BlockKind::Schedule => "SCHEDULE IN",
    }
}

fn hint_for(open: BlockKind, closer: Closer) -> &'static str {
    match (open, closer) {
        (BlockKind::For, Closer::End(BlockKind::If) | Closer::Else | Closer::ElseIf) => {
            "an IF inside the loop may be missing its THEN, or NEXT is missing"
        }
        (BlockKind::If, Closer::End(BlockKind::For)) => "the IF inside the loop may be missing its END IF",
        (BlockKind::Sub, Closer::End(BlockKind::Function))
        | (BlockKind::Function, Closer::End(BlockKind::Sub)) => {
            "SUB ends with END SUB, FUNCTION with END FUNCTION"
        }
        _ => "blocks end in the opposite order in which they begin",
    }
}
