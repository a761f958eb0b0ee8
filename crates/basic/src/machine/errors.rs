//! Errors: where ON ERROR goes on, and the report that ends a run.

use std::sync::Arc;

use super::fault::Fault;
use super::value::Value;
use super::{Frame, Machine, Trap};
use crate::program::code::{self, Op};
use crate::program::{Constant, Program};
use crate::step::{CallSite, ErrorCode, Position, RuntimeError, Step};

/// What an error that ON ERROR catches costs, in instructions.
const TRAPPED_ERROR: u64 = 100;

impl Machine {
    /// Where the running instruction stands in the script.
    pub(super) fn position_of(&self, frame: &Frame) -> Position {
        let at = frame.at.saturating_sub(1);
        self.program.statement_at(at).map(|statement| statement.position).unwrap_or_default()
    }

    /// Goes on where ON ERROR says, or gives the step that ends the run.
    pub(super) fn trap(&mut self, fault: Fault) -> Option<Step> {
        let trapped = if fault.code == ErrorCode::Limit {
            None
        } else {
            self.frames.iter().rposition(|frame| frame.trap != Trap::Stop)
        };
        let Some(depth) = trapped else {
            return Some(self.failed(fault));
        };
        // A handler may stand before the error: going there is going back, which is never free.
        self.counts.stop += TRAPPED_ERROR;
        if self.counts.stop > self.instructions_left() {
            let limit = *self.too_many_instructions();
            return Some(self.failed(limit));
        }
        self.error = Some((fault.code.number(), fault.message));
        self.frames.truncate(depth + 1);
        let program = Arc::clone(&self.program);
        if let Some(frame) = self.frames.last_mut() {
            match frame.trap {
                Trap::Goto(target) => {
                    frame.trap = Trap::Stop;
                    frame.at = target;
                }
                _ => {
                    // The whole statement is left, with all its blocks.
                    let statement = program.statement_at(frame.at.saturating_sub(1));
                    frame.at = statement.map_or(frame.at, |statement| statement.end);
                }
            }
        }
        None
    }

    pub(super) fn failed(&self, fault: Fault) -> Step {
        let calls: Vec<CallSite> = self
            .frames
            .iter()
            .rev()
            .map(|frame| {
                let procedure = self.program.procedures.get(usize::from(frame.procedure));
                CallSite {
                    procedure: procedure.map(|procedure| procedure.name.clone()).unwrap_or_default(),
                    position: self.position_of(frame),
                }
            })
            .collect();
        let position = calls.first().map(|site| site.position).unwrap_or_default();
        let at = self.frames.last().map_or(0, |frame| frame.at.saturating_sub(1));
        let keyword = match self.program.code.get(at as usize) {
            Some(Op::Effect { site }) => {
                self.program.sites.get(usize::from(site.0)).map(|site| site.command.phrase)
            }
            Some(Op::Talk { .. }) => Some("TALK"),
            Some(Op::Print { .. }) => Some("PRINT"),
            Some(Op::Hear { .. }) => Some("HEAR"),
            _ => None,
        };
        Step::Failed(Box::new(RuntimeError {
            code: fault.code,
            message: fault.message,
            file: self.program.file(),
            line: position.line,
            column: position.column,
            calls,
            keyword,
        }))
    }

    pub(super) fn set_trap(&mut self, trap: Trap) {
        if let Some(frame) = self.frames.last_mut() {
            frame.trap = trap;
        }
    }
    /// The number of the error that was trapped last; 0 where none was.
    pub(super) fn error_number(&self) -> Value {
        Value::Int(self.error.as_ref().map_or(0, |(number, _)| *number))
    }

    pub(super) fn error_message(&mut self) -> Value {
        let message = self.error.as_ref().map(|(_, message)| message.clone()).unwrap_or_default();
        self.heap.text(message)
    }
}

pub(super) fn unknown_function(program: &Program, name: code::Constant) -> Box<Fault> {
    let name = match program.constants[usize::from(name.0)] {
        Constant::Text(index) => &*program.texts[index as usize],
        _ => "",
    };
    Fault::new(ErrorCode::Unknown, format!("unknown function {name}"))
}
