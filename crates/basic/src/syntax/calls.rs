//! Names in operand position: variables, functions, and commands with their arguments and clauses.

use super::operands::is_operator_word;
use super::parser::Parser;
use super::token::{Kind, Mark, Name, Span};
use super::tree::{ClauseArguments, CommandCall, Expr, ExprKind};
use crate::commands;
use crate::functions;

impl Parser<'_> {
    /// A word where a value may stand.
    pub(super) fn word(&mut self, name: Name, start: Span) -> Expr {
        let next = self.token_at(self.at + 1);
        let word = self.names.get(name);
        match word {
            "true" | "false" => return self.constant(ExprKind::Bool(word == "true")),
            "null" | "nothing" | "none" => return self.constant(ExprKind::Null),
            _ => {}
        }
        let opens = next.kind == Kind::Mark(Mark::ParenOpen);
        if opens && self.procedures.contains(&name) {
            return self.call(name, start, 1);
        }
        if let Some(special) = self.special_form(start) {
            return special;
        }
        if matches!(next.kind, Kind::Mark(Mark::Dot | Mark::QuestionDot)) {
            return self.variable(name, start);
        }
        if let Some((spec, words)) = self.command_here(false) {
            return self.command(spec, words, false);
        }
        let function = functions::find(self.names.get(name));
        if opens && (function.is_some() || !next.spaced) {
            return self.call(name, start, 1);
        }
        if let Some(function) = function
            && next.spaced
            && self.starts_bare_argument(self.at + 1)
        {
            self.advance();
            return self.bare_call(name, function.maximum, start, false);
        }
        if is_operator_word(self.names.get(name)) && !self.is_plain_variable(self.at) {
            self.expected("a value");
            return self.error_expr();
        }
        self.variable(name, start)
    }

    pub(super) fn variable(&mut self, name: Name, start: Span) -> Expr {
        self.advance();
        Expr { kind: ExprKind::Variable(name), span: start }
    }

    fn constant(&mut self, kind: ExprKind) -> Expr {
        let span = self.span();
        self.advance();
        Expr { kind, span }
    }

    /// `name(arguments)`, where the name has some words.
    pub(super) fn call(&mut self, name: Name, start: Span, words: usize) -> Expr {
        self.at += words;
        self.expect_mark(Mark::ParenOpen);
        let arguments = self.bracketed_list(Mark::ParenClose);
        let mut call = Expr { kind: ExprKind::Call { name, arguments }, span: self.since(start) };
        if self.names.get(name) == "format" && self.is_word("as") {
            call = self.format_pattern(call, start);
        }
        call
    }

    /// A function without brackets: `MAX a, b`.
    pub(super) fn bare_call(&mut self, name: Name, maximum: usize, start: Span, statement: bool) -> Expr {
        if self.names.get(name) == "format" {
            return self.bare_format(name, start);
        }
        let mut arguments = vec![self.bare_argument(statement)];
        if self.names.get(name) == "sort" && self.eat_word("by") {
            arguments.push(self.bare_argument(statement));
            let direction = self.span();
            let descending = self.eat_word("desc");
            if !descending {
                self.eat_word("asc");
            }
            let order = if descending { "desc" } else { "asc" };
            arguments.push(Expr { kind: ExprKind::Text(order.into()), span: direction });
            let name = self.names.intern("sort_by");
            return Expr { kind: ExprKind::Call { name, arguments }, span: self.since(start) };
        }
        let adds = matches!(self.names.get(name), "push" | "append");
        if adds && arguments.len() == 1 && self.eat_word("with") {
            arguments.push(self.bare_argument(statement));
        }
        while arguments.len() < maximum && (statement || self.brackets == 0) && self.eat_mark(Mark::Comma) {
            arguments.push(self.bare_argument(statement));
        }
        Expr { kind: ExprKind::Call { name, arguments }, span: self.since(start) }
    }

    fn bare_argument(&mut self, statement: bool) -> Expr {
        if statement { self.expression() } else { self.sum() }
    }

    fn bare_format(&mut self, name: Name, start: Span) -> Expr {
        let value = self.tight();
        let mut call =
            Expr { kind: ExprKind::Call { name, arguments: vec![value] }, span: self.since(start) };
        if self.is_word("as") || (self.brackets == 0 && self.is_mark(Mark::Comma)) {
            call = self.format_pattern(call, start);
        }
        call
    }

    /// `AS pattern` after a FORMAT that has none yet.
    fn format_pattern(&mut self, mut call: Expr, start: Span) -> Expr {
        if let ExprKind::Call { arguments, .. } = &mut call.kind
            && arguments.len() == 1
        {
            self.advance();
            let pattern =
                if let (Kind::Word(_), false) = (self.kind(), self.is_mark_at(self.at + 1, Mark::Dot)) {
                    self.bare_word()
                } else {
                    self.tight()
                };
            arguments.push(pattern);
            call.span = self.since(start);
        }
        call
    }

    pub(super) fn bare_word(&mut self) -> Expr {
        let span = self.span();
        let Kind::Word(name) = self.kind() else {
            return self.error_expr();
        };
        let spelled = self.text_of(span).to_owned();
        self.advance();
        Expr { kind: ExprKind::Bare(name, spelled), span }
    }

    /// Forms that are neither functions nor commands of the table.
    fn special_form(&mut self, start: Span) -> Option<Expr> {
        let next = self.token_at(self.at + 1);
        match self.word_at(self.at) {
            "if" if next.kind == Kind::Mark(Mark::ParenOpen) => {
                let name = self.names.intern("iif");
                Some(self.call(name, start, 1))
            }
            "hear" => {
                let stands = match next.kind {
                    Kind::Line | Kind::End | Kind::Mark(_) if self.hear_is_variable => false,
                    // A variable of that name.
                    Kind::Mark(Mark::Dot | Mark::QuestionDot | Mark::ParenOpen | Mark::BracketOpen) => false,
                    Kind::Word(name) => {
                        let word = self.names.get(name);
                        let operator = is_operator_word(word) || word == "not";
                        matches!(word, "as" | "with" | "default" | "timeout")
                            || (operator && !self.hear_is_variable)
                    }
                    // `HEAR "prompt"` as a value.
                    Kind::Line | Kind::End | Kind::Mark(_) | Kind::Text(_) => true,
                    Kind::Integer(_) | Kind::Float(_) => false,
                };
                stands.then(|| {
                    self.advance();
                    let hear = self.hear_rest();
                    Expr { kind: ExprKind::Hear(Box::new(hear)), span: self.since(start) }
                })
            }
            "new" | "create" => {
                let kind = match self.word_at(self.at + 1) {
                    "object" => ExprKind::Object(Vec::new()),
                    "array" => ExprKind::Array(Vec::new()),
                    _ => return None,
                };
                self.at += 2;
                // `NEW OBJECT()` is the same.
                if self.is_mark(Mark::ParenOpen)
                    && !self.token().spaced
                    && self.is_mark_at(self.at + 1, Mark::ParenClose)
                {
                    self.at += 2;
                }
                Some(Expr { kind, span: self.since(start) })
            }
            "is" if self.is_numeric_at(self.at) => Some(self.phrase_call("isnumeric", start)),
            "json" if self.word_at(self.at + 1) == "parse" => Some(self.phrase_call("fromjson", start)),
            "error" | "error_message" if self.is_error_message() => {
                self.at += if self.is_word("error") { 2 } else { 1 };
                let name = self.names.intern("error message");
                Some(Expr { kind: ExprKind::Variable(name), span: self.since(start) })
            }
            "call" => match next.kind {
                Kind::Word(name) if self.procedures.contains(&name) => {
                    self.advance();
                    Some(self.procedure_call(name, start))
                }
                _ => None,
            },
            "select" if self.is_sql() => Some(self.sql(start)),
            _ => None,
        }
    }

    fn is_error_message(&self) -> bool {
        self.is_word("error_message") || self.word_at(self.at + 1) == "message"
    }

    fn phrase_call(&mut self, function: &str, start: Span) -> Expr {
        self.at += 2;
        let name = self.names.intern(function);
        if self.is_mark(Mark::ParenOpen) {
            return self.call(name, start, 0);
        }
        let argument = self.sum();
        Expr { kind: ExprKind::Call { name, arguments: vec![argument] }, span: self.since(start) }
    }

    /// `CALL name` and `CALL name(arguments)` of an own procedure, at its name.
    pub(super) fn procedure_call(&mut self, name: Name, start: Span) -> Expr {
        if self.is_mark_at(self.at + 1, Mark::ParenOpen) {
            return self.call(name, start, 1);
        }
        self.advance();
        let mut arguments = Vec::new();
        while self.eat_mark(Mark::Comma) || (arguments.is_empty() && self.starts_operand(self.at)) {
            arguments.push(self.expression());
        }
        Expr { kind: ExprKind::Call { name, arguments }, span: self.since(start) }
    }

    /// Whether SELECT begins SQL: FROM follows on its line.
    pub(super) fn is_sql(&self) -> bool {
        let mut at = self.at + 1;
        while !matches!(self.token_at(at).kind, Kind::Line | Kind::End) {
            if self.word_at(at) == "from" {
                return true;
            }
            at += 1;
        }
        false
    }

    /// SQL up to the end of the line, opaque; `JOIN`, `WHERE`, `GROUP` and `ORDER` lines belong to it.
    pub(super) fn sql(&mut self, start: Span) -> Expr {
        let mut tables = Vec::new();
        while self.kind() != Kind::End {
            if self.kind() == Kind::Line {
                let next = self.word_at(self.at + 1);
                if !matches!(
                    next,
                    "join" | "group" | "order" | "where" | "left" | "inner" | "having" | "limit"
                ) {
                    break;
                }
            } else if self.brackets > 0 && self.is_mark(Mark::ParenClose) {
                break;
            }
            let named = matches!(self.word_at(self.at), "from" | "join");
            self.advance();
            // Rows in memory may stand where a table may.
            while named && matches!(self.kind(), Kind::Word(_)) {
                let table = self.bare_word();
                if let ExprKind::Bare(_, spelled) = &table.kind {
                    tables.push((spelled.clone(), table));
                }
                if !(self.is_mark(Mark::Comma) && matches!(self.token_at(self.at + 1).kind, Kind::Word(_))) {
                    break;
                }
                self.advance();
            }
        }
        let span = self.since(start);
        // Blanks at the beginning of lines mean nothing, so that indenting them changes nothing.
        let lines: Vec<&str> = self.text_of(span).lines().map(str::trim).collect();
        let text = lines.join("\n");
        // The row is part of the table, which a test checks.
        let spec = commands::find("SELECT").unwrap_or(&commands::all()[0]);
        let rows = spec.clauses.iter().find(|clause| clause.name == "ROWS");
        let call = CommandCall {
            spec,
            arguments: vec![Expr { kind: ExprKind::Text(text), span }],
            clauses: rows.map(|rows| (rows, ClauseArguments::Fields(tables))).into_iter().collect(),
            name: None,
        };
        Expr { kind: ExprKind::Command(Box::new(call)), span }
    }
}
