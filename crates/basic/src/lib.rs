//! A BASIC dialect for dialogs: text to bytecode to a resumable machine.
//!
//! [`compile()`] turns a script into a [`Program`], or into [diagnostics](Diagnostic) for its author. A [`Machine`] runs a
//! program until it needs the outside: it stops with a [`Step`], the host does what the step says and calls
//! [`Machine::run`] with the answer. At every stop the machine can be kept as bytes and go on later.
//!
//! The crate does no I/O, reads no clock and makes no random numbers of its own.
//!
//! ```
//! use std::sync::Arc;
//! use basic::{Answer, Known, Limits, Machine, Resume, Step};
//!
//! let compiled = basic::compile("hello.bas", "TALK \"Hello \" + name", &Known { variables: vec!["name"], ..Known::default() });
//! let program = Arc::new(compiled.program.unwrap());
//! let mut machine = Machine::start(program, Limits::default(), vec![("name".into(), "Ada".into())]);
//! let now = chrono::DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap();
//! let step = machine.run(Resume { now, seed: 1, answer: Answer::Start });
//! assert_eq!(step, Step::Talk("Hello Ada".into()));
//! ```

#![expect(
    clippy::unnecessary_box_returns,
    clippy::single_match_else,
    clippy::match_same_arms,
    clippy::needless_for_each,
    clippy::similar_names,
    clippy::many_single_char_names,
    reason = "errors are boxed because results pass through registers, matches keep one arm a case, and short names \
              stand for the operands of an operator"
)]

pub mod commands;
mod compile;
mod data;
mod diagnostic;
pub mod fake;
pub mod filter;
mod functions;
pub mod hear;
mod layout;
mod limits;
mod machine;
mod program;
pub mod reference;
pub mod scalar;
pub mod schedule;
pub mod schema;
mod step;
mod syntax;
pub mod tools;

pub use commands::{CommandSpec, Tier};
pub use compile::{Compiled, Known, compile, tables_in};
pub use data::{Data, File, Response, Rows};
pub use diagnostic::{Diagnostic, Severity};
pub use layout::format;
pub use limits::Limits;
pub use machine::{Machine, StateError};
pub use program::{Declarations, Handler, HandlerKind, Index, LoadError, Program, ProgramHash};
pub use reference::reference;
pub use step::{
    Answer, Attachment, CallSite, Change, Clause, Command, ErrorCode, Hear, HearKind, HostError, Position,
    Reply, Resume, RuntimeError, Step,
};
