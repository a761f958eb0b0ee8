//! Text as it is compared: one folding for every `…_key` column.

use unicode_normalization::UnicodeNormalization;
use utoipa::openapi::{ObjectBuilder, Type};

/// The form in which names are compared: compatibility-normalized (NFKC), lower case, runs of blanks as one.
///
/// Two texts that a person would take for the same name have the same key; the database compares keys byte by byte.
pub fn key(text: &str) -> String {
    if text.is_ascii() {
        return squeeze(&text.to_ascii_lowercase());
    }
    let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    squeeze(&folded)
}

fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// A slug (`[a-z0-9-]`, at most 64 characters) made of a name; empty if nothing of the name is left.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.nfkd().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !c.is_alphanumeric() && !is_combining(c) && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 64 {
            break;
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// Is it a text in one line, with something to see and nothing that disturbs what stands beside it: no controls,
/// and no marks that turn the direction of what follows?
pub fn is_one_line(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace()) && !text.chars().any(disturbs)
}

/// Does the character break a line, or turn the direction of what follows?
pub fn disturbs(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// [`is_one_line`] as a regular expression, for the contract.
pub const ONE_LINE: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]*",
    r"[^\s\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]",
    r"[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$",
);
/// The same, or nothing to see.
pub const ONE_LINE_OR_BLANK: &str = r"^[^\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";

/// The schema of a text in one line, of so many characters.
pub fn line_schema(about: &str, least: usize, most: usize, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .min_length(Some(least))
        .max_length(Some(most))
        .pattern(Some(if least == 0 { ONE_LINE_OR_BLANK } else { ONE_LINE }))
        .examples([serde_json::Value::from(example)])
}

fn is_combining(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Does a search for a folded text find a folded name? One or two characters are looked for at its beginning only.
pub fn finds(name: &str, asked: &str) -> bool {
    if is_short(asked) { name.starts_with(asked) } else { name.contains(asked) }
}

/// Is a text too short to be looked for anywhere but at the beginning of names?
pub fn is_short(asked: &str) -> bool {
    asked.chars().nth(2).is_none()
}

/// The first text after all that begin with the prefix, in the order of bytes. None where nothing comes after them.
pub fn after_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The next character is the next in the order of UTF-8 bytes, too.
        if let Some(next) = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_look_alike_have_one_key() {
        assert_eq!(key("  Ada   LOVELACE "), "ada lovelace");
        assert_eq!(key("ÅNGSTRÖM"), key("A\u{30a}ngstro\u{308}m"));
        assert_eq!(key("ﬁle"), "file");
    }

    #[test]
    fn a_line_breaks_nothing_around_it() {
        assert!(is_one_line(" Zoë 李 "));
        for text in ["", "  ", "a\nb", "a\u{0}", "a\u{202e}b", "a\u{2028}b"] {
            assert!(!is_one_line(text), "{text:?}");
        }
    }

    #[test]
    fn a_slug_keeps_what_can_be_typed() {
        assert_eq!(slug("Table Booking (São Paulo)"), "table-booking-sao-paulo");
        assert_eq!(slug("  --  "), "");
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "\\PC*") {
            prop_assert_eq!(key(&key(&text)), key(&text));
        }

        #[test]
        fn a_slug_is_its_own_slug(text in "\\PC*") {
            let slug = slug(&text);
            prop_assert!(slug.len() <= 64);
            prop_assert_eq!(super::slug(&slug), slug);
        }
    }

    #[test]
    fn a_prefix_ends_where_nothing_begins_with_it_any_more() {
        for (prefix, end) in [("a", Some("b")), ("a\u{10ffff}", Some("b")), ("\u{d7ff}", Some("\u{e000}"))] {
            assert_eq!(after_prefix(prefix).as_deref(), end);
        }
        assert_eq!(after_prefix("\u{10ffff}"), None);
    }
}
