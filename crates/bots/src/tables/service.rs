//! What scripts do with tables: find, insert, change, remove rows, in the turn that they are part of.

use std::{collections::HashSet, sync::Arc};

use basic::{
    Data, ErrorCode,
    filter::{BoundFilter, Condition, Filter},
};
use gateway::command::{Run, Unperformed};
use kernel::Surroundings;
use platform::{
    db::{Db, MadeValue, RowId},
    settings::Live,
};

use super::{
    access::Opened,
    definition::Existing,
    draft::{Held, Ledger},
    rules,
    scan::{Alike, Found, Scan, Scanned},
    value,
};
use crate::Settings;

/// Bytes that one turn may write into tables.
const TURN_BYTES: usize = 16 << 20;

/// Fields of a record with their values.
pub(super) type Record = [(String, Data)];

/// The tables of bots. A cheap handle.
#[derive(Clone)]
pub struct BotTables {
    pub(super) db: Db,
    pub(super) surroundings: Surroundings,
    settings: Live<Settings>,
}

/// The refusal of a value or a row.
pub(super) fn refused(message: impl Into<String>) -> Unperformed {
    Unperformed::failed(ErrorCode::Data, message)
}

fn limit(message: String) -> Unperformed {
    Unperformed::failed(ErrorCode::Limit, message)
}

/// A filter of this condition alone.
pub(super) fn filter_of(condition: Condition) -> Result<BoundFilter, Unperformed> {
    let filter = Filter { condition: Some(condition), ..Filter::default() };
    filter.bind(&[]).map_err(|error| Unperformed::argument(error.to_string()))
}

impl BotTables {
    /// The service over the given adapters.
    pub(crate) fn new(db: Db, surroundings: Surroundings, settings: Live<Settings>) -> Self {
        Self { db, surroundings, settings }
    }

    // ---- reading ----

    /// The rows that a filter wants, in its order.
    pub(super) async fn find(
        &self,
        run: &Run,
        opened: &Opened,
        filter: &BoundFilter,
    ) -> Result<Vec<Found>, Unperformed> {
        let most = basic::Limits::default().rows;
        self.scan(run, opened, filter, most, "use LIMIT").await
    }

    /// The same to count or sum them, which may be more.
    pub(super) async fn find_all(
        &self,
        run: &Run,
        opened: &Opened,
        filter: &BoundFilter,
    ) -> Result<Vec<Found>, Unperformed> {
        let most = self.settings.get().table_rows_scanned;
        self.scan(run, opened, filter, most, "ask for fewer").await
    }

    async fn scan(
        &self,
        run: &Run,
        opened: &Opened,
        filter: &BoundFilter,
        most: usize,
        remedy: &str,
    ) -> Result<Vec<Found>, Unperformed> {
        opened.check_filter(filter)?;
        let place = opened.table.place;
        let looked_at = self.settings.get().table_rows_scanned;
        let scan = Scan {
            table: Arc::clone(&opened.table),
            filter: filter.clone(),
            now: run.now.fixed_offset(),
            changed: run.drafts.with(|ledger: &mut Ledger| ledger.changed(place)),
            most,
            looked_at,
        };
        match self.db.read(run.org, move |tx| scan.read(tx)).await? {
            Scanned::Rows(found) => {
                let (mut rows, objects): (Vec<Held>, Vec<Data>) = found.into_iter().unzip();
                run.drafts.with(|ledger: &mut Ledger| ledger.see(place, &mut rows));
                Ok(rows.into_iter().zip(objects).collect())
            }
            Scanned::TooMany => {
                Err(limit(format!("more than {most} rows of {}, or too large ones; {remedy}", opened.name())))
            }
            Scanned::TooFar => Err(limit(format!(
                "the condition makes the server look at more than {looked_at} rows of {}; compare a column that \
                 has an index with a value of its type",
                opened.name()
            ))),
        }
    }

    /// The rows that have these values at these places.
    pub(super) async fn alike(
        &self,
        run: &Run,
        table: &Arc<Existing>,
        values: Vec<(usize, MadeValue)>,
        most: usize,
    ) -> Result<Vec<Held>, Unperformed> {
        let place = table.place;
        // Some of those that are stored may be others by now.
        let most = most.saturating_add(run.drafts.with(|ledger: &mut Ledger| ledger.count(place)));
        let alike = Alike { table: Arc::clone(table), values, most };
        let stored = alike.clone();
        let mut rows = self.db.read(run.org, move |tx| stored.read(tx)).await?;
        run.drafts.with(|ledger: &mut Ledger| {
            rows.retain(|row| !ledger.has_changed(place, &row.id));
            ledger.see(place, &mut rows);
            rows.extend(ledger.own(place).filter(|row| alike.fits(row)).cloned());
        });
        Ok(rows)
    }

    /// The row with that value in that column; none where there is none, or where no row can have it.
    pub(super) async fn by_value(
        &self,
        run: &Run,
        opened: &Opened,
        place: usize,
        value: &Data,
    ) -> Result<Option<Held>, Unperformed> {
        let stored = &opened.definition().columns[place];
        match value::kept(stored, value, *run.now.fixed_offset().offset()) {
            Ok(MadeValue::Null) | Err(_) => Ok(None),
            Ok(value) => Ok(self.alike(run, &opened.table, vec![(place, value)], 1).await?.pop()),
        }
    }

    /// The row with the key of a record; none where it doesn't name all of the key.
    pub(super) async fn by_key(
        &self,
        run: &Run,
        opened: &Opened,
        record: &Record,
    ) -> Result<Option<Held>, Unperformed> {
        let mut values = Vec::new();
        for place in opened.definition().key_places() {
            let stored = &opened.definition().columns[place];
            let name = stored.column.name.to_lowercase();
            let given = record.iter().rev().find(|(field, _)| field.to_lowercase() == name);
            let Some((_, given)) = given else { return Ok(None) };
            match value::kept(stored, given, *run.now.fixed_offset().offset()) {
                Ok(MadeValue::Null) => return Ok(None),
                Ok(value) => values.push((place, value)),
                Err(why) => return Err(refused(format!("{}.{why}", opened.name()))),
            }
        }
        Ok(self.alike(run, &opened.table, values, 1).await?.pop())
    }

    // ---- changing ----

    /// Adds a row.
    pub(super) async fn insert(
        &self,
        run: &Run,
        opened: &Opened,
        record: &Record,
    ) -> Result<Held, Unperformed> {
        let definition = opened.definition();
        let (mut values, given) = rules::converted(run, opened, record, None)?;
        for (place, stored) in definition.columns.iter().enumerate() {
            let is_given = given.contains(&place);
            if let Some(default) = stored.column.default.as_ref().filter(|_| !is_given) {
                let default = value::default(default, stored, run.now, &self.surroundings);
                values[place] = default.map_err(|why| refused(format!("{}.{why}", opened.name())))?;
            }
        }
        let mut has_made_key = false;
        if let Some(stored) = definition.single_key()
            && let Some(place) = definition.place_of_number(stored.number)
            && values[place] == MadeValue::Null
        {
            values[place] = self.next_key(run, opened, place).await?;
            has_made_key = true;
        }
        rules::check(run, opened, &values)?;
        // A key that was made may be taken by now: then the turn is overtaken, and makes another one.
        self.check_unique(run, opened, &values, None, usize::from(has_made_key)).await?;
        self.check_references(run, opened, &values, &(0..values.len()).collect::<Vec<_>>()).await?;
        let random = self.surroundings.uuid();
        let id = run.drafts.with(|ledger: &mut Ledger| {
            let id = row_id(run, ledger.next(), random.as_bytes());
            ledger.insert(&opened.table, id, values.clone());
            id
        });
        self.check_load(run)?;
        Ok(Held { id, rev: 1, values })
    }

    /// Changes fields of a row; gives its values.
    pub(super) async fn update(
        &self,
        run: &Run,
        opened: &Opened,
        row: &Held,
        record: &Record,
    ) -> Result<Vec<MadeValue>, Unperformed> {
        let (values, given) = rules::converted(run, opened, record, Some(row))?;
        let changed = |place: &usize| values[*place] != row.values[*place];
        let places: Vec<usize> = given.into_iter().filter(changed).collect();
        if places.is_empty() {
            run.drafts.with(Ledger::note_unchanged);
            return Ok(values);
        }
        rules::check(run, opened, &values)?;
        self.check_unique(run, opened, &values, Some(row), 0).await?;
        self.check_references(run, opened, &values, &places).await?;
        self.check_referred(run, opened, row, &places).await?;
        run.drafts.with(|ledger: &mut Ledger| ledger.update(&opened.table, row, &places, values.clone()));
        self.check_load(run)?;
        Ok(values)
    }

    /// Removes a row, and what goes with it.
    pub(super) async fn delete(&self, run: &Run, opened: &Opened, row: Held) -> Result<(), Unperformed> {
        // Whoever was removed with another row is gone already.
        let place = opened.table.place;
        if run.drafts.with(|ledger: &mut Ledger| ledger.is_deleted(place, &row.id)) {
            return Ok(());
        }
        self.delete_with(run, Arc::clone(&opened.table), row).await
    }

    /// Those that refer to a row go before it.
    async fn delete_with(&self, run: &Run, table: Arc<Existing>, row: Held) -> Result<(), Unperformed> {
        // Rows refer to rows as deep as there are any: a list of what is to be done, not a call within a call.
        let mut under_way = HashSet::new();
        let mut to_do = vec![Removing::Begins(table, row)];
        while let Some(next) = to_do.pop() {
            let (table, row) = match next {
                Removing::Ends(table, row) => {
                    under_way.remove(&row.id);
                    run.drafts.with(|ledger: &mut Ledger| ledger.delete(table.place, &row));
                    self.check_load(run)?;
                    continue;
                }
                Removing::Begins(table, row) => (table, row),
            };
            if run.drafts.with(|ledger: &mut Ledger| ledger.is_deleted(table.place, &row.id)) {
                continue;
            }
            under_way.insert(row.id);
            to_do.push(Removing::Ends(Arc::clone(&table), row.clone()));
            for (other, place, cascades, value) in self.referring(run, &table, &row, None).await? {
                for referring in self.alike(run, &other, vec![(place, value)], self.changes_left(run)).await?
                {
                    if referring.id == row.id {
                        continue;
                    }
                    let (name, own) = (&other.definition.name, &table.definition.name);
                    if !cascades {
                        return Err(refused(format!("a row of {name} refers to this row of {own}")));
                    }
                    if under_way.contains(&referring.id) {
                        return Err(refused(format!(
                            "rows of {name} and {own} refer to each other in a circle"
                        )));
                    }
                    to_do.push(Removing::Begins(Arc::clone(&other), referring));
                }
            }
            // Each of them is a change.
            if to_do.len() > self.changes_left(run) {
                return Err(self.too_many_changes());
            }
        }
        Ok(())
    }

    fn changes_left(&self, run: &Run) -> usize {
        let most = self.settings.get().table_changes_per_turn;
        let (changes, _) = run.drafts.with(|ledger: &mut Ledger| ledger.load());
        most.saturating_sub(changes) + 1
    }

    fn too_many_changes(&self) -> Unperformed {
        let most = self.settings.get().table_changes_per_turn;
        limit(format!("one turn changes at most {most} rows of tables"))
    }

    /// One turn changes only so much.
    fn check_load(&self, run: &Run) -> Result<(), Unperformed> {
        let most = self.settings.get().table_changes_per_turn;
        let (changes, bytes) = run.drafts.with(|ledger: &mut Ledger| ledger.load());
        if changes > most {
            return Err(self.too_many_changes());
        }
        if bytes > TURN_BYTES {
            return Err(limit(format!("one turn writes at most {TURN_BYTES} bytes into tables")));
        }
        Ok(())
    }
}

/// What is still to be done for a row to go.
enum Removing {
    /// Those that refer to it go first.
    Begins(Arc<Existing>, Held),
    /// It goes itself.
    Ends(Arc<Existing>, Held),
}

/// The id of a new row: after those of earlier turns and of its own turn (RFC 9562, version 7, with the place among
/// the turn's rows as its counter).
fn row_id(run: &Run, place: u32, random: &[u8; 16]) -> RowId {
    let millis = u64::try_from(run.now.timestamp_millis()).unwrap_or_default().to_be_bytes();
    let (high, low) = ((place >> 14).to_be_bytes(), (place & 0x3fff).to_be_bytes());
    let mut id = *random;
    id[..6].copy_from_slice(&millis[2..]);
    id[6] = 0x70 | (high[2] & 0x0f);
    id[7] = high[3];
    id[8] = 0x80 | low[2];
    id[9] = low[3];
    id
}
