//! Text as it is compared: one folding for every `…_key` column.

use unicode_normalization::UnicodeNormalization;

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

fn is_combining(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
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
}
