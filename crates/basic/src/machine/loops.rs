//! What loops walk over, and whether they go on.

use std::cmp::Ordering;

use super::Machine;
use super::value::Value;
use crate::scalar::Number;

impl Machine {
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

fn compare_numbers(a: Number, b: Number) -> Ordering {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

pub(super) fn has_turn(counter: Value, limit: Value, step: Value) -> bool {
    let (Some(counter), Some(limit), Some(step)) = (counter.number(), limit.number(), step.number()) else {
        return false;
    };
    let order = compare_numbers(counter, limit);
    if step.is_negative() { order != Ordering::Less } else { order != Ordering::Greater }
}
