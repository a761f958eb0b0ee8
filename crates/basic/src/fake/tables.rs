//! Tables of the host made of data: what FIND, SAVE and the other data commands do.

use chrono::{DateTime, FixedOffset};

use super::{FakeHost, failed};
use crate::data::{Data, Rows};
use crate::filter::Fields;
use crate::step::{Answer, Change, Clause, Command, ErrorCode};

/// The fields of a row.
type Record = Vec<(String, Data)>;

fn set(fields: &mut Record, name: &str, value: Data) {
    match fields.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
        Some((_, slot)) => *slot = value,
        None => fields.push((name.to_owned(), value)),
    }
}

/// The value of a field of a row as text; what keys are compared by.
fn key_of(row: &Data, name: &str) -> String {
    row.field(name).to_text().into_owned()
}

fn no_table(name: &str) -> Answer {
    failed(ErrorCode::Data, format!("there is no table {}", name.trim_start_matches('.')))
}

/// The rows of an argument that gives several.
fn several(value: &Data) -> Option<&[Data]> {
    match value {
        Data::Array(items) => Some(items),
        Data::Rows(rows) => Some(&rows.rows),
        _ => None,
    }
}

impl FakeHost {
    /// Performs a data command.
    pub(super) fn data(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        match command.keyword.phrase {
            "FIND" => self.find(command, now),
            "SAVE" | "INSERT INTO" => self.save(command),
            "UPDATE" | "SET" => self.update(command, now),
            "DELETE" => self.delete(command, now),
            "MERGE" => self.merge(command),
            "AGGREGATE" => self.aggregate(command, now),
            "SAVE FROM UNSTRUCTURED" => self.save_unstructured(command),
            _ => self.products(command),
        }
    }

    fn rows_of(&mut self, name: &str) -> Option<&mut Vec<Data>> {
        let name = name.trim_start_matches('.');
        let key = self.tables.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
        key.and_then(|key| self.tables.get_mut(&key))
    }

    /// The rows that the filter of a command lets through; all where it has none.
    fn chosen(rows: &[Data], command: &Command, now: DateTime<FixedOffset>) -> Vec<Data> {
        let Some(filter) = &command.filter else { return rows.to_vec() };
        filter.select(rows, now).into_iter().filter_map(|at| rows.get(at).cloned()).collect()
    }

    fn find(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let name = argument(command, 0);
        let Some(rows) = self.rows_of(&name) else {
            // A file that is not there is an empty one.
            return if name.contains('.') {
                Answer::Value(Data::Rows(Rows { table: name, rows: Vec::new() }))
            } else {
                no_table(&name)
            };
        };
        let mut chosen = match command.arguments.as_slice() {
            [_, column, value] => {
                let (column, value) = (column.to_string(), value.to_string());
                rows.iter().filter(|row| key_of(row, &column) == value).cloned().collect()
            }
            _ => Self::chosen(rows, command, now),
        };
        if command.clause("FIRST").is_some() {
            chosen.truncate(1);
        }
        Answer::Value(Data::Rows(Rows { table: name, rows: chosen }))
    }

    /// Adds a record, or takes the place of the one with its id; gives the id.
    fn put(&mut self, table: &str, mut record: Record) -> (Data, Record) {
        let id = match record.iter().find(|(name, _)| name.eq_ignore_ascii_case("id")) {
            Some((_, id)) if !id.is_null() => id.clone(),
            _ => {
                self.made += 1;
                let made = Data::Text(format!("id-{}", self.made));
                set(&mut record, "id", made.clone());
                made
            }
        };
        let rows = self.tables.entry(table.trim_start_matches('.').to_owned()).or_default();
        match rows.iter_mut().find(|row| key_of(row, "id") == id.to_string()) {
            Some(Data::Object(own)) => record.iter().for_each(|(name, value)| set(own, name, value.clone())),
            _ => rows.push(Data::Object(record.clone())),
        }
        (id, record)
    }

    /// Adds a record as [`Self::put`] does, but INSERT takes no place of another.
    fn write(&mut self, command: &Command, record: Record) -> Result<(Data, Record), Answer> {
        let table = argument(command, 0);
        match self.taken(&table, &record).filter(|_| command.keyword.phrase == "INSERT INTO") {
            Some(refusal) => Err(refusal),
            None => Ok(self.put(&table, record)),
        }
    }

    /// The refusal of a record where there is one with its id.
    fn taken(&mut self, table: &str, record: &Record) -> Option<Answer> {
        let (_, id) = record.iter().find(|(name, id)| name.eq_ignore_ascii_case("id") && !id.is_null())?;
        let taken = self.rows_of(table)?.iter().any(|row| key_of(row, "id") == id.to_string());
        let message = || format!("{} has a row with the id {id} already", table.trim_start_matches('.'));
        taken.then(|| failed(ErrorCode::Data, message()))
    }

    fn save(&mut self, command: &Command) -> Answer {
        self.try_save(command).unwrap_or_else(|refusal| refusal)
    }

    fn try_save(&mut self, command: &Command) -> Result<Answer, Answer> {
        let table = argument(command, 0);
        let gives_id = command.keyword.phrase == "SAVE";
        let answer = |id: Data, record: Record| if gives_id { id } else { Data::Object(record) };
        // Named fields: WITH, or arguments that are names.
        if let Some(fields) = command.clauses.iter().find_map(|(_, clause)| match clause {
            Clause::Fields(fields) => Some(fields.clone()),
            Clause::Values(_) => None,
        }) {
            let (id, record) = self.write(command, fields)?;
            return Ok(Answer::Value(answer(id, record)));
        }
        let values = match command.clause("VALUES") {
            Some(Clause::Values(values)) => values.as_slice(),
            _ => command.arguments.get(1..).unwrap_or_default(),
        };
        Ok(match values {
            [Data::Object(record)] => {
                let (id, record) = self.write(command, record.clone())?;
                let value = answer(id.clone(), record);
                if command.arguments.len() < 2 {
                    return Ok(Answer::Value(value));
                }
                // Scripts read the id of what they saved.
                let change = Change { argument: 1, element: None, member: "id".into(), value: id };
                Answer::Changed { value, changes: vec![change] }
            }
            [key, Data::Object(record)] => {
                let mut record = record.clone();
                set(&mut record, "id", key.clone());
                let (id, record) = self.write(command, record)?;
                Answer::Value(answer(id, record))
            }
            [list] if several(list).is_some() => {
                let mut changes = Vec::new();
                for (element, row) in several(list).unwrap_or_default().iter().enumerate() {
                    let Data::Object(record) = row else {
                        return Err(failed(ErrorCode::Argument, "expected objects"));
                    };
                    let (value, _) = self.write(command, record.clone())?;
                    changes.push(Change { argument: 1, element: Some(element), member: "id".into(), value });
                }
                Answer::Changed { value: Data::Integer(changes.len() as i64), changes }
            }
            [] => failed(ErrorCode::Argument, "expected an object or values"),
            values => {
                // By the places of the columns, as the rows that are there have them.
                let first = self.rows_of(&table).and_then(|rows| rows.first().cloned());
                let names: Vec<String> = match first {
                    Some(Data::Object(fields)) => fields.into_iter().map(|(name, _)| name).collect(),
                    _ => (1..=values.len()).map(|number| format!("column{number}")).collect(),
                };
                let record = names.into_iter().zip(values.iter().cloned()).collect();
                let (id, record) = self.write(command, record)?;
                Answer::Value(answer(id, record))
            }
        })
    }

    fn update(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let fields = match (command.clauses.first(), command.arguments.as_slice()) {
            (Some((_, Clause::Fields(fields))), _) => fields.clone(),
            (_, [.., Data::Object(fields)]) => fields.clone(),
            (_, [_, _, field, value]) => vec![(field.to_string(), value.clone())],
            // `SET t, filter, "field=value"`.
            (_, [_, _, pair]) => match pair.to_string().split_once('=') {
                Some((field, value)) => vec![(field.trim().to_owned(), Data::Text(value.trim().to_owned()))],
                None => return failed(ErrorCode::Argument, "expected \"field=value\""),
            },
            _ => return failed(ErrorCode::Argument, "expected SET or an object"),
        };
        let key = command.arguments.get(1).map(ToString::to_string);
        let name = argument(command, 0);
        let Some(rows) = self.rows_of(&name) else {
            return no_table(&name);
        };
        let mut changed = 0;
        for row in rows.iter_mut() {
            let fits = match (&command.filter, &key) {
                (Some(filter), _) => filter.matches(row, now),
                (None, Some(key)) => key_of(row, "id") == *key,
                (None, None) => true,
            };
            if fits && let Data::Object(own) = row {
                for (name, value) in &fields {
                    set(own, name, value.clone());
                }
                changed += 1;
            }
        }
        Answer::Value(Data::Integer(changed))
    }

    fn delete(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let name = argument(command, 0);
        let Some(filter) = &command.filter else {
            if command.arguments.len() == 1 && self.files.remove(&name).is_some() {
                return Answer::Value(Data::Integer(1));
            }
            if command.arguments.len() == 1 && name.contains(['/', '.']) {
                return failed(ErrorCode::NotFound, format!("there is no file {name}"));
            }
            let Some(key) = command.arguments.get(1).map(ToString::to_string) else {
                return failed(ErrorCode::Argument, "DELETE needs a condition; WHERE TRUE deletes all rows");
            };
            return self.remove(&name, |row| key_of(row, "id") == key);
        };
        self.remove(&name, |row| filter.matches(row, now))
    }

    fn remove(&mut self, table: &str, fits: impl Fn(&Data) -> bool) -> Answer {
        let Some(rows) = self.rows_of(table) else {
            return no_table(table);
        };
        let before = rows.len();
        rows.retain(|row| !fits(row));
        Answer::Value(Data::Integer((before - rows.len()) as i64))
    }

    fn merge(&mut self, command: &Command) -> Answer {
        let rows = command.clause_value("WITH").or(command.arguments.get(1)).and_then(several);
        let key = command.clause_value("BY").or(command.arguments.get(2)).map(ToString::to_string);
        let (Some(rows), Some(key)) = (rows.map(<[Data]>::to_vec), key) else {
            return failed(ErrorCode::Argument, "MERGE needs rows and a key");
        };
        let own = self.tables.entry(argument(command, 0).trim_start_matches('.').to_owned()).or_default();
        let (mut inserted, mut updated) = (0, 0);
        for row in rows {
            let mut record = Record::new();
            flatten("", &row, &mut record);
            let wanted = key_of(&row, &key);
            match own.iter_mut().find(|own| key_of(own, &key) == wanted) {
                Some(Data::Object(fields)) => {
                    record.into_iter().for_each(|(name, value)| set(fields, &name, value));
                    updated += 1;
                }
                _ => {
                    own.push(Data::Object(record));
                    inserted += 1;
                }
            }
        }
        let counts = [("inserted", inserted), ("updated", updated)];
        Answer::Value(Data::Object(
            counts.map(|(name, count)| (name.to_owned(), Data::Integer(count))).into(),
        ))
    }

    /// `AGGREGATE table, operation, field[, filter]`; over rows in memory the machine does it itself.
    fn aggregate(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let (operation, field) = (argument(command, 1).to_lowercase(), argument(command, 2));
        let name = argument(command, 0);
        let Some(rows) = self.rows_of(&name) else {
            return no_table(&name);
        };
        let rows = Self::chosen(rows, command, now);
        if operation == "count" {
            return Answer::Value(Data::Integer(rows.len() as i64));
        }
        let numbers: Vec<f64> = rows.iter().filter_map(|row| row.get(&field)?.as_number()).collect();
        let total: f64 = numbers.iter().sum();
        let result = match operation.as_str() {
            "sum" => Some(total),
            "avg" | "average" => (!numbers.is_empty()).then(|| total / numbers.len() as f64),
            "min" => numbers.iter().copied().reduce(f64::min),
            "max" => numbers.iter().copied().reduce(f64::max),
            _ => return failed(ErrorCode::Argument, "AGGREGATE knows SUM, AVG, COUNT, MIN and MAX"),
        };
        Answer::Value(result.map_or(Data::Null, Data::Number))
    }

    /// An object or JSON text is stored as it is; in prose the model finds the record.
    fn save_unstructured(&mut self, command: &Command) -> Answer {
        let parsed = |text: &str| serde_json::from_str::<Data>(text).ok();
        let value = match command.arguments.get(1) {
            Some(Data::Text(text)) => parsed(text).or_else(|| {
                self.found += 1;
                self.extracted.get(self.found - 1).cloned()
            }),
            other => other.cloned(),
        };
        match value {
            Some(Data::Object(record)) => Answer::Value(self.put(&argument(command, 0), record).0),
            _ => failed(ErrorCode::Model, "the model found no fields in this text"),
        }
    }

    /// PRODUCT and SEARCH PRODUCTS read the table `products`.
    fn products(&mut self, command: &Command) -> Answer {
        let wanted = argument(command, 0).to_lowercase();
        let limit =
            command.arguments.get(1).and_then(Data::as_integer).map_or(usize::MAX, |n| n.max(0) as usize);
        let one = command.keyword.phrase == "PRODUCT";
        let rows = self.rows_of("products").map(|rows| rows.clone()).unwrap_or_default();
        let fits = |row: &Data| {
            if one {
                key_of(row, "id").to_lowercase() == wanted
            } else {
                row.to_string().to_lowercase().contains(&wanted)
            }
        };
        let mut found: Vec<Data> = rows.into_iter().filter(fits).take(limit).collect();
        if one {
            return Answer::Value(if found.is_empty() { Data::Null } else { found.swap_remove(0) });
        }
        Answer::Value(Data::Rows(Rows { table: "products".into(), rows: found }))
    }
}

fn argument(command: &Command, index: usize) -> String {
    command.arguments.get(index).map(ToString::to_string).unwrap_or_default()
}

/// Nested members become columns `a_b`.
fn flatten(prefix: &str, value: &Data, out: &mut Record) {
    match value {
        Data::Object(fields) => {
            for (name, field) in fields {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}_{name}") };
                flatten(&name, field, out);
            }
        }
        value => out.push((prefix.to_owned(), value.clone())),
    }
}
