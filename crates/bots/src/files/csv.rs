//! Tables as text after RFC 4180, with a header.

use std::{iter::Peekable, str::Chars};

use basic::{Data, scalar::Scalar};

use super::{
    Sheet,
    size::{COLUMNS, TooLarge},
};
use crate::tables::forms::of_scalar;

/// Reads a table. Commas part cells, or semicolons or tabs where the header has no comma.
pub(super) fn read(text: &str, sheet: &mut Sheet) -> Result<(), TooLarge> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let separator = [',', ';', '\t'].into_iter().find(|separator| header.contains(*separator)).unwrap_or(',');
    // One cell more than may be, to tell that there are too many.
    let mut records = Records { chars: text.chars().peekable(), separator, most: COLUMNS + 1 };
    for name in records.next().unwrap_or_default() {
        sheet.add_column(name.trim().to_owned())?;
    }
    records.most = sheet.columns.len();
    for cells in records {
        let mut cells = cells.into_iter().map(|cell| of_scalar(Scalar::from_cell(&cell)));
        let fields = sheet.columns.iter().filter(|column| !column.is_empty());
        let fields = fields
            .map(|column| (column.clone(), cells.next().unwrap_or(Data::Text(String::new()))))
            .collect();
        sheet.push(Data::Object(fields))?;
    }
    Ok(())
}

/// The cells of all lines that have any: as many of a line as may be.
struct Records<'a> {
    chars: Peekable<Chars<'a>>,
    separator: char,
    most: usize,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.chars.peek().is_some() {
            let record = self.line();
            if record.iter().any(|cell| !cell.trim().is_empty()) {
                return Some(record);
            }
        }
        None
    }
}

impl Records<'_> {
    fn line(&mut self) -> Vec<String> {
        let (mut record, mut cell) = (Vec::new(), String::new());
        let (mut quoted, mut was_quoted) = (false, false);
        let most = self.most;
        let mut end_cell = |cell: &mut String| {
            let cell = std::mem::take(cell);
            if record.len() < most {
                record.push(cell);
            }
        };
        while let Some(c) = self.chars.next() {
            match c {
                '"' if quoted && self.chars.peek() == Some(&'"') => {
                    self.chars.next();
                    cell.push('"');
                }
                '"' if quoted => quoted = false,
                '"' if cell.is_empty() && !was_quoted => (quoted, was_quoted) = (true, true),
                '\r' if !quoted && self.chars.peek() == Some(&'\n') => {}
                '\n' if !quoted => break,
                c if c == self.separator && !quoted => {
                    end_cell(&mut cell);
                    was_quoted = false;
                }
                c => cell.push(c),
            }
        }
        end_cell(&mut cell);
        record
    }
}

/// Writes a table, with commas.
pub(super) fn write(sheet: &Sheet) -> String {
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        for (place, cell) in cells.enumerate() {
            out.push_str(if place > 0 { "," } else { "" });
            push_cell(&mut out, &cell);
        }
        out.push('\n');
    };
    line(&mut sheet.columns.iter().cloned());
    for row in &sheet.rows {
        let cell = |column: &String| row.get(column).map(ToString::to_string).unwrap_or_default();
        line(&mut sheet.columns.iter().map(cell));
    }
    out
}

fn needs_quotes(text: &str) -> bool {
    text.contains([',', ';', '"', '\n', '\r', '\t']) || text.trim().len() != text.len()
}

/// Bytes of a cell as it is written.
pub(super) fn size_of_cell(text: &str) -> usize {
    let quotes = if needs_quotes(text) { 2 + text.matches('"').count() } else { 0 };
    text.len() + quotes
}

fn push_cell(out: &mut String, text: &str) {
    if !needs_quotes(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::files::{Format, size::TURN_BYTES};

    fn read(text: &str) -> Sheet {
        Sheet::read(text, Format::Csv, TURN_BYTES).unwrap()
    }

    #[test]
    fn cells_have_types_and_may_hold_anything() {
        let sheet = read("\u{feff}name;age;note\r\nAnn;30;\"a;\"\"b\"\"\nc\"\r\n\r\nBob;007;\n");

        assert_eq!(sheet.columns, ["name", "age", "note"]);
        assert_eq!(sheet.rows.len(), 2);
        assert_eq!(sheet.rows[0].get("age"), Some(&Data::Integer(30)));
        assert_eq!(sheet.rows[0].get("note"), Some(&Data::from("a;\"b\"\nc")));
        assert_eq!(sheet.rows[1].get("age"), Some(&Data::from("007")));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cells in proptest::collection::vec(("[a-z,;\"\n ]{1,6}", "\\PC{0,6}"), 1..5)) {
            let row = |(a, b): &(String, String)| {
                Data::Object(vec![("a".into(), Data::from(format!("x{a}x"))), ("b".into(), Data::from(format!("y{b}")))])
            };
            let mut sheet = read("a,b\n");
            sheet.rows = cells.iter().map(row).collect();
            prop_assert_eq!(read(&write(&sheet)).rows, sheet.rows);
        }

        #[test]
        fn no_text_panics(text in "(\\PC|\n|\"|,|;){0,40}") {
            write(&read(&text));
        }
    }
}
