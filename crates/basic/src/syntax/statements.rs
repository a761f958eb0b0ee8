//! Statements.

use super::blocks::BlockKind;
use super::parser::Parser;
use super::suggest::{nearest_keyword, phrases_with};
use super::token::{Kind, Mark, Span};
use super::tree::{CommandCall, Exit, Expr, ExprKind, Statement, StatementKind};
use crate::commands;
use crate::functions;

impl Parser<'_> {
    /// One statement at the start of a line or after THEN; nothing where it was only a declaration.
    pub(super) fn statement(&mut self) -> Option<Statement> {
        self.nested(Self::statement_here, |_| None)
    }

    fn statement_here(&mut self) -> Option<Statement> {
        let start = self.span();
        if !matches!(self.kind(), Kind::Word(_)) {
            return self.expression_statement(start);
        }
        if let Some(equal) = self.assignment_ahead() {
            return self.assignment(start, equal);
        }
        let next = self.token_at(self.at + 1);
        let member = matches!(next.kind, Kind::Mark(Mark::Dot | Mark::QuestionDot))
            || (next.kind == Kind::Mark(Mark::BracketOpen) && !next.spaced);
        let own_call = matches!(self.kind(), Kind::Word(name) if self.procedures.contains(&name))
            && next.kind == Kind::Mark(Mark::ParenOpen);
        if member || own_call {
            return self.expression_statement(start);
        }
        if next.kind == Kind::Mark(Mark::Colon)
            && matches!(self.token_at(self.at + 2).kind, Kind::Line | Kind::End)
            && let Kind::Word(name) = self.kind()
        {
            self.at += 2;
            return self.statement_from(start, StatementKind::Label(name));
        }
        if let Some(result) = self.keyword_statement(start) {
            return result;
        }
        if let Some((spec, words)) = self.command_here(true) {
            let command = self.command(spec, words, true);
            return self.statement_from(start, StatementKind::Expression(command));
        }
        self.call_statement(start)
    }

    fn expression_statement(&mut self, start: Span) -> Option<Statement> {
        let expression = self.expression();
        self.statement_from(start, StatementKind::Expression(expression))
    }

    /// A function called for its effect, with or without brackets; everything else is unknown.
    fn call_statement(&mut self, start: Span) -> Option<Statement> {
        let Kind::Word(name) = self.kind() else {
            return self.expression_statement(start);
        };
        let next = self.token_at(self.at + 1);
        if next.kind == Kind::Mark(Mark::ParenOpen)
            || matches!(self.word_at(self.at), "new" | "create")
            || self.is_words(&["is", "numeric"])
            || self.is_words(&["json", "parse"])
        {
            return self.expression_statement(start);
        }
        if self.procedures.contains(&name) {
            let call = self.procedure_call(name, start);
            return self.statement_from(start, StatementKind::Expression(call));
        }
        if let Some(function) = functions::find(self.names.get(name))
            && !self.at_line_end()
            && self.starts_operand(self.at + 1)
        {
            self.advance();
            let call = self.bare_call(name, function.maximum, start, true);
            return self.statement_from(start, StatementKind::Expression(call));
        }
        if matches!(next.kind, Kind::Line | Kind::End | Kind::Mark(Mark::Semicolon))
            && functions::find(self.names.get(name)).is_some()
        {
            return self.expression_statement(start);
        }
        self.unknown_statement(start);
        None
    }

    fn unknown_statement(&mut self, start: Span) {
        let shown = self.text_of(start).to_owned();
        let near = || nearest_keyword(&shown).map(|near| format!("did you mean {near}?"));
        let hint = if self.reports.has_room() { phrases_with(&shown).or_else(near) } else { None };
        let message = format!("{shown} begins no statement");
        self.reports.error_with("B013", start, message, None, hint.as_deref());
        self.skip_line();
    }

    #[expect(clippy::option_option, reason = "no keyword here, or a keyword without a statement")]
    fn keyword_statement(&mut self, start: Span) -> Option<Option<Statement>> {
        let next_word = self.word_at(self.at + 1);
        Some(match self.word_at(self.at) {
            "if" => self.if_statement(start),
            "for" => self.for_statement(start),
            "while" => self.while_statement(start),
            "do" => self.do_statement(start),
            "select" if self.is_sql() && next_word != "case" => return None,
            "select" | "switch" => self.select_statement(start),
            "with" => self.with_statement(start),
            "sub" => self.procedure(start, BlockKind::Sub),
            "function" => self.procedure(start, BlockKind::Function),
            "return" => self.return_statement(start),
            "exit" => self.exit_statement(start),
            "break" => self.simple(start, StatementKind::Exit(Exit::Loop)),
            "continue" => self.simple(start, StatementKind::Continue),
            "catch" if self.reserved_try => {
                self.skip_line();
                None
            }
            "end" if next_word == "try" && self.reserved_try => {
                self.skip_line();
                None
            }
            "end" if matches!(next_word, "talk" | "mail" | "system") => {
                let block = self.word_at(self.at + 1).to_uppercase();
                self.skip_line();
                self.reports.error("B012", self.since(start), format!("END {block} without BEGIN {block}"));
                None
            }
            "end" if matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) && next_word != "else" => {
                self.advance();
                self.expected("end of line or the block that ends");
                self.skip_line();
                None
            }
            "end" => self.simple(start, StatementKind::Exit(Exit::Script)),
            "throw" => {
                self.advance();
                let value = self.expression();
                self.statement_from(start, StatementKind::Throw(value))
            }
            "assert" => {
                self.advance();
                let condition = self.expression();
                let message = self.eat_mark(Mark::Comma).then(|| self.expression());
                self.statement_from(start, StatementKind::Assert(condition, message))
            }
            "goto" => {
                self.advance();
                let (name, _, span) = self.name("a label")?;
                self.statement_from(start, StatementKind::Goto(name, span))
            }
            "let" if matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) => {
                self.advance();
                self.let_statement(start)
            }
            "set" => return self.set_statement(start),
            "hear" => self.hear_statement(start),
            "begin" => self.text_block(start),
            "on" => return self.on_statement(start),
            "clear" if next_word == "error" => {
                self.at += 2;
                self.statement_from(start, StatementKind::ClearError)
            }
            "schedule" if next_word == "in" => self.schedule_in(start),
            "step" | "branch" => self.flow(start),
            "parallel"
                if next_word == "step"
                    || matches!(self.token_at(self.at + 1).kind, Kind::Line | Kind::End) =>
            {
                self.parallel(start, None)
            }
            "call" => return self.call_procedure(start),
            "param" => self.param(start),
            "description" => self.description(start),
            "table" if matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) => self.table(start),
            "try" if matches!(self.token_at(self.at + 1).kind, Kind::Line | Kind::End) => {
                self.reserved_try = true;
                self.reports.error_with(
                    "B014",
                    start,
                    "TRY is reserved and not part of the language yet".into(),
                    None,
                    Some("use ON ERROR RESUME NEXT or ON ERROR GOTO label"),
                );
                self.skip_line();
                None
            }
            _ => return None,
        })
    }

    fn simple(&mut self, start: Span, kind: StatementKind) -> Option<Statement> {
        self.advance();
        self.statement_from(start, kind)
    }

    fn return_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        if self.at_line_end() || self.is_mark(Mark::Semicolon) || self.is_word("else") {
            return self.statement_from(start, StatementKind::Return(None));
        }
        if self.is_word("with") && matches!(self.token_at(self.at + 1).kind, Kind::Word(_) | Kind::Text(_)) {
            self.advance();
            let fields = self.fields();
            let value = Expr { kind: ExprKind::Object(fields), span: self.since(start) };
            return self.statement_from(start, StatementKind::Return(Some(value)));
        }
        let value = self.expression();
        self.statement_from(start, StatementKind::Return(Some(value)))
    }

    fn exit_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let exit = match self.word_at(self.at) {
            "for" => Exit::For,
            "do" => Exit::Do,
            "while" => Exit::While,
            "sub" | "function" => Exit::Procedure,
            "loop" => Exit::Loop,
            _ => return self.statement_from(start, StatementKind::Exit(Exit::Script)),
        };
        self.advance();
        self.statement_from(start, StatementKind::Exit(exit))
    }

    fn text_block(&mut self, start: Span) -> Option<Statement> {
        let phrase = match self.word_at(self.at + 1) {
            "talk" => "TALK",
            "system" => "SET SYSTEM PROMPT",
            "mail" => "SEND MAIL",
            _ => {
                self.unknown_statement(start);
                return None;
            }
        };
        self.at += if phrase == "SET SYSTEM PROMPT" { 3 } else { 2 };
        let mut arguments = Vec::new();
        if phrase == "SEND MAIL" {
            arguments.push(self.expression());
        }
        self.rest_of_header();
        if self.kind() == Kind::Line {
            self.advance();
        }
        let Kind::Text(number) = self.kind() else {
            return None;
        };
        let span = self.span();
        self.advance();
        let text = self.text(number, span);
        if phrase == "SEND MAIL" {
            let (subject, body) = split_mail(text);
            arguments.push(subject);
            arguments.push(body);
        } else {
            arguments.push(text);
        }
        let spec = commands::find(phrase).unwrap_or(&commands::all()[0]);
        let call = CommandCall { spec, arguments, clauses: Vec::new(), name: None };
        let command = Expr { kind: ExprKind::Command(Box::new(call)), span: start };
        self.statement_from(start, StatementKind::Expression(command))
    }

    #[expect(clippy::option_option, reason = "no keyword here, or a keyword without a statement")]
    fn call_procedure(&mut self, start: Span) -> Option<Option<Statement>> {
        let Kind::Word(name) = self.token_at(self.at + 1).kind else {
            return None;
        };
        if !self.procedures.contains(&name) {
            return None;
        }
        self.advance();
        let call = self.procedure_call(name, start);
        Some(self.statement_from(start, StatementKind::Expression(call)))
    }
}

/// `Subject: …` as the first line, a blank line, the body.
fn split_mail(text: Expr) -> (Expr, Expr) {
    let span = text.span;
    let mut parts = match text.kind {
        ExprKind::Joined(parts) => parts,
        kind => vec![Expr { kind, span }],
    };
    let mut subject = Vec::new();
    while !parts.is_empty() {
        let part = parts.remove(0);
        let ExprKind::Text(text) = &part.kind else {
            subject.push(part);
            continue;
        };
        let Some((line, rest)) = text.split_once('\n') else {
            subject.push(part);
            continue;
        };
        let rest = rest.strip_prefix('\n').unwrap_or(rest);
        let line = Expr { kind: ExprKind::Text(line.to_owned()), span };
        let rest = Expr { kind: ExprKind::Text(rest.to_owned()), span };
        subject.push(line);
        parts.insert(0, rest);
        break;
    }
    if let Some(Expr { kind: ExprKind::Text(first), .. }) = subject.first_mut() {
        let begins = first.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("subject:"));
        if begins {
            *first = first[8..].trim_start().to_owned();
        }
    }
    let joined = |parts| Expr { kind: ExprKind::Joined(parts), span };
    (joined(subject), joined(parts))
}
