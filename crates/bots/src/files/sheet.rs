//! A table in memory: what the data commands do to the rows of a file.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use basic::{
    Data,
    filter::{BoundFilter, Fields},
};
use chrono::{DateTime, FixedOffset};

use super::{
    Format, csv,
    size::{COLUMNS, FILE_BYTES, RowTally, TURN_BYTES, Tally, TooLarge, held_by_json},
};

/// The rows of a file, with the columns of its header.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) format: Format,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Data>,
    /// The places of the columns by their folded names; the first one of those that are spelled alike.
    names: HashMap<String, usize>,
    tally: Tally,
    /// Bytes that it may take in memory.
    pub(super) room: usize,
    /// By columns, the first places of the values in them as texts.
    indexes: BTreeMap<String, HashMap<String, usize>>,
    /// The rows that a command changed, as they were before.
    before: HashMap<usize, Data>,
}

/// The column of the key of files.
pub(super) const KEY: &str = "id";

/// Columns that have an index at once.
const INDEXES: usize = 4;

/// Why a file is not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0}")]
    NoTable(String),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl Sheet {
    /// One without rows, that may take so many bytes in memory.
    pub(super) fn new(format: Format, room: usize) -> Self {
        Self {
            format,
            columns: Vec::new(),
            rows: Vec::new(),
            names: HashMap::new(),
            tally: Tally::default(),
            room: room.min(TURN_BYTES),
            indexes: BTreeMap::new(),
            before: HashMap::new(),
        }
    }

    /// Reads a file, or tells why it is no table.
    pub(super) fn read(text: &str, format: Format, room: usize) -> Result<Self, Unreadable> {
        let mut sheet = Self::new(format, room);
        match format {
            Format::Csv => csv::read(text, &mut sheet)?,
            Format::Json => sheet.read_json(text)?,
        }
        Ok(sheet)
    }

    fn read_json(&mut self, text: &str) -> Result<(), Unreadable> {
        if held_by_json(text) > self.room {
            return Err(TooLarge::Turn.into());
        }
        let no_objects = || Unreadable::NoTable("it holds no objects".to_owned());
        let value = serde_json::from_str(text).map_err(|error| Unreadable::NoTable(error.to_string()))?;
        let rows = match value {
            Data::Array(rows) => rows,
            object @ Data::Object(_) => vec![object],
            _ => return Err(no_objects()),
        };
        for row in rows {
            let Data::Object(fields) = &row else { return Err(no_objects()) };
            for (name, _) in fields {
                self.column(name)?;
            }
            self.push(row)?;
        }
        Ok(())
    }

    /// The file that it is.
    pub(super) fn write(&self) -> String {
        match self.format {
            Format::Csv => csv::write(self),
            Format::Json => serde_json::to_string_pretty(&self.rows).unwrap_or_default() + "\n",
        }
    }

    /// Bytes that it takes in memory.
    pub(super) fn held(&self) -> usize {
        self.tally.held(self.format)
    }

    /// Does it what the command says, or nothing of it.
    pub(super) fn attempt<T, E>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let (rows, columns, tally) = (self.rows.len(), self.columns.len(), self.tally);
        let done = act(self);
        let before = std::mem::take(&mut self.before);
        if done.is_err() {
            for (place, row) in before {
                if let Some(own) = self.rows.get_mut(place) {
                    *own = row;
                }
            }
            self.rows.truncate(rows);
            self.columns.truncate(columns);
            self.names.retain(|_, place| *place < columns);
            self.tally = tally;
            self.indexes.clear();
        }
        done
    }

    /// Adds a column as the header spells it.
    pub(super) fn add_column(&mut self, name: String) -> Result<(), TooLarge> {
        if self.columns.len() >= COLUMNS {
            return Err(TooLarge::Columns);
        }
        self.tally.add_column(&name);
        self.names.entry(name.to_lowercase()).or_insert(self.columns.len());
        self.columns.push(name);
        self.check_held()
    }

    /// The spelling of a column, which is added where there is none of that name.
    fn column(&mut self, name: &str) -> Result<String, TooLarge> {
        if let Some(place) = self.names.get(&name.to_lowercase()) {
            return Ok(self.columns[*place].clone());
        }
        self.add_column(name.to_owned())?;
        Ok(name.to_owned())
    }

    /// Adds a row that a file has.
    pub(super) fn push(&mut self, row: Data) -> Result<(), TooLarge> {
        self.tally.add_row(RowTally::of(&row, self.format));
        self.rows.push(row);
        self.check_held()
    }

    fn check_held(&self) -> Result<(), TooLarge> {
        if self.held() > self.room { Err(TooLarge::Turn) } else { Ok(()) }
    }

    /// What is too large when it is written could not be read again.
    fn check_written(&self) -> Result<(), TooLarge> {
        if self.tally.written(self.format) > FILE_BYTES {
            return Err(TooLarge::File);
        }
        self.check_held()
    }

    /// The places of the rows that a filter wants, in its order.
    pub(super) fn find(&self, filter: &BoundFilter, now: DateTime<FixedOffset>) -> Vec<usize> {
        filter.select(&self.rows, now)
    }

    /// The place of the first row with that value in a column.
    pub(super) fn with_value(&mut self, column: &str, value: &Data) -> Option<usize> {
        if !self.indexes.contains_key(column) {
            if self.indexes.len() >= INDEXES {
                self.indexes.clear();
            }
            let mut index = HashMap::new();
            for (place, row) in self.rows.iter().enumerate() {
                enter(&mut index, row, column, place);
            }
            self.indexes.insert(column.to_owned(), index);
        }
        self.indexes.get(column)?.get(&value.to_string()).copied()
    }

    /// Changes fields of a row.
    pub(super) fn update(&mut self, place: usize, record: &[(String, Data)]) -> Result<(), TooLarge> {
        let Some(old) = self.rows.get(place).cloned() else { return Ok(()) };
        for (name, value) in record {
            let name = self.column(name)?;
            if let Some(Data::Object(fields)) = self.rows.get_mut(place) {
                match fields.iter_mut().find(|(field, _)| *field == name) {
                    Some((_, own)) => own.clone_from(value),
                    None => fields.push((name, value.clone())),
                }
            }
        }
        let row = &self.rows[place];
        self.tally.remove_row(RowTally::of(&old, self.format));
        self.tally.add_row(RowTally::of(row, self.format));
        // Another row may have had the value that this one loses, or have had the one that it gets: look again.
        self.indexes.retain(|column, _| old.field(column).to_text() == row.field(column).to_text());
        self.before.entry(place).or_insert(old);
        self.check_written()
    }

    /// Adds a row; gives its place.
    pub(super) fn insert(&mut self, record: &[(String, Data)]) -> Result<usize, TooLarge> {
        let mut fields: Vec<(String, Data)> = Vec::with_capacity(record.len());
        for (name, value) in record {
            let name = self.column(name)?;
            match fields.iter_mut().find(|(field, _)| *field == name) {
                Some((_, own)) => own.clone_from(value),
                None => fields.push((name, value.clone())),
            }
        }
        let (row, place) = (Data::Object(fields), self.rows.len());
        for (column, index) in &mut self.indexes {
            enter(index, &row, column, place);
        }
        self.push(row)?;
        self.check_written()?;
        Ok(place)
    }

    /// Removes the rows at these places.
    pub(super) fn remove(&mut self, mut places: Vec<usize>) -> Result<(), TooLarge> {
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Ok(());
        }
        for place in &places {
            self.tally.remove_row(RowTally::of(&self.rows[*place], self.format));
        }
        self.check_written()?;
        let mut place = 0..;
        self.rows.retain(|_| place.next().is_some_and(|place| places.binary_search(&place).is_err()));
        self.indexes.clear();
        Ok(())
    }
}

/// Enters a row into an index, unless an earlier one has its value. Empty values are not looked for.
fn enter(index: &mut HashMap<String, usize>, row: &Data, column: &str, place: usize) {
    let text = row.field(column).to_text();
    if text.is_empty() {
        return;
    }
    if let Entry::Vacant(vacant) = index.entry(text.into()) {
        vacant.insert(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, &str)]) -> Vec<(String, Data)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), Data::from(*value))).collect()
    }

    #[test]
    fn the_index_of_a_column_knows_the_first_row_of_a_value_after_each_change() {
        let mut sheet = Sheet::read("id,n\na,1\nb,2\na,3\n", Format::Csv, TURN_BYTES).unwrap();
        assert_eq!(sheet.with_value(KEY, &"a".into()), Some(0));

        sheet.insert(&record(&[("ID", "c")])).unwrap();
        sheet.insert(&record(&[("id", "a")])).unwrap();
        assert_eq!(sheet.with_value("ID", &"c".into()), Some(3));
        assert_eq!(sheet.with_value(KEY, &"a".into()), Some(0));
        sheet.update(0, &record(&[("id", "d")])).unwrap();
        assert_eq!(sheet.with_value(KEY, &"a".into()), Some(2));
        assert_eq!(sheet.with_value(KEY, &"d".into()), Some(0));
        sheet.remove(vec![0]).unwrap();

        assert_eq!(sheet.with_value(KEY, &"d".into()), None);
        assert_eq!(sheet.with_value(KEY, &"b".into()), Some(0));
        assert_eq!(sheet.with_value(KEY, &"".into()), None);
    }

    #[test]
    fn what_is_refused_leaves_no_trace() {
        let text = "[{\"a\": \"x\"}]";
        let mut sheet = Sheet::read(text, Format::Json, TURN_BYTES).unwrap();
        let (written, held) = (sheet.write(), sheet.held());
        let large = "x".repeat(FILE_BYTES);

        let refused = sheet.attempt(|sheet| {
            sheet.insert(&record(&[("a", "y")]))?;
            sheet.update(0, &record(&[("b", "z")]))?;
            sheet.update(0, &record(&[("c", &large)]))
        });

        assert_eq!(refused, Err(TooLarge::File));
        assert_eq!((sheet.write(), sheet.held(), sheet.columns.len()), (written, held, 1));
    }

    #[test]
    fn a_few_bytes_do_not_make_a_table_that_fills_the_memory() {
        let wide = format!("{}\n{}", "a,".repeat(COLUMNS - 1), "1\n".repeat(10_000));
        let too_wide = "a,".repeat(COLUMNS + 1);
        let objects = format!("[{}{{}}]", "{},".repeat(2_000_000));

        let read = |text: &str, format| Sheet::read(text, format, TURN_BYTES).err();

        assert_eq!(read(&wide, Format::Csv), Some(Unreadable::TooLarge(TooLarge::Turn)));
        assert_eq!(read(&too_wide, Format::Csv), Some(Unreadable::TooLarge(TooLarge::Columns)));
        assert_eq!(read(&objects, Format::Json), Some(Unreadable::TooLarge(TooLarge::Turn)));
    }

    #[test]
    fn no_file_is_larger_than_its_table_says() {
        let nasty = "a,\"b\"\n\u{1}\\[{";
        for format in [Format::Csv, Format::Json] {
            let mut sheet = Sheet::new(format, TURN_BYTES);
            for number in 0..20 {
                let nested =
                    Data::Object(vec![("deep".into(), Data::Array(vec![nasty.into(), number.into()]))]);
                let fields = vec![(nasty.to_owned(), nasty.into()), (format!("n{number}"), nested)];
                sheet.insert(&fields).unwrap();
            }
            sheet.update(3, &record(&[(nasty, ""), ("n3", "short")])).unwrap();
            sheet.remove(vec![1, 5]).unwrap();

            let text = sheet.write();

            let tally = sheet.tally.written(format);
            assert!((text.len()..text.len() + 8).contains(&tally), "{format:?}: {tally} of {}", text.len());
            let again = Sheet::read(&text, format, sheet.held()).unwrap();
            assert!(again.held() <= sheet.held());
        }
    }
}
