//! What must hold for the rows of a table, looked up through what the turn has changed.

use std::sync::Arc;

use basic::{Data, schema::ColumnType};
use gateway::command::{Run, Unperformed};
use platform::db::MadeValue;

use super::{
    access::Opened,
    check,
    definition::{Existing, folded},
    draft::{Held, Ledger},
    scan::object,
    service::{BotTables, Record, refused},
    value::{self, INDEXED_BYTES},
};

/// A column that refers to a row: its table, its place, whether it cascades, and the value that it refers to.
pub(super) type Referring = (Arc<Existing>, usize, bool, MadeValue);

impl BotTables {
    /// What the key of a new row is that has none.
    pub(super) async fn next_key(
        &self,
        run: &Run,
        opened: &Opened,
        place: usize,
    ) -> Result<MadeValue, Unperformed> {
        let stored = &opened.definition().columns[place];
        match stored.holds {
            ColumnType::Uuid | ColumnType::Text { .. } if stored.refers.is_none() => {
                let made = Data::Text(self.surroundings.uuid().to_string());
                let kept = value::kept(stored, &made, *run.now.fixed_offset().offset());
                kept.map_err(|why| refused(format!("{}.{why}", opened.name())))
            }
            ColumnType::Integer | ColumnType::BigInteger if stored.refers.is_none() => {
                let (table, number) = (opened.table.place, stored.number);
                let stored_last = self.db.read(run.org, move |tx| tx.made_maximum(table, number)).await?;
                let whole = |value: &MadeValue| if let MadeValue::Whole(whole) = value { *whole } else { 0 };
                let own = run.drafts.with(|ledger: &mut Ledger| {
                    ledger.own(table).map(|row| whole(&row.values[place])).max().unwrap_or(0)
                });
                let last = own.max(whole(&stored_last)).max(0);
                let next = last.checked_add(1).and_then(|next| {
                    value::kept(stored, &Data::Integer(next), *run.now.fixed_offset().offset()).ok()
                });
                next.ok_or_else(|| refused(format!("{} has no more keys to give", opened.name())))
            }
            // It is null, which a key refuses.
            _ => Ok(MadeValue::Null),
        }
    }

    /// No other row is alike where no two may be, but for the first so many sets of columns.
    pub(super) async fn check_unique(
        &self,
        run: &Run,
        opened: &Opened,
        values: &[MadeValue],
        old: Option<&Held>,
        passed_over: usize,
    ) -> Result<(), Unperformed> {
        let definition = opened.definition();
        for set in definition.unique_sets().skip(passed_over) {
            let places: Vec<usize> =
                set.iter().filter_map(|number| definition.place_of_number(*number)).collect();
            let is_same =
                old.is_some_and(|old| places.iter().all(|&place| old.values[place] == values[place]));
            // Nothing is like nothing.
            if is_same || places.iter().any(|&place| values[place] == MadeValue::Null) {
                continue;
            }
            let wanted = places.iter().map(|&place| (place, values[place].clone())).collect();
            let found = self.alike(run, &opened.table, wanted, 2).await?;
            if found.iter().any(|row| old.is_none_or(|old| old.id != row.id)) {
                let offset = *run.now.fixed_offset().offset();
                let shown = |&place: &usize| {
                    let stored = &definition.columns[place];
                    format!("{} {}", stored.column.name, value::shown(stored, &values[place], offset))
                };
                let shown: Vec<_> = places.iter().map(shown).collect();
                let (name, shown) = (opened.name(), shown.join(", "));
                return Err(refused(format!("{name} has a row with the {shown} already")));
            }
        }
        Ok(())
    }

    /// What the values at these places refer to is there.
    pub(super) async fn check_references(
        &self,
        run: &Run,
        opened: &Opened,
        values: &[MadeValue],
        places: &[usize],
    ) -> Result<(), Unperformed> {
        let definition = opened.definition();
        for &place in places {
            let stored = &definition.columns[place];
            let (Some(refers), value) = (&stored.refers, &values[place]) else { continue };
            let tables = self.tables(run).await?;
            let Some(target) = tables.get(&refers.table).filter(|_| *value != MadeValue::Null) else {
                continue;
            };
            let Some(at) = target.definition.place_of_number(refers.column) else { continue };
            // A row may refer to itself.
            let own = target.place == opened.table.place && values[at] == *value;
            if !own && self.alike(run, target, vec![(at, value.clone())], 1).await?.is_empty() {
                let (name, column) = (opened.name(), &stored.column.name);
                let shown = value::shown(stored, value, *run.now.fixed_offset().offset());
                let other = &target.definition.name;
                return Err(refused(format!("{name}.{column}: {other} has no row {shown}")));
            }
        }
        Ok(())
    }

    /// Nothing refers to the values at these places, which change.
    pub(super) async fn check_referred(
        &self,
        run: &Run,
        opened: &Opened,
        row: &Held,
        places: &[usize],
    ) -> Result<(), Unperformed> {
        for (other, place, _, value) in self.referring(run, &opened.table, row, Some(places)).await? {
            if !self.alike(run, &other, vec![(place, value)], 1).await?.is_empty() {
                let (name, own) = (&other.definition.name, opened.name());
                return Err(refused(format!("a row of {name} refers to this row of {own}")));
            }
        }
        Ok(())
    }

    /// The columns that refer to a row's values, to all or to those at these places.
    pub(super) async fn referring(
        &self,
        run: &Run,
        table: &Existing,
        row: &Held,
        places: Option<&[usize]>,
    ) -> Result<Vec<Referring>, Unperformed> {
        let own = folded(&table.definition.name);
        let mut found = Vec::new();
        for other in self.tables(run).await?.values() {
            for (place, stored) in other.definition.columns.iter().enumerate() {
                let refers = stored.refers.as_ref().filter(|refers| refers.table == own);
                let at = refers.and_then(|refers| table.definition.place_of_number(refers.column));
                let (Some(refers), Some(at)) = (refers, at) else { continue };
                let is_asked = places.is_none_or(|places| places.contains(&at));
                if is_asked && row.values[at] != MadeValue::Null {
                    found.push((Arc::clone(other), place, refers.cascades, row.values[at].clone()));
                }
            }
        }
        Ok(found)
    }
}

/// A row with the values of a record in it, and their places.
pub(super) fn converted(
    run: &Run,
    opened: &Opened,
    record: &Record,
    row: Option<&Held>,
) -> Result<(Vec<MadeValue>, Vec<usize>), Unperformed> {
    let definition = opened.definition();
    let nothing = || vec![MadeValue::Null; definition.columns.len()];
    let mut values = row.map_or_else(nothing, |row| row.values.clone());
    let mut given = Vec::new();
    for (name, value) in record {
        let stored = definition.place_of(name).map(|place| &definition.columns[place]);
        let kept = stored.map(|stored| value::kept(stored, value, *run.now.fixed_offset().offset()));
        let place = match (definition.place_of(name), &kept) {
            // A row that was found and is saved names columns that its person may not write.
            // Whether it is equal tells what stands there, and that they must be allowed to know.
            (Some(place), Some(Ok(kept)))
                if opened.may_read(place) && row.is_some_and(|row| row.values[place] == *kept) =>
            {
                place
            }
            _ => opened.for_writing(name)?,
        };
        let Some(kept) = kept else { continue };
        values[place] = kept.map_err(|why| refused(format!("{}.{why}", opened.name())))?;
        given.push(place);
    }
    given.sort_unstable();
    given.dedup();
    Ok((values, given))
}

/// NOT NULL, CHECK, and what fits into an index.
pub(super) fn check(run: &Run, opened: &Opened, values: &[MadeValue]) -> Result<(), Unperformed> {
    let (definition, name) = (opened.definition(), opened.name());
    for (stored, value) in definition.columns.iter().zip(values) {
        let column = &stored.column.name;
        if *value == MadeValue::Null && (stored.column.not_null || definition.key.contains(&stored.number)) {
            return Err(refused(format!("{name}.{column} needs a value")));
        }
        let is_long = matches!(value, MadeValue::Text(text) if text.len() > INDEXED_BYTES);
        if is_long && definition.is_indexed(stored.number) {
            return Err(refused(format!("{name}.{column} is in an index: at most {INDEXED_BYTES} bytes")));
        }
    }
    for index in &definition.indexes {
        let texts =
            index.columns.iter().filter_map(|number| match &values[definition.place_of_number(*number)?] {
                MadeValue::Text(text) => Some(text.len()),
                _ => None,
            });
        if texts.sum::<usize>() > INDEXED_BYTES {
            return Err(refused(format!("an index of {name} has at most {INDEXED_BYTES} bytes of a row")));
        }
    }
    if !definition.checks.is_empty() {
        let now = run.now.fixed_offset();
        let row = object(definition, values, *now.offset());
        if let Some(check) = check::broken(definition, &row, now) {
            return Err(refused(format!("a row of {name} breaks CHECK ({check})")));
        }
    }
    Ok(())
}
