//! Commands to code: what they are given goes into consecutive registers.

use super::Compiler;
use super::filters::FilterSource;
use crate::commands::{ArgumentKind, ClauseKind, CommandSpec};
use crate::functions;
use crate::program::code::{self, Builtin, Op, Reg, Target};
use crate::program::{Site, SiteClause, SiteFilter};
use crate::syntax::tree::{ClauseArguments, CommandCall, Expr, ExprKind};
use crate::syntax::{Name, Span};

impl Compiler<'_> {
    /// A command; its value goes to `to`, if somebody wants it.
    pub(super) fn command(&mut self, call: &CommandCall, span: Span, to: Option<Reg>) {
        match call.spec.phrase {
            "TALK" | "SEND MESSAGE" | "PRINT" => return self.say(call),
            _ => {}
        }
        if let Some(call) = super::declare::time_first(call) {
            return self.command(&call, span, to);
        }
        if call.spec.phrase == "GET"
            && let Some(member) = self.member_of_variable(call)
        {
            let to = to.unwrap_or_else(|| self.reserve());
            self.value_to(&member, to);
            return;
        }
        if call.spec.phrase == "SET"
            && let [Expr { kind: ExprKind::Bare(name, _), .. }, value] = call.arguments.as_slice()
            && self.is_variable(*name)
        {
            let from = self.value(value);
            self.write(*name, from);
            return;
        }
        if !machine_may_do(call) {
            self.check_host(call.spec, span);
        }
        if to.is_none() && self.top && self.declares(call, span) {
            return;
        }
        if !self.top && call.spec.phrase == "SET SCHEDULE" && call.arguments.len() == 1 {
            let message = "SET SCHEDULE here names no script, so nothing is planned".to_owned();
            let hint =
                "a script plans itself at its top, outside of conditions; name a script to plan it here";
            self.reports.warn("B114", span, message, Some(hint));
        }
        self.check_names(call);
        let to = to.unwrap_or_else(|| self.reserve());
        self.effect(call, to);
    }

    fn say(&mut self, call: &CommandCall) {
        let from = match call.arguments.as_slice() {
            [] => {
                let from = self.reserve();
                self.load_text("", from);
                from
            }
            [only] => self.value(only),
            several => {
                let first = Reg(self.mark());
                for (index, argument) in several.iter().enumerate() {
                    if index > 0 {
                        let blank = self.reserve();
                        self.load_text(" ", blank);
                    }
                    let register = self.reserve();
                    self.value_to(argument, register);
                }
                let count = several.len() as u16 * 2 - 1;
                self.emit(Op::Join { to: first, first, count });
                first
            }
        };
        self.emit(if call.spec.phrase == "PRINT" { Op::Print { from } } else { Op::Talk { from } });
    }

    /// `GET "name.path"` where a variable has that name.
    fn member_of_variable(&self, call: &CommandCall) -> Option<Expr> {
        let [argument] = call.arguments.as_slice() else {
            return None;
        };
        let ExprKind::Text(text) = &argument.kind else {
            return None;
        };
        let mut parts = text.split('.');
        let first = parts.next()?;
        if matches!(first.to_ascii_lowercase().as_str(), "session" | "user" | "bot") {
            return None;
        }
        let name = self.names.find(&crate::machine::fold(first)).filter(|&name| self.is_variable(name))?;
        let span = argument.span;
        let mut value = Expr { kind: ExprKind::Variable(name), span };
        let mut members = 0;
        for part in parts {
            let is_name = !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !is_name {
                return None;
            }
            members += 1;
            value = Expr { kind: ExprKind::Member(Box::new(value), part.to_owned()), span };
        }
        (members > 0).then_some(value)
    }

    /// Warns about a command that the host does not have, where it comes first.
    fn check_host(&mut self, spec: &'static CommandSpec, span: Span) {
        let has = |commands: &Vec<&str>| commands.contains(&spec.phrase);
        if self.known.commands.as_ref().is_none_or(has) || !self.missing.insert(spec.phrase) {
            return;
        }
        let hint = if spec.is_declaration() {
            "nothing comes of what is declared here"
        } else {
            "the script ends with an error when it comes here, unless ON ERROR catches it"
        };
        self.reports.warn("B120", span, format!("this server does not have {spec}"), Some(hint));
    }

    /// Warns about names the package does not have.
    fn check_names(&mut self, call: &CommandCall) {
        let (list, what) = match call.spec.phrase {
            "ADD TOOL" => (&self.known.tools, "tool"),
            "USE KB" => (&self.known.kbs, "collection"),
            "CALL" => (&self.known.scripts, "script"),
            _ => return,
        };
        let (Some(list), Some(argument)) = (list, call.arguments.first()) else {
            return;
        };
        let Some(name) = self.literal_text(argument) else {
            return;
        };
        let stem = name.strip_suffix(".bas").unwrap_or(name);
        let known =
            list.iter().any(|known| known.strip_suffix(".bas").unwrap_or(known).eq_ignore_ascii_case(stem));
        if !known && !name.starts_with('/') {
            let message = format!("there is no {what} {name} in this package");
            self.reports.warn("B104", argument.span, message, None);
        }
    }

    fn effect(&mut self, call: &CommandCall, to: Reg) {
        if let Some(call) = written_to(call) {
            return self.effect(&call, to);
        }
        let Some((from, object)) = key_and_object(call) else {
            return self.effect_with(call, record_fields(call), to);
        };
        // Two names: where the second is an object the first is its key, else both are fields.
        let mark = self.mark();
        let [test, text] = [self.reserve(), self.reserve()];
        self.value_to(object, test);
        let function = Builtin(functions::number_of("typeof").unwrap_or_default());
        self.emit(Op::Function { function, first: test, count: 1 });
        self.load_text("object", text);
        self.emit(Op::Equal { to: test, a: test, b: text });
        let keyed = self.emit(Op::JumpIf { a: test, target: Target(0) });
        self.release(mark);
        self.effect_with(call, Some(from), to);
        let end = self.jump();
        self.land([keyed]);
        self.effect_with(call, None, to);
        self.land([end]);
    }

    /// An effect whose arguments from `record` on name the fields of a record.
    fn effect_with(&mut self, call: &CommandCall, record: Option<usize>, to: Reg) {
        let mark = self.mark();
        let mut result = None;
        let filter_argument = super::filters::filter_argument(call);
        let positional = record.map_or(call.arguments.as_slice(), |from| &call.arguments[..from]);

        // Arguments first: all registers of a kind are consecutive.
        let first = Reg(self.mark());
        for _ in positional {
            self.reserve();
        }
        let mut filter = None;
        for (index, argument) in positional.iter().enumerate() {
            let register = Reg(first.0 + index as u16);
            if filter_argument == Some(index)
                && let Some(source) = self.filter_text(argument, register, index, is_keyed(call))
            {
                filter = Some(source);
                continue;
            }
            self.value_to(argument, register);
        }
        let mut clauses = Vec::new();
        if let Some(from) = record {
            clauses.push(self.record_clause(&call.arguments[from..]));
        }
        let mut rows = FilterSource::default();
        for (spec, arguments) in &call.clauses {
            match arguments {
                ClauseArguments::Condition(condition) => rows.condition = Some(condition),
                ClauseArguments::Order(order) => rows.order.clone_from(order),
                ClauseArguments::Place(place) => result = Some(place),
                ClauseArguments::Values(values) if spec.name == "LIMIT" && spec.kind == ClauseKind::Value => {
                    rows.limit = values.first();
                }
                ClauseArguments::Values(values) => {
                    let first = Reg(self.mark());
                    for value in values {
                        let register = self.reserve();
                        self.value_to(value, register);
                    }
                    clauses.push(SiteClause {
                        name: spec.name,
                        first,
                        fields: None,
                        count: values.len() as u16,
                    });
                }
                ClauseArguments::Fields(fields) => {
                    // Of the tables of a SELECT those that are variables: rows in memory.
                    let in_memory = |value: &Expr| match value.kind {
                        ExprKind::Bare(name, _) => self.is_variable(name),
                        _ => true,
                    };
                    let fields: Vec<&(String, Expr)> = fields
                        .iter()
                        .filter(|(_, value)| call.spec.phrase != "SELECT" || in_memory(value))
                        .collect();
                    let first = Reg(self.mark());
                    for (_, value) in &fields {
                        let register = self.reserve();
                        self.value_to(value, register);
                    }
                    let names = fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
                    let count = names.len() as u16;
                    clauses.push(SiteClause { name: spec.name, first, fields: Some(names), count });
                }
            }
        }
        if !rows.is_empty() {
            filter = Some(self.filter_clauses(&rows, filter));
        }
        self.site(call, to, (first, positional.len() as u16), clauses, filter);
        if let Some(place) = result {
            self.store(place, to);
        }
        self.release(mark);
    }

    fn site(
        &mut self,
        call: &CommandCall,
        to: Reg,
        (first, arguments): (Reg, u16),
        clauses: Vec<SiteClause>,
        filter: Option<SiteFilter>,
    ) {
        let Ok(number) = u16::try_from(self.sites.len()) else {
            self.full = true;
            return;
        };
        let live = self.mark();
        self.sites.push(Site {
            command: call.spec,
            name: call.name.clone(),
            first,
            arguments,
            clauses,
            filter,
            to,
            live,
        });
        self.emit(Op::Effect { site: code::Site(number) });
    }

    fn record_clause(&mut self, arguments: &[Expr]) -> SiteClause {
        let first = Reg(self.mark());
        let mut names = Vec::new();
        for argument in arguments {
            let register = self.reserve();
            self.value_to(argument, register);
            names.push(match &argument.kind {
                ExprKind::Variable(name) => self.lines.text(argument.span, self.names.get(*name)).to_owned(),
                ExprKind::Member(_, member) => member.clone(),
                _ => String::new(),
            });
        }
        let count = names.len() as u16;
        SiteClause { name: "VALUES", first, fields: Some(names), count }
    }

    /// A call of a function nobody knows here; the host may.
    pub(super) fn extension(&mut self, name: Name, arguments: &[Expr], span: Span, to: Reg) {
        let spelled = self.names.get(name).to_owned();
        self.unknown_function(&spelled, span);
        let Some(spec) = crate::commands::find("EXTENSION") else {
            return;
        };
        let first = Reg(self.mark());
        for argument in arguments {
            let register = self.reserve();
            self.value_to(argument, register);
        }
        let call = CommandCall { spec, arguments: Vec::new(), clauses: Vec::new(), name: Some(spelled) };
        self.site(&call, to, (first, arguments.len() as u16), Vec::new(), None);
    }

    /// A handler: declared where its name is literal, else made known when it is reached.
    pub(super) fn handler(&mut self, procedure: usize, kind: &'static str, subject: &Expr, span: Span) {
        if let Some(spec) = crate::commands::find(kind) {
            self.check_host(spec, span);
        }
        if kind != "SCHEDULE IN" && matches!(subject.kind, ExprKind::Text(_)) {
            return;
        }
        let Some(spec) = crate::commands::find(kind) else {
            return;
        };
        let first = Reg(self.mark());
        let subject_register = self.reserve();
        self.value_to(subject, subject_register);
        let mut count = 1;
        if kind == "SCHEDULE IN" {
            // The body runs as its own run with a copy of the variables.
            let number = self.reserve();
            self.load_integer(procedure as i64 + 1, number);
            let object = self.reserve();
            self.emit(Op::NewObject { to: object });
            let mut variables: Vec<(Name, u16)> =
                self.globals.iter().map(|(&name, &at)| (name, at)).collect();
            variables.sort_by_key(|&(_, at)| at);
            for (name, _) in variables {
                let mark = self.mark();
                let from = self.reserve();
                self.read(name, from);
                let symbol = self.symbol(self.names.get(name));
                self.emit(Op::InitMember { object, symbol, from });
                self.release(mark);
            }
            count = 3;
        }
        let call = CommandCall { spec, arguments: Vec::new(), clauses: Vec::new(), name: None };
        let to = self.reserve();
        self.site(&call, to, (first, count), Vec::new(), None);
    }
}

/// Whether the machine may do without the host what is asked for: with rows that are in memory.
fn machine_may_do(call: &CommandCall) -> bool {
    match call.spec.phrase {
        "AGGREGATE" => call.arguments.len() == 3,
        "MERGE" => call.arguments.len() == 2 && call.clauses.is_empty(),
        _ => call.spec.is_of_machine(),
    }
}

/// Whether a key may stand where a command takes a filter.
fn is_keyed(call: &CommandCall) -> bool {
    !matches!(call.spec.phrase, "FIND" | "FILTER" | "AGGREGATE")
}

/// `WRITE value TO path` with its arguments in the order of `WRITE path, value`.
fn written_to(call: &CommandCall) -> Option<CommandCall> {
    let ([value], [(clause, ClauseArguments::Values(path))]) =
        (call.arguments.as_slice(), call.clauses.as_slice())
    else {
        return None;
    };
    (call.spec.phrase == "WRITE" && clause.name == "TO").then(|| CommandCall {
        spec: call.spec,
        arguments: path.iter().chain([value]).cloned().collect(),
        clauses: Vec::new(),
        name: None,
    })
}

/// Where the arguments begin that name the fields of a record: several, all names or members.
fn record_fields(call: &CommandCall) -> Option<usize> {
    let takes_fields = |kind| matches!(kind, ArgumentKind::Fields | ArgumentKind::Keyed);
    let from = call.spec.arguments.iter().position(|argument| takes_fields(argument.kind))?;
    let fields = call.arguments.get(from..)?;
    let named = |argument: &Expr| matches!(argument.kind, ExprKind::Variable(_) | ExprKind::Member(..));
    (fields.len() > 1 && fields.iter().all(named)).then_some(from)
}

/// Where exactly two fields begin that may as well be a key and an object, and the second.
fn key_and_object(call: &CommandCall) -> Option<(usize, &Expr)> {
    let from = record_fields(call)?;
    let keyed = call.spec.arguments.get(from)?.kind == ArgumentKind::Keyed;
    match call.arguments.get(from..)? {
        [_, object] if keyed => Some((from, object)),
        _ => None,
    }
}
