//! What operations on large values cost, and what they may make at once.

use super::Heap;
use crate::machine::fault::{Checked, Fault};

/// Work after which the run is charged.
const NOTICED_WORK: u64 = 1000;

/// Work that one operation may do: a million elements compared, a quarter of a gigabyte of text read.
const MOST_WORK: u64 = 1_000_000;

impl Heap {
    /// Notes work in proportion to the size of values, in instructions: an instruction that copies a large text costs
    /// as much as many that add two numbers.
    #[inline]
    pub(crate) fn spend(&self, instructions: usize) {
        self.work.set(self.work.get().saturating_add(instructions as u64));
    }

    /// Notes that bytes of text were read or copied.
    #[inline]
    pub(crate) fn spend_on_text(&self, bytes: usize) {
        self.spend(bytes >> 8);
    }

    /// The work noted since it was taken last.
    #[inline]
    pub(crate) fn take_work(&self) -> u64 {
        self.work.replace(0)
    }

    /// Whether more work was noted than one operation may do, for walks whose length is not known before.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.work.get() > MOST_WORK
    }

    /// An error where one operation has done more than it may.
    pub(crate) fn check_work(&self) -> Checked<()> {
        if self.is_exhausted() {
            return Err(Fault::limit("one operation would take too long"));
        }
        Ok(())
    }

    /// Whether the loop over instructions should pause: to charge the run, or to collect.
    #[inline]
    pub(crate) fn wants_attention(&self) -> bool {
        self.bytes >= self.collect_at || self.work.get() >= NOTICED_WORK
    }

    /// An error where what one operation makes is more than a machine may have.
    pub(crate) fn check_room(&self) -> Checked<()> {
        if self.bytes > self.limit.saturating_mul(2) {
            return Err(self.too_much_memory());
        }
        Ok(())
    }

    pub(super) fn too_much_memory(&self) -> Box<Fault> {
        Fault::limit(format!("the values of the script take more than {} bytes", self.limit))
    }

    /// What detached copies of values may take together, in bytes.
    pub(crate) fn copy_limit(&self) -> usize {
        self.limit
    }
}
