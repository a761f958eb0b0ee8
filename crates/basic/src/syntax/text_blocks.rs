//! Text blocks: raw lines up to the matching END line, in which only `${…}` is special.

use super::lexer::Lexer;
use super::token::{Piece, Span, TextPieces};

/// Reads the lines of a block whose opening line was just ended, and leaves its text as one token on a line of its own.
pub(super) fn read(lexer: &mut Lexer<'_>, kind: &str) {
    lexer.begin_line();
    let start = lexer.at;
    let mut lines: Vec<(usize, usize)> = Vec::new();
    let mut after = None;
    let mut at = start;
    while at < lexer.bytes.len() {
        let end = lexer.line_end(at);
        let line = &lexer.source[at..end];
        if ends_block(line, kind) {
            after = Some((end + 1).min(lexer.bytes.len()));
            break;
        }
        lines.push((at, at + line.trim_end().len()));
        at = end + 1;
    }
    let Some(after) = after else {
        // Without its end the block would take all that follows: report it at its opening line, which ends there.
        let open = Span { start: start.saturating_sub(1) as u32, end: start as u32 };
        let name = kind.to_ascii_uppercase();
        lexer.reports.error_with(
            "B002",
            open,
            format!("BEGIN {name} has no end"),
            Some(format!("expected END {name} on a line of its own")),
            None,
        );
        lexer.at = lexer.bytes.len();
        lexer.push_text(TextPieces { pieces: vec![Piece::Literal(String::new())], block: true }, start, true);
        lexer.end_line();
        return;
    };
    let indentation = |&(from, to): &(usize, usize)| {
        let line = &lexer.source[from..to];
        (!line.is_empty()).then(|| line.len() - line.trim_start_matches([' ', '\t']).len())
    };
    let common = lines.iter().filter_map(indentation).min().unwrap_or(0);
    let mut pieces = TextPieces { pieces: Vec::new(), block: true };
    let mut text = String::new();
    for (number, &(from, to)) in lines.iter().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        lexer.at = (from + common).min(to);
        while lexer.at < to {
            let rest = &lexer.source[lexer.at..to];
            if rest.starts_with("\\${") {
                text.push('$');
                lexer.at += 2;
            } else if rest.starts_with("${") {
                lexer.interpolation(&mut text, &mut pieces);
            } else if let Some(c) = rest.chars().next() {
                let plain = rest[c.len_utf8()..].find(['$', '\\']).map_or(rest.len(), |n| n + c.len_utf8());
                text.push_str(&rest[..plain]);
                lexer.at += plain;
            }
        }
    }
    if !text.is_empty() || pieces.pieces.is_empty() {
        pieces.pieces.push(Piece::Literal(text));
    }
    lexer.at = after;
    lexer.push_text(pieces, start, true);
    lexer.end_line();
}

fn ends_block(line: &str, kind: &str) -> bool {
    let line = line.trim();
    if !line.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("end")) {
        return false;
    }
    let line = line.split('\'').next().unwrap_or_default().trim_end().trim_end_matches(';');
    let mut words = line.split_whitespace().skip(1);
    kind.split(' ').all(|word| words.next().is_some_and(|found| found.eq_ignore_ascii_case(word)))
        && words.next().is_none()
}
