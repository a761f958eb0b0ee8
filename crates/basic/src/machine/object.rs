//! Objects: fields in the order of their first assignment.

use std::collections::HashMap;

use super::value::Value;

/// Fields in the order of their first assignment. Names are numbers of the heap's names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object {
    pub(crate) keys: Vec<u32>,
    pub(crate) values: Vec<Value>,
    /// Where each name stands, once a walk over all would be slow. Most objects have none, and should be small.
    index: Option<Box<Index>>,
}

/// The first place of each name, and of each name without its case.
#[derive(Debug, Clone, Default)]
struct Index {
    exact: HashMap<u32, u32>,
    folded: HashMap<u32, u32>,
}

impl Index {
    fn add(&mut self, key: u32, folded: u32, at: u32) {
        self.exact.insert(key, at);
        self.folded.entry(folded).or_insert(at);
    }
}

/// Fields up to which an object is walked.
const WALKED: usize = 12;

impl Object {
    /// An object of these fields; `fold` takes the case from a name. None if a name stands twice.
    pub(crate) fn of(keys: Vec<u32>, values: Vec<Value>, fold: impl Fn(u32) -> u32) -> Option<Self> {
        if keys.len() <= WALKED {
            let is_twice = |(key, next)| keys.iter().skip(next).any(|other| other == key);
            return (!keys.iter().zip(1..).any(is_twice)).then_some(Self { keys, values, index: None });
        }
        let mut object = Self::default();
        for (key, value) in keys.into_iter().zip(values) {
            if object.exact(key).is_some() {
                return None;
            }
            object.push(key, value, &fold);
        }
        Some(object)
    }

    /// Where a name stands as it is spelled.
    #[inline]
    pub(crate) fn exact(&self, key: u32) -> Option<usize> {
        match &self.index {
            None => self.keys.iter().position(|&k| k == key),
            Some(index) => index.exact.get(&key).map(|&at| at as usize),
        }
    }

    /// Where a name stands ignoring case, given it without its case.
    pub(crate) fn folded(&self, wanted: u32, fold: impl Fn(u32) -> u32) -> Option<usize> {
        match &self.index {
            None => self.keys.iter().position(|&key| fold(key) == wanted),
            Some(index) => index.folded.get(&wanted).map(|&at| at as usize),
        }
    }

    /// Adds a field that is not there yet; `fold` takes the case from a name.
    pub(crate) fn push(&mut self, key: u32, value: Value, fold: impl Fn(u32) -> u32) {
        if self.index.is_none() && self.keys.len() == WALKED {
            let mut index = Index::default();
            for (&key, at) in self.keys.iter().zip(0..) {
                index.add(key, fold(key), at);
            }
            self.index = Some(Box::new(index));
        }
        if let Some(index) = &mut self.index {
            index.add(key, fold(key), self.keys.len() as u32);
        }
        self.keys.push(key);
        self.values.push(value);
    }

    /// Bytes that the index takes.
    pub(crate) fn index_size(&self) -> usize {
        self.index.as_ref().map_or(0, |index| (index.exact.len() + index.folded.len()) * 16)
    }
}
