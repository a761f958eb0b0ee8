//! How much a table of a file takes: as the file, and in memory.

use std::io::{self, Write};

use basic::Data;

use super::{Format, csv};

/// Bytes of a data file that commands read and write.
pub(super) const FILE_BYTES: usize = 8 << 20;
/// Bytes that the tables of all files of a turn take in memory.
pub(super) const TURN_BYTES: usize = 64 << 20;
/// Columns of a file.
pub(super) const COLUMNS: usize = 10_000;

/// Bytes of a value in memory, besides its text: a field of an object.
const VALUE_BYTES: usize = size_of::<(String, Data)>();
/// Bytes of a table in memory that has nothing in it.
const SHEET_BYTES: usize = 1024;

/// Why a table is not changed or read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooLarge {
    #[error("a data file has at most {FILE_BYTES} bytes")]
    File,
    #[error("the data files that a turn reads and changes take at most {TURN_BYTES} bytes of memory")]
    Turn,
    #[error("a turn writes and fetches at most {TURN_BYTES} bytes of files")]
    Kept,
    #[error("a data file has at most {COLUMNS} columns")]
    Columns,
}

/// What is counted of a table, so that its size is known after each change without a look at all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    rows: usize,
    /// Bytes of the header.
    header: usize,
    columns: usize,
    row: RowTally,
}

/// What is counted of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RowTally {
    /// Bytes as the file has them.
    written: usize,
    values: usize,
}

impl RowTally {
    pub(super) fn of(row: &Data, format: Format) -> Self {
        if let (Format::Csv, Data::Object(fields)) = (format, row) {
            // A cell for each column, which the header counts.
            let cells = fields.iter().map(|(_, value)| csv::size_of_cell(&value.to_string()));
            return Self { written: cells.sum(), values: 0 };
        }
        let mut counted = Json::default();
        // Counting can't fail, and data has no keys that are no texts.
        let _ = serde_json::to_writer_pretty(&mut counted, row);
        // Each line is indented by two, and the last one ends with a comma and a line break.
        Self { written: counted.bytes + 2 * counted.lines + 4, values: counted.values + 1 }
    }
}

impl Tally {
    pub(super) fn add_column(&mut self, name: &str) {
        self.columns += 1;
        self.header += csv::size_of_cell(name) + 1;
    }

    pub(super) fn add_row(&mut self, row: RowTally) {
        self.rows += 1;
        self.row.written += row.written;
        self.row.values += row.values;
    }

    pub(super) fn remove_row(&mut self, row: RowTally) {
        self.rows -= 1;
        self.row.written -= row.written;
        self.row.values -= row.values;
    }

    /// Bytes of the file; of JSON a few more than it has.
    pub(super) fn written(&self, format: Format) -> usize {
        match format {
            Format::Csv => self.header + self.row.written + self.rows * self.columns.max(1),
            Format::Json => self.row.written + 4,
        }
    }

    /// Bytes in memory, also of the table that is made when the file is read: that of CSV has all columns in each row.
    pub(super) fn held(&self, format: Format) -> usize {
        let fields = match format {
            Format::Csv => self.rows * (self.columns * VALUE_BYTES + self.header),
            Format::Json => (self.row.values + 1) * VALUE_BYTES,
        };
        SHEET_BYTES + self.columns * VALUE_BYTES + self.written(format) + fields
    }
}

/// Bytes that a JSON text takes in memory at the most. It has at most one value more than commas and opening brackets.
pub(super) fn held_by_json(text: &str) -> usize {
    let mut counted = Json::default();
    counted.count(text.as_bytes());
    SHEET_BYTES + text.len() + (counted.values + 1) * VALUE_BYTES
}

/// Counts what is written.
#[derive(Default)]
struct Json {
    bytes: usize,
    lines: usize,
    values: usize,
    is_in_text: bool,
    is_escaped: bool,
}

impl Json {
    fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        for byte in bytes {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.is_in_text,
                b'"' => self.is_in_text = !self.is_in_text,
                b',' | b'[' | b'{' if !self.is_in_text => self.values += 1,
                b'\n' => self.lines += 1,
                _ => {}
            }
        }
    }
}

impl Write for Json {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.count(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
