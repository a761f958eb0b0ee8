//! How long a run may go on: instructions, work on large values, time, memory.

use super::Machine;
use super::fault::{Checked, Fault};

/// Instructions between two looks at the time.
const PAUSE: u64 = 100_000;

impl Machine {
    /// Instructions until the next stop, at the most.
    pub(super) fn instructions_left(&self) -> u64 {
        let left_of_run = self.limits.instructions_per_run.saturating_sub(self.counts.run);
        self.limits.instructions_per_stop.min(left_of_run)
    }

    /// The number of instructions at which the run looks at its limits and the time next.
    pub(super) fn next_pause(&self) -> u64 {
        (self.counts.stop + PAUSE).min(self.instructions_left())
    }

    /// Looks at the limits and the time; gives the next pause.
    pub(super) fn passed_pause(&self, expired: &mut dyn FnMut() -> bool) -> Checked<u64> {
        if self.counts.stop > self.instructions_left() {
            return Err(self.too_many_instructions());
        }
        if expired() {
            return Err(took_too_long());
        }
        Ok(self.next_pause())
    }

    /// Looks at what operations have cost and made, which may end the run.
    pub(super) fn attend(&mut self, at: usize, expired: &mut dyn FnMut() -> bool) -> Checked<()> {
        self.note(at);
        self.check_work(expired)?;
        if self.heap.wants_collection() { self.collect() } else { Ok(()) }
    }

    /// Looks at what operations on large values have cost. It is limited like instructions, but counted apart: how
    /// often a text is copied depends on where it lies, and the count of instructions must not.
    fn check_work(&mut self, expired: &mut dyn FnMut() -> bool) -> Checked<()> {
        self.work += self.heap.take_work();
        if self.work > self.limits.instructions_per_stop {
            return Err(Fault::limit("the script works on too much at once without talking to anybody"));
        }
        if expired() { Err(took_too_long()) } else { Ok(()) }
    }

    pub(super) fn too_many_instructions(&self) -> Box<Fault> {
        let (stop, run) = (self.limits.instructions_per_stop, self.limits.instructions_per_run);
        if self.counts.stop > stop {
            return Fault::limit(format!("more than {stop} instructions without talking to anybody"));
        }
        Fault::limit(format!("more than {run} instructions in one run"))
    }

    pub(super) fn too_many_calls(&self) -> Box<Fault> {
        Fault::limit(format!("more than {} procedures wait for each other", self.limits.call_depth))
    }

    /// Frees what the run can no longer reach.
    fn collect(&mut self) -> Checked<()> {
        let Some(frame) = self.frames.last() else {
            return Ok(());
        };
        let registers = self.program.procedures.get(usize::from(frame.procedure)).map_or(0, |p| p.registers);
        let end = (frame.base as usize + usize::from(registers)).min(self.stack.len());
        self.heap.collect(self.stack[..end].iter().copied())
    }
}

fn took_too_long() -> Box<Fault> {
    Fault::limit("the script took too long without talking to anybody")
}
