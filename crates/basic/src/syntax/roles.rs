//! What each physical line does to the indentation.

use super::lexer::lex;
use super::report::{Lines, Reports};
use super::token::{Kind, Mark, Names, Token, Tokens};

/// The roles of all lines of a script.
pub(crate) struct Layout {
    pub(crate) lines: Vec<LineRole>,
}

/// What a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineRole {
    /// A statement, a comment, an empty line.
    Plain,
    /// It opens a block.
    Open,
    /// It opens SELECT, whose CASEs are a level of their own.
    Select,
    /// It ends a block.
    Close,
    /// ELSE and ELSE IF.
    Middle,
    /// CASE.
    Case,
    /// It goes on with the line before.
    Continued,
    /// It begins inside a string.
    Inside,
    /// It is a line of a text block.
    Raw,
}

pub(crate) fn layout_of(source: &str) -> Layout {
    let mut names = Names::default();
    let mut reports = Reports::default();
    let tokens = lex(source, &mut names, &mut reports);
    let places = Lines::new(source);
    let count = source.lines().count();
    let mut lines = vec![LineRole::Plain; count];
    let mut select_depth = Vec::new();
    let mut first = 0;
    let mut in_table = false;
    for (index, token) in tokens.tokens.iter().enumerate() {
        if !matches!(token.kind, Kind::Line | Kind::End) {
            continue;
        }
        if index > first {
            let logical = &tokens.tokens[first..index];
            mark_spans(&tokens, logical, &places, in_table, &mut lines);
            let (line, _) = places.position(logical[0].span.start);
            let mut role = role_of(logical, &names, &mut select_depth);
            if role == LineRole::Plain && opens_handler(logical, &tokens.tokens[index..], &names) {
                select_depth.push(false);
                role = LineRole::Open;
            }
            in_table = match role {
                LineRole::Open => is_word(&logical[0], "table", &names),
                LineRole::Close => false,
                _ => in_table,
            };
            if let Some(slot) = lines.get_mut(line as usize - 1)
                && !matches!(*slot, LineRole::Inside | LineRole::Raw)
            {
                *slot = role;
            }
        }
        first = index + 1;
    }
    Layout { lines }
}

fn is_word(token: &Token, word: &str, names: &Names) -> bool {
    matches!(token.kind, Kind::Word(name) if names.get(name) == word)
}

/// Marks the further lines of a logical line, and those that begin inside a string.
fn mark_spans(
    tokens: &Tokens,
    logical: &[Token],
    places: &Lines<'_>,
    in_table: bool,
    lines: &mut [LineRole],
) {
    let (mut begin, _) = places.position(logical[0].span.start);
    let mut brackets = 0u32;
    let mut behind_comma = false;
    for token in logical {
        let (from, _) = places.position(token.span.start);
        // Columns of a table may be parted by commas; each is a line of its own.
        if in_table && behind_comma && brackets == 0 && from > begin {
            begin = from;
        }
        behind_comma = token.kind == Kind::Mark(Mark::Comma);
        if let Kind::Mark(mark) = token.kind {
            brackets = (brackets + u32::from(mark.opens())).saturating_sub(u32::from(mark.closes()));
        }
        if let Some(slot) = lines.get_mut(from as usize - 1)
            && from > begin
            && *slot != LineRole::Inside
        {
            *slot = LineRole::Continued;
        }
        let Kind::Text(number) = token.kind else { continue };
        let (to, column) = places.position(token.span.end);
        let block = tokens.texts.get(number as usize).is_some_and(|text| text.block);
        // A block reaches from the line after BEGIN to the one before its END, a string over the lines it spans.
        let inside = if block {
            let end = if column == 1 { to - 1 } else { to };
            from..end
        } else {
            from + 1..to + 1
        };
        for line in inside {
            if let Some(slot) = lines.get_mut(line as usize - 1) {
                *slot = if block { LineRole::Raw } else { LineRole::Inside };
            }
        }
    }
}

/// Whether ON has a body: END ON comes before another ON at the beginning of a line.
fn opens_handler(logical: &[Token], after: &[Token], names: &Names) -> bool {
    let word = |token: Option<&Token>| match token.map(|token| token.kind) {
        Some(Kind::Word(name)) => names.get(name),
        _ => "",
    };
    let assigned =
        matches!(logical.get(1).map(|token| token.kind), Some(Kind::Mark(Mark::Equal | Mark::Dot)));
    if word(logical.first()) != "on" || assigned || word(logical.get(1)) == "error" {
        return false;
    }
    let lines = after.windows(3).filter(|tokens| tokens[0].kind == Kind::Line);
    for tokens in lines {
        match (word(tokens.get(1)), word(tokens.get(2))) {
            ("end", "on") => return true,
            ("on", second) if second != "error" => return false,
            _ => {}
        }
    }
    false
}

fn role_of(logical: &[Token], names: &Names, selects: &mut Vec<bool>) -> LineRole {
    let word = |index: usize| match logical.get(index).map(|token| token.kind) {
        Some(Kind::Word(name)) => names.get(name),
        _ => "",
    };
    let mark =
        |index: usize, wanted: Mark| logical.get(index).is_some_and(|token| token.kind == Kind::Mark(wanted));
    if mark(0, Mark::BraceClose) && logical.len() == 1 {
        return LineRole::Close;
    }
    // Variables of these names.
    if mark(1, Mark::Equal) || mark(1, Mark::Dot) {
        return LineRole::Plain;
    }
    let opens = match word(0) {
        "end" => {
            let block = [
                "if", "for", "while", "select", "switch", "with", "sub", "function", "on", "schedule",
                "table", "parallel",
            ];
            if block.contains(&word(1)) {
                selects.pop();
                return LineRole::Close;
            }
            false
        }
        "next" | "wend" | "loop" | "endif" | "end_parallel" => {
            selects.pop();
            return LineRole::Close;
        }
        "else" | "elseif" if selects.last() != Some(&true) => return LineRole::Middle,
        "case" | "else" | "default" if selects.last() == Some(&true) => return LineRole::Case,
        "if" => {
            let last = logical.len() - 1;
            word(last) == "then" || mark(last, Mark::BraceOpen)
        }
        "for" | "while" | "do" | "sub" | "function" => true,
        "with" => logical.len() == 2,
        "select" | "switch" => {
            let sql = (1..logical.len()).any(|index| word(index) == "from") && word(1) != "case";
            if !sql {
                selects.push(true);
                return LineRole::Select;
            }
            false
        }
        "schedule" => word(1) == "in",
        "table" => true,
        "step" | "branch" => word(logical.len() - 1) == "parallel",
        "parallel" => logical.len() == 1 || word(1) == "step",
        _ => false,
    };
    if opens {
        selects.push(false);
        return LineRole::Open;
    }
    LineRole::Plain
}
