//! The machine: runs a program until it needs the outside, hands out what it needs, and goes on with the answer.
//!
//! A machine is a value. At every stop [`Machine::save`] gives its whole state as bytes, from which
//! [`Machine::load`] makes it again, in another process or days later.

mod answer;
mod arithmetic;
mod comparison;
mod convert;
mod effects;
mod errors;
pub(crate) mod fault;
pub(crate) mod heap;
mod inspect;
mod load;
mod loops;
mod members;
mod object;
mod pace;
mod rows;
mod run;
mod state;
pub(crate) mod value;

use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use crate::data::Data;
use crate::limits::Limits;
use crate::program::Program;
use crate::program::code::Reg;
use crate::step::{Answer, Resume, Step};
use fault::Fault;
use heap::Heap;
pub use state::StateError;
use value::Value;

/// A name without its case: what lets `Status` and `status` be one member.
pub(crate) fn fold(name: &str) -> String {
    if name.is_ascii() { name.to_ascii_lowercase() } else { name.to_lowercase() }
}

/// A running script.
#[derive(Debug)]
pub struct Machine {
    program: Arc<Program>,
    limits: Limits,
    heap: Heap,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    pending: Pending,
    /// The last trapped error: number and message.
    error: Option<(i64, String)>,
    counts: Counts,
    /// What operations on large values have cost since the last stop, in instructions.
    work: u64,
    now: DateTime<FixedOffset>,
    random: u64,
    /// The language of what the machine itself says.
    language: Box<str>,
    /// What could not be said before the first step, such as an input that is too large.
    early: Option<Box<Fault>>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    procedure: u16,
    base: u32,
    at: u32,
    trap: Trap,
}

/// What an error does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trap {
    Stop,
    ResumeNext,
    Goto(u32),
}

/// What the machine waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    /// The first step.
    Start,
    /// A message or log line to be said.
    Said,
    /// The answer to a command.
    Effect(u16),
    /// The prompt or retry message of a HEAR to be said; the attempt that follows.
    Asking(u16, u8),
    /// A reply.
    Hearing(u16, u8),
    /// Nothing: the run is over.
    Over,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    run: u64,
    stop: u64,
    effects: u32,
    talks: u32,
}

impl Machine {
    /// A machine at the beginning of a script. `inputs` are variables that have a value before the first line: PARAMs
    /// and what the host provides. Names are compared ignoring case; what the script does not mention is dropped.
    pub fn start(program: Arc<Program>, limits: Limits, inputs: Vec<(String, Data)>) -> Self {
        Self::begin(program, limits, inputs, 0)
    }

    /// A machine that runs one handler or delayed body of a script; see [`crate::Declarations::handlers`].
    pub fn start_handler(
        program: Arc<Program>,
        limits: Limits,
        inputs: Vec<(String, Data)>,
        procedure: u16,
    ) -> Self {
        Self::begin(program, limits, inputs, procedure)
    }

    fn begin(program: Arc<Program>, limits: Limits, inputs: Vec<(String, Data)>, procedure: u16) -> Self {
        let mut heap = Heap::new(&program, &limits);
        let registers = program.procedures.first().map_or(1, |script| usize::from(script.registers));
        let mut stack = vec![Value::Null; registers];
        let mut early = None;
        for (name, data) in inputs {
            let name = fold(&name);
            if let Some(at) = program.variables.iter().position(|variable| *variable == name) {
                match heap.take_data(data) {
                    Ok(value) => stack[at] = value,
                    Err(fault) => early = Some(fault),
                }
            }
        }
        let mut frames = vec![Frame { procedure: 0, base: 0, at: 0, trap: Trap::Stop }];
        if procedure > 0 {
            match program.procedures.get(usize::from(procedure)) {
                Some(handler) => {
                    let base = stack.len();
                    stack.resize(base + usize::from(handler.registers), Value::Null);
                    // The script's own frame stands at its end, and ends the run when the handler returns.
                    let end = program.procedures.first().map_or(0, |script| script.end.saturating_sub(2));
                    frames[0].at = end;
                    frames.push(Frame { procedure, base: base as u32, at: handler.start, trap: Trap::Stop });
                }
                None => early = Some(Fault::argument("there is no such handler")),
            }
        }
        let counts = Counts::default();
        let now = DateTime::<chrono::Utc>::UNIX_EPOCH.fixed_offset();
        Self {
            program,
            limits,
            heap,
            stack,
            frames,
            pending: Pending::Start,
            error: None,
            counts,
            work: 0,
            now,
            random: 0,
            language: Box::default(),
            early,
        }
    }

    /// The program it runs.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Sets the language of what the machine itself says: that a reply to HEAR does not fit. A tag such as `pt-BR`; see
    /// [`crate::hear::RETRY_LANGUAGES`]. It is no part of the stored state.
    pub fn set_language(&mut self, tag: &str) {
        self.language = tag.into();
    }

    /// Whether the run is over.
    pub fn is_over(&self) -> bool {
        self.pending == Pending::Over
    }

    /// Goes on until the next stop.
    pub fn run(&mut self, resume: Resume) -> Step {
        self.run_unless(resume, &mut || false)
    }

    /// Goes on until the next stop, or until `expired` says that the time is over, which ends the run with a limit that
    /// the script cannot catch. It is asked about every millisecond: the machine itself has no clock.
    pub fn run_unless(&mut self, resume: Resume, expired: &mut dyn FnMut() -> bool) -> Step {
        if self.pending == Pending::Over {
            return Step::Finished(Data::Null);
        }
        self.now = resume.now;
        self.random = resume.seed;
        self.counts.run = self.counts.run.saturating_add(self.counts.stop);
        if matches!(resume.answer, Answer::Reply(_)) {
            // Somebody is there: a dialog may last for years, and only what it does by itself has to end.
            (self.counts.run, self.counts.effects) = (0, 0);
        }
        self.work = 0;
        self.heap.take_work();
        self.counts.stop = 0;
        let begun = match self.early.take() {
            Some(fault) => Err(fault),
            None => self.take(resume.answer),
        };
        let mut outcome = match begun {
            Ok(Some(step)) => return self.stopped(step),
            Ok(None) => self.execute(expired),
            Err(fault) => Err(fault),
        };
        loop {
            match outcome {
                Ok(step) => return self.stopped(step),
                Err(fault) => {
                    if let Some(failed) = self.trap(*fault) {
                        self.pending = Pending::Over;
                        return failed;
                    }
                    outcome = self.execute(expired);
                }
            }
        }
    }

    /// Instructions that the run has taken since the last reply, as its limits count them: those of loops and calls.
    pub fn steps(&self) -> u64 {
        self.counts.run.saturating_add(self.counts.stop)
    }

    /// Counts a stop, and drops what the run no longer needs.
    fn stopped(&mut self, step: Step) -> Step {
        match &step {
            Step::Finished(_) | Step::Failed(_) => {
                self.pending = Pending::Over;
                return step;
            }
            Step::Talk(_) => self.counts.talks += 1,
            Step::Hear(_) => self.counts.talks = 0,
            Step::Print(_) | Step::Command(_) => {}
        }
        self.counts.effects += 1;
        let (effects, talks) = (self.limits.effects_per_run, self.limits.talks_per_turn);
        let passed = if self.counts.effects > effects {
            Some(format!("more than {effects} commands in one run"))
        } else if self.counts.talks > talks {
            Some(format!("more than {talks} messages without a reply of the user"))
        } else {
            None
        };
        match passed {
            None => step,
            Some(message) => {
                self.pending = Pending::Over;
                self.failed(*Fault::limit(message))
            }
        }
    }

    /// Keeps where the running frame stands.
    #[inline]
    fn note(&mut self, at: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.at = at as u32;
        }
    }

    fn register(&self, base: usize, register: Reg) -> Value {
        self.stack.get(base + usize::from(register.0)).copied().unwrap_or(Value::Null)
    }

    fn values(&self, base: usize, first: Reg, count: u16) -> &[Value] {
        let from = base + usize::from(first.0);
        self.stack.get(from..from + usize::from(count)).unwrap_or_default()
    }
}
