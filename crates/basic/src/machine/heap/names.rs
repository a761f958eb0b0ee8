//! Names of members as numbers: those of the program, and those that a run adds.

use super::Heap;
use crate::machine::fold;

impl Heap {
    pub(crate) fn intern(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.symbols.numbers.get(name) {
            return number;
        }
        let base = self.symbols.names.len() as u32;
        if let Some(&number) = self.more.numbers.get(name) {
            return number + base;
        }
        self.bytes += 2 * name.len() + 64;
        let folded = fold(name);
        let own = self.more.names.len() as u32;
        self.more.numbers.insert(name.into(), own);
        self.more.names.push((name.into(), own + base));
        if folded != name {
            let folded = self.intern(&folded);
            if let Some(entry) = self.more.names.get_mut(own as usize) {
                entry.1 = folded;
            }
        }
        own + base
    }

    /// The number of a name, or of its spelling without case, if any object can have it.
    pub(crate) fn known_symbol(&self, name: &str) -> Option<u32> {
        let known = |name: &str| {
            let own = || self.more.numbers.get(name).map(|number| number + self.symbols.names.len() as u32);
            self.symbols.numbers.get(name).copied().or_else(own)
        };
        known(name).or_else(|| known(&fold(name)))
    }

    fn symbol(&self, symbol: u32) -> Option<&(Box<str>, u32)> {
        let base = self.symbols.names.len();
        match (symbol as usize).checked_sub(base) {
            None => self.symbols.names.get(symbol as usize),
            Some(own) => self.more.names.get(own),
        }
    }

    pub(crate) fn symbol_name(&self, symbol: u32) -> &str {
        self.symbol(symbol).map_or("", |(name, _)| name)
    }

    pub(crate) fn folded(&self, symbol: u32) -> u32 {
        self.symbol(symbol).map_or(symbol, |&(_, folded)| folded)
    }

    pub(crate) fn program_symbols(&self) -> usize {
        self.symbols.names.len()
    }
}
