//! PARAM, DESCRIPTION and TABLE: declarations, which are hoisted and never run.

use super::parser::Parser;
use super::token::{Kind, Mark, Span};
use super::tree::{Expr, ExprKind, Param, Statement, Table};

const PARAM_OPTIONS: [&str; 6] = ["LIKE", "DESCRIPTION", "DEFAULT", "OPTIONAL", "REQUIRED", "ENUM"];

impl Parser<'_> {
    /// `PARAM name AS type …`, `PARAM name AS "a", "b"`, `PARAM a, b`.
    pub(super) fn param(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        loop {
            let (name, spelled, span) = self.name("a name")?;
            let mut param = Param {
                name,
                spelled,
                type_word: "string".to_owned(),
                choices: Vec::new(),
                like: None,
                description: None,
                default: None,
                optional: false,
                span,
            };
            if self.eat_word("as") {
                self.param_type(&mut param);
            }
            self.param_options(&mut param);
            param.span = start.to(self.previous_span());
            self.script.params.push(param);
            if matches!(self.kind(), Kind::Word(_)) {
                self.unknown_option(&PARAM_OPTIONS);
                return None;
            }
            if !self.eat_mark(Mark::Comma) {
                return None;
            }
        }
    }

    fn param_type(&mut self, param: &mut Param) {
        if !matches!(self.kind(), Kind::Text(_)) {
            if let Some((name, _, _)) = self.name("a type or texts") {
                self.names.get(name).clone_into(&mut param.type_word);
            }
            return;
        }
        loop {
            let choice = self.primary();
            param.choices.push(choice);
            if !(self.is_mark(Mark::Comma) && matches!(self.token_at(self.at + 1).kind, Kind::Text(_))) {
                break;
            }
            self.advance();
        }
        if param.choices.len() == 1 {
            param.description = param.choices.pop();
        }
    }

    fn param_options(&mut self, param: &mut Param) {
        loop {
            match self.word_at(self.at) {
                "like" => param.like = Some(self.like_value()),
                "description" => param.description = Some(self.option_value()),
                "default" => param.default = Some(self.option_value()),
                "optional" => {
                    self.advance();
                    param.optional = true;
                }
                "required" => self.advance(),
                "enum" => {
                    let value = self.option_value();
                    if let super::tree::ExprKind::Array(items) = value.kind {
                        param.choices = items;
                    } else {
                        self.reports.error("B033", value.span, "ENUM takes an array of texts");
                    }
                }
                _ => return,
            }
        }
    }

    /// The example after LIKE: a literal, or words without quotes up to the next option.
    fn like_value(&mut self) -> Expr {
        let next = self.at + 1;
        let bare = matches!(self.token_at(next).kind, Kind::Word(_))
            && !matches!(self.word_at(next), "true" | "false" | "null" | "new");
        if !bare {
            return self.option_value();
        }
        self.advance();
        let start = self.span();
        let options = ["description", "default", "optional", "required", "enum"];
        while !self.at_line_end() && !options.contains(&self.word_at(self.at)) {
            self.advance();
        }
        let span = self.since(start);
        Expr { kind: ExprKind::Text(self.text_of(span).to_owned()), span }
    }

    fn option_value(&mut self) -> Expr {
        self.advance();
        self.sum()
    }

    pub(super) fn description(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let text = self.expression();
        self.script.descriptions.push((text, self.since(start)));
        None
    }

    /// A TABLE block: its columns keep their words, which schemas read.
    pub(super) fn table(&mut self, start: Span) -> Option<Statement> {
        self.advance();
        let (_, name, span) = self.name("the name of the table")?;
        let mut connection = None;
        if self.eat_word("on") {
            connection = self.key();
        }
        let header = self.rest_of_physical_line();
        let mut lines = Vec::new();
        loop {
            match self.kind() {
                Kind::Line => self.advance(),
                Kind::End => {
                    let label = Some("expected END TABLE".to_owned());
                    self.reports.error_with("B011", start, "TABLE has no end".into(), label, None);
                    break;
                }
                _ if self.is_words(&["end", "table"]) => {
                    self.at += 2;
                    break;
                }
                _ => lines.extend(self.rest_of_physical_line()),
            }
        }
        self.script.tables.push(Table { name, span, connection, header, lines });
        None
    }

    /// What is left of the physical line: a comma at the end of a column does not join it with the next.
    fn rest_of_physical_line(&mut self) -> Option<(String, Span)> {
        let first = self.span();
        let mut line = self.line_of(first);
        let begin = self.at;
        let mut open = 0u32;
        loop {
            // Brackets hold lines together, here as elsewhere.
            while !self.at_line_end() && (open > 0 || self.line_of(self.span()) == line) {
                if let Kind::Mark(mark) = self.kind() {
                    open = (open + u32::from(mark.opens())).saturating_sub(u32::from(mark.closes()));
                }
                line = self.line_of(self.span());
                self.advance();
            }
            // The expression of a computed column may stand on the line after `GENERATED ALWAYS AS`.
            let goes_on = self.word_at(self.at.saturating_sub(1)) == "as"
                && self.kind() == Kind::Line
                && self.is_mark_at(self.at + 1, Mark::ParenOpen);
            if !goes_on {
                break;
            }
            self.advance();
            line = self.line_of(self.span());
        }
        (self.at > begin).then(|| {
            let span = self.since(first);
            (self.text_of(span).to_owned(), span)
        })
    }
}
