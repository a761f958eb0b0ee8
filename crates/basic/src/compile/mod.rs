//! Syntax to bytecode: resolves variables to registers, checks what the tree alone cannot show, and warns.

mod branches;
mod calls;
mod commands;
mod declare;
mod emit;
mod expressions;
mod filters;
mod hearing;
mod names;
mod statements;
mod variables;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::program::code::{Op, Reg, Target};
use crate::program::{Constant, Declarations, Program, ProgramHash, Question, Site, StatementRange, Symbols};
use crate::step::Position;
use crate::syntax::tree::{ExprKind, Script, StatementKind};
use crate::syntax::{self, Lines, Name, Names, Reports, Span, nearest};
use indexmap::IndexSet;

/// Bytes of one script.
const MAX_SOURCE: usize = 1 << 20;

const TOO_LARGE: &str = "the script is too large: divide it";

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
    /// Tables that other scripts of the package declare: see [`tables_in`].
    pub tables: Option<Vec<&'a str>>,
    /// What the host performs of the [commands](crate::commands), by their phrases, those it takes as declarations
    /// included. What the machine does by itself need not be among them.
    pub commands: Option<Vec<&'a str>>,
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
    // Procedures are numbered in sixteen bits, the script itself being number 0.
    if script.procedures.len() >= usize::from(u16::MAX) {
        reports.error("B007", Span::default(), TOO_LARGE);
        return Compiled { program: None, diagnostics: reports.finish(&lines) };
    }
    let program = Compiler::new(&lines, &names, &mut reports, known, &script).program(name, &script);
    let program = if reports.has_errors() { None } else { Some(program.seal()) };
    Compiled { program, diagnostics: reports.finish(&lines) }
}

/// The names of the tables a script declares, also where it has errors.
///
/// ```
/// assert_eq!(basic::tables_in("TABLE orders\n    id uuid key\nEND TABLE\nTALK ("), ["orders"]);
/// ```
pub fn tables_in(source: &str) -> Vec<String> {
    if source.len() > MAX_SOURCE {
        return Vec::new();
    }
    let (mut names, mut reports) = (Names::default(), Reports::default());
    let tokens = syntax::lex(source, &mut names, &mut reports);
    let script = syntax::parse(source, &Lines::new(source), tokens, &mut names, &mut reports);
    script.tables.into_iter().map(|table| table.name).collect()
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
    /// The places of the declared tables, by their names in lower case.
    tables: HashMap<String, usize>,
    /// Where the parts of the declared tables stand.
    table_spans: Vec<declare::TableSpans>,
    /// Registers of the script's variables.
    globals: HashMap<Name, u16>,
    /// Names that get a value at the level of the script.
    assigned: HashSet<Name>,
    /// Names that mean the script's variable within procedures, too, when they assign them.
    shared: HashSet<Name>,
    procedures: HashMap<Name, (u16, u16)>,
    /// Variables that hold the text of a filter with values joined into it.
    joined_filters: HashSet<Name>,
    /// Commands the host lacks, which were reported.
    missing: HashSet<&'static str>,
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
            tables: HashMap::new(),
            table_spans: Vec::new(),
            globals: HashMap::new(),
            assigned: HashSet::new(),
            shared: HashSet::new(),
            procedures: procedures.collect(),
            joined_filters: HashSet::new(),
            missing: HashSet::new(),
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
        self.resolve_tables();
        if self.full {
            self.reports.error("B007", Span::default(), TOO_LARGE);
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
        let own = if procedure.handler.is_none() { self.own_names(procedure) } else { IndexSet::new() };
        // Each parameter has a register, also where two have one name.
        for &name in &procedure.parameters {
            let register = self.reserve();
            self.frame.locals.insert(name, register);
        }
        for name in own {
            if !self.frame.locals.contains_key(&name) {
                let register = self.reserve();
                self.frame.locals.insert(name, register);
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
                let word = self.names.get(name);
                let looks = self.reports.has_room() && self.frame.labels.len() <= calls::MOST_COMPARED;
                let labels = self.frame.labels.keys().filter(|_| looks).map(|label| self.names.get(*label));
                let near = nearest(word, labels).map(|near| format!("did you mean {near}?"));
                let message = format!("there is no label {word}");
                self.reports.error_with("B040", span, message, None, near.as_deref());
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
