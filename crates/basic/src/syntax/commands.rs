//! Commands: which phrase begins here, and what it is given.

use super::operands::is_operator_word;
use super::parser::Parser;
use super::token::{Kind, Mark, Span};
use super::tree::{Binary, CommandCall, Expr, ExprKind};
use crate::commands::{self, Argument, ArgumentKind, ClauseKind, CommandSpec, Separator};
use crate::functions;

impl Parser<'_> {
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
                Kind::Mark(Mark::BracketOpen) if statement || many => next.spaced,
                _ if many || statement => true,
                Kind::Mark(Mark::ParenOpen) => functions::find(phrase.words[0]).is_none() && spec.gives_value,
                _ => spec.gives_value && next.spaced && self.starts_bare_argument(self.at + words),
            };
            if fits
                && (statement
                    || words > 1
                    || functions::find(phrase.words[0]).is_none()
                    || spec.subject == "storage")
                && !self.ends_in_argument(&phrase.words, spec)
            {
                return Some((spec, words));
            }
        }
        None
    }

    /// Whether the last word of a phrase is meant as the argument of a shorter one: `GET image` and `DELETE file, rule`
    /// where a longer phrase would miss what it needs, `GET LAST(links)` where that word is a function.
    fn ends_in_argument(&self, words: &[&str], spec: &CommandSpec) -> bool {
        let Some((last, shorter)) = words.split_last().filter(|(_, shorter)| !shorter.is_empty()) else {
            return false;
        };
        if spec.minimum() == 0 || !commands::beginning_with(shorter[0]).iter().any(|p| p.words == shorter) {
            return false;
        }
        let next = self.token_at(self.at + words.len());
        let calls = next.kind == Kind::Mark(Mark::ParenOpen) && !next.spaced;
        if calls { functions::find(last).is_some() } else { !self.starts_operand(self.at + words.len()) }
    }

    /// Whether the argument of a one-word command or function without brackets can begin here.
    pub(super) fn starts_bare_argument(&self, index: usize) -> bool {
        match self.token_at(index).kind {
            Kind::Integer(_) | Kind::Float(_) | Kind::Text(_) => true,
            // `FIRST [1, 2, 3], 2`: what holds several values or none is no index.
            Kind::Mark(Mark::BracketOpen) => {
                self.end_of_index(index).is_none() && self.matching_bracket(index).is_some()
            }
            Kind::Mark(mark) => {
                matches!(mark, Mark::ParenOpen | Mark::BraceOpen | Mark::ObjectOpen | Mark::InterpolationOpen)
            }
            Kind::Word(name) => {
                let word = self.names.get(name);
                let next = self.token_at(index + 1);
                // `in.filename`: a variable that has the name of an operator.
                let named = matches!(next.kind, Kind::Mark(Mark::Dot | Mark::QuestionDot));
                // `GET LAST(links)`.
                let calls = word == "last" && next.kind == Kind::Mark(Mark::ParenOpen) && !next.spaced;
                (!is_operator_word(word) || named || self.is_numeric_at(index))
                    && !self.begins_enclosing_clause(index)
                    && (!matches!(word, "last" | "not" | "asc" | "desc" | "until" | "while") || calls)
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
        if let [Expr { kind: ExprKind::Text(path), .. }] = call.arguments.as_slice()
            && let Some((name, _)) = path.split_once('.')
            && call.spec.phrase == "GET"
        {
            // `GET "form.name"` may read a variable that nothing else names.
            self.names.intern(&crate::machine::fold(name));
        }
        let span = self.since(start);
        // Of commands that end in one place the innermost is the one something follows.
        if self.ended.is_none_or(|(_, at)| at != self.at) {
            self.ended = Some((spec, self.at));
        }
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
                Kind::Mark(mark) if mark.opens() => depth += 1,
                Kind::Mark(mark) if mark.closes() => {
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
        let named = self.eat_argument_name(call.spec);
        let maximum = call.spec.maximum();
        let mut limit = if self.brackets > 0 && !statement { maximum.min(1) } else { maximum };
        let mut comma = false;
        while call.arguments.len() < limit {
            // `SEND MAIL to, subject, body, ATTACHMENT file`: a comma may stand before a clause, too.
            let first = named && call.arguments.is_empty();
            if !first
                && self.clause_here(call.spec, call.arguments.len()).is_some()
                && (!comma || self.is_no_value())
            {
                return;
            }
            let Some(argument) = call.spec.argument(call.arguments.len()) else {
                break;
            };
            // `SET BOT MEMORY "k" v`: after a text the comma before the value may be missing.
            let plain = argument.separator == Separator::Equal
                && matches!(call.arguments.last().map(|last| &last.kind), Some(ExprKind::Text(_)));
            // Only before the first argument of a statement is `+` no operator.
            let signed = statement && call.arguments.is_empty() && self.is_mark(Mark::Plus);
            let begins = (signed || self.starts_operand(self.at) || self.bare_path_here(argument.kind))
                && (plain || may_follow(argument, call.arguments.len()));
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

    /// `SEND MAIL TO address, …`: a clause that has the name of the first argument stands for it there.
    fn eat_argument_name(&mut self, spec: &'static CommandSpec) -> bool {
        let name = spec.arguments.first().map(|first| first.name);
        let here = self
            .clause_here(spec, 0)
            .filter(|(clause, _)| name.is_some_and(|name| clause.name.eq_ignore_ascii_case(name)));
        self.at += here.map_or(0, |(_, words)| words);
        here.is_some()
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

    pub(super) fn argument(&mut self, kind: ArgumentKind, full: bool) -> Expr {
        if self.bare_path_here(kind) {
            return self.bare_path();
        }
        let stands_alone = kind == ArgumentKind::Word && self.bare_word_here();
        if stands_alone {
            return self.bare_word();
        }
        if full { self.expression() } else { self.sum() }
    }

    /// Whether a path without quotes stands where a word may: `/files/save`.
    fn bare_path_here(&self, kind: ArgumentKind) -> bool {
        let next = self.token_at(self.at + 1);
        kind == ArgumentKind::Word
            && self.is_mark(Mark::Slash)
            && matches!(next.kind, Kind::Word(_))
            && !next.spaced
    }

    fn bare_path(&mut self) -> Expr {
        let start = self.span();
        self.advance();
        while !self.at_line_end() && !self.token().spaced && !self.is_mark(Mark::Comma) {
            self.advance();
        }
        let span = self.since(start);
        Expr { kind: ExprKind::Text(self.text_of(span).to_owned()), span }
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
                self.command_here(false).is_none()
                    && !(functions::find(self.word_at(self.at)).is_some()
                        && self.starts_bare_argument(self.at + 1))
                    && !matches!(
                        self.word_at(self.at + 1),
                        "and" | "or" | "is" | "in" | "like" | "mod" | "contains" | "between" | "not"
                    )
            }
            Kind::Text(_) => self.command_here(false).is_none(),
            _ => false,
        }
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

/// The word after the number of arguments.
pub(crate) fn plural(count: usize) -> &'static str {
    if count == 1 { "argument" } else { "arguments" }
}

/// Whether an argument may begin without a comma before it.
fn may_follow(argument: &Argument, index: usize) -> bool {
    index == 0 || argument.separator == Separator::Blank
}
