//! A table in memory: what the data commands do to the rows of a file.

use basic::{
    Data,
    filter::{BoundFilter, Fields},
};
use chrono::{DateTime, FixedOffset};

use super::{Format, csv};

/// The rows of a file, with the columns of its header.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sheet {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Data>,
}

/// The column of the key of files.
pub(super) const KEY: &str = "id";

impl Sheet {
    /// Reads a file, or tells why it is no table.
    pub(super) fn read(text: &str, format: Format) -> Result<Self, String> {
        match format {
            Format::Csv => Ok(csv::read(text)),
            Format::Json => {
                let value: Data = serde_json::from_str(text).map_err(|error| error.to_string())?;
                let rows = match value {
                    Data::Array(rows) => rows,
                    object @ Data::Object(_) => vec![object],
                    _ => return Err("it holds no objects".to_owned()),
                };
                let mut sheet = Self::default();
                for row in rows {
                    let Data::Object(fields) = &row else { return Err("it holds no objects".to_owned()) };
                    for (name, _) in fields {
                        sheet.column(name);
                    }
                    sheet.rows.push(row);
                }
                Ok(sheet)
            }
        }
    }

    /// The file that it is.
    pub(super) fn write(&self, format: Format) -> String {
        match format {
            Format::Csv => csv::write(self),
            Format::Json => serde_json::to_string_pretty(&self.rows).unwrap_or_default() + "\n",
        }
    }

    /// The spelling of a column, which is added where there is none of that name.
    fn column(&mut self, name: &str) -> String {
        let folded = name.to_lowercase();
        let known = self.columns.iter().find(|column| column.to_lowercase() == folded);
        known.cloned().unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            name.to_owned()
        })
    }

    /// The places of the rows that a filter wants, in its order.
    pub(super) fn find(&self, filter: &BoundFilter, now: DateTime<FixedOffset>) -> Vec<usize> {
        filter.select(&self.rows, now)
    }

    /// The place of the row with that value in a column.
    pub(super) fn with_value(&self, column: &str, value: &Data) -> Option<usize> {
        let wanted = value.to_string();
        self.rows.iter().position(|row| row.field(column).to_text() == wanted && !wanted.is_empty())
    }

    /// Changes fields of a row.
    pub(super) fn update(&mut self, place: usize, record: &[(String, Data)]) {
        for (name, value) in record {
            let name = self.column(name);
            if let Some(Data::Object(fields)) = self.rows.get_mut(place) {
                match fields.iter_mut().find(|(field, _)| *field == name) {
                    Some((_, own)) => own.clone_from(value),
                    None => fields.push((name, value.clone())),
                }
            }
        }
    }

    /// Adds a row; gives its place.
    pub(super) fn insert(&mut self, record: &[(String, Data)]) -> usize {
        self.rows.push(Data::Object(Vec::new()));
        let place = self.rows.len() - 1;
        self.update(place, record);
        place
    }

    /// Removes the rows at these places.
    pub(super) fn remove(&mut self, mut places: Vec<usize>) {
        places.sort_unstable();
        let mut place = 0..;
        self.rows.retain(|_| place.next().is_some_and(|place| places.binary_search(&place).is_err()));
    }
}
