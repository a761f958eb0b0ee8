//! The named parts of commands.

use super::parser::Parser;
use super::token::{Kind, Mark};
use super::tree::{ClauseArguments, CommandCall, Expr, ExprKind};
use crate::commands::{ArgumentKind, ClauseKind, ClauseSpec, CommandSpec};

impl Parser<'_> {
    /// The clause of a command that begins here, with its number of words, when so many arguments were given.
    pub(super) fn clause_here(
        &self,
        spec: &'static CommandSpec,
        given: usize,
    ) -> Option<(&'static ClauseSpec, usize)> {
        if !matches!(self.kind(), Kind::Word(_)) {
            return None;
        }
        let mut best: Option<(&'static ClauseSpec, usize)> = None;
        for clause in &spec.clauses {
            let Some(words) = clause.spellings.iter().find(|words| self.is_words(words)).map(Vec::len) else {
                continue;
            };
            // The colon of `ON TIMEOUT: action` means nothing.
            let words = words + usize::from(self.is_mark_at(self.at + words, Mark::Colon));
            let next = self.token_at(self.at + words);
            let is_variable = match next.kind {
                Kind::Mark(Mark::Dot | Mark::QuestionDot | Mark::Comma | Mark::Equal) => true,
                Kind::Mark(Mark::BracketOpen | Mark::ParenOpen) => !next.spaced,
                _ => false,
            };
            // `POST TO net AT at "x.jpg"`: a clause stands once, so the second word is a variable.
            let named_alike = given >= spec.minimum() && self.repeats_word(self.at + words);
            // `SEND MAIL to SUBJECT "x"`: the next clause begins, so this word is an argument.
            let before_clause = !named_alike
                && self.begins_clause_of(spec, self.at + words)
                && matches!(
                    self.token_at(self.at + words + 1).kind,
                    Kind::Text(_) | Kind::Integer(_) | Kind::Float(_)
                );
            let valued = (named_alike || self.starts_operand(self.at + words)) && !before_clause;
            let complete = clause.kind == ClauseKind::Flag || valued;
            if !is_variable && complete && best.is_none_or(|(_, most)| words > most) {
                best = Some((clause, words));
            }
        }
        best
    }

    /// Whether the word at a place is that of a clause which stands before it.
    fn repeats_word(&self, index: usize) -> bool {
        !self.word_at(index).is_empty() && self.word_at(index) == self.word_at(index - 1)
    }

    /// Whether a clause of a command begins at a word, by what follows the word alone.
    pub(super) fn begins_clause_of(&self, spec: &CommandSpec, index: usize) -> bool {
        let word = self.word_at(index);
        let begins = match self.token_at(index + 1).kind {
            Kind::Word(_) | Kind::Text(_) | Kind::Integer(_) | Kind::Float(_) => true,
            Kind::Mark(mark) => mark.opens() && self.token_at(index + 1).spaced,
            Kind::Line | Kind::End => false,
        };
        let named = |clause: &ClauseSpec| {
            clause.kind != ClauseKind::Flag
                && clause.spellings.iter().any(|words| words.first() == Some(&word))
        };
        begins && spec.clauses.iter().any(named)
    }

    pub(super) fn clauses(&mut self, call: &mut CommandCall, statement: bool) {
        loop {
            self.continue_line(call);
            let Some((clause, words)) = self.clause_here(call.spec, call.arguments.len()) else {
                return;
            };
            let start = self.span();
            self.at += words;
            if call.clauses.iter().any(|(given, _)| given.name == clause.name) {
                self.reports.error("B023", start, format!("{} is given twice", clause.name));
            }
            let arguments = self.clause_arguments(clause, statement);
            call.clauses.push((clause, arguments));
            // A comma may part clauses.
            if self.is_mark(Mark::Comma) && self.brackets == 0 {
                self.at += 1;
                if self.clause_here(call.spec, call.arguments.len()).is_none() {
                    self.at -= 1;
                    return;
                }
            }
        }
    }

    /// WHERE, SET and WITH lines that belong to the command before them.
    fn continue_line(&mut self, call: &CommandCall) {
        if self.kind() != Kind::Line || self.brackets > 0 {
            return;
        }
        let given = |name: &str| call.clauses.iter().any(|(clause, _)| clause.name == name);
        let goes_on = match self.word_at(self.at + 1) {
            "where" => !given("WHERE") && !self.is_mark_at(self.at + 2, Mark::Equal),
            "set" => {
                // `SET x = 1` on the next line is a statement of its own unless UPDATE still lacks its SET.
                call.spec.phrase == "UPDATE" && call.arguments.len() == 1 && call.clauses.is_empty()
            }
            "with" => matches!(self.word_at(self.at + 2), "optimize" | "max_cost" | "max_latency"),
            "timeout" => call.spec.phrase == "HUMAN APPROVAL",
            "on" => call.spec.phrase == "HUMAN APPROVAL" && self.word_at(self.at + 2) == "timeout",
            _ => false,
        };
        if goes_on {
            self.at += 1;
            if self.clause_here(call.spec, call.arguments.len()).is_none()
                && !self.is_words(&["on", "timeout"])
            {
                self.at -= 1;
            }
        }
    }

    fn clause_arguments(&mut self, clause: &'static ClauseSpec, statement: bool) -> ClauseArguments {
        let full = statement && self.brackets == 0;
        match clause.kind {
            ClauseKind::Flag => ClauseArguments::Values(Vec::new()),
            ClauseKind::Value => ClauseArguments::Values(vec![self.clause_value(full)]),
            ClauseKind::Word => ClauseArguments::Values(vec![self.clause_word(clause, full)]),
            ClauseKind::Values => {
                let mut values = vec![self.clause_value(full)];
                while (full || self.brackets == 0) && self.eat_mark(Mark::Comma) {
                    values.push(if full { self.expression() } else { self.sum() });
                }
                ClauseArguments::Values(values)
            }
            ClauseKind::Fields => {
                let fields = self.fields_or_names(clause.name == "WITH");
                ClauseArguments::Fields(fields)
            }
            ClauseKind::Order => ClauseArguments::Order(self.order()),
            ClauseKind::Condition => ClauseArguments::Condition(self.condition()),
            ClauseKind::Place => {
                let place = self.place();
                ClauseArguments::Place(place)
            }
        }
    }

    fn clause_value(&mut self, full: bool) -> Expr {
        match self.kind() {
            Kind::Word(name) if self.repeats_word(self.at) && !self.starts_operand(self.at) => {
                self.variable(name, self.span())
            }
            _ if full => self.expression(),
            _ => self.sum(),
        }
    }

    fn clause_word(&mut self, clause: &'static ClauseSpec, full: bool) -> Expr {
        let start = self.span();
        // `ON t(columns)` and `ON TIMEOUT: APPROVE WITH WARNING` keep their words.
        if clause.name == "ON" || clause.name == "ON TIMEOUT" {
            self.skip_line();
            let span = self.since(start);
            return Expr { kind: ExprKind::Text(self.text_of(span).to_owned()), span };
        }
        self.argument(ArgumentKind::Word, full)
    }

    /// `name = value` or `name AS value`, parted by commas.
    pub(super) fn fields(&mut self) -> Vec<(String, Expr)> {
        self.fields_or_names(false)
    }

    /// Fields; where `names` may stand alone, a variable or member is a field of its own name.
    fn fields_or_names(&mut self, names: bool) -> Vec<(String, Expr)> {
        let mut fields = Vec::new();
        loop {
            let start = self.at;
            let Some(mut name) = self.key() else {
                self.expected("the name of a field");
                return fields;
            };
            while self.is_mark(Mark::Dot) && matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) {
                self.advance();
                name = format!("{name}.{}", self.text_of(self.span()));
                self.advance();
            }
            if self.eat_mark(Mark::Equal) || self.eat_word("as") {
                fields.push((name, self.expression()));
            } else if names && matches!(self.token_at(start).kind, Kind::Word(_)) {
                self.at = start;
                let last = name.rsplit('.').next().unwrap_or_default().to_owned();
                fields.push((last, self.place()));
            } else {
                self.expected("= or AS");
                return fields;
            }
            if !self.eat_mark(Mark::Comma) {
                return fields;
            }
        }
    }

    pub(super) fn order(&mut self) -> Vec<(String, bool)> {
        let mut columns = Vec::new();
        while let Some(mut column) = self.key() {
            while self.is_mark(Mark::Dot) && matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) {
                self.advance();
                column = format!("{column}.{}", self.text_of(self.span()));
                self.advance();
            }
            let descending = self.eat_word("desc");
            if !descending {
                self.eat_word("asc");
            }
            columns.push((column, descending));
            if !self.eat_mark(Mark::Comma) {
                return columns;
            }
        }
        self.expected("the name of a column");
        columns
    }
}
