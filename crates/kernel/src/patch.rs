//! Fields of a PATCH: absent keeps, null clears, a value sets (RFC 7396).

use serde::{Deserialize, Deserializer};

/// What a merge patch says of one field. Declare it with `#[serde(default)]`, and document it as an `Option`:
/// `#[schema(value_type = Option<String>)]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field is absent.
    #[default]
    Keep,
    /// The field is null.
    Clear,
    /// The field has a value.
    Set(T),
}

impl<T> Patch<T> {
    /// The value that holds after the patch.
    pub fn apply(self, present: Option<T>) -> Option<T> {
        match self {
            Self::Keep => present,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The new value, if there is one.
    pub fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Does the patch leave the field alone?
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Change {
        #[serde(default)]
        title: Patch<String>,
    }

    fn read(json: &str) -> Patch<String> {
        serde_json::from_str::<Change>(json).unwrap().title
    }

    #[test]
    fn absent_keeps_null_clears_and_a_value_sets() {
        assert_eq!(read("{}"), Patch::Keep);
        assert_eq!(read(r#"{"title":null}"#), Patch::Clear);
        assert_eq!(read(r#"{"title":"x"}"#), Patch::Set("x".to_owned()));
    }
}
