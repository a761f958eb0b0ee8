//! Reading the rows that a filter wants, as the turn sees them.

use std::sync::Arc;

use basic::{Data, filter::BoundFilter};
use chrono::{DateTime, FixedOffset};
use platform::db::{Compared, DbError, Kept, MadeRow, MadeValue, Test, Tx, Wanted};

use super::{
    condition,
    definition::{Definition, Existing, kept_as},
    draft::{Changed, Held},
    value,
};

/// Rows that are read at once.
const PAGE: usize = 1000;
/// Bytes of rows that are held at once, with what scripts see of them.
const BYTES: usize = 64 << 20;
/// A page that does not fit is made so many times smaller.
const SMALLER: usize = 8;

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

/// Bytes of a row and of what scripts see of it: texts and names of columns stand there once more.
fn size_of_row(table: &Definition, values: &[MadeValue]) -> usize {
    let size = |value: &MadeValue| {
        size_of::<MadeValue>() + if let MadeValue::Text(text) = value { 2 * text.len() } else { 0 }
    };
    let names: usize = table.columns.iter().map(|stored| stored.column.name.len()).sum();
    values.iter().map(size).sum::<usize>() + names + size_of::<MadeRow>()
}

/// Do the texts of the wanted rows fit into so many bytes, twice?
fn fits(tx: &Tx<'_>, table: &Existing, wanted: &Wanted<'_>, bytes: usize) -> Result<bool, DbError> {
    let texts = table.definition.columns.iter().filter(|stored| kept_as(&stored.holds) == Kept::Text);
    let texts: Vec<u32> = texts.map(|stored| stored.number).collect();
    if texts.is_empty() {
        return Ok(true);
    }
    let needed = tx.made_text_bytes(table.place, wanted, &texts)?;
    Ok(usize::try_from(needed).is_ok_and(|needed| needed <= bytes / 2))
}

impl Scan {
    /// Reads them in one state of the database.
    pub(super) fn read(self, tx: &Tx<'_>) -> Result<Scanned, DbError> {
        self.read_within(tx, BYTES)
    }

    fn read_within(self, tx: &Tx<'_>, room: usize) -> Result<Scanned, DbError> {
        let mut rows = match self.stored(tx, room)? {
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
    fn stored(&self, tx: &Tx<'_>, room: usize) -> Result<Result<Vec<Held>, Scanned>, DbError> {
        let definition = &self.table.definition;
        let (columns, pushed) = (definition.numbers(), condition::of(&self.filter, definition, self.now));
        let limit = self.filter.limit().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let order = condition::order(&self.filter, definition);
        if let (true, Some(limit), Some(order)) = (pushed.is_exact, limit, &order) {
            // The first ones are enough: as many more as the turn may have changed some of them.
            let limit = limit.min(self.most.saturating_add(1)) + self.changed.len();
            let wanted =
                Wanted { columns: &columns, test: &pushed.test, order: Some(order), after: None, limit };
            if !fits(tx, &self.table, &wanted, room)? {
                return Ok(Err(Scanned::TooMany));
            }
            let rows = tx.made_rows(self.table.place, &wanted)?;
            if rows.iter().map(|row| size_of_row(definition, &row.values)).sum::<usize>() > room {
                return Ok(Err(Scanned::TooMany));
            }
            return Ok(Ok(rows.into_iter().map(Held::from).collect()));
        }
        // Without LIMIT all that fit are wanted; with it those that sort first may be anywhere.
        let most = if limit.is_none() { self.most + self.changed.len() } else { self.looked_at };
        let (mut found, mut after, mut looked_at, mut bytes) = (Vec::new(), None, 0, 0);
        let mut page = PAGE;
        loop {
            let wanted =
                Wanted { columns: &columns, test: &pushed.test, order: Some(&[]), after, limit: page };
            // Rows that the condition drops need not fit all at once.
            if !fits(tx, &self.table, &wanted, room - bytes)? {
                if page == 1 {
                    return Ok(Err(Scanned::TooMany));
                }
                page = (page / SMALLER).max(1);
                continue;
            }
            let rows = tx.made_rows(self.table.place, &wanted)?;
            let (last, is_last) = (rows.last().map(|row| row.id), rows.len() < page);
            looked_at += rows.len();
            for row in rows {
                let matches = || {
                    let row = object(definition, &row.values, *self.now.offset());
                    self.filter.matches(&row, self.now)
                };
                if pushed.is_exact || matches() {
                    bytes += size_of_row(definition, &row.values);
                    found.push(Held::from(row));
                }
            }
            if found.len() > most || bytes > room {
                return Ok(Err(Scanned::TooMany));
            }
            if is_last {
                return Ok(Ok(found));
            }
            if looked_at >= self.looked_at {
                return Ok(Err(Scanned::TooFar));
            }
            after = last;
            page = (page * SMALLER).min(PAGE);
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

#[cfg(test)]
mod tests {
    use basic::{
        filter::Filter,
        schema::{Column, ColumnType},
    };
    use kernel::{Id, Surroundings, Timestamp, id::kind::Organization};
    use platform::db::{Db, MadeTable};
    use test_database::each_database;

    use super::*;
    use crate::{tables::definition::Stored, testing::database};

    const TEXT: usize = 1000;

    /// A table with ten rows of a number from 0 and a text of that many bytes.
    async fn ten_rows(db: &Db, org: Id<Organization>) -> Arc<Existing> {
        let types = [("n", ColumnType::Integer), ("t", ColumnType::Text { max: None })];
        let columns = types.into_iter().zip(1..).map(|((name, holds), number)| Stored {
            column: Column::new(name, holds.clone()),
            number,
            holds,
            refers: None,
        });
        let definition =
            Definition { name: "things".into(), columns: columns.collect(), ..Definition::default() };
        let place = MadeTable(*Surroundings::system().uuid().as_bytes());
        let made: Vec<_> = definition.columns.iter().map(Stored::made).collect();
        db.write(org, move |unit| {
            unit.make_table(place, &made)?;
            for number in 0..10_u8 {
                let values = [(1, MadeValue::Whole(number.into())), (2, MadeValue::Text("x".repeat(TEXT)))];
                unit.insert_made_row(place, &[number; 16], &values)?;
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        Arc::new(Existing { place, definition })
    }

    #[each_database]
    async fn rows_that_do_not_fit_are_not_read() {
        let (db, _database) = database().await;
        let org: Id<Organization> = Surroundings::system().id();
        let table = ten_rows(&db, org).await;
        let found = async |filter: &str, room: usize| {
            let scan = Scan {
                table: Arc::clone(&table),
                filter: Filter::parse_text(filter).unwrap().bind(&[]).unwrap(),
                now: Timestamp::UNIX_EPOCH.fixed_offset(),
                changed: Changed::default(),
                most: 100,
                looked_at: 100,
            };
            let scanned: Result<_, DbError> = db.read(org, move |tx| scan.read_within(tx, room)).await;
            match scanned.unwrap() {
                Scanned::Rows(rows) => Some(rows.len()),
                Scanned::TooMany | Scanned::TooFar => None,
            }
        };
        let (little, enough) = (5 * 2 * TEXT, 12 * 2 * TEXT);

        let all = (found("n >= 0", little).await, found("n >= 0", enough).await);
        let first = (
            found("n >= 0 ORDER BY n LIMIT 9", little).await,
            found("n >= 0 ORDER BY n LIMIT 9", enough).await,
        );
        // The database can't tell that of texts: it gives rows that the condition then drops.
        let dropped = found("LOWER(t) = \"y\"", little).await;

        assert_eq!(all, (None, Some(10)));
        assert_eq!(first, (None, Some(9)));
        assert_eq!(dropped, Some(0));
    }
}
