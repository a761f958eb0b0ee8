//! What narrows a list besides what its filters and its search say.

use kernel::list::SortValue;
use sea_query::Condition;

use super::stretch::Stretch;

/// What narrows a list besides what its filters and its search say.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    pub(super) within: Option<Condition>,
    pub(super) stretch: Option<(&'static str, Stretch)>,
    pub(super) each: Option<Condition>,
    pub(super) lookups: Vec<Lookup>,
}

/// Rows that an index of their own finds, whatever the list is sorted by.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// Tables to read first, as they stand before the list's own: `member_roles r CROSS JOIN `. Empty if there are none.
    pub before: String,
    /// What the index finds. Each organization's rows by themselves, so that one doesn't look through another's.
    pub condition: Condition,
    /// The columns behind those that the condition compares, in the index: in this order the rows are read.
    pub order: Vec<&'static str>,
}

impl Extra {
    /// Only the rows of one owner, as the indexes of the list's sorts have them next to each other; or a condition that
    /// these indexes have, or that nearly every row fulfils. On columns of the list's first table.
    pub fn within(condition: Condition) -> Self {
        Self { within: Some(condition), ..Self::default() }
    }

    /// And only rows with these values of a column: from the first on, before the other if there is one. Of a list that
    /// is sorted by the column, no others are walked.
    #[must_use]
    pub fn between(mut self, column: &'static str, from: SortValue, until: Option<SortValue>) -> Self {
        self.stretch = Some((column, Stretch { from: Some(from), until }));
        self
    }

    /// And only rows that fulfil the condition, which is looked at in each.
    #[must_use]
    pub fn each(mut self, condition: Condition) -> Self {
        self.each = Some(condition);
        self
    }

    /// These find all rows that fulfil the condition on each, if they are few.
    #[must_use]
    pub fn found_by(mut self, lookups: Vec<Lookup>) -> Self {
        self.lookups = lookups;
        self
    }

    /// Is there nothing?
    pub(super) fn is_none(&self) -> bool {
        self.within.is_none() && self.stretch.is_none() && self.each.is_none()
    }
}

impl From<Condition> for Extra {
    fn from(condition: Condition) -> Self {
        Self::within(condition)
    }
}

impl From<Option<Condition>> for Extra {
    fn from(condition: Option<Condition>) -> Self {
        condition.map(Self::within).unwrap_or_default()
    }
}
