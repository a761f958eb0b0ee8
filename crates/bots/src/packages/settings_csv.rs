//! `config.csv`: the settings of a package, a name and a value a row. A value in quotes may have several lines.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use kernel::Secret;

use crate::config::known::{HIDDEN, Secrets, is_secret};

/// A row of the text, without the end of its last line.
struct Row<'a> {
    text: &'a str,
    /// Does its value begin with a quote after which nothing shows where it ends? Then the row is its first line.
    is_open: bool,
}

impl Row<'_> {
    fn is_comment(&self) -> bool {
        self.text.trim_start().starts_with('#')
    }

    /// What it sets, and to which value.
    fn setting(&self) -> Option<(String, String)> {
        if self.text.trim().is_empty() || self.is_comment() {
            return None;
        }
        let (name, value) = self.text.split_once(',').unwrap_or((self.text, ""));
        let (name, value) = (canonical(&unquoted(name)), unquoted(value));
        let is_header = matches!(name.as_str(), "name" | "key") && value.eq_ignore_ascii_case("value");
        (!name.is_empty() && !is_header).then_some((name, value))
    }

    /// What stands before the value.
    fn spelled(&self) -> &str {
        self.text.split_once(',').map_or(self.text, |(spelled, _)| spelled)
    }

    /// The same row, which nothing that is written or taken away behind it could make longer.
    fn settled(&self) -> Cow<'_, str> {
        match self.text.split_once(',') {
            Some((spelled, value)) if self.is_open => format!("{spelled},{}", cell(&unquoted(value))).into(),
            _ => self.text.into(),
        }
    }

    /// What would be set if it were no comment, or parted otherwise: the text up to the value, and the value.
    fn unread(&self) -> Option<(&str, &str)> {
        let at = self.text.find([',', '=', ':', ';', '\t'])?;
        let is_read = self.text[at..].starts_with(',') && !self.is_comment();
        (!is_read).then(|| self.text.split_at(at + 1))
    }
}

/// The rows of a text whose lines all end alike.
fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (line, _) = (!rest.is_empty()).then(|| rest.split_once('\n').unwrap_or((rest, "")))?;
        let row = match quote_of(line).map(|at| (at, end_of_quoted(&rest[at..]))) {
            Some((at, Ok(end))) => Row { text: &rest[..at + end], is_open: false },
            Some((at, Err(failed))) => Row { text: line, is_open: at + failed > line.len() },
            None => Row { text: line, is_open: false },
        };
        rest = rest.get(row.text.len() + 1..).unwrap_or_default();
        Some(row)
    })
}

/// Where the value of a line begins, if it does so with a quote.
fn quote_of(line: &str) -> Option<usize> {
    let (_, value) = line.split_once(',').filter(|_| !line.trim_start().starts_with('#'))?;
    let value = value.trim_start();
    value.starts_with('"').then_some(line.len() - value.len())
}

/// Where the line ends on which the quoted cell ends that the text begins with (RFC 4180, section 2); or else where
/// it shows that none does, as something follows the quote, or nothing closes it.
fn end_of_quoted(text: &str) -> Result<usize, usize> {
    let mut at = 1;
    loop {
        at += text[at..].find('"').ok_or(text.len())? + 1;
        let rest = &text[at..];
        if rest.starts_with('"') {
            at += 1;
            continue;
        }
        let (line, _) = rest.split_once('\n').unwrap_or((rest, ""));
        return if line.trim().is_empty() { Ok(at + line.len()) } else { Err(at) };
    }
}

/// The text without its mark, and with lines that all end alike, whatever wrote it.
fn plain(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// Reads the settings. Names ignore case, and blanks, `_` and `-` are one. Only the first comma parts; a value keeps
/// later ones. Empty lines, lone commas, `#` lines and the header are passed over.
pub(super) fn read(text: &str) -> BTreeMap<String, String> {
    rows(&plain(text)).filter_map(|row| row.setting()).collect()
}

/// The text with other values for some settings, or without them. What else stands in it stays as it is.
pub(super) fn change(text: &str, changes: &BTreeMap<String, Option<String>>) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    let mut written = BTreeSet::new();
    for row in rows(&text) {
        match row.setting().and_then(|(name, _)| changes.get_key_value(&name)) {
            None => out.push_str(&row.settled()),
            Some((name, Some(value))) if written.insert(name) => {
                out.extend([row.spelled(), ",", &cell(value)]);
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

/// The name of a secret whose value begins with a quote and ends nowhere: how much to hide is anybody's guess.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) String);

/// The text without its secrets, and these. A secret that is hidden already stays so. Secrets in comments, and in rows
/// that are parted otherwise than by a comma, are nobody's and only hidden.
pub(super) fn hide(text: &str) -> Result<(String, Secrets), Unclosed> {
    let (mut secrets, mut is_changed) = (Secrets::default(), false);
    let mut out = String::with_capacity(text.len());
    for row in rows(&plain(text)) {
        let secret = row.setting().filter(|(name, value)| is_secret(name) && is_shown(value));
        if let Some(before) = unread_secret(&row)? {
            out.extend([before, HIDDEN]);
            is_changed = true;
        } else if let Some((name, value)) = secret {
            if row.is_open {
                return Err(Unclosed(name));
            }
            out.extend([row.spelled(), ",", HIDDEN]);
            // The last one counts, as it does where settings are read.
            secrets.insert(name, Secret::new(value));
            is_changed = true;
        } else {
            out.push_str(&row.settled());
        }
        out.push('\n');
    }
    Ok((if is_changed { out } else { text.to_owned() }, secrets))
}

/// What stands before a secret that nobody reads.
fn unread_secret<'a>(row: &'a Row<'_>) -> Result<Option<&'a str>, Unclosed> {
    let Some((before, value)) = row.unread() else { return Ok(None) };
    let name = canonical(before.trim_matches(|c: char| !c.is_alphanumeric()));
    let value = value.trim();
    if !is_secret(&name) || !is_shown(value) {
        return Ok(None);
    }
    let is_closed = value.len() > 1 && value.ends_with('"');
    if value.starts_with('"') && !is_closed { Err(Unclosed(name)) } else { Ok(Some(before)) }
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
    if value.contains([',', '"', '\n']) || value.trim() != value {
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
        let (text, secrets) = hide("llm-key,sk-1\nemail-password,***\nllm-model,x\nparam-token,\n").unwrap();

        assert_eq!(text, "llm-key,***\nemail-password,***\nllm-model,x\nparam-token,\n");
        assert_eq!(secrets.into_keys().collect::<Vec<_>>(), ["llm-key"]);
    }

    #[test]
    fn a_value_in_quotes_may_have_several_lines() {
        let text = "system-prompt,\"Be kind,\r\nand \"\"brief\"\"\"\r\nlanguage,pt\r\n";

        let settings = read(text);
        assert_eq!(settings["system-prompt"], "Be kind,\nand \"brief\"");
        assert_eq!((settings.len(), settings["language"].as_str()), (2, "pt"));

        let changed = change(text, &[("language".to_owned(), Some("en".to_owned()))].into());
        assert_eq!(changed, "system-prompt,\"Be kind,\nand \"\"brief\"\"\"\nlanguage,en\n");
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_with_all_of_them() {
        let (text, secrets) = hide("llm-key,\"hush\nhush, \"\"x\"\"\nhush\"\nllm-model,x\n").unwrap();

        assert_eq!(text, "llm-key,***\nllm-model,x\n");
        assert_eq!(secrets["llm-key"].reveal(), "hush\nhush, \"x\"\nhush");
    }

    #[test]
    fn a_secret_whose_end_nobody_can_tell_is_refused() {
        for text in ["llm-key,\"hush\nhush\n", "llm-key,\"hush\nhush\" hush\n", "#llm-key,\"hush\n#hush\"\n"]
        {
            assert_eq!(hide(text).err(), Some(Unclosed("llm-key".to_owned())), "{text}");
        }
        let open = "theme-title,\"x\nllm-key,hush\nlanguage,5\" 3\n";
        let (text, _) = hide(open).unwrap();
        assert_eq!(text, "theme-title,\"\"\"x\"\nllm-key,***\nlanguage,5\" 3\n", "what is no secret is kept");
        assert_eq!(read(&text)["theme-title"], read(open)["theme-title"]);
    }

    #[test]
    fn secrets_that_nobody_reads_are_hidden_too() {
        let text = "#llm-key,hush\n  ## LLM Key = hush\n# note, kept\nllm-key;hush\nLLM_KEY\thush,x\n\
                    theme-color,red\rllm-key,read\r";

        let (hidden, secrets) = hide(text).unwrap();

        assert_eq!(
            hidden,
            "#llm-key,***\n  ## LLM Key =***\n# note, kept\nllm-key;***\nLLM_KEY\t***\ntheme-color,red\nllm-key,***\n"
        );
        assert_eq!(secrets["llm-key"].reveal(), "read");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            read(&text);
            let _ = hide(&text);
        }

        #[test]
        fn what_is_written_is_read(text in "([a-c# ,\"\n_-]|\\PC){0,60}", key in "[a-c](-[a-c]){0,2}", value in "\\PC{0,20}") {
            let changes = [(key.clone(), Some(value.clone()))].into();
            let mut expected = read(&text);
            expected.insert(key, value);
            prop_assert_eq!(read(&change(&text, &changes)), expected);
        }

        #[test]
        fn no_secret_stays_in_the_text(text in "(llm-key|LLM Key|a|,|\"|\n|\r|hush| |#|=){0,20}") {
            let Ok((hidden, _)) = hide(&text) else { return Ok(()) };
            let left = read(&hidden);
            prop_assert!(left.iter().all(|(name, value)| !is_secret(name) || !is_shown(value)), "{}", hidden);
            let shows = |line: &str| {
                let at = line.find([',', '=']);
                at.is_some_and(|at| is_secret(&canonical(&line[..at])) && line[at..].contains("hush"))
            };
            prop_assert!(!hidden.split(['\n', '\r']).any(shows), "{}", hidden);
        }

        #[test]
        fn what_is_no_secret_is_read_as_before(text in "(llm-key|a|b|,|\"|\n|hush| |#){0,20}") {
            let Ok((hidden, _)) = hide(&text) else { return Ok(()) };
            let kept = |text: &str| {
                let settings = read(text).into_iter();
                settings.filter(|(name, _)| !is_secret(name)).collect::<Vec<_>>()
            };
            prop_assert_eq!(kept(&hidden), kept(&text));
            prop_assert_eq!(hide(&hidden).map(|(text, secrets)| (text, secrets.len())), Ok((hidden, 0)));
        }
    }
}
