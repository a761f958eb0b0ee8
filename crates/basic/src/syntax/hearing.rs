//! HEAR: its types, menus and clauses.

use super::parser::Parser;
use super::token::{Kind, Mark, Span};
use super::tree::{Expr, ExprKind, Hear, Statement, StatementKind};
use crate::hear::HearKind;

impl Parser<'_> {
    pub(super) fn hear_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        // HEAR alone waits; nothing keeps the reply.
        let unnamed = matches!(self.word_at(self.at), "as" | "with" | "default")
            && !self.is_mark_at(self.at + 1, Mark::Dot)
            && !matches!(self.token_at(self.at + 1).kind, Kind::Line | Kind::End);
        if self.at_line_end() || self.is_mark(Mark::Semicolon) || unnamed {
            let hear = self.hear_rest();
            let value = Expr { kind: ExprKind::Hear(Box::new(hear)), span: self.since(start) };
            return self.statement_from(start, StatementKind::Expression(value));
        }
        let place = self.place();
        let hear = self.hear_rest();
        if matches!(self.kind(), Kind::Word(_)) && !self.is_word("else") {
            self.unknown_option(&["AS", "WITH", "DEFAULT", "TIMEOUT"]);
        }
        self.statement_from(start, StatementKind::Hear { place, hear })
    }

    /// `[AS type] { WITH prompt | DEFAULT value }`.
    pub(super) fn hear_rest(&mut self) -> Hear {
        let mut hear =
            Hear { kind: HearKind::Any, options: Vec::new(), prompt: None, default: None, timeout: None };
        if self.eat_word("as") {
            self.hear_type(&mut hear);
        }
        // `HEAR "prompt"` and `HEAR x AS TEXT "prompt"`: the WITH may be missing.
        if matches!(self.kind(), Kind::Text(_)) && hear.prompt.is_none() {
            hear.prompt = Some(self.sum());
        }
        loop {
            let slot = match self.word_at(self.at) {
                "with" => &mut hear.prompt,
                "default" => &mut hear.default,
                "timeout" => &mut hear.timeout,
                _ => return hear,
            };
            let taken = slot.is_some();
            if taken {
                let span = self.span();
                self.reports.error("B023", span, "this clause is given twice");
            }
            let word = self.word_at(self.at).to_owned();
            self.advance();
            // `WITH PROMPT "…"` and `WITH "…"` are one.
            if word == "with" && self.is_word("prompt") && self.starts_operand(self.at + 1) {
                self.advance();
            }
            let outer = std::mem::replace(&mut self.hearing, true);
            let value = self.sum();
            self.hearing = outer;
            match word.as_str() {
                "with" => hear.prompt = Some(value),
                "default" => hear.default = Some(value),
                _ => hear.timeout = Some(value),
            }
        }
    }

    fn hear_type(&mut self, hear: &mut Hear) {
        // A list in a variable may give the options of a menu.
        let menu = self.is_word("menu");
        if menu {
            self.advance();
            if !self.is_mark(Mark::Star) && !self.starts_operand(self.at) {
                self.expected("the options of the menu");
                return;
            }
        }
        if !menu && !matches!(self.kind(), Kind::Text(_) | Kind::Mark(Mark::Star)) {
            let span = self.span();
            let Some((name, spelled, _)) = self.name("a type") else {
                return;
            };
            match HearKind::from_word(self.names.get(name)) {
                Some(kind) => hear.kind = kind,
                None => {
                    let message = format!("{spelled} is no type of HEAR");
                    self.reports.error_with(
                        "B030",
                        span,
                        message,
                        None,
                        Some("types are TEXT, INTEGER, NUMBER, BOOLEAN, EMAIL, DATE, FILE and others; options are texts"),
                    );
                }
            }
            return;
        }
        let mut open = false;
        loop {
            if self.eat_mark(Mark::Star) {
                open = true;
            } else {
                hear.options.push(self.sum());
            }
            if !self.eat_mark(Mark::Comma) {
                break;
            }
        }
        hear.kind = if open { HearKind::OpenMenu } else { HearKind::Menu };
        if hear.options.len() == 1 && !open && !menu {
            // One single text is the prompt.
            hear.prompt = hear.options.pop();
            hear.kind = HearKind::Any;
        }
    }
}
