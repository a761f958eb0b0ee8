//! What is true of a user's fields: how each is read from what a person typed, and why one is refused.

use kernel::{FieldErrors, text};
use serde_json::{Map, Value};
use utoipa::{PartialSchema, ToSchema, openapi};

/// Bytes that the metadata may take, written as JSON.
pub(crate) const MAX_METADATA: usize = 16 << 10;

/// What the readers below take, for the contract.
macro_rules! documented {
    ($($(#[doc = $about:literal])+ $name:ident { least: $least:expr, most: $most:expr, pattern: $pattern:expr, example: $example:literal })*) => {$(
        $(#[doc = $about])+
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> openapi::RefOr<openapi::Schema> {
                openapi::ObjectBuilder::new()
                    .schema_type(openapi::Type::String)
                    .description(Some(concat!($($about),+).trim()))
                    .min_length(Some($least))
                    .max_length(Some($most))
                    .pattern(Some($pattern))
                    .examples([Value::from($example)])
                    .into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

documented! {
    /// A name to sign in with: `a-z`, `0-9`, `.`, `_` and `-`, unique in the server.
    Username { least: 3, most: 64, pattern: "^[a-z0-9._-]+$", example: "ann" }
    /// An e-mail address in ASCII, unique in the server.
    EmailAddress {
        least: 3,
        most: 254,
        pattern: concat!(
            r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*",
            r"@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
        ),
        example: "ann@example.com"
    }
    /// A name to show, in one line.
    ShownName { least: 1, most: 120, pattern: text::ONE_LINE, example: "Ann Lee" }
    /// A first or last name, in one line. Empty is none.
    NamePart { least: 0, most: 120, pattern: text::ONE_LINE_OR_BLANK, example: "Lee" }
    /// An https address.
    HttpsAddress {
        least: 9,
        most: 2048,
        pattern: r"^https://[A-Za-z0-9.:-]+([/?#][!#-;=?-\[\]_a-z~]*)?$",
        example: "https://example.com"
    }
    /// The https address of a picture.
    PictureAddress {
        least: 9,
        most: 2048,
        pattern: r"^https://[A-Za-z0-9.:-]+([/?#][!#-;=?-\[\]_a-z~]*)?$",
        example: "https://example.com/ann.png"
    }
}

/// A sign-in name: `[a-z0-9._-]`, so that no two look alike.
pub(crate) fn username(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    if plain && (3..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("must be 3 to 64 characters of a-z, 0-9, dot, underscore and hyphen")
    }
}

/// An address (RFC 5321, section 4.1.2, without quoted local parts and address literals).
///
/// Only ASCII: addresses outside of it need a mail server with SMTPUTF8, and look alike too easily.
pub(crate) fn email(text: &str) -> Result<String, &'static str> {
    const BAD: &str = "must be an e-mail address such as ann@example.com";
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@').ok_or(BAD)?;
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let local_fits = (1..=64).contains(&local.len())
        && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
    // An intranet's host may have no dot: `admin@localhost`.
    let domain_fits = domain.split('.').all(label);
    if local_fits && domain_fits && text.len() <= 254 { Ok(text.to_owned()) } else { Err(BAD) }
}

/// The name to show: 1 to 120 characters.
pub(crate) fn display_name(text: &str) -> Result<String, &'static str> {
    person_name(text)
        .filter(|name| !name.is_empty())
        .ok_or("must be 1 to 120 characters without control characters")
}

/// A first or last name; empty is none.
pub(crate) fn name_part(text: &str) -> Result<Option<String>, &'static str> {
    person_name(text)
        .map(|name| (!name.is_empty()).then_some(name))
        .ok_or("must be at most 120 characters without control characters")
}

fn person_name(text: &str) -> Option<String> {
    let text = text.trim();
    // A name must not rearrange the line it is in.
    (text.chars().count() <= 120 && !text.chars().any(kernel::text::disturbs)).then(|| text.to_owned())
}

/// The address of a picture.
pub(crate) fn avatar_url(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
    let printable = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    if host.is_some_and(|host| !host.is_empty() && !host.contains('@')) && printable && text.len() <= 2048 {
        Ok(text.to_owned())
    } else {
        Err("must be an https address of at most 2048 characters")
    }
}

/// Merges a change into the metadata (RFC 7396) and sees that it stays within its size.
pub(crate) fn merge_metadata(
    present: Map<String, Value>,
    change: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut merged = present;
    merge(&mut merged, change);
    let size = serde_json::to_vec(&merged).map_or(usize::MAX, |bytes| bytes.len());
    if size <= MAX_METADATA {
        Ok(merged)
    } else {
        Err(format!("must take at most {MAX_METADATA} bytes as JSON"))
    }
}

fn merge(target: &mut Map<String, Value>, change: Map<String, Value>) {
    for (name, value) in change {
        match (value, target.get_mut(&name)) {
            (Value::Null, _) => {
                target.shift_remove(&name);
            }
            (Value::Object(change), Some(Value::Object(inner))) => merge(inner, change),
            (Value::Object(change), _) => {
                // Nulls inside of something new have nothing to clear.
                let mut inner = Map::new();
                merge(&mut inner, change);
                target.insert(name, Value::Object(inner));
            }
            (value, _) => {
                target.insert(name, value);
            }
        }
    }
}

/// The texts in which people are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchKeys {
    /// Everything: for those who see everything.
    pub(crate) all: String,
    /// What a card shows, so that a search can't be used to guess what it hides.
    pub(crate) names: String,
}

impl SearchKeys {
    pub(crate) fn of(
        username: &str,
        email: &str,
        display_name: &str,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Self {
        let names = text::key(&format!("{username} {display_name}"));
        let rest = format!("{names} {} {} {email}", first.unwrap_or_default(), last.unwrap_or_default());
        Self { all: text::key(&rest), names }
    }
}

/// Reads an optional field, noting what is wrong with it.
pub(crate) fn read<T>(
    field: &str,
    text: Option<&str>,
    reader: impl FnOnce(&str) -> Result<T, &'static str>,
    wrong: &mut FieldErrors,
) -> Option<T> {
    text.and_then(|text| wrong.take(field, reader(text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_username_has_no_characters_that_look_like_others() {
        assert_eq!(username(" ann.lee-2_ "), Ok("ann.lee-2_".to_owned()));
        for bad in ["an", "Ann", "аnn", "ann lee", "ann@lee", "", &"a".repeat(65)] {
            assert!(username(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_can_carry_nothing_else() {
        for good in ["ann@example.com", "a.b+c@sub.example.org", "admin@localhost"] {
            assert_eq!(email(good).as_deref(), Ok(good));
        }
        for bad in [
            "nowhere",
            "@example.com",
            "ann@",
            "ann@exa mple.com",
            "ann@example.com\r\nBcc: all@example.com",
            "a..b@example.com",
            "ann@-example.com",
            "ann@@example.com",
            "аnn@example.com",
            "<ann@example.com>",
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_line_of_text() {
        assert_eq!(display_name("  Ann Lee "), Ok("Ann Lee".to_owned()));
        assert_eq!(display_name("Zoë 李"), Ok("Zoë 李".to_owned()));
        for bad in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(121)] {
            assert!(display_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(name_part(" "), Ok(None));
    }

    #[test]
    fn a_picture_comes_over_https() {
        assert!(avatar_url("https://example.com/ann.png?x=1").is_ok());
        for bad in
            ["http://example.com/a.png", "javascript:alert(1)", "https://", "https://a@b/", "https://a b"]
        {
            assert!(avatar_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_is_merged_and_null_clears() {
        let present = object(json!({ "team": "a", "desk": { "room": 1, "floor": 2 } }));
        let change = object(json!({ "team": null, "desk": { "room": 7 }, "new": { "x": null, "y": 1 } }));

        let merged = merge_metadata(present, change).unwrap();

        assert_eq!(Value::Object(merged), json!({ "desk": { "room": 7, "floor": 2 }, "new": { "y": 1 } }));
    }

    #[test]
    fn metadata_stays_within_its_size() {
        assert!(merge_metadata(Map::new(), object(json!({ "x": "y".repeat(MAX_METADATA) }))).is_err());
    }

    #[test]
    fn a_search_among_cards_does_not_find_what_cards_hide() {
        let keys = SearchKeys::of("ann", "secret@example.com", "Ann Lee", Some("Annabel"), None);

        assert_eq!(keys.names, "ann ann lee");
        assert!(keys.all.contains("secret@example.com") && keys.all.contains("annabel"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (username(&text), email(&text), display_name(&text), name_part(&text), avatar_url(&text));
        }

        #[test]
        fn what_was_read_reads_as_itself(text in "[ a-zA-Z0-9.@_-]{0,40}") {
            if let Ok(name) = username(&text) { prop_assert_eq!(username(&name), Ok(name)); }
            if let Ok(address) = email(&text) { prop_assert_eq!(email(&address), Ok(address)); }
            if let Ok(name) = display_name(&text) { prop_assert_eq!(display_name(&name), Ok(name)); }
        }
    }
}
