//! `config.csv`: the settings of a package, a name and a value a line.

use std::collections::BTreeMap;

/// Reads the settings. Names ignore case, and blanks, `_` and `-` are one. Only the first comma parts; a value keeps
/// later ones. Empty lines, lone commas, `#` lines and the header are passed over.
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut settings = BTreeMap::new();
    for line in text.lines() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once(',').unwrap_or((line, ""));
        let name = canonical(&unquoted(name));
        let value = unquoted(value);
        let is_header = matches!(name.as_str(), "name" | "key") && value.eq_ignore_ascii_case("value");
        if !name.is_empty() && !is_header {
            settings.insert(name, value);
        }
    }
    settings
}

/// The one spelling of a setting's name.
fn canonical(name: &str) -> String {
    name.split(|c: char| c.is_whitespace() || c == '_' || c == '-')
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .join("-")
}

/// A cell without its quotes; two quotes within are one (RFC 4180, section 2).
fn unquoted(cell: &str) -> String {
    let cell = cell.trim();
    match cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_one_spelling_and_values_keep_their_commas() {
        let text =
            "name,value\n# note\n\n,\nWelcome Message,Hello, dear guest\nBOT_NAME,\"The \"\"Bot\"\"\"\n";

        let settings = read(text);

        assert_eq!(settings["welcome-message"], "Hello, dear guest");
        assert_eq!(settings["bot-name"], "The \"Bot\"");
        assert_eq!(settings.len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            read(&text);
        }
    }
}
