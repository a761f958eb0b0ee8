//! `config.csv`: the settings of a package, a name and a value a line.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Secret;

use crate::config::known::{HIDDEN, Secrets, is_secret};

/// A line that sets something: the setting, and its value.
fn setting(line: &str) -> Option<(String, String)> {
    if line.trim().is_empty() || line.trim_start().starts_with('#') {
        return None;
    }
    let (name, value) = line.split_once(',').unwrap_or((line, ""));
    let (name, value) = (canonical(&unquoted(name)), unquoted(value));
    let is_header = matches!(name.as_str(), "name" | "key") && value.eq_ignore_ascii_case("value");
    (!name.is_empty() && !is_header).then_some((name, value))
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads the settings. Names ignore case, and blanks, `_` and `-` are one. Only the first comma parts; a value keeps
/// later ones. Empty lines, lone commas, `#` lines and the header are passed over.
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    without_mark(text).lines().filter_map(setting).collect()
}

/// The text with other values for some settings, or without them. What else stands in it stays as it is.
pub(super) fn change(text: &str, changes: &BTreeMap<String, Option<String>>) -> String {
    let text = without_mark(text);
    let mut out = String::with_capacity(text.len());
    let mut written = BTreeSet::new();
    for line in text.lines() {
        match setting(line).and_then(|(name, _)| changes.get_key_value(&name)) {
            None => out.push_str(line),
            Some((name, Some(value))) if written.insert(name) => {
                let spelled = line.split_once(',').map_or(line, |(spelled, _)| spelled);
                out.extend([spelled, ",", &cell(value)]);
            }
            Some(_) => continue,
        }
        out.push('\n');
    }
    if out.is_empty() {
        out.push_str("name,value\n");
    }
    for (name, value) in changes {
        if let Some(value) = value.as_ref().filter(|_| !written.contains(name)) {
            out.extend([name, ",", &cell(value), "\n"]);
        }
    }
    out
}

/// The text without its secrets, and these. A secret that is hidden already stays so.
pub(super) fn hide(text: &str) -> (String, Secrets) {
    let shown = read(text).into_iter().filter(|(name, value)| is_secret(name) && is_shown(value));
    let secrets: Secrets = shown.map(|(name, value)| (name, Secret::new(value))).collect();
    if secrets.is_empty() {
        return (text.to_owned(), secrets);
    }
    let hidden = secrets.keys().map(|name| (name.clone(), Some(HIDDEN.to_owned()))).collect();
    (change(text, &hidden), secrets)
}

fn is_shown(value: &str) -> bool {
    !value.is_empty() && value != HIDDEN
}

/// The one spelling of a setting's name.
pub(crate) fn canonical(name: &str) -> String {
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

/// A value as a cell, quoted where it has to be, or where a spreadsheet would read it otherwise.
fn cell(value: &str) -> String {
    if value.contains([',', '"']) || value.trim() != value {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value.to_owned()
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

    #[test]
    fn a_change_leaves_everything_else_as_it_was() {
        let text =
            "\u{feff}name,value\n# note\nWelcome Message,Hello\ntheme-color,red\nwelcome_message,Again\n";
        let changes = [
            ("welcome-message".to_owned(), Some("Hi, you".to_owned())),
            ("theme-color".to_owned(), None),
            ("language".to_owned(), Some("pt".to_owned())),
        ];

        let written = change(text, &changes.into());

        assert_eq!(written, "name,value\n# note\nWelcome Message,\"Hi, you\"\nlanguage,pt\n");
    }

    #[test]
    fn secrets_are_taken_out_and_hidden_ones_stay() {
        let (text, secrets) = hide("llm-key,sk-1\nemail-password,***\nllm-model,x\nparam-token,\n");

        assert_eq!(text, "llm-key,***\nemail-password,***\nllm-model,x\nparam-token,\n");
        assert_eq!(secrets.into_keys().collect::<Vec<_>>(), ["llm-key"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            read(&text);
            hide(&text);
        }

        #[test]
        fn what_is_written_is_read(text in "([a-c# ,\"\n_-]|\\PC){0,60}", key in "[a-c](-[a-c]){0,2}", value in "\\PC{0,20}") {
            let changes = [(key.clone(), Some(value.clone()))].into();
            let mut expected = read(&text);
            expected.insert(key, value);
            prop_assert_eq!(read(&change(&text, &changes)), expected);
        }

        #[test]
        fn no_secret_stays_in_the_text(text in "(llm-key|LLM Key|a|,|\"|\n|hush| ){0,20}") {
            let (hidden, _) = hide(&text);
            let left = read(&hidden);
            prop_assert!(left.iter().all(|(name, value)| !is_secret(name) || !is_shown(value)), "{}", hidden);
        }
    }
}
