//! What scripts can do with the tables of their bot.

use basic::{Answer, Command, Data, Rows};
use gateway::{
    Module,
    command::{Performed, Run, Unperformed},
};
use kernel::Error;
use platform::db::MadeValue;
use tokio::task::spawn_blocking;

use super::{
    access::{Opened, Right},
    draft::{Held, Ledger},
    forms::{self, Chosen, Saved, Unstructured},
    scan::{Found, object},
    service::{BotTables, Record},
    value,
};
use crate::memory::keywords::text;

/// Bytes of a text that is read where the script asks; what has more is read aside.
const SMALL: usize = 64 << 10;

/// The commands on tables.
pub(super) fn with_commands(module: Module, tables: &BotTables) -> Module {
    macro_rules! perform {
        ($tables:ident . $name:ident) => {{
            let tables = $tables.clone();
            move |run, command| {
                let tables = tables.clone();
                async move {
                    run.drafts.with(Ledger::begin_command);
                    let performed = tables.$name(&run, &command).await;
                    if performed.is_err() {
                        run.drafts.with(Ledger::undo_command);
                    }
                    performed
                }
            }
        }};
    }
    module
        .command("FIND", perform!(tables.find_rows))
        .command("SAVE", perform!(tables.save))
        .command("INSERT INTO", perform!(tables.save))
        .command("SAVE FROM UNSTRUCTURED", perform!(tables.save_unstructured))
        .command("UPDATE", perform!(tables.change))
        .command_where("SET", |command| command.arguments.len() == 3, perform!(tables.change))
        .command_where("DELETE", deletes_rows, perform!(tables.remove))
        .command("MERGE", perform!(tables.merge))
        .command("AGGREGATE", perform!(tables.aggregate))
}

/// Does DELETE mean rows? With one argument that is an address or a path it doesn't.
fn deletes_rows(command: &Command) -> bool {
    command.filter.is_some() || command.arguments.len() > 1 || !text(command, 0).contains(['/', '.', ':'])
}

impl BotTables {
    async fn find_rows(&self, run: &Run, command: &Command) -> Performed {
        let name = text(command, 0);
        let opened = self.open(run, &name, Right::Read).await?;
        let found = self.find(run, &opened, &forms::filter(command)?).await?;
        let rows = found.into_iter().map(|(_, row)| readable(&opened, row)).collect();
        Ok(Answer::Value(Data::Rows(Rows { table: name, rows })))
    }

    async fn save(&self, run: &Run, command: &Command) -> Performed {
        let opened = self.open(run, &text(command, 0), Right::Write).await?;
        let gives_id = command.keyword.phrase == "SAVE";
        let told =
            |row: &Held| if gives_id { identity(run, &opened, row).1 } else { shown(run, &opened, row) };
        match forms::saved(command)? {
            Saved::One { record, is_argument } => {
                let row = self.put(run, &opened, record, gives_id).await?;
                let changes = if is_argument { missing_id(run, &opened, record, &row, None) } else { None };
                Ok(forms::answer(told(&row), changes.into_iter().collect()))
            }
            Saved::Keyed { key, record } => {
                let Some(stored) = opened.definition().single_key() else {
                    let name = opened.name();
                    return Err(Unperformed::argument(format!("the key of {name} has several columns")));
                };
                let mut record = record.to_vec();
                record.push((stored.column.name.clone(), key.clone()));
                let row = self.put(run, &opened, &record, gives_id).await?;
                Ok(Answer::Value(told(&row)))
            }
            Saved::Many(rows) => {
                let mut changes = Vec::new();
                for (element, row) in rows.iter().enumerate() {
                    let record = forms::fields(row);
                    let record =
                        record.ok_or_else(|| Unperformed::argument("an array to save holds objects"))?;
                    let row = self.put(run, &opened, record, gives_id).await?;
                    changes.extend(missing_id(run, &opened, record, &row, Some(element)));
                }
                Ok(forms::answer(Data::Integer(rows.len() as i64), changes))
            }
            Saved::Placed(values) => {
                let places = opened.definition().declared_places();
                if values.len() > places.len() {
                    let (name, columns) = (opened.name(), places.len());
                    return Err(Unperformed::argument(format!("{name} has {columns} columns")));
                }
                let columns = opened.definition().columns[places].iter();
                let named = columns.map(|stored| stored.column.name.clone());
                let record: Vec<_> = named.zip(values.iter().cloned()).collect();
                let row = self.put(run, &opened, &record, gives_id).await?;
                Ok(Answer::Value(told(&row)))
            }
        }
    }

    /// Stores the object, or each of several, and gives the rows. What is nested goes as MERGE takes it.
    async fn save_unstructured(&self, run: &Run, command: &Command) -> Performed {
        let name = text(command, 0);
        let opened = self.open(run, &name, Right::Write).await?;
        let given = if command.arguments.get(1).and_then(Data::as_text).is_some_and(|text| text.len() > SMALL)
        {
            let command = command.clone();
            let read = spawn_blocking(move || forms::unstructured(&command)).await;
            read.map_err(Error::internal)??
        } else {
            forms::unstructured(command)?
        };
        let definition = opened.definition();
        let flat = |row: &Data| forms::flattened(row, &|name| definition.place_of(name).is_some());
        Ok(Answer::Value(match given {
            Unstructured::One(row) => shown(run, &opened, &self.put(run, &opened, &flat(&row), true).await?),
            Unstructured::Many(given) => {
                let mut rows = Vec::with_capacity(given.len());
                for row in &given {
                    rows.push(shown(run, &opened, &self.put(run, &opened, &flat(row), true).await?));
                }
                Data::Rows(Rows { table: name, rows })
            }
        }))
    }

    /// Adds a row, or changes the one with its key where that is allowed.
    async fn put(
        &self,
        run: &Run,
        opened: &Opened,
        record: &Record,
        takes_place: bool,
    ) -> Result<Held, Unperformed> {
        let present = if takes_place { self.by_key(run, opened, record).await? } else { None };
        match present {
            Some(row) => {
                let values = self.update(run, opened, &row, record).await?;
                Ok(Held { values, ..row })
            }
            None => self.insert(run, opened, record).await,
        }
    }

    async fn change(&self, run: &Run, command: &Command) -> Performed {
        let opened = self.open(run, &text(command, 0), Right::Write).await?;
        let changes = forms::changes(command)?;
        let rows = self.meant(run, &opened, forms::chosen(command)).await?;
        for (row, _) in &rows {
            self.update(run, &opened, row, &changes).await?;
        }
        Ok(Answer::Value(Data::Integer(rows.len() as i64)))
    }

    async fn remove(&self, run: &Run, command: &Command) -> Performed {
        let opened = self.open(run, &text(command, 0), Right::Write).await?;
        let chosen = forms::chosen(command);
        if matches!(chosen, Chosen::All) {
            return Err(Unperformed::argument("DELETE needs a condition; WHERE TRUE deletes all rows"));
        }
        let rows = self.meant(run, &opened, chosen).await?;
        let count = rows.len() as i64;
        for (row, _) in rows {
            self.delete(run, &opened, row).await?;
        }
        Ok(Answer::Value(Data::Integer(count)))
    }

    /// The rows that a command means.
    async fn meant(&self, run: &Run, opened: &Opened, chosen: Chosen<'_>) -> Result<Vec<Found>, Unperformed> {
        match chosen {
            Chosen::Filter(filter) => self.find(run, opened, filter).await,
            Chosen::All => self.find(run, opened, &basic::filter::BoundFilter::default()).await,
            Chosen::Key(key) => {
                let row = match (forms::fields(key), opened.definition().single_key()) {
                    // A record that has its key among its fields.
                    (Some(record), _) => self.by_key(run, opened, record).await?,
                    (None, Some(stored)) => {
                        let place = opened.definition().place_of_number(stored.number).unwrap_or_default();
                        self.by_value(run, opened, place, key).await?
                    }
                    (None, None) => {
                        let name = opened.name();
                        return Err(Unperformed::argument(format!("the key of {name} has several columns")));
                    }
                };
                Ok(row.into_iter().map(|row| (row, Data::Null)).collect())
            }
        }
    }

    async fn merge(&self, run: &Run, command: &Command) -> Performed {
        let opened = self.open(run, &text(command, 0), Right::Write).await?;
        let (rows, key) = forms::merged(command)?;
        let definition = opened.definition();
        let place = definition.place_of(&key);
        let place =
            place.ok_or_else(|| Unperformed::argument(format!("{} has no column {key}", opened.name())))?;
        // Whether a row is found tells what stands in it.
        opened.for_reading(&key)?;
        let (mut inserted, mut updated) = (0, 0);
        for row in rows {
            let record = forms::flattened(row, &|name| definition.place_of(name).is_some());
            let own = record.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key));
            let present = match own {
                Some((_, value)) => self.by_value(run, &opened, place, value).await?,
                None => None,
            };
            if let Some(present) = present {
                self.update(run, &opened, &present, &record).await?;
                updated += 1;
            } else {
                self.insert(run, &opened, &record).await?;
                inserted += 1;
            }
        }
        Ok(forms::merge_counts(inserted, updated))
    }

    async fn aggregate(&self, run: &Run, command: &Command) -> Performed {
        let (name, operation, field) = forms::aggregated(command)?;
        let opened = self.open(run, &name, Right::Read).await?;
        if !field.is_empty() && field != "*" {
            opened.for_reading(field.split('.').next().unwrap_or_default())?;
        }
        let filter = command.filter.clone().unwrap_or_default();
        let found = self.find_all(run, &opened, &filter).await?;
        let rows: Vec<Data> = found.into_iter().map(|(_, row)| row).collect();
        let offset = *run.now.fixed_offset().offset();
        Ok(Answer::Value(forms::aggregate(&rows, operation, &field, offset)?))
    }
}

/// The columns that the person may read.
fn readable(opened: &Opened, row: Data) -> Data {
    match row {
        Data::Object(fields) => {
            let fields = fields.into_iter().enumerate();
            Data::Object(
                fields.filter(|(place, _)| opened.may_read(*place)).map(|(_, field)| field).collect(),
            )
        }
        other => other,
    }
}

fn shown(run: &Run, opened: &Opened, row: &Held) -> Data {
    readable(opened, object(opened.definition(), &row.values, *run.now.fixed_offset().offset()))
}

/// The name and the value of what tells the row from others: the key, or the `id` of one whose key has several columns.
fn identity(run: &Run, opened: &Opened, row: &Held) -> (String, Data) {
    let definition = opened.definition();
    let key = definition.single_key().and_then(|stored| definition.place_of_number(stored.number));
    let place =
        key.or_else(|| definition.place_of("id")).or_else(|| definition.key_places().first().copied());
    let place = place.unwrap_or_default();
    let stored = &definition.columns[place];
    let value = row.values.get(place).unwrap_or(&MadeValue::Null);
    (stored.column.name.clone(), value::shown(stored, value, *run.now.fixed_offset().offset()))
}

/// What is written back into an object that had no id.
fn missing_id(
    run: &Run,
    opened: &Opened,
    record: &Record,
    row: &Held,
    element: Option<usize>,
) -> Option<basic::Change> {
    let (name, value) = identity(run, opened, row);
    let given = record.iter().find(|(field, _)| field.to_lowercase() == name.to_lowercase());
    let is_missing = given.is_none_or(|(_, value)| value.is_null() || value.as_text() == Some(""));
    is_missing.then(|| forms::written_back(element, &name, value))
}
