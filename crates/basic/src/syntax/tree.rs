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
        variable_span: Span,
        source: Expr,
        last: Option<Expr>,
        body: Block,
    },
    For {
        variable: Name,
        variable_span: Span,
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

#[derive(Debug, Clone)]
pub(crate) enum ClauseArguments {
    Values(Vec<Expr>),
    Fields(Vec<(String, Expr)>),
    Order(Vec<(String, bool)>),
    Condition(Condition),
    /// A variable that the command sets.
    Place(Expr),
}

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare { column: String, operator: &'static str, value: Expr },
    Constant(Expr),
}
