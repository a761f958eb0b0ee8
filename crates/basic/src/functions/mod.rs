//! Built-in functions: pure, inside the machine. Clock and randomness come from the host with each resume.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions have one signature, also those that cannot fail"
)]

mod collections;
mod conversions;
mod dates;
mod documents;
mod numbers;
mod table;
mod texts;

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::{DateTime, FixedOffset};

use crate::machine::fault::Checked;
use crate::machine::heap::Heap;
use crate::machine::value::Value;
pub(crate) use table::ALL;

/// One function.
#[derive(Debug)]
pub(crate) struct FunctionSpec {
    /// Its names in lower case, the documented one first.
    pub(crate) names: &'static [&'static str],
    pub(crate) minimum: usize,
    pub(crate) maximum: usize,
    pub(crate) run: fn(&mut Context<'_>, &[Value]) -> Checked<Value>,
    /// The section of the reference it stands in.
    pub(crate) group: &'static str,
    /// How it is called, with what may be left out in brackets.
    pub(crate) signature: &'static str,
    /// What it does, in whole sentences.
    pub(crate) documentation: &'static str,
    /// Expressions with the text they give.
    pub(crate) examples: &'static [(&'static str, &'static str)],
    /// Whether each call gives another result, so that those of the examples only show the form.
    pub(crate) varies: bool,
}

/// What functions see of a machine.
pub(crate) struct Context<'a> {
    pub(crate) heap: &'a mut Heap,
    pub(crate) now: DateTime<FixedOffset>,
    pub(crate) random: &'a mut u64,
}

impl Context<'_> {
    pub(crate) fn offset(&self) -> FixedOffset {
        *self.now.offset()
    }

    /// The next random number: `SplitMix64`, which is exact to replay and to store.
    pub(crate) fn next_random(&mut self) -> u64 {
        *self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Two arrays without repeated elements.
pub(crate) fn merge(context: &mut Context<'_>, a: Value, b: Value) -> Checked<Value> {
    let both = collections::concat(context, &[a, b])?;
    collections::unique(context, &[both])
}

/// The function of a name in lower case.
pub(crate) fn find(name: &str) -> Option<&'static FunctionSpec> {
    number_of(name).and_then(|number| ALL.get(usize::from(number)))
}

/// The place of a function in [`ALL`].
pub(crate) fn number_of(name: &str) -> Option<u16> {
    static BY_NAME: OnceLock<HashMap<&'static str, u16>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let names = ALL.iter().zip(0u16..);
        names.flat_map(|(spec, number)| spec.names.iter().map(move |name| (*name, number))).collect()
    });
    by_name.get(name).copied()
}
