//! Looking into a machine that waits, without running it.

use super::{Machine, Pending};
use crate::data::Data;
use crate::hear::HearKind;

impl Machine {
    /// What kind of reply it waits for. None if it waits for something else.
    pub fn waits_for(&self) -> Option<HearKind> {
        match self.pending {
            Pending::Hearing(question, _) => {
                self.program.questions.get(usize::from(question)).map(|asked| asked.kind)
            }
            _ => None,
        }
    }

    /// The variables of the script with their values, in the order of the program. A value that cannot leave the
    /// machine, because it contains itself or all of them would be too large, is None.
    pub fn variables(&self) -> Vec<(String, Option<Data>)> {
        let mut budget = self.heap.copy_limit();
        let values = self.program.variables.iter().zip(&self.stack);
        values
            .map(|(name, &value)| (name.clone(), self.heap.to_data_within(value, &mut budget).ok()))
            .collect()
    }
}
