//! The syntax tree of a script.

use super::token::{Name, Span};
use crate::commands::{ClauseSpec, CommandSpec};
use crate::hear::HearKind;

/// A whole script. Declarations and procedures stand apart: they are hoisted.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) body: Block,
    pub(crate) procedures: Vec<Procedure>,
    pub(crate) params: Vec<Param>,
    pub(crate) descriptions: Vec<(Expr, Span)>,
    pub(crate) tables: Vec<Table>,
}

pub(crate) type Block = Vec<Statement>;

/// `SUB` or `FUNCTION`, and the bodies of handlers.
#[derive(Debug)]
pub(crate) struct Procedure {
    pub(crate) name: Name,
    pub(crate) spelled: String,
    pub(crate) parameters: Vec<Name>,
    pub(crate) body: Block,
    pub(crate) span: Span,
    pub(crate) handler: Option<Handler>,
}

/// What makes a procedure run other than a call.
#[derive(Debug)]
pub(crate) struct Handler {
    /// The phrase of its command: `ON EVENT`, `SCHEDULE IN`.
    pub(crate) kind: &'static str,
    /// The literal name of the event or form.
    pub(crate) name: Option<String>,
    /// What a mail must have: FROM and SUBJECT with their texts.
    pub(crate) filters: Vec<(&'static str, Expr)>,
}

/// A PARAM line.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: Name,
    pub(crate) spelled: String,
    pub(crate) type_word: String,
    pub(crate) choices: Vec<Expr>,
    pub(crate) like: Option<Expr>,
    pub(crate) description: Option<Expr>,
    pub(crate) default: Option<Expr>,
    pub(crate) optional: bool,
    pub(crate) span: Span,
}

/// A TABLE block: its columns as they stand.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) connection: Option<String>,
    pub(crate) header: Option<(String, Span)>,
    pub(crate) lines: Vec<(String, Span)>,
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    pub(crate) span: Span,
}

#[derive(Debug)]
pub(crate) enum StatementKind {
    Assign {
        place: Expr,
        value: Expr,
    },
    If {
        branches: Vec<(Expr, Block)>,
        otherwise: Block,
    },
    ForEach {
        variable: Name,
        source: Expr,
        last: Option<Expr>,
        body: Block,
    },
    For {
        variable: Name,
        from: Expr,
        to: Expr,
        step: Option<Expr>,
        body: Block,
    },
    Loop {
        before: Option<Test>,
        after: Option<Test>,
        body: Block,
        is_while: bool,
    },
    Select {
        subject: Expr,
        cases: Vec<(Vec<CaseTest>, Block)>,
        otherwise: Block,
    },
    With {
        name: Name,
        span: Span,
        fields: Vec<(String, Expr)>,
    },
    Return(Option<Expr>),
    Exit(Exit),
    Continue,
    Throw(Expr),
    Assert(Expr, Option<Expr>),
    Goto(Name, Span),
    Label(Name),
    OnError(OnError),
    ClearError,
    Hear {
        place: Expr,
        hear: Hear,
    },
    Expression(Expr),
    /// Branches that run beside each other, between the commands that begin and end them.
    Parallel {
        begin: Expr,
        body: Block,
        end: Expr,
    },
    /// A handler or delayed body: the procedure's place in [`Script::procedures`].
    Handler {
        procedure: usize,
        kind: &'static str,
        subject: Expr,
    },
}

/// A loop's condition: it goes on while `condition` is `!until`.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) until: bool,
    pub(crate) condition: Expr,
}

#[derive(Debug)]
pub(crate) enum CaseTest {
    Equal(Expr),
    Range(Expr, Expr),
    Compare(Binary, Expr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Script,
    Procedure,
    /// The innermost loop.
    Loop,
    For,
    Do,
    While,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    ResumeNext,
    Stop,
    Goto(Name, Span),
}

/// HEAR without its place.
#[derive(Debug, Clone)]
pub(crate) struct Hear {
    pub(crate) kind: HearKind,
    pub(crate) options: Vec<Expr>,
    pub(crate) prompt: Option<Expr>,
    pub(crate) default: Option<Expr>,
    pub(crate) timeout: Option<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

impl Expr {
    /// Calls `found` with the expressions that stand in this one, but not with those in them.
    pub(crate) fn each_part(&self, found: &mut dyn FnMut(&Expr)) {
        match &self.kind {
            ExprKind::Member(of, _) | ExprKind::Unary(_, of) | ExprKind::IsNull(of) => found(of),
            ExprKind::Index(a, b)
            | ExprKind::Binary(_, a, b)
            | ExprKind::And(a, b)
            | ExprKind::Or(a, b)
            | ExprKind::Coalesce(a, b) => [a, b].into_iter().for_each(|one| found(one)),
            ExprKind::Choose(a, b, c) | ExprKind::Between(a, b, c) => {
                [a, b, c].into_iter().for_each(|one| found(one));
            }
            ExprKind::Joined(all) | ExprKind::Array(all) | ExprKind::Call { arguments: all, .. } => {
                all.iter().for_each(found);
            }
            ExprKind::Method { receiver: first, arguments: all, .. } | ExprKind::OneOf(first, all) => {
                found(first);
                all.iter().for_each(found);
            }
            ExprKind::Object(fields) => fields.iter().for_each(|(_, value)| found(value)),
            ExprKind::Command(call) => call.each_part(found),
            ExprKind::Hear(hear) => {
                let given = [&hear.prompt, &hear.default, &hear.timeout];
                hear.options.iter().chain(given.into_iter().flatten()).for_each(found);
            }
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Integer(_)
            | ExprKind::Float(_)
            | ExprKind::Text(_)
            | ExprKind::Variable(_)
            | ExprKind::Bare(..)
            | ExprKind::Error => {}
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// An interpolated text.
    Joined(Vec<Expr>),
    Variable(Name),
    /// A word that is text unless a variable has that name.
    Bare(Name, String),
    Member(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Call {
        name: Name,
        arguments: Vec<Expr>,
    },
    Method {
        receiver: Box<Expr>,
        name: Name,
        arguments: Vec<Expr>,
    },
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Coalesce(Box<Expr>, Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `IN (a, b)`.
    OneOf(Box<Expr>, Vec<Expr>),
    IsNull(Box<Expr>),
    Array(Vec<Expr>),
    Object(Vec<(String, Expr)>),
    Command(Box<CommandCall>),
    Hear(Box<Hear>),
    /// Where an error was reported.
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unary {
    Minus,
    Plus,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Concat,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Xor,
    In,
    Like,
    Contains,
    StartsWith,
    EndsWith,
}

/// A command with what it was given.
#[derive(Debug, Clone)]
pub(crate) struct CommandCall {
    pub(crate) spec: &'static CommandSpec,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) clauses: Vec<(&'static ClauseSpec, ClauseArguments)>,
    /// The written name of a call of something unknown.
    pub(crate) name: Option<String>,
}

impl CommandCall {
    /// Calls `found` with the expressions that the command was given.
    fn each_part(&self, found: &mut dyn FnMut(&Expr)) {
        self.arguments.iter().for_each(&mut *found);
        for (_, given) in &self.clauses {
            match given {
                ClauseArguments::Values(values) => values.iter().for_each(&mut *found),
                ClauseArguments::Fields(fields) => fields.iter().for_each(|(_, value)| found(value)),
                ClauseArguments::Condition(condition) => condition.each_value(found),
                ClauseArguments::Place(place) => found(place),
                ClauseArguments::Order(_) => {}
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum ClauseArguments {
    Values(Vec<Expr>),
    Fields(Vec<(String, Expr)>),
    Order(Vec<(String, bool)>),
    Condition(Condition),
    /// A variable that the command sets.
    Place(Expr),
}

/// A condition on rows, whose columns are told apart from values of the script.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    /// A column beside a value of the script.
    Compare {
        column: String,
        operator: &'static str,
        value: Expr,
    },
    /// The truth of a value of the script, the same for every row.
    Constant(Expr),
}

impl Condition {
    /// Calls `found` with the values of the script in it.
    pub(crate) fn each_value(&self, found: &mut dyn FnMut(&Expr)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.each_value(found)),
            Self::Not(inner) => inner.each_value(found),
            Self::Compare { value, .. } | Self::Constant(value) => found(value),
        }
    }
}
