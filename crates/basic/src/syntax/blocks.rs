//! Blocks of statements: reading them up to what closes them, and reporting ends that close nothing.

use super::parser::Parser;
use super::suggest::nearest;
use super::token::{Kind, Mark, Span};
use super::tree::Block;

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
    Parallel,
}

impl BlockKind {
    /// The kind that END with a word ends.
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "if" => Self::If,
            "for" => Self::For,
            "while" => Self::While,
            "select" | "switch" => Self::Select,
            "with" => Self::With,
            "sub" => Self::Sub,
            "function" => Self::Function,
            "on" => Self::On,
            "schedule" => Self::Schedule,
            "parallel" => Self::Parallel,
            _ => return None,
        })
    }

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
            Self::Parallel => "END PARALLEL",
        }
    }
}

/// The words after END.
const BLOCK_WORDS: [&str; 11] =
    ["if", "for", "while", "select", "switch", "with", "sub", "function", "on", "schedule", "parallel"];

/// A block that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
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

impl Parser<'_> {
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

    pub(super) fn lines_until_closer(&mut self) -> Block {
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
                format!("{shown} closes {} opened at line {}", with_article(open.shown), open.line),
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

    /// What the line `END IFF` is meant to end.
    fn misspelt_end(&self) -> Option<BlockKind> {
        let after = self.token_at(self.at + 2).kind;
        if !matches!(after, Kind::Line | Kind::End | Kind::Mark(Mark::Semicolon)) {
            return None;
        }
        let near = nearest(self.word_at(self.at + 1), BLOCK_WORDS.into_iter())?;
        BlockKind::named(near)
    }

    fn skip_closer(&mut self) {
        let words = usize::from(matches!(self.word_at(self.at), "end" | "case"));
        let start = self.span();
        if self.is_word("end")
            && BlockKind::named(self.word_at(self.at + 1)).is_none()
            && let Some(kind) = self.misspelt_end()
        {
            let span = start.to(self.token_at(self.at + 1).span);
            let message = format!("{} ends no block", self.text_of(span).to_uppercase());
            let hint = format!("did you mean {}?", kind.end());
            self.reports.error_with("B013", span, message, None, Some(&hint));
        }
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
        let message = format!("{words} closes {} opened at line {line}", with_article(shown));
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
                "" => None,
                word => BlockKind::named(word).or_else(|| self.misspelt_end()).map(Closer::End),
            },
            "end_parallel" if alone => Some(Closer::End(BlockKind::Parallel)),
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
}

/// The opening words with the article that is said before them: `an IF`, `a FOR EACH`.
fn with_article(shown: &str) -> String {
    let article = if shown.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" };
    format!("{article} {shown}")
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
        BlockKind::Parallel => "PARALLEL",
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
