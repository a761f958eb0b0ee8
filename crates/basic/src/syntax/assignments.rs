//! Assignments, and the places they assign.

use super::parser::Parser;
use super::token::{Kind, Mark, Span};
use super::tree::{Expr, ExprKind, Statement, StatementKind};

impl Parser<'_> {
    /// Where the `=` of an assignment stands, if a place followed by one is here.
    pub(super) fn assignment_ahead(&self) -> Option<usize> {
        let mut at = self.at + 1;
        loop {
            match self.token_at(at).kind {
                Kind::Mark(Mark::Equal) => return Some(at),
                Kind::Mark(Mark::Dot | Mark::QuestionDot) => {
                    if !matches!(self.token_at(at + 1).kind, Kind::Word(_)) {
                        return None;
                    }
                    at += 2;
                }
                Kind::Mark(Mark::BracketOpen) => at = self.end_of_index(at)? + 1,
                _ => return None,
            }
        }
    }

    /// Where the index that opens at a place closes. Several values or none are an array: `TALK [1, 2] = list`.
    pub(super) fn end_of_index(&self, open: usize) -> Option<usize> {
        let close = self.matching_bracket(open)?;
        let mut depth = 0u32;
        for at in open..close {
            match self.token_at(at).kind {
                Kind::Mark(mark) if mark.opens() => depth += 1,
                Kind::Mark(mark) if mark.closes() => depth -= 1,
                Kind::Mark(Mark::Comma) if depth == 1 => return None,
                _ => {}
            }
        }
        (close > open + 1).then_some(close)
    }

    pub(super) fn matching_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0u32;
        let mut at = open;
        loop {
            match self.token_at(at).kind {
                Kind::Mark(mark) if mark.opens() => depth += 1,
                Kind::Mark(mark) if mark.closes() => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                Kind::Line | Kind::End => return None,
                _ => {}
            }
            at += 1;
        }
    }

    pub(super) fn assignment(&mut self, start: Span, equal: usize) -> Option<Statement> {
        let place = self.place();
        if self.at != equal {
            self.expected("=");
            self.skip_line();
            return None;
        }
        self.advance();
        let value = self.expression();
        self.statement_from(start, StatementKind::Assign { place, value })
    }

    /// A variable with members and indexes, as stands left of `=`.
    pub(super) fn place(&mut self) -> Expr {
        let start = self.span();
        let Kind::Word(name) = self.kind() else {
            self.expected("a variable");
            return self.error_expr();
        };
        self.advance();
        let mut place = Expr { kind: ExprKind::Variable(name), span: start };
        loop {
            if (self.is_mark(Mark::Dot) || self.is_mark(Mark::QuestionDot))
                && matches!(self.token_at(self.at + 1).kind, Kind::Word(_))
            {
                self.advance();
                let member = self.text_of(self.span()).to_owned();
                self.advance();
                place = Expr { kind: ExprKind::Member(Box::new(place), member), span: self.since(start) };
            } else if self.is_mark(Mark::BracketOpen) {
                self.advance();
                let index = self.in_brackets(Self::expression);
                self.expect_mark(Mark::BracketClose);
                let kind = ExprKind::Index(Box::new(place), Box::new(index));
                place = Expr { kind, span: self.since(start) };
            } else {
                return place;
            }
        }
    }

    pub(super) fn let_statement(&mut self, start: Span) -> Option<Statement> {
        match self.assignment_ahead() {
            Some(equal) => self.assignment(start, equal),
            None => {
                let _ = self.place();
                self.expected("=");
                self.skip_line();
                None
            }
        }
    }

    /// `SET x = v`, `SET x, v`; other forms are commands.
    #[expect(clippy::option_option, reason = "no keyword here, or a keyword without a statement")]
    pub(super) fn set_statement(&mut self, start: Span) -> Option<Option<Statement>> {
        if !matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) {
            return None;
        }
        self.at += 1;
        if let Some(equal) = self.assignment_ahead() {
            return Some(self.assignment(start, equal));
        }
        self.at -= 1;
        None
    }
}
