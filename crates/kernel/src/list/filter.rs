//! What a list can be filtered by: a field's name, and which values it takes.

use chrono::{DateTime, NaiveDate};
use type_safe_id::{DynamicType, TypeSafeId};

use crate::id::IdKind;

/// Values of one filter at the most.
pub const MAX_VALUES: usize = 100;

/// A field that a list can be filtered by.
#[derive(Debug, Clone, Copy)]
pub struct FilterField {
    /// The field's name in the API.
    pub name: &'static str,
    /// The values it takes.
    pub takes: Takes,
    /// A sentence for the contract.
    pub about: &'static str,
}

/// Which values a filter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Any of these, several at once.
    OneOf(&'static [&'static str]),
    /// Ids that begin with this prefix, several at once.
    Ids(&'static str),
    /// `true` or `false`.
    Flag,
    /// One time (RFC 3339).
    Time,
    /// One day (`2026-01-31`), or one time.
    Day,
    /// One whole number from the first to the second.
    Whole(u32, u32),
    /// Any texts.
    Texts,
}

impl FilterField {
    /// By any of these values.
    pub const fn one_of(name: &'static str, values: &'static [&'static str], about: &'static str) -> Self {
        Self { name, takes: Takes::OneOf(values), about }
    }

    /// By ids of this kind.
    pub const fn id<K: IdKind>(name: &'static str, about: &'static str) -> Self {
        Self { name, takes: Takes::Ids(K::PREFIX), about }
    }

    /// By yes or no.
    pub const fn flag(name: &'static str, about: &'static str) -> Self {
        Self { name, takes: Takes::Flag, about }
    }

    /// By a time.
    pub const fn time(name: &'static str, about: &'static str) -> Self {
        Self { name, takes: Takes::Time, about }
    }

    /// By a day or a time.
    pub const fn day(name: &'static str, about: &'static str) -> Self {
        Self { name, takes: Takes::Day, about }
    }

    /// By a whole number of that range.
    pub const fn whole(name: &'static str, range: (u32, u32), about: &'static str) -> Self {
        Self { name, takes: Takes::Whole(range.0, range.1), about }
    }

    /// By texts as they are.
    pub const fn texts(name: &'static str, about: &'static str) -> Self {
        Self { name, takes: Takes::Texts, about }
    }

    /// Adds the values that a text names, parted by commas, or says what is wrong with it.
    pub(super) fn read(&self, text: &str, values: &mut Vec<String>) -> Result<(), String> {
        let before = values.len();
        for value in text.split(',').map(str::trim).filter(|value| !value.is_empty()) {
            self.check(value)?;
            values.push(value.to_owned());
        }
        let several = !matches!(self.takes, Takes::Flag | Takes::Time | Takes::Day | Takes::Whole(..));
        match values.len() {
            count if count == before => Err("must name at least one value".to_owned()),
            1 => Ok(()),
            _ if !several => Err("must be given once".to_owned()),
            count if count <= MAX_VALUES => Ok(()),
            _ => Err(format!("must name at most {MAX_VALUES} values")),
        }
    }

    fn check(&self, value: &str) -> Result<(), String> {
        let (holds, wanted) = match self.takes {
            Takes::OneOf(known) => (known.contains(&value), format!("one of {}", known.join(", "))),
            Takes::Ids(prefix) => (is_id(value, prefix), format!("an id such as {prefix}_…")),
            Takes::Flag => (matches!(value, "true" | "false"), "true or false".to_owned()),
            Takes::Texts => return Ok(()),
            Takes::Time => (
                DateTime::parse_from_rfc3339(value).is_ok(),
                "a time such as 2026-01-31T12:00:00Z".to_owned(),
            ),
            Takes::Day => (
                value.parse::<NaiveDate>().is_ok() || DateTime::parse_from_rfc3339(value).is_ok(),
                "a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z".to_owned(),
            ),
            Takes::Whole(least, most) => (
                value.parse().is_ok_and(|number: u32| (least..=most).contains(&number)),
                format!("a whole number from {least} to {most}"),
            ),
        };
        if holds { Ok(()) } else { Err(format!("must be {wanted}")) }
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.parse::<TypeSafeId<DynamicType>>().is_ok_and(|id| id.type_prefix() == prefix)
}
