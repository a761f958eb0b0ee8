//! What loops walk over, and whether they go on.

use std::cmp::Ordering;

use super::Machine;
use super::fault::{Checked, Fault};
use super::value::Value;
use crate::program::code::Reg;

impl Machine {
    /// Begins a FOR with its counter in one register, and its limit and step in two others; whether it has a turn.
    pub(super) fn prepare_for(
        &mut self,
        base: usize,
        at: usize,
        counter: Reg,
        state: Reg,
        expired: &mut dyn FnMut() -> bool,
    ) -> Checked<bool> {
        let counter = base + usize::from(counter.0);
        let limit = base + usize::from(state.0);
        let step = limit + 1;
        for register in [counter, limit, step] {
            let number = self.heap.to_number(self.stack[register])?;
            if self.heap.wants_attention() {
                self.attend(at, expired)?;
            }
            self.stack[register] = number.into();
        }
        if self.heap.to_number(self.stack[step])?.is_zero() {
            return Err(Fault::argument("the STEP of the loop is 0"));
        }
        Ok(has_turn(self.stack[counter], self.stack[limit], self.stack[step]))
    }

    /// Begins a FOR EACH over the value in `from`, or over its last elements. Three registers keep what it walks over,
    /// the index of the next turn, and the length.
    pub(super) fn prepare_each(&mut self, base: usize, state: Reg, from: Reg, last: Option<i64>) {
        let walked = self.walked(self.stack[base + usize::from(from.0)]);
        let length = self.heap.items(walked).map_or(0, <[Value]>::len) as i64;
        let first = last.map_or(0, |count| (length - count.max(0)).max(0));
        let state = base + usize::from(state.0);
        self.stack[state..state + 3].copy_from_slice(&[walked, Value::Int(first), Value::Int(length)]);
    }

    /// What FOR EACH walks over: elements, keys, nothing, or the value itself.
    pub(super) fn walked(&mut self, value: Value) -> Value {
        let value = self.heap.body(value);
        match value {
            Value::Array(_) | Value::Rows(_) => value,
            Value::Null => self.heap.array(Vec::new()),
            Value::Object(_) => {
                self.heap.spend(self.heap.fields(value).map_or(0, |object| object.keys.len()));
                let keys = self.heap.fields(value).map(|object| object.keys.clone()).unwrap_or_default();
                let names = keys
                    .into_iter()
                    .map(|key| {
                        let name = self.heap.symbol_name(key).to_owned();
                        self.heap.text(name)
                    })
                    .collect();
                self.heap.array(names)
            }
            single => self.heap.array(vec![single]),
        }
    }
}

pub(super) fn has_turn(counter: Value, limit: Value, step: Value) -> bool {
    let (Some(counter), Some(limit), Some(step)) = (counter.number(), limit.number(), step.number()) else {
        return false;
    };
    let Some(order) = counter.partial_cmp(&limit) else { return false };
    if step.is_negative() { order != Ordering::Less } else { order != Ordering::Greater }
}
