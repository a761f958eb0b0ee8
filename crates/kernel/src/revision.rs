//! Revisions of resources, and what a caller expects them to be (RFC 9110, section 13.1.1).

use std::ops::Deref;

use crate::{Error, Kind, Result};

/// Which state of a resource it is. Rows count their changes; what has no row of its own derives a number from its
/// content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of what has no row of its own: the first bytes of its content's hash.
    pub fn of_hash(hash: &[u8; 32]) -> Self {
        Self(hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

impl From<i64> for Revision {
    fn from(number: i64) -> Self {
        Self(number.unsigned_abs())
    }
}

/// A resource with the revision that it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The revision.
    pub revision: Revision,
    /// The resource.
    pub value: T,
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Versioned<T> {
    /// The resource at that revision.
    pub fn new(revision: impl Into<Revision>, value: T) -> Self {
        Self { revision: revision.into(), value }
    }
}

/// Which revisions a caller is willing to change. Checked in the unit of work that changes the resource, so that
/// nothing can come between the look and the change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    #[default]
    Any,
    /// One of these. None at all matches nothing.
    OneOf(Vec<Revision>),
}

impl Expected {
    /// 412 unless the present revision is expected.
    pub fn check(&self, present: impl Into<Revision>) -> Result<()> {
        let present = present.into();
        match self {
            Self::Any => Ok(()),
            Self::OneOf(revisions) if revisions.contains(&present) => Ok(()),
            Self::OneOf(_) => Err(Error::new(
                Kind::PreconditionFailed,
                "Somebody else changed this meanwhile. Read it again before you change it.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_expected_revision_passes() {
        let expected = Expected::OneOf(vec![Revision(3), Revision(5)]);

        assert!(expected.check(5_i64).is_ok());
        assert_eq!(expected.check(4_i64).unwrap_err().kind(), Kind::PreconditionFailed);
        assert!(Expected::OneOf(Vec::new()).check(1_i64).is_err());
        assert!(Expected::Any.check(1_i64).is_ok());
    }
}
