//! Statements with blocks: IF, loops, SELECT, WITH, procedures.

use super::blocks::{BlockKind, Closer};
use super::parser::Parser;
use super::token::{Kind, Mark, Name, Span};
use super::tree::{Binary, CaseTest, Expr, Procedure, Statement, StatementKind, Test};

impl Parser<'_> {
    pub(super) fn then(&mut self) -> bool {
        if self.eat_word("then") {
            return true;
        }
        self.expected("THEN");
        false
    }

    pub(super) fn if_statement(&mut self, start: Span) -> Option<Statement> {
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

    pub(super) fn for_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let each = self.is_word("each")
            && matches!(self.token_at(self.at + 1).kind, Kind::Word(_))
            && self.word_at(self.at + 1) != "in";
        if each {
            self.advance();
        }
        let Some((variable, spelled, _)) = self.name("a variable") else {
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
            let kind = StatementKind::For { variable, from, to, step, body };
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
        self.statement_from(start, StatementKind::ForEach { variable, source, last, body })
    }

    /// What is left of the line that opens a block is an error; the block is read all the same.
    pub(super) fn rest_of_header(&mut self) {
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

    pub(super) fn while_statement(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let condition = self.expression();
        self.eat_word("do");
        self.rest_of_header();
        let body = self.block(BlockKind::While, start, "WHILE");
        self.close(BlockKind::While, start, "WHILE");
        let before = Some(Test { until: false, condition });
        self.statement_from(start, StatementKind::Loop { before, after: None, body, is_while: true })
    }

    pub(super) fn do_statement(&mut self, start: Span) -> Option<Statement> {
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

    pub(super) fn select_statement(&mut self, start: Span) -> Option<Statement> {
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

    pub(super) fn with_statement(&mut self, start: Span) -> Option<Statement> {
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

    pub(super) fn procedure(&mut self, start: Span, kind: BlockKind) -> Option<Statement> {
        let shown = if kind == BlockKind::Sub { "SUB" } else { "FUNCTION" };
        self.advance();
        let (name, spelled, span) = self.name("a name")?;
        if self.in_procedure {
            self.reports.error("B017", start, format!("{shown} inside another procedure"));
        }
        if !self.declared.insert(name) {
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
}
