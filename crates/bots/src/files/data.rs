//! The data commands on files.

use basic::{Answer, Clause, Command, Data, ErrorCode, Rows};
use gateway::{
    Module,
    command::{Performed, Run, Unperformed},
};
use kernel::Surroundings;
use tokio::task::spawn_blocking;

use super::{
    Files, Format, Sheet,
    draft::{Base, Cabinet, Held},
    sheet::{KEY, Unreadable},
    size::{FILE_BYTES, TooLarge},
};
use crate::{
    memory::keywords::text,
    packages::layout,
    tables::forms::{self, Chosen, Saved, Unstructured},
};

/// More rows than that, or values, or bytes are worked on off the async threads.
const MANY: usize = 1000;
const MANY_BYTES: usize = 256 << 10;

/// Does a command name a file as its table?
fn is_file(command: &Command) -> bool {
    let name = match command.keyword.phrase {
        "AGGREGATE" => forms::aggregated(command).map(|(name, ..)| name).unwrap_or_default(),
        _ => text(command, 0),
    };
    let ending = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ending)| ending);
    ending.is_some_and(|ending| {
        ["csv", "json", "xlsx", "xls", "ods"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// Does DELETE mean rows of a file? With one argument it means the file.
fn deletes_rows(command: &Command) -> bool {
    is_file(command) && (command.filter.is_some() || command.arguments.len() > 1)
}

/// The commands on data files.
pub(super) fn with_commands(module: Module, files: &Files) -> Module {
    macro_rules! perform {
        ($act:ident) => {{
            let files = files.clone();
            move |run, command| {
                let files = files.clone();
                async move { files.perform(run, command, $act).await }
            }
        }};
    }
    module
        .command_where("FIND", is_file, perform!(find))
        .command_where("SAVE", is_file, perform!(save))
        .command_where("INSERT INTO", is_file, perform!(save))
        .command_where("SAVE FROM UNSTRUCTURED", is_file, perform!(save_unstructured))
        .command_where("UPDATE", is_file, perform!(change))
        .command_where("SET", |command| command.arguments.len() == 3 && is_file(command), perform!(change))
        .command_where("DELETE", deletes_rows, perform!(remove))
        .command_where("MERGE", is_file, perform!(merge))
        .command_where("AGGREGATE", is_file, perform!(aggregate))
}

/// What a command does to the rows of a file; true if it may have changed them.
type Act = fn(&mut Sheet, &Run, &Command, &Surroundings) -> Result<(Answer, bool), Unperformed>;

impl Files {
    async fn perform(&self, run: Run, command: Command, act: Act) -> Performed {
        let name = match command.keyword.phrase {
            "AGGREGATE" => forms::aggregated(&command)?.0,
            _ => text(&command, 0),
        };
        let path = self.open(&run, &name).await?;
        // The commands of a turn follow each other: nobody misses it meanwhile.
        let taken = run.drafts.with(|cabinet: &mut Cabinet| {
            cabinet.files.remove(&path).map(|mut held| {
                held.sheet.room = cabinet.room();
                held
            })
        });
        let mut held = taken.ok_or_else(|| not_a_table(&name, "it is gone"))?;
        let is_much =
            held.sheet.rows.len() > MANY || held.sheet.held() > MANY_BYTES || Amount::of(&command).is_much();
        let (drafts, surroundings) = (run.drafts.clone(), self.surroundings.clone());
        let work = move || {
            let done = held.sheet.attempt(|sheet| act(sheet, &run, &command, &surroundings));
            let answer = done.map(|(answer, changed)| {
                held.changed |= changed;
                answer
            });
            (held, answer)
        };
        let (held, answer) =
            if is_much { spawn_blocking(work).await.map_err(kernel::Error::internal)? } else { work() };
        drafts.with(|cabinet: &mut Cabinet| cabinet.files.insert(path, held));
        answer
    }

    /// Reads a file into the turn's draft, unless it is there; gives its path. One that does not exist is empty.
    async fn open(&self, run: &Run, name: &str) -> Result<String, Unperformed> {
        let format = Format::of(name).ok_or_else(|| {
            Unperformed::argument(format!("{name} can't be read as a table; save it as CSV or JSON"))
        })?;
        let base = Base::of(run, &self.packages).await?;
        let paths = base.state.files.keys().map(String::as_str);
        let present = layout::data_file(paths, name).map(str::to_owned);
        let new = || {
            let paths = base.state.files.keys().map(String::as_str);
            layout::new_data_file(paths, &base.bot.slug, name)
        };
        let path = present.clone().or_else(new);
        let path = path.ok_or_else(|| Unperformed::argument(format!("{name} is no name of a data file")))?;
        if run.drafts.with(|cabinet: &mut Cabinet| cabinet.files.contains_key(&path)) {
            return Ok(path);
        }
        let room = run.drafts.with(|cabinet: &mut Cabinet| cabinet.room());
        let mut sheet = Sheet::new(format, room);
        if let Some(file) = present.and_then(|path| base.state.files.get(&path)) {
            if file.size > FILE_BYTES as u64 {
                return Err(TooLarge::File.into());
            }
            let content = base.packages.text(file).await.map_err(kernel::Error::from)?;
            let is_much = content.len() > MANY_BYTES;
            let read = move || Sheet::read(&content, format, room);
            let read =
                if is_much { spawn_blocking(read).await.map_err(kernel::Error::internal)? } else { read() };
            sheet = read.map_err(|why| match why {
                Unreadable::NoTable(why) => not_a_table(name, &why),
                Unreadable::TooLarge(why) => why.into(),
            })?;
        }
        if sheet.held() > room {
            return Err(TooLarge::Turn.into());
        }
        run.drafts.with(|cabinet: &mut Cabinet| {
            cabinet.files.entry(path.clone()).or_insert_with(|| Held::new(sheet));
        });
        Ok(path)
    }
}

/// How much a command brings along.
#[derive(Default)]
struct Amount {
    values: usize,
    bytes: usize,
}

impl Amount {
    fn of(command: &Command) -> Self {
        let mut amount = Self::default();
        command.arguments.iter().for_each(|value| amount.add(value));
        for (_, clause) in &command.clauses {
            match clause {
                Clause::Values(values) => values.iter().for_each(|value| amount.add(value)),
                Clause::Fields(fields) => fields.iter().for_each(|(_, value)| amount.add(value)),
            }
        }
        amount
    }

    fn is_much(&self) -> bool {
        self.values > MANY || self.bytes > MANY_BYTES
    }

    fn add(&mut self, value: &Data) {
        self.values += 1;
        if self.is_much() {
            return;
        }
        match value {
            Data::Text(text) => self.bytes += text.len(),
            Data::Array(items) | Data::Rows(Rows { rows: items, .. }) => {
                for item in items {
                    self.add(item);
                }
            }
            Data::Object(fields) => {
                for (_, field) in fields {
                    self.add(field);
                }
            }
            Data::Response(response) => self.add(&response.body),
            _ => {}
        }
    }
}

impl From<TooLarge> for Unperformed {
    fn from(why: TooLarge) -> Self {
        Self::failed(ErrorCode::Limit, why.to_string())
    }
}

fn not_a_table(name: &str, why: &str) -> Unperformed {
    Unperformed::failed(ErrorCode::Data, format!("{name} can't be read as a table: {why}"))
}

fn find(
    sheet: &mut Sheet,
    run: &Run,
    command: &Command,
    _: &Surroundings,
) -> Result<(Answer, bool), Unperformed> {
    let found = sheet.find(&forms::filter(command)?, run.now.fixed_offset());
    let most = basic::Limits::default().rows;
    if found.len() > most {
        return Err(Unperformed::failed(ErrorCode::Limit, format!("more than {most} rows; use LIMIT")));
    }
    let rows = found.into_iter().filter_map(|place| sheet.rows.get(place).cloned()).collect();
    Ok((Answer::Value(Data::Rows(Rows { table: text(command, 0), rows })), false))
}

fn save(
    sheet: &mut Sheet,
    _: &Run,
    command: &Command,
    surroundings: &Surroundings,
) -> Result<(Answer, bool), Unperformed> {
    let gives_id = command.keyword.phrase == "SAVE";
    let name = text(command, 0);
    let mut put = |record: &[(String, Data)]| put(sheet, &name, record, gives_id, surroundings);
    let told = |id: Data, row: Data| if gives_id { id } else { row };
    let answer = match forms::saved(command)? {
        Saved::One { record, is_argument } => {
            let (id, row, is_made) = put(record)?;
            let change = (is_argument && is_made).then(|| forms::written_back(None, KEY, id.clone()));
            forms::answer(told(id, row), change.into_iter().collect())
        }
        Saved::Keyed { key, record } => {
            let mut record = record.to_vec();
            record.retain(|(name, _)| !name.eq_ignore_ascii_case(KEY));
            record.push((KEY.to_owned(), key.clone()));
            let (id, row, _) = put(&record)?;
            Answer::Value(told(id, row))
        }
        Saved::Many(rows) => {
            let mut changes = Vec::new();
            for (element, row) in rows.iter().enumerate() {
                let record = forms::fields(row);
                let record = record.ok_or_else(|| Unperformed::argument("an array to save holds objects"))?;
                let (id, _, is_made) = put(record)?;
                changes.extend(is_made.then(|| forms::written_back(Some(element), KEY, id)));
            }
            forms::answer(Data::Integer(rows.len() as i64), changes)
        }
        Saved::Placed(values) => {
            // By the places of the columns, as far as the header has them.
            let header = sheet.columns.clone();
            let columns = header.into_iter().chain((1..).map(|number| format!("column{number}")));
            let record: Vec<_> = columns.zip(values.iter().cloned()).collect();
            let place = sheet.insert(&record)?;
            let row = sheet.rows[place].clone();
            Answer::Value(told(row.get_ignoring_case(KEY).cloned().unwrap_or_default(), row))
        }
    };
    Ok((answer, true))
}

/// Adds a row, or changes the one with its id where that is allowed. Gives its id, the row, and whether the id is new.
fn put(
    sheet: &mut Sheet,
    name: &str,
    record: &[(String, Data)],
    takes_place: bool,
    surroundings: &Surroundings,
) -> Result<(Data, Data, bool), Unperformed> {
    let id = record.iter().find(|(name, id)| name.eq_ignore_ascii_case(KEY) && !id.to_string().is_empty());
    let (id, is_made) = match id {
        Some((_, id)) => (id.clone(), false),
        None => (Data::Text(surroundings.uuid().to_string()), true),
    };
    let mut record = record.to_vec();
    if is_made {
        record.retain(|(name, _)| !name.eq_ignore_ascii_case(KEY));
        record.push((KEY.to_owned(), id.clone()));
    }
    let place = match sheet.with_value(KEY, &id) {
        Some(_) if !takes_place => {
            let message = format!("{name} has a row with the id {id} already");
            return Err(Unperformed::failed(ErrorCode::Data, message));
        }
        Some(place) => {
            sheet.update(place, &record)?;
            place
        }
        None => sheet.insert(&record)?,
    };
    Ok((id, sheet.rows[place].clone(), is_made))
}

/// Stores the object, or each of several, and gives the rows.
fn save_unstructured(
    sheet: &mut Sheet,
    _: &Run,
    command: &Command,
    surroundings: &Surroundings,
) -> Result<(Answer, bool), Unperformed> {
    let table = text(command, 0);
    // A column of a CSV file holds no object.
    let nests = sheet.format == Format::Json;
    let mut keep = |row: &Data| {
        let record = forms::flattened(row, &|_| nests);
        put(sheet, &table, &record, true, surroundings).map(|(_, row, _)| row)
    };
    let kept = match forms::unstructured(command)? {
        Unstructured::One(row) => keep(&row)?,
        Unstructured::Many(rows) => {
            let rows = rows.iter().map(keep).collect::<Result<_, _>>()?;
            Data::Rows(Rows { table, rows })
        }
    };
    Ok((Answer::Value(kept), true))
}

/// The places of the rows that a command means.
fn meant(sheet: &mut Sheet, run: &Run, command: &Command) -> Option<Vec<usize>> {
    match forms::chosen(command) {
        Chosen::Filter(filter) => Some(sheet.find(filter, run.now.fixed_offset())),
        Chosen::Key(key) => Some(sheet.with_value(KEY, key).into_iter().collect()),
        Chosen::All => None,
    }
}

fn change(
    sheet: &mut Sheet,
    run: &Run,
    command: &Command,
    _: &Surroundings,
) -> Result<(Answer, bool), Unperformed> {
    let changes = forms::changes(command)?;
    let places = meant(sheet, run, command).unwrap_or_else(|| (0..sheet.rows.len()).collect());
    for place in &places {
        sheet.update(*place, &changes)?;
    }
    Ok((Answer::Value(Data::Integer(places.len() as i64)), !places.is_empty()))
}

fn remove(
    sheet: &mut Sheet,
    run: &Run,
    command: &Command,
    _: &Surroundings,
) -> Result<(Answer, bool), Unperformed> {
    let places = meant(sheet, run, command);
    let places = places
        .ok_or_else(|| Unperformed::argument("DELETE needs a condition; WHERE TRUE deletes all rows"))?;
    let count = places.len();
    sheet.remove(places)?;
    Ok((Answer::Value(Data::Integer(count as i64)), count > 0))
}

fn merge(
    sheet: &mut Sheet,
    _: &Run,
    command: &Command,
    _: &Surroundings,
) -> Result<(Answer, bool), Unperformed> {
    let (rows, key) = forms::merged(command)?;
    let (mut inserted, mut updated) = (0, 0);
    for row in rows {
        let record = forms::flattened(row, &|_| false);
        let own = record.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key)).map(|(_, value)| value);
        if let Some(place) = own.and_then(|value| sheet.with_value(&key, value)) {
            sheet.update(place, &record)?;
            updated += 1;
        } else {
            sheet.insert(&record)?;
            inserted += 1;
        }
    }
    Ok((forms::merge_counts(inserted, updated), inserted + updated > 0))
}

fn aggregate(
    sheet: &mut Sheet,
    run: &Run,
    command: &Command,
    _: &Surroundings,
) -> Result<(Answer, bool), Unperformed> {
    let (_, operation, field) = forms::aggregated(command)?;
    let now = run.now.fixed_offset();
    let filter = command.filter.clone().unwrap_or_default();
    let rows: Vec<Data> =
        sheet.find(&filter, now).into_iter().map(|place| sheet.rows[place].clone()).collect();
    Ok((Answer::Value(forms::aggregate(&rows, operation, &field, *now.offset())?), false))
}
