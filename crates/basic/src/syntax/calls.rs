//! Names in operand position: variables, functions, and commands with their arguments and clauses.

use super::expressions::is_operator_word;
use super::parser::Parser;
use super::token::{Kind, Mark, Name, Span};
use super::tree::{Binary, ClauseArguments, CommandCall, Condition, Expr, ExprKind};
use crate::commands::{self, Argument, ArgumentKind, ClauseKind, ClauseSpec, CommandSpec, Separator};
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

    fn variable(&mut self, name: Name, start: Span) -> Expr {
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

    fn bare_word(&mut self) -> Expr {
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
                    Kind::Line | Kind::End | Kind::Mark(Mark::ParenClose | Mark::Comma) => true,
                    Kind::Word(_) => matches!(self.word_at(self.at + 1), "as" | "with" | "default"),
                    // `HEAR "prompt"` as a value.
                    Kind::Text(_) => true,
                    _ => false,
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
            "is" if self.word_at(self.at + 1) == "numeric" => Some(self.phrase_call("isnumeric", start)),
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
    fn sql(&mut self, start: Span) -> Expr {
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
        let text = self.text_of(span).to_owned();
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

    /// The longest command phrase here, if what follows lets it be one, with its number of words.
    pub(super) fn command_here(&self, statement: bool) -> Option<(&'static CommandSpec, usize)> {
        for phrase in commands::beginning_with(self.word_at(self.at)) {
            let words = phrase.words.len();
            if !self.is_words(&phrase.words) {
                continue;
            }
            let spec = &commands::all()[phrase.spec];
            let next = self.token_at(self.at + words);
            let many = words > 1 || phrase.words[0].contains('_');
            let fits = match next.kind {
                Kind::Mark(Mark::Equal | Mark::Dot | Mark::QuestionDot) => false,
                // `TALK to + name`: what an operator follows is a value.
                Kind::Mark(Mark::Plus | Mark::Ampersand | Mark::Slash | Mark::Star | Mark::NotEqual)
                    if words > 1 =>
                {
                    false
                }
                Kind::Mark(Mark::BracketOpen) => next.spaced && (statement || many),
                _ if many || statement => true,
                Kind::Mark(Mark::ParenOpen) => functions::find(phrase.words[0]).is_none() && spec.gives_value,
                _ => spec.gives_value && next.spaced && self.starts_bare_argument(self.at + words),
            };
            if fits
                && (statement
                    || words > 1
                    || functions::find(phrase.words[0]).is_none()
                    || spec.subject == "storage")
            {
                return Some((spec, words));
            }
        }
        None
    }

    /// Whether the argument of a one-word command or function without brackets can begin here.
    fn starts_bare_argument(&self, index: usize) -> bool {
        match self.token_at(index).kind {
            Kind::Integer(_) | Kind::Float(_) | Kind::Text(_) => true,
            Kind::Mark(mark) => {
                matches!(mark, Mark::ParenOpen | Mark::BraceOpen | Mark::ObjectOpen | Mark::InterpolationOpen)
            }
            Kind::Word(name) => {
                let word = self.names.get(name);
                // `in.filename`: a variable that has the name of an operator.
                let named =
                    matches!(self.token_at(index + 1).kind, Kind::Mark(Mark::Dot | Mark::QuestionDot));
                (!is_operator_word(word) || named)
                    && !self.begins_enclosing_clause(index)
                    && !matches!(word, "last" | "not" | "asc" | "desc" | "until" | "while")
            }
            Kind::Line | Kind::End => false,
        }
    }

    /// Whether a clause of a command around this begins here: `SUBJECT` in `SEND EMAIL TO list SUBJECT text`.
    fn begins_enclosing_clause(&self, index: usize) -> bool {
        let word = self.word_at(index);
        let of_hear =
            self.hearing && matches!(word, "with" | "default" | "timeout") && self.starts_operand(index + 1);
        of_hear
            || self.enclosing.iter().any(|spec| {
                spec.clauses.iter().any(|clause| {
                    clause.spellings.iter().any(|words| words.first() == Some(&word))
                        && (clause.kind == ClauseKind::Flag || self.starts_operand(index + 1))
                })
            })
    }

    /// A command from its first word on.
    pub(super) fn command(&mut self, spec: &'static CommandSpec, words: usize, statement: bool) -> Expr {
        let start = self.span();
        let mut call = CommandCall { spec, arguments: Vec::new(), clauses: Vec::new(), name: None };
        // `GET INSTAGRAM METRICS`: the word within the phrase is the first argument.
        if let Some(within) = spec.phrase.split(' ').position(|word| word == "*") {
            let span = self.token_at(self.at + within).span;
            let word = self.text_of(span).to_owned();
            call.arguments.push(Expr { kind: ExprKind::Text(word), span });
        }
        self.at += words;
        self.enclosing.push(spec);
        let bracketed = self.brackets_hold_arguments();
        if bracketed {
            self.advance();
            self.call_arguments(&mut call);
        } else {
            self.line_arguments(&mut call, statement);
        }
        self.clauses(&mut call, statement);
        self.check_greedy(&call, bracketed);
        // `POST TO net AT time media, caption`: arguments may go on behind a clause.
        let more =
            call.spec.argument(call.arguments.len()).is_some_and(|next| next.separator == Separator::Blank);
        if more && statement && !call.clauses.is_empty() && self.starts_operand(self.at) {
            self.line_arguments(&mut call, statement);
            self.clauses(&mut call, statement);
        }
        self.enclosing.pop();
        let span = self.since(start);
        self.check_count(&call, span);
        Expr { kind: ExprKind::Command(Box::new(call)), span }
    }

    /// `phrase(…)` without a blank is a call; after a blank only when the brackets hold a list.
    fn brackets_hold_arguments(&self) -> bool {
        if !self.is_mark(Mark::ParenOpen) {
            return false;
        }
        if !self.token().spaced {
            return true;
        }
        let mut depth = 0u32;
        let mut at = self.at;
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
                    depth -= 1;
                    if depth == 0 {
                        return false;
                    }
                }
                Kind::Mark(Mark::Comma) if depth == 1 => return true,
                Kind::Line | Kind::End => return false,
                _ => {}
            }
            at += 1;
        }
    }

    fn call_arguments(&mut self, call: &mut CommandCall) {
        self.in_brackets(|parser| {
            while !parser.is_mark(Mark::ParenClose) && !parser.at_line_end() {
                let kind = call
                    .spec
                    .argument(call.arguments.len())
                    .map_or(ArgumentKind::Value, |argument| argument.kind);
                let argument = parser.argument(kind, true);
                call.arguments.push(argument);
                if !parser.eat_mark(Mark::Comma) {
                    break;
                }
            }
        });
        self.expect_mark(Mark::ParenClose);
    }

    fn line_arguments(&mut self, call: &mut CommandCall, statement: bool) {
        let spoken = matches!(self.word_at(self.at), "every" | "daily" | "hourly" | "weekly" | "monthly");
        if spoken && call.spec.phrase == "SET SCHEDULE" {
            // `SET SCHEDULE every 5 minutes`, without quotes.
            let start = self.span();
            self.skip_line();
            let span = self.since(start);
            call.arguments.push(Expr { kind: ExprKind::Text(self.text_of(span).to_owned()), span });
            return;
        }
        let maximum = call.spec.maximum();
        let mut limit = if self.brackets > 0 && !statement { maximum.min(1) } else { maximum };
        let mut comma = false;
        while call.arguments.len() < limit {
            // `SEND MAIL to, subject, body, ATTACHMENT file`: a comma may stand before a clause, too.
            if self.clause_here(call.spec).is_some() && (!comma || self.is_no_value()) {
                return;
            }
            let Some(argument) = call.spec.argument(call.arguments.len()) else {
                break;
            };
            // `SET BOT MEMORY "k" v`: after a text the comma before the value may be missing.
            let plain = argument.separator == Separator::Equal
                && matches!(call.arguments.last().map(|last| &last.kind), Some(ExprKind::Text(_)));
            let begins =
                self.starts_operand(self.at) && (plain || may_follow(argument, call.arguments.len()));
            if !(comma || begins) {
                return;
            }
            let following = call.spec.argument(call.arguments.len() + 1);
            let pairs = following.is_some_and(|next| next.separator == Separator::Equal);
            let value = self.argument(argument.kind, statement && !pairs);
            call.arguments.push(value);
            // Inside an object `{` after a comma can be no key, so it is the next argument.
            let braces = self.in_object
                && self.brackets > 0
                && self.is_mark(Mark::Comma)
                && matches!(self.token_at(self.at + 1).kind, Kind::Mark(Mark::BraceOpen | Mark::ObjectOpen));
            if braces {
                limit = maximum;
            }
            comma = (call.arguments.len() < limit && self.eat_mark(Mark::Comma))
                || following.is_some_and(|next| self.eat_separator(next));
        }
        if statement && self.brackets == 0 && self.is_mark(Mark::Comma) {
            let most = maximum;
            let span = self.span();
            let message = format!("{} takes at most {most} {}", call.spec.phrase, plural(most));
            self.reports.error("B021", span, message);
            self.skip_line();
        }
    }

    /// Whether the word here cannot begin a value: what follows it is a value of its own.
    fn is_no_value(&self) -> bool {
        let next = self.token_at(self.at + 1).kind;
        let value = matches!(next, Kind::Integer(_) | Kind::Float(_) | Kind::Text(_))
            || matches!(next, Kind::Word(name) if !is_operator_word(self.names.get(name)));
        value && self.command_here(false).is_none() && functions::find(self.word_at(self.at)).is_none()
    }

    fn eat_separator(&mut self, argument: &Argument) -> bool {
        match argument.separator {
            Separator::Comma | Separator::Blank => false,
            Separator::Equal => self.eat_mark(Mark::Equal) || self.eat_word("as"),
            Separator::Word => {
                let found = matches!(self.word_at(self.at), "to" | "with" | "from" | "as" | "of");
                if found {
                    self.advance();
                }
                found
            }
        }
    }

    fn argument(&mut self, kind: ArgumentKind, full: bool) -> Expr {
        let stands_alone = kind == ArgumentKind::Word && self.bare_word_here();
        if stands_alone {
            return self.bare_word();
        }
        if full { self.expression() } else { self.sum() }
    }

    /// Whether a word stands for itself or a variable: nothing follows that makes it an expression.
    fn bare_word_here(&self) -> bool {
        if !matches!(self.kind(), Kind::Word(_))
            || matches!(self.word_at(self.at), "not" | "new" | "true" | "false" | "null")
        {
            return false;
        }
        let next = self.token_at(self.at + 1);
        match next.kind {
            Kind::Mark(mark) => matches!(
                mark,
                Mark::Comma
                    | Mark::Equal
                    | Mark::ParenClose
                    | Mark::Semicolon
                    | Mark::BracketClose
                    | Mark::BraceClose
            ),
            Kind::Line | Kind::End => true,
            // A keyword with its argument, or a word before a clause.
            Kind::Word(_) => {
                self.command_here_as_value().is_none()
                    && !(functions::find(self.word_at(self.at)).is_some()
                        && self.starts_bare_argument(self.at + 1))
                    && !matches!(
                        self.word_at(self.at + 1),
                        "and" | "or" | "is" | "in" | "like" | "mod" | "contains" | "between" | "not"
                    )
            }
            Kind::Text(_) => self.command_here_as_value().is_none(),
            _ => false,
        }
    }

    fn command_here_as_value(&self) -> Option<(&'static CommandSpec, usize)> {
        self.command_here(false)
    }

    /// The clause of a command that begins here, with its number of words.
    fn clause_here(&self, spec: &'static CommandSpec) -> Option<(&'static ClauseSpec, usize)> {
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
            let complete = clause.kind == ClauseKind::Flag || self.starts_operand(self.at + words);
            if !is_variable && complete && best.is_none_or(|(_, most)| words > most) {
                best = Some((clause, words));
            }
        }
        best
    }

    fn clauses(&mut self, call: &mut CommandCall, statement: bool) {
        loop {
            self.continue_line(call);
            let Some((clause, words)) = self.clause_here(call.spec) else {
                return;
            };
            let start = self.span();
            self.at += words;
            if call.clauses.iter().any(|(given, _)| given.name == clause.name) {
                self.reports.error("B023", start, format!("{} is given twice", clause.name));
            }
            let arguments = self.clause_arguments(clause, call, statement);
            call.clauses.push((clause, arguments));
            // A comma may part clauses.
            if self.is_mark(Mark::Comma) && self.brackets == 0 {
                self.at += 1;
                if self.clause_here(call.spec).is_none() {
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
            if self.clause_here(call.spec).is_none() && !self.is_words(&["on", "timeout"]) {
                self.at -= 1;
            }
        }
    }

    fn clause_arguments(
        &mut self,
        clause: &'static ClauseSpec,
        call: &CommandCall,
        statement: bool,
    ) -> ClauseArguments {
        let full = statement && self.brackets == 0;
        match clause.kind {
            ClauseKind::Flag => ClauseArguments::Values(Vec::new()),
            ClauseKind::Value => {
                let value = if full { self.expression() } else { self.sum() };
                ClauseArguments::Values(vec![value])
            }
            ClauseKind::Word => ClauseArguments::Values(vec![self.clause_word(clause, full)]),
            ClauseKind::Values => {
                let mut values = vec![if full { self.expression() } else { self.sum() }];
                while (full || self.brackets == 0) && self.eat_mark(Mark::Comma) {
                    values.push(if full { self.expression() } else { self.sum() });
                }
                ClauseArguments::Values(values)
            }
            ClauseKind::Fields => ClauseArguments::Fields(self.fields(call)),
            ClauseKind::Order => ClauseArguments::Order(self.order()),
            ClauseKind::Condition => ClauseArguments::Condition(self.condition()),
            ClauseKind::Place => {
                let place = self.place();
                ClauseArguments::Place(place)
            }
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
    pub(super) fn fields(&mut self, call: &CommandCall) -> Vec<(String, Expr)> {
        let mut fields = Vec::new();
        loop {
            let Some(mut name) = self.key() else {
                self.expected("the name of a field");
                return fields;
            };
            while self.is_mark(Mark::Dot) && matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) {
                self.advance();
                name = format!("{name}.{}", self.text_of(self.span()));
                self.advance();
            }
            if !self.eat_mark(Mark::Equal) && !self.eat_word("as") {
                self.expected("= or AS");
                return fields;
            }
            fields.push((name, self.field_value(call)));
            if !self.eat_mark(Mark::Comma) {
                return fields;
            }
        }
    }

    /// A value of a field: WHERE after it belongs to the command.
    fn field_value(&mut self, _call: &CommandCall) -> Expr {
        self.expression()
    }

    fn order(&mut self) -> Vec<(String, bool)> {
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

    fn condition(&mut self) -> Condition {
        self.nested(
            |parser| {
                let mut any = vec![parser.condition_all()];
                while parser.eat_word("or") || parser.eat_mark(Mark::Or) {
                    any.push(parser.condition_all());
                }
                if any.len() == 1 { any.remove(0) } else { Condition::Or(any) }
            },
            |parser| Condition::Constant(parser.error_expr()),
        )
    }

    fn condition_all(&mut self) -> Condition {
        let mut all = vec![self.condition_one()];
        while self.eat_word("and") || self.eat_mark(Mark::And) {
            all.push(self.condition_one());
        }
        if all.len() == 1 { all.remove(0) } else { Condition::And(all) }
    }

    fn condition_one(&mut self) -> Condition {
        if self.eat_word("not") || self.eat_mark(Mark::Bang) {
            let inner = self.nested(Self::condition_one, |parser| Condition::Constant(parser.error_expr()));
            return Condition::Not(Box::new(inner));
        }
        if self.eat_mark(Mark::ParenOpen) {
            let inner = self.in_brackets(Self::condition);
            self.expect_mark(Mark::ParenClose);
            return inner;
        }
        let before = self.at;
        if let Some(comparison) = self.column_comparison() {
            return comparison;
        }
        self.at = before;
        Condition::Constant(self.sum())
    }

    /// `column operator value`, where the column is a name, dotted or in quotes.
    fn column_comparison(&mut self) -> Option<Condition> {
        let mut column = match self.kind() {
            Kind::Word(_) | Kind::Text(_) => self.key()?,
            _ => return None,
        };
        while self.is_mark(Mark::Dot) && matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) {
            self.advance();
            column = format!("{column}.{}", self.text_of(self.span()));
            self.advance();
        }
        let negated = self.is_word("not") && matches!(self.word_at(self.at + 1), "in" | "like" | "contains");
        if negated {
            self.advance();
        }
        let compare = |operator: &'static str, value: Expr, column: String| {
            let comparison = Condition::Compare { column, operator, value };
            if negated { Condition::Not(Box::new(comparison)) } else { comparison }
        };
        let operator = match self.kind() {
            Kind::Mark(Mark::Equal | Mark::EqualEqual) => "=",
            Kind::Mark(Mark::NotEqual) => "<>",
            Kind::Mark(Mark::Less) => "<",
            Kind::Mark(Mark::LessEqual) => "<=",
            Kind::Mark(Mark::Greater) => ">",
            Kind::Mark(Mark::GreaterEqual) => ">=",
            Kind::Word(_) => match self.word_at(self.at) {
                "is" => return self.column_is_null(column),
                "between" => return Some(self.column_between(column)),
                "in" => "IN",
                "like" | "ilike" => "LIKE",
                "contains" => "CONTAINS",
                "starts" if self.word_at(self.at + 1) == "with" => "STARTS WITH",
                "ends" if self.word_at(self.at + 1) == "with" => "ENDS WITH",
                _ => return None,
            },
            _ => return None,
        };
        self.advance();
        if matches!(operator, "STARTS WITH" | "ENDS WITH") {
            self.advance();
        }
        if operator == "IN" && self.is_mark(Mark::ParenOpen) {
            let start = self.span();
            self.advance();
            let mut options = self.bracketed_list(Mark::ParenClose);
            let span = self.since(start);
            // `IN (array)` names the array itself.
            let value = match options.pop() {
                Some(only) if options.is_empty() && !is_plain_value(&only) => only,
                last => {
                    options.extend(last);
                    Expr { kind: ExprKind::Array(options), span }
                }
            };
            return Some(compare(operator, value, column));
        }
        let value = self.sum();
        Some(compare(operator, value, column))
    }

    fn column_is_null(&mut self, column: String) -> Option<Condition> {
        let negated = self.word_at(self.at + 1) == "not";
        let null_at = self.at + 1 + usize::from(negated);
        if !matches!(self.word_at(null_at), "null" | "nothing" | "none") {
            return None;
        }
        self.at = null_at;
        let value = Expr { kind: ExprKind::Null, span: self.span() };
        self.advance();
        let condition = Condition::Compare { column, operator: "IS NULL", value };
        Some(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn column_between(&mut self, column: String) -> Condition {
        self.advance();
        let low = self.sum();
        if !self.eat_word("and") {
            self.expected("AND");
        }
        let high = self.sum();
        Condition::And(vec![
            Condition::Compare { column: column.clone(), operator: ">=", value: low },
            Condition::Compare { column, operator: "<=", value: high },
        ])
    }

    /// `GET SESSION id, "name" + text`: the text is joined to the name, which nobody means.
    fn check_greedy(&mut self, call: &CommandCall, bracketed: bool) {
        if bracketed || call.spec.phrase != "GET SESSION" {
            return;
        }
        if let [_, name] = call.arguments.as_slice()
            && matches!(name.kind, ExprKind::Binary(Binary::Add | Binary::Concat, ..))
        {
            let message = "what follows + belongs to the name of the attribute".to_owned();
            let hint = "put the arguments into brackets: GET SESSION(id, \"name\") + text";
            self.reports.warn("B115", name.span, message, Some(hint));
        }
    }

    fn check_count(&mut self, call: &CommandCall, span: Span) {
        let (least, most, given) = (call.spec.minimum(), call.spec.maximum(), call.arguments.len());
        let name = call.spec.phrase;
        if given < least {
            let missing = call.spec.arguments.get(given).map_or("", |argument| argument.name);
            let message = format!("{name} needs {least} {}: {missing} is missing", plural(least));
            let hint = call.spec.example.lines().next().map(|line| format!("for example: {line}"));
            self.reports.error_with("B020", span, message, None, hint.as_deref());
        } else if given > most {
            let message = format!("{name} takes at most {most} {}, found {given}", plural(most));
            self.reports.error("B021", span, message);
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "argument" } else { "arguments" }
}

fn is_plain_value(value: &Expr) -> bool {
    matches!(
        value.kind,
        ExprKind::Text(_) | ExprKind::Integer(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Null
    )
}

/// Whether an argument may begin without a comma before it.
fn may_follow(argument: &Argument, index: usize) -> bool {
    index == 0 || argument.separator == Separator::Blank
}
