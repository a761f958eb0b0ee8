//! Declarations: PARAM and DESCRIPTION, TABLE, and the commands that declare instead of running.

use serde_json::Value as Json;

use super::Compiler;
use crate::program::code::Op;
use crate::program::{Handler, HandlerKind, Index};
use crate::schedule::Schedule;
use crate::schema::{self, LineError, Table};
use crate::syntax::tree::{self, ClauseArguments, CommandCall, Expr, ExprKind, Script};
use crate::syntax::{Name, Span};
use crate::tools::{ParamKind, Parameter, ToolSpec, tool_name};

impl Compiler<'_> {
    pub(super) fn declare(&mut self, name: &str, script: &Script) {
        self.declare_tool(name, script);
        for table in &script.tables {
            self.table(table);
        }
        for (procedure, number) in script.procedures.iter().zip(1u16..) {
            let Some(handler) = &procedure.handler else {
                continue;
            };
            let Some(kind) = HandlerKind::of_phrase(handler.kind) else {
                continue;
            };
            let mut filter = |wanted: &str| {
                let (_, text) = handler.filters.iter().find(|(name, _)| *name == wanted)?;
                let found = self.literal_text(text).map(str::to_owned);
                if found.is_none() {
                    self.reports.error("B039", text.span, format!("{wanted} of a handler takes a text"));
                }
                found
            };
            let (from, subject) = (filter("FROM"), filter("SUBJECT"));
            let name = handler.name.clone();
            self.declarations.handlers.push(Handler { kind, name, from, subject, procedure: number });
        }
    }

    fn table(&mut self, declared: &tree::Table) {
        let mut table = Table {
            name: declared.name.clone(),
            connection: declared.connection.clone(),
            ..Table::default()
        };
        if let Some((text, span)) = &declared.header {
            let read = table.read_header(text);
            self.table_error(read, *span);
        }
        for (text, span) in &declared.lines {
            let read = table.read_line(text);
            for note in read.iter().flatten() {
                let at = Span { start: span.start + note.offset as u32, end: span.end };
                self.reports.warn("B117", at, note.message.to_owned(), None);
            }
            self.table_error(read.map(|_| ()), *span);
        }
        self.declarations.tables.push(table);
    }

    fn table_error(&mut self, read: Result<(), LineError>, span: Span) {
        if let Err(error) = read {
            let at = Span { start: span.start + error.offset as u32, end: span.end };
            self.reports.error("B037", at, error.to_string());
        }
    }

    /// An index belongs to its table, where the script declares that.
    fn index(&mut self, name: String, on: &str) {
        let (table, columns) = on.trim_end_matches(')').split_once('(').unwrap_or((on, ""));
        let columns =
            columns.split(',').map(|column| column.trim().to_owned()).filter(|column| !column.is_empty());
        let wanted = table.trim().to_lowercase();
        match self.declarations.tables.iter_mut().find(|table| table.name.to_lowercase() == wanted) {
            Some(table) => table.indexes.push(schema::Index { name, columns: columns.collect() }),
            None => self.declarations.indexes.push(Index { name, on: on.to_owned() }),
        }
    }

    fn declare_tool(&mut self, name: &str, script: &Script) {
        if script.params.is_empty() && script.descriptions.is_empty() {
            return;
        }
        let mut descriptions = script.descriptions.iter();
        let description = descriptions.next().and_then(|(text, span)| {
            let found = literal(text);
            if found.is_none() {
                self.reports.error("B034", *span, "DESCRIPTION takes a text without values in it");
            }
            found.map(|json| text_of(&json))
        });
        for (_, span) in descriptions {
            let message = "a script has one DESCRIPTION; this one is ignored".to_owned();
            self.reports.warn("B111", *span, message, None);
        }
        if description.is_none() {
            let span = script.params.first().map_or(Span::default(), |param| param.span);
            let message = "a tool without DESCRIPTION is hard to choose for the model".to_owned();
            self.reports.warn("B112", span, message, None);
        }
        let mut parameters: Vec<(Name, Parameter)> = Vec::new();
        for param in &script.params {
            let parameter = self.parameter(param);
            match parameters.iter().find(|(name, _)| *name == param.name) {
                Some((_, first)) => {
                    let shown = &param.spelled;
                    let message = if first.kind == parameter.kind {
                        format!("PARAM {shown} is declared twice")
                    } else {
                        format!("PARAM {shown} is declared twice with different types; the first counts")
                    };
                    self.reports.warn("B111", param.span, message, None);
                }
                None => parameters.push((param.name, parameter)),
            }
        }
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        self.declarations.tool = Some(ToolSpec {
            name: tool_name(stem),
            description,
            parameters: parameters.into_iter().map(|(_, parameter)| parameter).collect(),
        });
    }

    fn parameter(&mut self, param: &tree::Param) -> Parameter {
        let mut kind = ParamKind::from_word(&param.type_word).unwrap_or_else(|| {
            let message =
                format!("{} is no type of PARAM; it is read as STRING", param.type_word.to_uppercase());
            self.reports.warn("B113", param.span, message, None);
            ParamKind::String
        });
        if !param.choices.is_empty() {
            kind = ParamKind::Choice;
        }
        let mut given = |value: &Option<Expr>, what: &str| {
            let value = value.as_ref()?;
            let found = literal(value);
            if found.is_none() {
                self.reports.error("B035", value.span, format!("{what} of a PARAM is a text or number"));
            }
            found
        };
        Parameter {
            kind,
            choices: param.choices.iter().filter_map(literal).map(|json| text_of(&json)).collect(),
            description: given(&param.description, "DESCRIPTION").map(|json| text_of(&json)),
            example: given(&param.like, "LIKE"),
            default: given(&param.default, "DEFAULT"),
            optional: param.optional,
            ..Parameter::new(param.spelled.clone(), kind)
        }
    }

    /// Defaults of PARAMs for runs that are not given them.
    pub(super) fn defaults(&mut self, script: &Script) {
        for param in &script.params {
            let Some(default) = param.default.as_ref().filter(|default| literal(default).is_some()) else {
                continue;
            };
            let mark = self.mark();
            let register = self.reserve();
            self.read(param.name, register);
            let given = self.emit(Op::JumpIfSome { a: register, target: crate::program::code::Target(0) });
            self.value_to(default, register);
            self.write(param.name, register);
            self.land([given]);
            self.release(mark);
        }
    }

    /// `ON INSERT OF "orders" CALL count`: a handler without a body of its own.
    fn handler_declaration(&mut self, call: &CommandCall, name: String) {
        let Some(kind) = HandlerKind::of_phrase(call.spec.phrase) else {
            return;
        };
        let clause = |wanted: &str| {
            call.clauses.iter().find_map(|(spec, arguments)| match arguments {
                ClauseArguments::Values(values) if spec.name == wanted => values.first(),
                _ => None,
            })
        };
        let mut procedure = 0;
        if let Some(called) = clause("CALL") {
            let known = match &called.kind {
                ExprKind::Bare(name, _) | ExprKind::Variable(name) => self.procedures.get(name).copied(),
                _ => None,
            };
            match known {
                Some((number, _)) => procedure = number,
                None => {
                    self.reports.error("B044", called.span, "CALL of a handler names a SUB of this script");
                }
            }
        }
        let text = |wanted: &str| clause(wanted).and_then(|text| self.literal_text(text)).map(str::to_owned);
        let (from, subject) = (text("FROM"), text("SUBJECT"));
        self.declarations.handlers.push(Handler { kind, name: Some(name), from, subject, procedure });
    }

    /// Takes a command at the top of a script as a declaration, if it is one.
    pub(super) fn declares(&mut self, call: &CommandCall, span: Span) -> bool {
        let first =
            call.arguments.first().and_then(|argument| self.literal_text(argument).map(str::to_owned));
        match (call.spec.phrase, first) {
            ("SET SCHEDULE", Some(when)) => {
                if let Err(error) = Schedule::parse(&when) {
                    let at = call.arguments.first().map_or(span, |argument| argument.span);
                    self.reports.error("B036", at, error.to_string());
                    return true;
                }
                if call.arguments.len() > 1 {
                    return false;
                }
                self.declarations.schedules.extend(Schedule::parse(&when));
                true
            }
            (phrase, Some(name)) if HandlerKind::of_phrase(phrase).is_some() => {
                self.handler_declaration(call, name);
                true
            }
            ("WEBHOOK", Some(name)) => {
                self.declarations.webhooks.push(name);
                true
            }
            ("ALLOW ROLE", Some(role)) => {
                self.declarations.roles.push(role);
                true
            }
            ("CREATE INDEX", Some(name)) => {
                let on = call.clauses.iter().find_map(|(_, arguments)| match arguments {
                    ClauseArguments::Values(values) => {
                        values.first().and_then(|value| self.literal_text(value))
                    }
                    _ => None,
                });
                let on = on.unwrap_or_default().to_owned();
                self.index(name, &on);
                true
            }
            _ => false,
        }
    }
}

fn literal(expression: &Expr) -> Option<Json> {
    Some(match &expression.kind {
        ExprKind::Text(text) => Json::from(text.as_str()),
        ExprKind::Bare(_, text) => Json::from(text.as_str()),
        ExprKind::Integer(value) => Json::from(*value),
        ExprKind::Float(value) => Json::from(*value),
        ExprKind::Bool(value) => Json::from(*value),
        ExprKind::Null => Json::Null,
        ExprKind::Array(items) => items.iter().map(literal).collect::<Option<Vec<_>>>()?.into(),
        ExprKind::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Some((name.clone(), literal(value)?)));
            Json::Object(fields.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn text_of(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}
