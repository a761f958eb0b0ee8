//! Reading the rows that a filter wants, as the turn sees them.

use std::sync::Arc;

use basic::{Data, filter::BoundFilter};
use chrono::{DateTime, FixedOffset};
use platform::db::{Compared, DbError, MadeRow, MadeValue, Test, Tx, Wanted};

use super::{
    condition,
    definition::{Definition, Existing},
    draft::{Changed, Held},
    value,
};

/// Rows that are read at once.
const PAGE: usize = 1000;
/// Bytes of rows that are held at once.
const BYTES: usize = 64 << 20;

/// A row with its values as scripts see them, those of all columns.
pub(super) type Found = (Held, Data);

/// What is wanted of a table.
#[derive(Clone)]
pub(super) struct Scan {
    pub(super) table: Arc<Existing>,
    pub(super) filter: BoundFilter,
    pub(super) now: DateTime<FixedOffset>,
    /// What the turn has changed in the table.
    pub(super) changed: Changed,
    /// Rows that may be found.
    pub(super) most: usize,
    /// Rows that may be looked at.
    pub(super) looked_at: usize,
}

/// What came of it.
pub(super) enum Scanned {
    Rows(Vec<Found>),
    /// More rows than may be found.
    TooMany,
    /// More rows than may be looked at.
    TooFar,
}

impl From<MadeRow> for Held {
    fn from(row: MadeRow) -> Self {
        Self { id: row.id, rev: row.rev, values: row.values }
    }
}

/// A row as scripts see it.
pub(super) fn object(table: &Definition, values: &[MadeValue], offset: FixedOffset) -> Data {
    let shown = table
        .columns
        .iter()
        .zip(values)
        .map(|(stored, value)| (stored.column.name.clone(), value::shown(stored, value, offset)));
    Data::Object(shown.collect())
}

fn size_of_row(row: &MadeRow) -> usize {
    let size = |value: &MadeValue| if let MadeValue::Text(text) = value { text.len() } else { 8 };
    row.values.iter().map(size).sum::<usize>() + size_of::<MadeRow>()
}

impl Scan {
    /// Reads them in one state of the database.
    pub(super) fn read(self, tx: &Tx<'_>) -> Result<Scanned, DbError> {
        let mut rows = match self.stored(tx)? {
            Ok(rows) => rows,
            Err(scanned) => return Ok(scanned),
        };
        let Self { table, filter, now, changed, most, .. } = self;
        if !changed.is_empty() {
            rows.retain(|row| !changed.contains_key(&row.id));
            rows.extend(changed.values().flatten().cloned());
        }
        // New rows are the last ones.
        rows.sort_unstable_by_key(|row| row.id);
        let objects: Vec<Data> =
            rows.iter().map(|row| object(&table.definition, &row.values, *now.offset())).collect();
        let chosen = filter.select(&objects, now);
        if chosen.len() > most {
            return Ok(Scanned::TooMany);
        }
        let mut all: Vec<_> = rows.into_iter().zip(objects).map(Some).collect();
        Ok(Scanned::Rows(chosen.into_iter().filter_map(|at| all.get_mut(at)?.take()).collect()))
    }

    /// The rows of the database that may be among them.
    fn stored(&self, tx: &Tx<'_>) -> Result<Result<Vec<Held>, Scanned>, DbError> {
        let definition = &self.table.definition;
        let (columns, pushed) = (definition.numbers(), condition::of(&self.filter, definition, self.now));
        let limit = self.filter.limit().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let order = condition::order(&self.filter, definition);
        if let (true, Some(limit), Some(order)) = (pushed.is_exact, limit, &order) {
            // The first ones are enough: as many more as the turn may have changed some of them.
            let limit = limit.min(self.most.saturating_add(1)) + self.changed.len();
            let wanted =
                Wanted { columns: &columns, test: &pushed.test, order: Some(order), after: None, limit };
            let rows = tx.made_rows(self.table.place, &wanted)?;
            return Ok(Ok(rows.into_iter().map(Held::from).collect()));
        }
        // Without LIMIT all that fit are wanted; with it those that sort first may be anywhere.
        let most = if limit.is_none() { self.most + self.changed.len() } else { self.looked_at };
        let (mut found, mut after, mut looked_at, mut bytes) = (Vec::new(), None, 0, 0);
        loop {
            let wanted =
                Wanted { columns: &columns, test: &pushed.test, order: Some(&[]), after, limit: PAGE };
            let rows = tx.made_rows(self.table.place, &wanted)?;
            let (last, is_last) = (rows.last().map(|row| row.id), rows.len() < PAGE);
            looked_at += rows.len();
            for row in rows {
                let fits = || {
                    let row = object(definition, &row.values, *self.now.offset());
                    self.filter.matches(&row, self.now)
                };
                if pushed.is_exact || fits() {
                    bytes += size_of_row(&row);
                    found.push(Held::from(row));
                }
            }
            if found.len() > most || bytes > BYTES {
                return Ok(Err(Scanned::TooMany));
            }
            if is_last {
                return Ok(Ok(found));
            }
            if looked_at >= self.looked_at {
                return Ok(Err(Scanned::TooFar));
            }
            after = last;
        }
    }
}

/// The stored rows that have these values at these places.
#[derive(Clone)]
pub(super) struct Alike {
    pub(super) table: Arc<Existing>,
    pub(super) values: Vec<(usize, MadeValue)>,
    /// So many at the most.
    pub(super) most: usize,
}

impl Alike {
    pub(super) fn read(&self, tx: &Tx<'_>) -> Result<Vec<Held>, DbError> {
        let definition = &self.table.definition;
        let equal = |(place, value): &(usize, MadeValue)| {
            Test::Compare(definition.columns[*place].number, Compared::Equal, value.clone())
        };
        let test = Test::All(self.values.iter().map(equal).collect());
        let columns = definition.numbers();
        let wanted = Wanted { columns: &columns, test: &test, order: None, after: None, limit: self.most };
        Ok(tx.made_rows(self.table.place, &wanted)?.into_iter().map(Held::from).collect())
    }

    pub(super) fn fits(&self, row: &Held) -> bool {
        self.values.iter().all(|(place, value)| row.values[*place] == *value)
    }
}
