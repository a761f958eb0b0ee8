//! What runs at another time: handlers, delayed bodies, steps of workflows.

use super::blocks::BlockKind;
use super::parser::Parser;
use super::token::{Kind, Mark, Span};
use super::tree::{
    Binary, ClauseArguments, CommandCall, Expr, ExprKind, Handler, OnError, Procedure, Statement,
    StatementKind,
};
use crate::commands;

impl Parser<'_> {
    #[expect(clippy::option_option, reason = "no keyword here, or a keyword without a statement")]
    pub(super) fn on_statement(&mut self, start: Span) -> Option<Option<Statement>> {
        match (self.word_at(self.at + 1), self.word_at(self.at + 2)) {
            ("error", "resume") if self.word_at(self.at + 3) == "next" => {
                self.at += 4;
                Some(self.statement_from(start, StatementKind::OnError(OnError::ResumeNext)))
            }
            ("error", "goto") => {
                self.at += 3;
                let target = match self.kind() {
                    Kind::Integer(0) => OnError::Stop,
                    Kind::Word(name) => OnError::Goto(name, self.span()),
                    _ => {
                        self.expected("0 or a label");
                        self.skip_line();
                        return Some(None);
                    }
                };
                self.advance();
                Some(self.statement_from(start, StatementKind::OnError(target)))
            }
            (first, second) => {
                let (kind, words) = match (first, second) {
                    // `ON "paid"` is ON EVENT in short.
                    _ if matches!(self.token_at(self.at + 1).kind, Kind::Text(_)) => ("ON EVENT", 1),
                    ("event", _) => ("ON EVENT", 2),
                    ("form", "submit") => ("ON FORM SUBMIT", 3),
                    ("insert", "of") => ("ON INSERT OF", 3),
                    ("update", "of") => ("ON UPDATE OF", 3),
                    ("delete", "of") => ("ON DELETE OF", 3),
                    ("email", _) => ("ON EMAIL", 2),
                    ("change", _) => ("ON CHANGE", 2),
                    _ => return None,
                };
                // Without a body of their own they run a procedure, or the script.
                let has_body = match kind {
                    "ON FORM SUBMIT" => !self.line_has("call"),
                    _ => self.line_has("do") || self.has_end_on(),
                };
                if has_body {
                    self.at += words;
                    return Some(self.handler(start, kind));
                }
                let command = self.command(commands::find(kind)?, words, true);
                Some(self.statement_from(start, StatementKind::Expression(command)))
            }
        }
    }

    /// Whether END ON comes before another ON at the beginning of a line.
    fn has_end_on(&self) -> bool {
        let mut at = self.at;
        loop {
            match self.token_at(at).kind {
                Kind::End => return false,
                Kind::Line if self.word_at(at + 1) == "on" && self.word_at(at + 2) != "error" => {
                    return false;
                }
                Kind::Line if self.word_at(at + 1) == "end" && self.word_at(at + 2) == "on" => return true,
                _ => at += 1,
            }
        }
    }

    /// Whether a word stands on the rest of this line.
    fn line_has(&self, word: &str) -> bool {
        let line = (self.at..).take_while(|&at| !matches!(self.token_at(at).kind, Kind::Line | Kind::End));
        line.into_iter().any(|at| self.word_at(at) == word)
    }

    pub(super) fn handler(&mut self, start: Span, kind: &'static str) -> Option<Statement> {
        let subject = self.sum();
        let mut filters = Vec::new();
        while let Some((clause, words)) = commands::find(kind).and_then(|spec| self.clause_here(spec, 1)) {
            self.at += words;
            filters.push((clause.name, self.sum()));
        }
        self.eat_word("do");
        self.rest_of_header();
        self.handler_body(start, kind, subject, filters, BlockKind::On)
    }

    fn handler_body(
        &mut self,
        start: Span,
        kind: &'static str,
        subject: Expr,
        filters: Vec<(&'static str, Expr)>,
        block: BlockKind,
    ) -> Option<Statement> {
        let outer = std::mem::replace(&mut self.in_procedure, true);
        let shown = if block == BlockKind::On { "ON" } else { "SCHEDULE IN" };
        let body = self.block(block, start, shown);
        self.in_procedure = outer;
        self.close(block, start, shown);
        let name = match &subject.kind {
            ExprKind::Text(text) => Some(text.clone()),
            _ => None,
        };
        let procedure = self.script.procedures.len();
        let own_name = self.names.intern(&format!("{kind} {procedure}"));
        self.script.procedures.push(Procedure {
            name: own_name,
            spelled: kind.to_owned(),
            parameters: Vec::new(),
            body,
            span: start,
            handler: Some(Handler { kind, name, filters }),
        });
        self.statement_from(start, StatementKind::Handler { procedure, kind, subject })
    }

    /// `SCHEDULE IN n unit DO`.
    pub(super) fn schedule_in(&mut self, start: Span) -> Option<Statement> {
        self.at += 2;
        let delay = self.sum();
        let unit_span = self.span();
        let unit = self.name("a unit of time").map(|(_, spelled, _)| spelled).unwrap_or_default();
        let factor = crate::scalar::Unit::from_word(&unit).and_then(crate::scalar::Unit::seconds);
        let Some(seconds) = factor else {
            self.reports.error("B031", unit_span, format!("{unit} is no unit of time"));
            self.skip_line();
            return self.handler_body(start, "SCHEDULE IN", delay, Vec::new(), BlockKind::Schedule);
        };
        self.eat_word("do");
        self.rest_of_header();
        let factor = Expr { kind: ExprKind::Integer(seconds), span: unit_span };
        let span = delay.span.to(unit_span);
        let subject =
            Expr { kind: ExprKind::Binary(Binary::Multiply, Box::new(delay), Box::new(factor)), span };
        self.handler_body(start, "SCHEDULE IN", subject, Vec::new(), BlockKind::Schedule)
    }

    /// `STEP n: command` and `BRANCH name: command`: what stands before the colon is a clause of the command.
    pub(super) fn flow(&mut self, start: Span) -> Option<Statement> {
        let is_step = self.is_word("step");
        self.advance();
        let label = if is_step {
            self.sum()
        } else {
            let span = self.span();
            let spelled =
                self.name("the name of the branch").map(|(_, spelled, _)| spelled).unwrap_or_default();
            Expr { kind: ExprKind::Text(spelled), span }
        };
        self.expect_mark(Mark::Colon);
        if self.is_word("parallel") {
            return self.parallel(start, is_step.then_some(label));
        }
        let Some((spec, words)) = self.command_here(true) else {
            self.expected("a command");
            self.skip_line();
            return None;
        };
        let mut command = self.command(spec, words, true);
        if let ExprKind::Command(call) = &mut command.kind {
            let name = if is_step { "STEP" } else { "BRANCH" };
            // Any command can be a step; only those that wait for others are told which.
            if let Some(clause) = spec.clauses.iter().find(|clause| clause.name == name) {
                call.clauses.push((clause, ClauseArguments::Values(vec![label])));
            }
        }
        self.statement_from(start, StatementKind::Expression(command))
    }

    /// `PARALLEL` with its branches, up to END PARALLEL. The step stands before it, or after it as a clause.
    pub(super) fn parallel(&mut self, start: Span, step: Option<Expr>) -> Option<Statement> {
        let words = self.span();
        self.advance();
        let step = step.or_else(|| self.eat_word("step").then(|| self.sum()));
        let begin = self.parallel_command("PARALLEL", words, step)?;
        self.rest_of_header();
        let body = self.block(BlockKind::Parallel, start, "PARALLEL");
        let words = self.span();
        self.close(BlockKind::Parallel, start, "PARALLEL");
        let end = self.parallel_command("END PARALLEL", words, None)?;
        self.statement_from(start, StatementKind::Parallel { begin, body, end })
    }

    fn parallel_command(&self, phrase: &str, from: Span, step: Option<Expr>) -> Option<Expr> {
        let spec = commands::find(phrase)?;
        let clause = spec.clauses.iter().find(|clause| clause.name == "STEP");
        let clauses = clause.zip(step).map(|(clause, step)| (clause, ClauseArguments::Values(vec![step])));
        let call =
            CommandCall { spec, arguments: Vec::new(), clauses: clauses.into_iter().collect(), name: None };
        Some(Expr { kind: ExprKind::Command(Box::new(call)), span: self.since(from) })
    }
}
