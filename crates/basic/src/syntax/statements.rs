//! Statements.

use super::parser::{BlockKind, Closer, Parser};
use super::token::{Kind, Mark, Name, Span};
use super::tree::{
    Binary, CaseTest, ClauseArguments, CommandCall, Exit, Expr, ExprKind, Handler, Hear, OnError, Procedure,
    Statement, StatementKind, Test,
};
use crate::commands;
use crate::functions;
use crate::hear::HearKind;

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

    /// Where the `=` of an assignment stands, if a place followed by one is here.
    fn assignment_ahead(&self) -> Option<usize> {
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
                Kind::Mark(Mark::BracketOpen) => at = self.matching_bracket(at)? + 1,
                _ => return None,
            }
        }
    }

    fn matching_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0u32;
        let mut at = open;
        loop {
            match self.token_at(at).kind {
                Kind::Mark(
                    Mark::ParenOpen
                    | Mark::BracketOpen
                    | Mark::BraceOpen
                    | Mark::ObjectOpen
                    | Mark::InterpolationOpen,
                ) => depth += 1,
                Kind::Mark(Mark::ParenClose | Mark::BracketClose | Mark::BraceClose) => {
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

    fn assignment(&mut self, start: Span, equal: usize) -> Option<Statement> {
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
        let hint = nearest_keyword(&shown).map(|near| format!("did you mean {near}?"));
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
            "end" if !matches!(next_word, "parallel") => {
                self.simple(start, StatementKind::Exit(Exit::Script))
            }
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

    fn let_statement(&mut self, start: Span) -> Option<Statement> {
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
    fn set_statement(&mut self, start: Span) -> Option<Option<Statement>> {
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

    fn then(&mut self) -> bool {
        if self.eat_word("then") {
            return true;
        }
        self.expected("THEN");
        false
    }

    fn if_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let condition = self.expression();
        if self.is_mark(Mark::BraceOpen) && matches!(self.token_at(self.at + 1).kind, Kind::Line) {
            self.advance();
            let body = self.block(BlockKind::BraceIf, start, "IF");
            self.close(BlockKind::BraceIf, start, "IF");
            let kind = StatementKind::If { branches: vec![(condition, body)], otherwise: Vec::new() };
            return self.statement_from(start, kind);
        }
        let complete = self.then();
        if !complete && !self.at_line_end() {
            self.skip_line();
        }
        if complete && !self.at_line_end() {
            return self.one_line_if(start, condition);
        }
        let mut branches = vec![(condition, self.block(BlockKind::If, start, "IF"))];
        let mut otherwise = Vec::new();
        loop {
            match self.closer() {
                Some(Closer::ElseIf) => {
                    self.eat_word("else");
                    self.advance();
                    let condition = self.expression();
                    self.then();
                    if !self.at_line_end() {
                        // ELSE IF with its statement on the same line.
                        let mut body = Vec::new();
                        body.extend(self.statement());
                        body.extend(self.block(BlockKind::If, start, "IF"));
                        branches.push((condition, body));
                        continue;
                    }
                    branches.push((condition, self.block(BlockKind::If, start, "IF")));
                }
                Some(Closer::Else) => {
                    self.advance();
                    otherwise.extend(self.block(BlockKind::If, start, "IF"));
                }
                _ => break,
            }
        }
        self.close(BlockKind::If, start, "IF");
        self.statement_from(start, StatementKind::If { branches, otherwise })
    }

    fn one_line_if(&mut self, start: Span, condition: Expr) -> Option<Statement> {
        let then: Vec<Statement> = self.statement().into_iter().collect();
        let mut otherwise = Vec::new();
        while self.is_mark(Mark::Semicolon) && self.word_at(self.at + 1) == "else" {
            self.advance();
        }
        if self.eat_word("else") {
            otherwise.extend(self.statement());
        }
        self.statement_from(start, StatementKind::If { branches: vec![(condition, then)], otherwise })
    }

    fn for_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let each = self.is_word("each")
            && matches!(self.token_at(self.at + 1).kind, Kind::Word(_))
            && self.word_at(self.at + 1) != "in";
        if each {
            self.advance();
        }
        let Some((variable, spelled, variable_span)) = self.name("a variable") else {
            self.skip_line();
            let _ = self.block(BlockKind::For, start, "FOR");
            self.close_for(start, "FOR", None);
            return None;
        };
        if !each && self.eat_mark(Mark::Equal) {
            let from = self.expression();
            if !self.eat_word("to") {
                self.expected("TO");
            }
            let to = self.expression();
            let step = self.eat_word("step").then(|| self.expression());
            self.eat_word("do");
            self.rest_of_header();
            let body = self.block(BlockKind::For, start, "FOR");
            self.close_for(start, "FOR", Some((variable, &spelled)));
            let kind = StatementKind::For { variable, variable_span, from, to, step, body };
            return self.statement_from(start, kind);
        }
        if !self.eat_word("in") {
            self.expected(if each { "IN" } else { "= or IN" });
        }
        let source = self.expression();
        let last = (self.is_word("last") && self.starts_operand(self.at + 1)).then(|| {
            self.advance();
            self.expression()
        });
        self.eat_word("do");
        self.rest_of_header();
        let body = self.block(BlockKind::For, start, "FOR EACH");
        self.close_for(start, "FOR EACH", Some((variable, &spelled)));
        self.statement_from(start, StatementKind::ForEach { variable, variable_span, source, last, body })
    }

    /// What is left of the line that opens a block is an error; the block is read all the same.
    fn rest_of_header(&mut self) {
        if !self.at_line_end() {
            self.expected("end of line");
            self.skip_line();
        }
    }

    fn close_for(&mut self, opened: Span, shown: &'static str, variable: Option<(Name, &str)>) {
        let is_next = self.is_word("next");
        let named = match self.token_at(self.at + 1).kind {
            Kind::Word(name) if is_next => Some((name, self.token_at(self.at + 1).span)),
            _ => None,
        };
        if self.closer() == Some(Closer::End(BlockKind::For)) && is_next {
            self.advance();
            if let Some((name, span)) = named {
                self.advance();
                if let Some((expected, spelled)) = variable
                    && name != expected
                {
                    let line = self.line_of(opened);
                    let message =
                        format!("NEXT {} does not match {shown} {spelled} (line {line})", self.text_of(span));
                    let label = Some(format!("expected {spelled}"));
                    self.reports.error_with("B015", span, message, label, None);
                }
            }
            return;
        }
        self.close(BlockKind::For, opened, shown);
    }

    fn while_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let condition = self.expression();
        self.eat_word("do");
        self.rest_of_header();
        let body = self.block(BlockKind::While, start, "WHILE");
        self.close(BlockKind::While, start, "WHILE");
        let before = Some(Test { until: false, condition });
        self.statement_from(start, StatementKind::Loop { before, after: None, body, is_while: true })
    }

    fn do_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let before = self.loop_test();
        self.rest_of_header();
        let body = self.block(BlockKind::Do, start, "DO");
        let mut after = None;
        if self.closer() == Some(Closer::End(BlockKind::Do)) {
            self.advance();
            after = self.loop_test();
        } else {
            self.close(BlockKind::Do, start, "DO");
        }
        self.statement_from(start, StatementKind::Loop { before, after, body, is_while: false })
    }

    fn loop_test(&mut self) -> Option<Test> {
        let until = self.is_word("until");
        if !until && !self.is_word("while") {
            return None;
        }
        self.advance();
        Some(Test { until, condition: self.expression() })
    }

    fn select_statement(&mut self, start: Span) -> Option<Statement> {
        let shown = if self.is_word("switch") { "SWITCH" } else { "SELECT" };
        self.advance();
        self.eat_word("case");
        let subject = self.expression();
        self.rest_of_header();
        let stray = self.block(BlockKind::Select, start, shown);
        if let Some(first) = stray.first() {
            self.reports.error("B016", first.span, "a statement between SELECT and the first CASE");
        }
        let mut cases = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            match self.closer() {
                Some(Closer::Case) => {
                    self.advance();
                    let mut tests = vec![self.case_test()];
                    while self.eat_mark(Mark::Comma) {
                        tests.push(self.case_test());
                    }
                    self.eat_mark(Mark::Colon);
                    self.rest_of_header();
                    cases.push((tests, self.block(BlockKind::Select, start, shown)));
                }
                Some(Closer::CaseElse | Closer::Else) => {
                    self.eat_word("case");
                    self.advance();
                    self.eat_mark(Mark::Colon);
                    self.rest_of_header();
                    otherwise.extend(self.block(BlockKind::Select, start, shown));
                }
                // `DEFAULT` is only an end inside the block, which is closed by now.
                _ if self.is_word("default") && matches!(self.token_at(self.at + 1).kind, Kind::Line) => {
                    self.advance();
                    otherwise.extend(self.block(BlockKind::Select, start, shown));
                }
                _ => break,
            }
        }
        self.close(BlockKind::Select, start, shown);
        self.statement_from(start, StatementKind::Select { subject, cases, otherwise })
    }

    fn case_test(&mut self) -> CaseTest {
        if self.is_word("is")
            && let Kind::Mark(mark) = self.token_at(self.at + 1).kind
        {
            let operator = match mark {
                Mark::Equal | Mark::EqualEqual => Some(Binary::Equal),
                Mark::NotEqual => Some(Binary::NotEqual),
                Mark::Less => Some(Binary::Less),
                Mark::LessEqual => Some(Binary::LessEqual),
                Mark::Greater => Some(Binary::Greater),
                Mark::GreaterEqual => Some(Binary::GreaterEqual),
                _ => None,
            };
            if let Some(operator) = operator {
                self.at += 2;
                return CaseTest::Compare(operator, self.sum());
            }
        }
        let low = self.expression();
        if self.eat_word("to") {
            return CaseTest::Range(low, self.expression());
        }
        CaseTest::Equal(low)
    }

    fn with_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let (name, _, span) = self.name("a variable")?;
        self.rest_of_header();
        let mut fields = Vec::new();
        loop {
            match self.kind() {
                Kind::Line | Kind::Mark(Mark::Semicolon | Mark::Comma) => self.advance(),
                Kind::End => break,
                _ if self.closer().is_some() => break,
                _ => {
                    self.eat_mark(Mark::Dot);
                    let Some(key) = self.key() else {
                        self.expected("a field");
                        self.end_statement();
                        continue;
                    };
                    if !self.expect_mark(Mark::Equal) {
                        self.skip_line();
                        continue;
                    }
                    fields.push((key, self.expression()));
                    while self.eat_mark(Mark::Comma) {}
                    self.end_statement();
                }
            }
        }
        self.close(BlockKind::With, start, "WITH");
        self.statement_from(start, StatementKind::With { name, span, fields })
    }

    fn procedure(&mut self, start: Span, kind: BlockKind) -> Option<Statement> {
        let shown = if kind == BlockKind::Sub { "SUB" } else { "FUNCTION" };
        self.advance();
        let (name, spelled, span) = self.name("a name")?;
        if self.in_procedure {
            self.reports.error("B017", start, format!("{shown} inside another procedure"));
        }
        if self
            .script
            .procedures
            .iter()
            .any(|procedure| procedure.handler.is_none() && procedure.name == name)
        {
            self.reports.error("B018", span, format!("a procedure {spelled} exists already"));
        }
        let mut parameters = Vec::new();
        if self.eat_mark(Mark::ParenOpen) {
            while let Kind::Word(parameter) = self.kind() {
                self.advance();
                parameters.push(parameter);
                // `name AS type` is accepted; types of parameters are not checked.
                if self.eat_word("as") {
                    self.advance();
                }
                if !self.eat_mark(Mark::Comma) {
                    break;
                }
            }
            self.expect_mark(Mark::ParenClose);
        }
        self.rest_of_header();
        let outer = std::mem::replace(&mut self.in_procedure, true);
        let params_before = self.script.params.len();
        let body = self.block(kind, start, shown);
        self.in_procedure = outer;
        // PARAM lines inside declare parameters in order.
        parameters.extend(self.script.params.drain(params_before..).map(|param| param.name));
        self.close(kind, start, shown);
        self.script.procedures.push(Procedure {
            name,
            spelled,
            parameters,
            body,
            span: start,
            handler: None,
        });
        None
    }

    fn return_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        if self.at_line_end() || self.is_mark(Mark::Semicolon) || self.is_word("else") {
            return self.statement_from(start, StatementKind::Return(None));
        }
        if self.is_word("with") && matches!(self.token_at(self.at + 1).kind, Kind::Word(_) | Kind::Text(_)) {
            self.advance();
            let spec = commands::find("SAVE").unwrap_or(&commands::all()[0]);
            let call = CommandCall { spec, arguments: Vec::new(), clauses: Vec::new(), name: None };
            let fields = self.fields(&call);
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

    fn hear_statement(&mut self, start: Span) -> Option<Statement> {
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
    fn on_statement(&mut self, start: Span) -> Option<Option<Statement>> {
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
            // `ON "paid" CALL thank`.
            _ if matches!(self.token_at(self.at + 1).kind, Kind::Text(_)) => {
                let spec = commands::find("ON EVENT")?;
                let command = self.command(spec, 1, true);
                Some(self.statement_from(start, StatementKind::Expression(command)))
            }
            (first, second) => {
                let (kind, words) = match (first, second) {
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
                if !has_body {
                    return None;
                }
                self.at += words;
                Some(self.handler(start, kind))
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

    fn handler(&mut self, start: Span, kind: &'static str) -> Option<Statement> {
        let subject = self.sum();
        let mut filters = Vec::new();
        while kind == "ON EMAIL" {
            let filter = match self.word_at(self.at) {
                "from" => "FROM",
                "subject" => "SUBJECT",
                _ => break,
            };
            self.advance();
            filters.push((filter, self.sum()));
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
    fn schedule_in(&mut self, start: Span) -> Option<Statement> {
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
    fn flow(&mut self, start: Span) -> Option<Statement> {
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

const STATEMENT_WORDS: &[&str] = &[
    "IF",
    "ELSE",
    "END",
    "FOR",
    "NEXT",
    "WHILE",
    "WEND",
    "DO",
    "LOOP",
    "SELECT",
    "CASE",
    "SWITCH",
    "WITH",
    "SUB",
    "FUNCTION",
    "CALL",
    "RETURN",
    "EXIT",
    "BREAK",
    "CONTINUE",
    "THROW",
    "HEAR",
    "BEGIN",
    "PARAM",
    "DESCRIPTION",
    "SET",
    "LET",
    "TABLE",
    "GOTO",
    "ON",
];

/// The keyword a misspelled word is nearest to.
fn nearest_keyword(word: &str) -> Option<&'static str> {
    let word = word.to_uppercase();
    let limit = if word.chars().count() <= 4 { 1 } else { 2 };
    let phrases = commands::all().iter().map(|spec| spec.phrase);
    STATEMENT_WORDS
        .iter()
        .copied()
        .chain(phrases)
        .map(|candidate| (distance(&word, candidate.split(' ').next().unwrap_or_default()), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, candidate)| (distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, where swapping neighbours is one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(40).collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}
