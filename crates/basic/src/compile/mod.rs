//! Syntax to bytecode: resolves variables to registers, checks what the tree alone cannot show, and warns.

mod commands;
mod declare;
mod emit;
mod expressions;
mod filters;
mod names;
mod statements;

use names::Use;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::program::code::{Op, Reg, Target};
use crate::program::{Constant, Declarations, Program, ProgramHash, Question, Site, StatementRange, Symbols};
use crate::step::Position;
use crate::syntax::tree::{ExprKind, Script, StatementKind};
use crate::syntax::{self, Lines, Name, Names, Reports, Span};

/// Bytes of one script.
const MAX_SOURCE: usize = 1 << 20;

/// What surrounds a script: names the host provides. Nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// Variables that have a value before the first line.
    pub variables: Vec<&'a str>,
    /// Scripts of the package, by name; `None` where they are not known, and nothing is warned about.
    pub scripts: Option<Vec<&'a str>>,
    /// Scripts and other things the model may call.
    pub tools: Option<Vec<&'a str>>,
    /// Collections of documents.
    pub kbs: Option<Vec<&'a str>>,
}

/// What compiling a script gives.
#[derive(Debug)]
pub struct Compiled {
    /// The program; present if and only if no diagnostic is an error.
    pub program: Option<Program>,
    /// All that was found, in the order of the script.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a script. `name` is the file it comes from, for reports and as name of the tool it may be.
pub fn compile(name: &str, source: &str, known: &Known<'_>) -> Compiled {
    let mut reports = Reports::default();
    if source.len() > MAX_SOURCE {
        reports.error("B006", Span::default(), "the script is longer than 1 MiB");
        return Compiled { program: None, diagnostics: reports.finish(&Lines::new("")) };
    }
    let lines = Lines::new(source);
    let mut names = Names::default();
    let tokens = syntax::lex(source, &mut names, &mut reports);
    let script = syntax::parse(source, &lines, tokens, &mut names, &mut reports);
    let program = Compiler::new(&lines, &names, &mut reports, known, &script).program(name, &script);
    let program = if reports.has_errors() { None } else { Some(program.seal()) };
    Compiled { program, diagnostics: reports.finish(&lines) }
}

struct Compiler<'a> {
    lines: &'a Lines<'a>,
    names: &'a Names,
    reports: &'a mut Reports,
    known: &'a Known<'a>,
    code: Vec<Op>,
    constants: Vec<Constant>,
    texts: Vec<Box<str>>,
    text_constants: HashMap<Box<str>, u16>,
    number_constants: HashMap<(bool, u64), u16>,
    symbols: Symbols,
    sites: Vec<Site>,
    questions: Vec<Question>,
    statements: Vec<StatementRange>,
    declarations: Declarations,
    /// Registers of the script's variables.
    globals: HashMap<Name, u16>,
    /// Names that get a value somewhere.
    assigned: HashSet<Name>,
    procedures: HashMap<Name, (u16, u16)>,
    frame: Frame,
    /// Whether the statement stands at the top of the script, where declarations count.
    top: bool,
    full: bool,
}

/// The procedure being compiled.
#[derive(Default)]
struct Frame {
    is_script: bool,
    locals: HashMap<Name, Reg>,
    next: u16,
    most: u16,
    loops: Vec<LoopFrame>,
    labels: HashMap<Name, (u32, Vec<u32>)>,
    gotos: Vec<(usize, Name, Span, Vec<u32>)>,
    path: Vec<u32>,
    blocks: u32,
}

struct LoopFrame {
    kind: LoopKind,
    exits: Vec<usize>,
    continues: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LoopKind {
    For,
    While,
    Do,
}

/// Where a variable lives.
#[derive(Clone, Copy)]
enum Variable {
    Local(Reg),
    Global(u16),
}

impl<'a> Compiler<'a> {
    fn new(
        lines: &'a Lines<'a>,
        names: &'a Names,
        reports: &'a mut Reports,
        known: &'a Known<'a>,
        script: &Script,
    ) -> Self {
        let procedures = script.procedures.iter().zip(1u16..).map(|(procedure, number)| {
            (procedure.name, (number, u16::try_from(procedure.parameters.len()).unwrap_or(u16::MAX)))
        });
        Self {
            lines,
            names,
            reports,
            known,
            code: Vec::new(),
            constants: Vec::new(),
            texts: Vec::new(),
            text_constants: HashMap::new(),
            number_constants: HashMap::new(),
            symbols: Symbols::default(),
            sites: Vec::new(),
            questions: Vec::new(),
            statements: Vec::new(),
            declarations: Declarations::default(),
            globals: HashMap::new(),
            assigned: HashSet::new(),
            procedures: procedures.collect(),
            frame: Frame::default(),
            top: false,
            full: false,
        }
    }

    fn program(mut self, name: &str, script: &Script) -> Program {
        let variables = self.find_variables(script);
        self.declare(name, script);
        let mut procedures = vec![self.script(script, variables.len())];
        for procedure in &script.procedures {
            procedures.push(self.procedure(procedure));
        }
        if self.full {
            self.reports.error("B007", Span::default(), "the script is too large: divide it");
        }
        Program {
            name: name.to_owned(),
            hash: ProgramHash([0; 32]),
            code: self.code,
            procedures,
            constants: self.constants,
            texts: self.texts.into(),
            symbols: Arc::new(self.symbols),
            variables,
            sites: self.sites,
            questions: self.questions,
            statements: self.statements,
            declarations: self.declarations,
            stored: Vec::new(),
        }
    }

    /// Gives the variables of the script their registers, and warns about names that are only read or only assigned.
    fn find_variables(&mut self, script: &Script) -> Vec<String> {
        let mut order: Vec<Name> = Vec::new();
        let mut reads: HashMap<Name, Span> = HashMap::new();
        let mut writes: HashMap<Name, Span> = HashMap::new();
        let mut mentions: HashSet<Name> = HashSet::new();
        let mut read_order = Vec::new();
        let mut in_script = HashSet::new();
        let mut note = |name: Name, span: Span, how: Use, script: bool| {
            if how == Use::Mention {
                mentions.insert(name);
                return;
            }
            if script && in_script.insert(name) {
                order.push(name);
            }
            if how == Use::Write {
                writes.entry(name).or_insert(span);
            } else if reads.insert(name, *reads.get(&name).unwrap_or(&span)).is_none() {
                read_order.push(name);
            }
        };
        for param in &script.params {
            note(param.name, param.span, Use::Write, true);
        }
        for name in &self.known.variables {
            if let Some(name) = self.names.find(&crate::machine::fold(name)) {
                note(name, Span::default(), Use::Write, true);
            }
        }
        names::in_block(&script.body, &mut |name, span, how| {
            note(name, span, how, true);
        });
        let mut procedure_reads = Vec::new();
        for procedure in &script.procedures {
            let mut own: HashSet<Name> = procedure.parameters.iter().copied().collect();
            names::in_block(&procedure.body, &mut |name, _, how| {
                if how == Use::Write && procedure.handler.is_none() {
                    own.insert(name);
                }
            });
            names::in_block(&procedure.body, &mut |name, span, how| {
                // What a procedure reads and never assigns can only be the script's or the host's.
                let shared = !own.contains(&name);
                note(name, span, how, shared && procedure.handler.is_some());
                if shared && how != Use::Mention {
                    procedure_reads.push(name);
                }
            });
            for parameter in &procedure.parameters {
                note(*parameter, procedure.span, Use::Write, false);
                note(*parameter, procedure.span, Use::Read, false);
            }
        }
        for name in procedure_reads {
            if in_script.insert(name) {
                order.push(name);
            }
        }
        // What only a procedure assigns is its own, and no variable to the script.
        self.assigned = writes.keys().copied().filter(|name| in_script.contains(name)).collect();
        let params: HashSet<Name> = script.params.iter().map(|param| param.name).collect();
        // In a script with errors the names of what could not be read seem to be missing.
        let complete = !self.reports.has_errors();
        for name in read_order.into_iter().filter(|_| complete) {
            let shown = self.names.get(name);
            if !writes.contains_key(&name) && !is_provided(shown) {
                let span = reads.get(&name).copied().unwrap_or_default();
                let message = format!("{shown} is read and never assigned; it is null");
                self.reports.warn("B101", span, message, None);
            }
        }
        let mut unread: Vec<_> = writes
            .iter()
            .filter(|(name, span)| {
                let read = reads.contains_key(name) || mentions.contains(name);
                !read && span.end > 0 && !params.contains(name)
            })
            .collect();
        unread.sort_by_key(|(_, span)| span.start);
        for (name, span) in unread.into_iter().filter(|_| complete) {
            let message = format!("{} is assigned and never read", self.names.get(*name));
            self.reports.warn("B102", *span, message, None);
        }
        order.retain(|&name| self.assigned.contains(&name) || !self.is_special(name));
        if order.len() > 20_000 {
            self.full = true;
            order.truncate(20_000);
        }
        self.globals = order.iter().copied().zip(0u16..).collect();
        order.iter().map(|&name| self.names.get(name).to_owned()).collect()
    }

    /// Names that mean something where no variable has them.
    fn is_special(&self, name: Name) -> bool {
        matches!(
            self.names.get(name),
            "today" | "now" | "uuid" | "guid" | "rnd" | "pi" | "error" | "err" | "error message"
        )
    }

    fn script(&mut self, script: &Script, variables: usize) -> crate::program::Procedure {
        let variables = variables as u16;
        self.frame = Frame { is_script: true, next: variables, most: variables, ..Frame::default() };
        self.defaults(script);
        self.statements_at_top(script);
        self.end_procedure(String::new(), 0, 0, true)
    }

    fn statements_at_top(&mut self, script: &Script) {
        let mut ended: Option<Span> = None;
        for statement in &script.body {
            if ended.take().is_some() && !matches!(statement.kind, StatementKind::Label(_)) {
                self.reports.warn(
                    "B103",
                    statement.span,
                    "this is never reached".into(),
                    Some("the script ends above"),
                );
            }
            self.top = true;
            self.statement(statement);
            self.top = false;
            if matches!(
                statement.kind,
                StatementKind::Return(_) | StatementKind::Exit(crate::syntax::tree::Exit::Script)
            ) {
                ended = Some(statement.span);
            }
        }
    }

    fn procedure(&mut self, procedure: &crate::syntax::tree::Procedure) -> crate::program::Procedure {
        let start = self.code.len() as u32;
        self.frame = Frame::default();
        for &parameter in &procedure.parameters {
            let register = self.reserve();
            self.frame.locals.insert(parameter, register);
        }
        if procedure.handler.is_none() {
            let mut assigned = Vec::new();
            names::in_block(&procedure.body, &mut |name, _, how| {
                if how == Use::Write {
                    assigned.push(name);
                }
            });
            for name in assigned {
                if !self.globals.contains_key(&name) && !self.frame.locals.contains_key(&name) {
                    let register = self.reserve();
                    self.frame.locals.insert(name, register);
                }
            }
        }
        self.block(&procedure.body);
        let parameters = u16::try_from(procedure.parameters.len()).unwrap_or(u16::MAX);
        self.end_procedure(procedure.spelled.clone(), parameters, start, false)
    }

    fn end_procedure(
        &mut self,
        name: String,
        parameters: u16,
        start: u32,
        script: bool,
    ) -> crate::program::Procedure {
        let result = self.reserve();
        self.emit(Op::LoadNull { to: result });
        self.emit(if script { Op::Finish { from: result } } else { Op::Return { from: result } });
        self.resolve_labels();
        let end = self.code.len() as u32;
        // A procedure without arguments still has a register for its result.
        crate::program::Procedure { name, parameters, registers: self.frame.most.max(1), start, end }
    }

    fn resolve_labels(&mut self) {
        for (at, name, span, path) in std::mem::take(&mut self.frame.gotos) {
            let label = self.frame.labels.get(&name);
            let Some((target, label_path)) = label else {
                let message = format!("there is no label {}", self.names.get(name));
                self.reports.error("B040", span, message);
                continue;
            };
            if !path.starts_with(label_path) {
                let message = format!("{} stands inside a block that GOTO is not in", self.names.get(name));
                self.reports.error("B041", span, message);
                continue;
            }
            let target = Target(*target);
            if let Some(op) = self.code.get_mut(at) {
                *op = match op {
                    Op::OnErrorGoto { .. } => Op::OnErrorGoto { target },
                    _ if target.0 as usize <= at => Op::Loop { target },
                    _ => Op::Jump { target },
                };
            }
        }
    }

    fn variable(&mut self, name: Name) -> Variable {
        if let Some(&register) = self.frame.locals.get(&name) {
            return Variable::Local(register);
        }
        match self.globals.get(&name) {
            Some(&global) if self.frame.is_script => Variable::Local(Reg(global)),
            Some(&global) => Variable::Global(global),
            None => {
                // A name that no walk over the tree has seen: it has no value.
                let register = self.reserve();
                self.emit(Op::LoadNull { to: register });
                self.frame.locals.insert(name, register);
                Variable::Local(register)
            }
        }
    }

    /// Whether a name is a variable rather than a word that stands for itself.
    fn is_variable(&self, name: Name) -> bool {
        self.assigned.contains(&name) || self.frame.locals.contains_key(&name)
    }

    fn position(&self, span: Span) -> Position {
        let (line, column) = self.lines.position(span.start);
        Position { line, column }
    }

    /// The text of a literal.
    fn literal_text<'t>(&self, expression: &'t crate::syntax::tree::Expr) -> Option<&'t str> {
        match &expression.kind {
            ExprKind::Text(text) => Some(text),
            ExprKind::Bare(name, text) if !self.is_variable(*name) => Some(text),
            _ => None,
        }
    }
}

/// Names that every host provides.
fn is_provided(name: &str) -> bool {
    matches!(
        name,
        "user"
            | "username"
            | "mobile"
            | "from"
            | "admin"
            | "hour"
            | "session"
            | "today"
            | "now"
            | "uuid"
            | "guid"
            | "rnd"
            | "pi"
            | "fields"
            | "form"
            | "metadata"
            | "report"
            | "json"
            | "params"
            | "body"
            | "headers"
            | "error"
            | "err"
            | "error message"
    )
}
