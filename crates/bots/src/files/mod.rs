//! Files of the package that scripts read and change: data files as tables (`"staff.csv"`, `"prices.json"`), and those of
//! the drive.
//!
//! The package's file is what is true. A turn that changes some makes another version of the package, in the turn's
//! unit of work, unless somebody else changed the package meanwhile: then the turn runs again. Of versions that only
//! differ in such files the last one is kept.

/// A handler of commands that calls a method of [`Files`].
macro_rules! perform {
    ($files:ident, $act:ident) => {{
        let files = $files.clone();
        move |run, command| {
            let files = files.clone();
            async move { files.$act(&run, &command).await }
        }
    }};
}

mod csv;
mod data;
mod draft;
mod drive;
mod fetch;
mod sheet;
mod size;

use basic::Data;
use gateway::{Module, command::Unperformed};
use kernel::Surroundings;
use platform::{db::Db, settings::Live};

use crate::{Settings, conversations::Messenger, packages::Packages, requests::Requests};
use sheet::Sheet;

/// The files of bots. A cheap handle.
#[derive(Clone)]
pub(crate) struct Files {
    packages: Packages,
    requests: Requests,
    messenger: Messenger,
    db: Db,
    settings: Live<Settings>,
    surroundings: Surroundings,
}

impl Files {
    /// The files of the packages.
    pub(crate) fn new(
        packages: Packages,
        requests: Requests,
        messenger: Messenger,
        db: Db,
        settings: Live<Settings>,
        surroundings: Surroundings,
    ) -> Self {
        Self { packages, requests, messenger, db, settings, surroundings }
    }
}

/// The commands on files, which go before those on tables.
pub(crate) fn module(files: &Files) -> Module {
    fetch::with_commands(drive::with_commands(data::with_commands(Module::new("files"), files), files), files)
}

/// How a file holds a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

impl Format {
    /// The format of a file of that name.
    fn of(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        [("csv", Self::Csv), ("json", Self::Json)]
            .into_iter()
            .find_map(|(known, format)| ending.eq_ignore_ascii_case(known).then_some(format))
    }
}

/// What a file holds that a value is written into: rows as the name says, texts as they are, all else as JSON.
fn content_of(name: &str, value: &Data) -> Result<String, Unperformed> {
    let rows = match value {
        Data::Rows(rows) => Some(rows.rows.as_slice()),
        Data::Array(items)
            if !items.is_empty() && items.iter().all(|item| matches!(item, Data::Object(_))) =>
        {
            Some(items.as_slice())
        }
        _ => None,
    };
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if ["xlsx", "xls", "ods"].iter().any(|known| ending.eq_ignore_ascii_case(known)) {
        return Err(Unperformed::argument(format!(
            "{name} can't be written as a spreadsheet; write it as CSV or JSON"
        )));
    }
    match (rows, Format::of(name)) {
        (Some(rows), Some(Format::Csv)) => {
            let mut sheet = Sheet::new(Format::Csv, size::TURN_BYTES);
            for row in rows {
                let Data::Object(fields) = row else { continue };
                sheet.insert(fields)?;
            }
            Ok(sheet.write())
        }
        _ => Ok(match value {
            Data::Text(text) => text.clone(),
            Data::Rows(_) | Data::Array(_) | Data::Object(_) => {
                serde_json::to_string_pretty(&value.to_json()).unwrap_or_default() + "\n"
            }
            other => other.to_string(),
        }),
    }
}
