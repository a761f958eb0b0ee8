//! Data files of a package as tables: `"staff.csv"`, `"prices.json"`.
//!
//! The package's file is what is true. A turn that changes it makes another version of the package, in the turn's
//! unit of work, unless somebody else changed the package meanwhile: then the turn runs again. Of versions that only
//! differ in their data files the last one is kept.

mod csv;
mod draft;
mod keywords;
mod sheet;
mod size;

pub(super) use keywords::{DataFiles, with_commands};
use sheet::Sheet;

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
