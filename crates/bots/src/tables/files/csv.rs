//! Tables as text after RFC 4180, with a header.

use basic::{Data, scalar::Scalar};

use super::Sheet;
use crate::tables::forms::of_scalar;

/// Reads a table. Commas part cells, or semicolons or tabs where the header has no comma.
pub(super) fn read(text: &str) -> Sheet {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let separator = [',', ';', '\t'].into_iter().find(|separator| header.contains(*separator)).unwrap_or(',');
    let mut records = records(text, separator).into_iter();
    let columns: Vec<String> =
        records.next().unwrap_or_default().into_iter().map(|name| name.trim().to_owned()).collect();
    let rows = records.map(|cells| {
        let mut cells = cells.into_iter().map(|cell| of_scalar(Scalar::from_cell(&cell)));
        let fields = columns.iter().filter(|column| !column.is_empty());
        Data::Object(
            fields
                .map(|column| (column.clone(), cells.next().unwrap_or(Data::Text(String::new()))))
                .collect(),
        )
    });
    let rows = rows.collect();
    Sheet { columns, rows }
}

/// The cells of all lines that have any.
fn records(text: &str, separator: char) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let (mut quoted, mut was_quoted) = (false, false);
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() && !was_quoted => (quoted, was_quoted) = (true, true),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                was_quoted = false;
                records.push(std::mem::take(&mut record));
            }
            c if c == separator && !quoted => {
                record.push(std::mem::take(&mut cell));
                was_quoted = false;
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(cell);
        records.push(record);
    }
    records.retain(|record| record.iter().any(|cell| !cell.trim().is_empty()));
    records
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

fn push_cell(out: &mut String, text: &str) {
    if !text.contains([',', ';', '"', '\n', '\r', '\t']) && text.trim().len() == text.len() {
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
            let sheet = Sheet { columns: vec!["a".into(), "b".into()], rows: cells.iter().map(row).collect() };
            prop_assert_eq!(read(&write(&sheet)).rows, sheet.rows);
        }

        #[test]
        fn no_text_panics(text in "(\\PC|\n|\"|,|;){0,40}") {
            write(&read(&text));
        }
    }
}
