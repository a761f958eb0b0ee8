//! Operands of expressions: numbers, texts, lists, objects and names, with the members and indexes behind them.

use super::expressions::MAX_OPERATORS;
use super::parser::Parser;
use super::token::{Kind, Mark, Piece, Span};
use super::tree::{Expr, ExprKind};
use crate::commands::{CommandSpec, Separator};
use crate::functions;

/// Members in a row, limited as operators in a row are.
const MAX_MEMBERS: u32 = 100;

/// Words that stand between operands and so begin none.
pub(super) fn is_operator_word(word: &str) -> bool {
    matches!(
        word,
        "then"
            | "else"
            | "do"
            | "to"
            | "step"
            | "and"
            | "or"
            | "xor"
            | "is"
            | "in"
            | "like"
            | "mod"
            | "between"
            | "as"
            | "with"
            | "by"
            | "from"
            | "at"
            | "where"
            | "starts"
            | "ends"
            | "contains"
            | "using"
            | "set"
            | "values"
            | "limit"
            | "order"
    )
}

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> Expr {
        let beside = std::mem::replace(&mut self.depth, 0);
        let value = self.members();
        self.depth = self.depth.max(beside);
        value
    }

    fn members(&mut self) -> Expr {
        let mut value = self.primary();
        loop {
            if !self.deepen(MAX_MEMBERS + MAX_OPERATORS) {
                return value;
            }
            let start = value.span;
            match self.kind() {
                Kind::Mark(Mark::Dot | Mark::QuestionDot) => {
                    self.advance();
                    let Kind::Word(name) = self.kind() else {
                        self.expected("the name of a member");
                        return value;
                    };
                    let spelled = self.text_of(self.span()).to_owned();
                    self.advance();
                    let kind = if self.is_mark(Mark::ParenOpen) && !self.token().spaced {
                        self.advance();
                        let arguments = self.bracketed_list(Mark::ParenClose);
                        ExprKind::Method { receiver: Box::new(value), name, arguments }
                    } else {
                        ExprKind::Member(Box::new(value), spelled)
                    };
                    value = Expr { kind, span: self.since(start) };
                }
                Kind::Mark(Mark::BracketOpen) if !self.token().spaced || self.is_indexed(&value) => {
                    self.advance();
                    let index = self.in_brackets(Self::expression);
                    self.expect_mark(Mark::BracketClose);
                    value = Expr {
                        kind: ExprKind::Index(Box::new(value), Box::new(index)),
                        span: self.since(start),
                    };
                }
                _ => return value,
            }
        }
    }

    /// Whether `[` behind a blank is an index of a value, and not an argument beside it: `POST TO net [picture], text`.
    fn is_indexed(&self, value: &Expr) -> bool {
        let beside = |spec: &&CommandSpec| spec.arguments.iter().any(|one| one.separator == Separator::Blank);
        let may_stand_beside = self.brackets == 0 && self.enclosing.last().is_some_and(beside);
        let holds_others = matches!(
            value.kind,
            ExprKind::Variable(_)
                | ExprKind::Member(..)
                | ExprKind::Index(..)
                | ExprKind::Call { .. }
                | ExprKind::Method { .. }
                | ExprKind::Array(_)
        );
        holds_others && !may_stand_beside
    }

    pub(super) fn primary(&mut self) -> Expr {
        let start = self.span();
        match self.kind() {
            Kind::Integer(value) => self.leaf(ExprKind::Integer(value)),
            Kind::Float(value) => self.leaf(ExprKind::Float(value)),
            Kind::Text(number) => {
                self.advance();
                self.text(number, start)
            }
            Kind::Mark(Mark::ParenOpen) => {
                self.advance();
                let mut inner = self.in_brackets(Self::expression);
                if !self.expect_mark(Mark::ParenClose) {
                    self.skip_to(Mark::ParenClose);
                }
                inner.span = self.since(start);
                inner
            }
            Kind::Mark(Mark::InterpolationOpen) => {
                self.advance();
                let inner = self.in_brackets(Self::expression);
                self.expect_mark(Mark::BraceClose);
                inner
            }
            Kind::Mark(Mark::BracketOpen) => {
                self.advance();
                let items = self.bracketed_list(Mark::BracketClose);
                Expr { kind: ExprKind::Array(items), span: self.since(start) }
            }
            Kind::Mark(Mark::BraceOpen | Mark::ObjectOpen) => self.object(start),
            Kind::Word(name) => self.word(name, start),
            _ => {
                self.expected("a value");
                Expr { kind: ExprKind::Error, span: start }
            }
        }
    }

    fn leaf(&mut self, kind: ExprKind) -> Expr {
        let span = self.span();
        self.advance();
        Expr { kind, span }
    }

    pub(super) fn in_brackets<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.brackets += 1;
        let outer = std::mem::replace(&mut self.in_object, false);
        let result = read(self);
        self.in_object = outer;
        self.brackets -= 1;
        result
    }

    /// Expressions parted by commas up to a closing bracket, which is read too.
    pub(super) fn bracketed_list(&mut self, close: Mark) -> Vec<Expr> {
        self.in_brackets(|parser| {
            let mut list = Vec::new();
            while !parser.is_mark(close) && !parser.at_line_end() {
                list.push(parser.expression());
                if !parser.eat_mark(Mark::Comma) {
                    break;
                }
            }
            if !parser.expect_mark(close) {
                parser.skip_to(close);
            }
            list
        })
    }

    /// After an error inside brackets, goes on behind them when they close on this line.
    fn skip_to(&mut self, close: Mark) {
        let mut at = self.at;
        while !matches!(self.token_at(at).kind, Kind::Line | Kind::End) {
            if self.is_mark_at(at, close) {
                self.at = at;
                self.advance();
                return;
            }
            at += 1;
        }
    }

    fn object(&mut self, start: Span) -> Expr {
        self.advance();
        let fields = self.in_brackets(|parser| {
            parser.in_object = true;
            let mut fields = Vec::new();
            while !parser.is_mark(Mark::BraceClose) && !parser.at_line_end() {
                let Some(key) = parser.key() else {
                    parser.expected("the name of a field");
                    break;
                };
                parser.expect_mark(Mark::Colon);
                fields.push((key, parser.expression()));
                if !parser.eat_mark(Mark::Comma) {
                    break;
                }
            }
            if !parser.expect_mark(Mark::BraceClose) {
                parser.skip_to(Mark::BraceClose);
            }
            fields
        });
        Expr { kind: ExprKind::Object(fields), span: self.since(start) }
    }

    /// A key of an object: a name, a plain string, or a number.
    pub(super) fn key(&mut self) -> Option<String> {
        let key = match self.kind() {
            Kind::Word(_) | Kind::Integer(_) => self.text_of(self.span()).to_owned(),
            Kind::Text(number) => self.plain_text(number)?,
            _ => return None,
        };
        self.advance();
        Some(key)
    }

    /// The text of a string without interpolation.
    fn plain_text(&self, number: u32) -> Option<String> {
        match self.tokens.texts.get(number as usize)?.pieces.as_slice() {
            [Piece::Literal(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// A string or block: plain text, or parts with the code between them.
    pub(super) fn text(&mut self, number: u32, span: Span) -> Expr {
        let Some(text) = self.tokens.texts.get(number as usize).cloned() else {
            return self.error_expr();
        };
        if let [Piece::Literal(plain)] = text.pieces.as_slice() {
            return Expr { kind: ExprKind::Text(plain.clone()), span };
        }
        let mut parts = Vec::with_capacity(text.pieces.len());
        for piece in text.pieces {
            match piece {
                Piece::Literal(plain) => parts.push(Expr { kind: ExprKind::Text(plain), span }),
                Piece::Code(code) => {
                    let before = self.reports.mark();
                    let part = self.inner_expression(code);
                    if text.block && self.reports.found_since(before) {
                        // Prompts and templates quote code of other languages.
                        self.reports.forget_since(before);
                        let whole = Span { start: code.start - 2, end: code.end + 1 };
                        let shown = self.text_of(whole).to_owned();
                        let message = format!("{shown} is no expression and stays as it is");
                        self.reports.warn("B110", whole, message, None);
                        parts.push(Expr { kind: ExprKind::Text(shown), span: whole });
                    } else {
                        parts.push(part);
                    }
                }
            }
        }
        Expr { kind: ExprKind::Joined(parts), span }
    }

    /// Whether an operand can begin at a token of this line.
    pub(super) fn starts_operand(&self, index: usize) -> bool {
        match self.token_at(index).kind {
            Kind::Integer(_) | Kind::Float(_) | Kind::Text(_) => true,
            Kind::Mark(mark) => mark.opens() || matches!(mark, Mark::Minus | Mark::Bang),
            Kind::Word(name) => {
                let word = self.names.get(name);
                let next = self.token_at(index + 1);
                let calls = next.kind == Kind::Mark(Mark::ParenOpen) && !next.spaced;
                !is_operator_word(word)
                    || (calls && functions::find(word).is_some())
                    || self.is_numeric_at(index)
                    || self.is_plain_variable(index)
            }
            Kind::Line | Kind::End => false,
        }
    }

    /// Whether the function IS NUMERIC stands here, which begins with an operator's word.
    pub(super) fn is_numeric_at(&self, index: usize) -> bool {
        self.word_at(index) == "is" && self.word_at(index + 1) == "numeric"
    }

    /// Whether a word that could be an operator stands as a variable: nothing that it could work on follows.
    pub(super) fn is_plain_variable(&self, index: usize) -> bool {
        if matches!(self.word_at(index), "then" | "else" | "do") {
            return false;
        }
        let next = self.token_at(index + 1);
        match next.kind {
            Kind::Mark(mark) => match mark {
                Mark::Comma
                | Mark::ParenClose
                | Mark::BracketClose
                | Mark::BraceClose
                | Mark::Dot
                | Mark::QuestionDot
                | Mark::Plus
                | Mark::Star
                | Mark::Slash
                | Mark::Percent
                | Mark::Caret
                | Mark::Ampersand
                | Mark::And
                | Mark::Or
                | Mark::Coalesce
                | Mark::Question
                | Mark::Equal
                | Mark::EqualEqual
                | Mark::NotEqual
                | Mark::Less
                | Mark::LessEqual
                | Mark::Greater
                | Mark::GreaterEqual => true,
                // A sign stands close to its number.
                Mark::Minus => next.spaced && self.token_at(index + 2).spaced,
                Mark::BracketOpen => !next.spaced,
                _ => false,
            },
            Kind::Line | Kind::End => true,
            // `"hi " + to WITH …` and `SEND MAIL TO to SUBJECT …`: what begins a clause does so only behind a value.
            Kind::Word(_) => {
                let (word, next) = (self.word_at(index), self.word_at(index + 1));
                let named = ["to", "from", "by", "at", "order", "limit", "values", "step", "using"];
                let clause =
                    || self.enclosing.last().is_some_and(|spec| self.begins_clause_of(spec, index + 1));
                word == next || (named.contains(&word) && (is_operator_word(next) || clause()))
            }
            _ => false,
        }
    }
}
