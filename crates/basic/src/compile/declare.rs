//! Declarations: PARAM and DESCRIPTION, TABLE, and the commands that declare instead of running.

use chrono::{Offset, Utc};
use indexmap::IndexMap;
use indexmap::map::Entry;
use serde_json::Value as Json;

use super::Compiler;
use crate::program::code::Op;
use crate::program::{Handler, HandlerKind, Index};
use crate::scalar::Date;
use crate::schedule::Schedule;
use crate::schema::{LineError, Schema, SchemaProblem, Table, TablePart};
use crate::syntax::tree::{self, ClauseArguments, CommandCall, Expr, ExprKind, Script};
use crate::syntax::{Name, Span};
use crate::tools::{ParamKind, Parameter, ToolSpec, tool_name};

/// Where the parts of a declared table stand.
#[derive(Debug, Default)]
pub(super) struct TableSpans {
    whole: Span,
    columns: Vec<Span>,
    key: Option<Span>,
    unique: Vec<Span>,
    indexes: Vec<Span>,
}

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
            let (from, subject, events) = (filter("FROM"), filter("SUBJECT"), filter("EVENTS"));
            let name = handler.name.clone();
            self.declarations.handlers.push(Handler { kind, name, from, subject, events, procedure: number });
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
        let mut spans = TableSpans { whole: declared.span, ..TableSpans::default() };
        for (text, span) in &declared.lines {
            let read = table.read_line(text);
            spans.columns.resize(table.columns.len(), *span);
            spans.unique.resize(table.unique.len(), *span);
            if !table.key.is_empty() && spans.key.is_none() {
                spans.key = Some(*span);
            }
            for note in read.iter().flatten() {
                let at = Span { start: span.start + note.offset as u32, end: span.end };
                self.reports.warn("B117", at, note.message.to_owned(), None);
            }
            self.table_error(read.map(|_| ()), *span);
        }
        let number = self.declarations.tables.len();
        self.tables.entry(table.name.to_lowercase()).or_insert(number);
        self.declarations.tables.push(table);
        self.table_spans.push(spans);
    }

    /// Settles what needs all tables to be read, and says where one is read otherwise than it stands.
    pub(super) fn resolve_tables(&mut self) {
        let mut schema = Schema { tables: std::mem::take(&mut self.declarations.tables) };
        for finding in schema.resolve(self.known.tables.as_deref().unwrap_or_default()) {
            let spans = &self.table_spans[finding.table];
            let span = match finding.part {
                TablePart::Whole => Some(&spans.whole),
                TablePart::Column(place) => spans.columns.get(place),
                TablePart::Key => spans.key.as_ref(),
                TablePart::Unique(place) => spans.unique.get(place),
                TablePart::Index(place) => spans.indexes.get(place),
            };
            let span = *span.unwrap_or(&spans.whole);
            let code = match finding.problem {
                SchemaProblem::UnknownType { .. } => "B117",
                SchemaProblem::DuplicateTable { .. } | SchemaProblem::DuplicateColumn { .. } => "B118",
                SchemaProblem::UnknownColumn { .. } => "B119",
            };
            self.reports.warn(code, span, finding.problem.to_string(), None);
        }
        self.declarations.tables = schema.tables;
    }

    fn table_error(&mut self, read: Result<(), LineError>, span: Span) {
        if let Err(error) = read {
            let at = Span { start: span.start + error.offset as u32, end: span.end };
            self.reports.error("B037", at, error.to_string());
        }
    }

    /// An index belongs to its table, where the script declares that.
    fn index(&mut self, index: Index, span: Span) {
        let (table, of_table) = index.of_table();
        if let Some(number) = self.tables.get(&table.to_lowercase()).copied() {
            self.declarations.tables[number].indexes.push(of_table);
            self.table_spans[number].indexes.push(span);
            return;
        }
        if let Some(others) = &self.known.tables
            && !others.iter().any(|other| other.to_lowercase() == table.to_lowercase())
        {
            let message = format!("there is no table {table}, which {} names", index.name);
            self.reports.warn("B119", span, message, None);
        }
        self.declarations.indexes.push(index);
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
        let mut parameters: IndexMap<Name, Parameter> = IndexMap::new();
        for param in &script.params {
            let parameter = self.parameter(param);
            match parameters.entry(param.name) {
                Entry::Occupied(mut first) => {
                    let shown = &param.spelled;
                    let first = first.get_mut();
                    let message = if first.kind == parameter.kind {
                        first.complete_from(parameter);
                        format!(
                            "PARAM {shown} is declared twice; what the first lacks is taken from this one"
                        )
                    } else {
                        format!("PARAM {shown} is declared twice with different types; the first counts")
                    };
                    self.reports.warn("B111", param.span, message, None);
                }
                Entry::Vacant(place) => {
                    place.insert(parameter);
                }
            }
        }
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        self.declarations.tool = Some(ToolSpec {
            name: tool_name(stem),
            description,
            parameters: parameters.into_values().collect(),
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
        let (from, subject, events) = (text("FROM"), text("SUBJECT"), text("EVENTS"));
        let name = Some(name);
        self.declarations.handlers.push(Handler { kind, name, from, subject, events, procedure });
    }

    /// Takes a command at the top of a script as a declaration, if it is one.
    pub(super) fn declares(&mut self, call: &CommandCall, span: Span) -> bool {
        let first =
            call.arguments.first().and_then(|argument| self.literal_text(argument).map(str::to_owned));
        match (call.spec.phrase, first) {
            ("SET SCHEDULE", Some(when)) => {
                let plans_script = call.arguments.len() > 1;
                match Schedule::parse(&when) {
                    Ok(schedule) if !plans_script => self.declarations.schedules.push(schedule),
                    Ok(_) => return false,
                    // A date and time plans a script once.
                    Err(_) if plans_script && is_date(&when) => return false,
                    Err(error) => {
                        let at = call.arguments.first().map_or(span, |argument| argument.span);
                        self.reports.error("B036", at, error.to_string());
                    }
                }
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
                // Both spellings are one command; the words before INDEX tell which it is.
                let words = self.lines.text(span, "").to_ascii_uppercase();
                let unique = words.split("INDEX").next().is_some_and(|words| words.contains("UNIQUE"));
                self.index(Index { name, on, unique }, span);
                true
            }
            _ => false,
        }
    }
}

pub(super) fn is_date(text: &str) -> bool {
    Date::parse(text, Utc.fix()).is_some()
}

/// `SET SCHEDULE "report", "0 9 * * *"` with its arguments in the order of `SET SCHEDULE when, script`.
pub(super) fn time_first(call: &CommandCall) -> Option<CommandCall> {
    let [first, second] = call.arguments.as_slice() else { return None };
    let (ExprKind::Text(name), ExprKind::Text(when)) = (&first.kind, &second.kind) else { return None };
    let swapped = call.spec.phrase == "SET SCHEDULE"
        && Schedule::parse(name).is_err()
        && !is_date(name)
        && Schedule::parse(when).is_ok();
    swapped.then(|| CommandCall {
        spec: call.spec,
        arguments: vec![second.clone(), first.clone()],
        clauses: Vec::new(),
        name: None,
    })
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
