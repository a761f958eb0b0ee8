//! The words of a TABLE line.

/// One word of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// A bare word.
    Name(&'a str),
    /// A string with its quotes, as written; [`unquoted`] gives its text.
    Text(&'a str),
    /// Digits, perhaps with a point.
    Number(&'a str),
    /// Any other character.
    Sign(char),
}

/// The words of a line, each with the byte it begins at.
pub(super) fn words(text: &str) -> Vec<(usize, Word<'_>)> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let run = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let (word, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '"' | '\'' => {
                let length = string_length(rest, first);
                (Word::Text(&rest[..length]), length)
            }
            c if c.is_ascii_digit() => {
                let length = run(|c| c.is_ascii_digit() || c == '.');
                (Word::Number(&rest[..length]), length)
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = run(|c| c.is_alphanumeric() || c == '_');
                (Word::Name(&rest[..length]), length)
            }
            c => (Word::Sign(c), c.len_utf8()),
        };
        words.push((at, word));
        at += length;
    }
    words
}

/// How many bytes a string takes with its quotes; all of the rest if it is not closed.
fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = true;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return at + 1;
        }
        // The opening quote counts as escaped, so that it does not close.
        escaped = at > 0 && c == '\\' && !escaped;
    }
    text.len()
}

/// The text of a string of the language.
pub(super) fn unquoted(string: &str) -> String {
    let quote = string.chars().next().unwrap_or('"');
    let inner = &string[quote.len_utf8().min(string.len())..];
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(c @ ('"' | '\'' | '\\' | '$')) => out.push(c),
            other => {
                out.push('\\');
                out.extend(other);
            }
        }
    }
    out
}

/// A text as a string of the language.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
