//! A table as it exists: what stands of its declaration, and how it is kept.

use std::{collections::BTreeMap, sync::Arc};

use basic::schema::{Column, ColumnType, Table};
use platform::db::{Kept, MadeColumn, MadeTable};
use serde::{Deserialize, Serialize};

/// A column that exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// What was declared.
    pub(crate) column: Column,
    /// Its number in the database; never used again.
    pub(crate) number: u32,
    /// What it holds: its own type, or that of the column it refers to.
    pub(crate) holds: ColumnType,
    /// The table and the column that its values must be found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refers: Option<Refers>,
}

/// Where the values of a column must be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refers {
    /// The other table's folded name.
    pub(crate) table: String,
    /// The number of its column.
    pub(crate) column: u32,
    /// Does a row go with the one it refers to?
    pub(crate) cascades: bool,
}

/// An index that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredIndex {
    /// Its number in the database; never used again.
    pub(crate) number: u32,
    /// The numbers of its columns.
    pub(crate) columns: Vec<u32>,
    /// Does it refuse rows that are alike?
    pub(crate) unique: bool,
}

/// A table that exists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Definition {
    /// Its name as declared last.
    pub(crate) name: String,
    pub(crate) read_by: Vec<String>,
    pub(crate) write_by: Vec<String>,
    /// Its columns in the order in which they came.
    pub(crate) columns: Vec<Stored>,
    /// The numbers of the columns of its key: at least one.
    pub(crate) key: Vec<u32>,
    pub(crate) indexes: Vec<StoredIndex>,
    /// Conditions that rows must fulfil, as written.
    pub(crate) checks: Vec<String>,
    /// Was the key's column not declared, and made for the table to have one?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_own_key: bool,
}

/// A table that exists, with its place in the database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Existing {
    pub(crate) place: MadeTable,
    pub(crate) definition: Definition,
}

/// The tables of a bot by their folded names.
pub(crate) type Tables = BTreeMap<String, Arc<Existing>>;

/// The form in which names of tables and columns are compared.
pub(crate) fn folded(name: &str) -> String {
    name.trim_start_matches('.').to_lowercase()
}

/// How a type is kept.
pub(crate) const fn kept_as(holds: &ColumnType) -> Kept {
    match holds {
        ColumnType::Integer | ColumnType::BigInteger | ColumnType::DateTime => Kept::Whole,
        ColumnType::Double | ColumnType::Decimal { .. } => Kept::Real,
        ColumnType::Boolean => Kept::Truth,
        ColumnType::Text { .. }
        | ColumnType::Date
        | ColumnType::Time
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Reference(_)
        | ColumnType::Named(_) => Kept::Text,
    }
}

/// The type of a column that may turn out to refer to nothing.
pub(super) fn as_is(kind: &ColumnType) -> ColumnType {
    match kind {
        ColumnType::Reference(_) | ColumnType::Named(_) => ColumnType::Text { max: None },
        other => other.clone(),
    }
}

/// Does every value of the one type fit into the other, in the same column?
pub(super) fn widens(old: &ColumnType, new: &ColumnType) -> bool {
    match (old, new) {
        (ColumnType::Text { max: Some(old) }, ColumnType::Text { max: Some(new) }) => old <= new,
        (ColumnType::Text { .. } | ColumnType::Uuid | ColumnType::Time, ColumnType::Text { max: None })
        | (ColumnType::Integer, ColumnType::BigInteger)
        | (ColumnType::Decimal { .. }, ColumnType::Double) => true,
        (
            ColumnType::Decimal { precision: old, scale: old_scale },
            ColumnType::Decimal { precision: new, scale: new_scale },
        ) => {
            let whole = |precision: &Option<u32>, scale: &u32| {
                precision.map_or(u32::MAX, |all| all.saturating_sub(*scale))
            };
            new_scale >= old_scale && whole(new, new_scale) >= whole(old, old_scale)
        }
        _ => false,
    }
}

impl Stored {
    pub(crate) fn made(&self) -> MadeColumn {
        MadeColumn { number: self.number, kept: kept_as(&self.holds) }
    }

    /// Do its values order alike in the database and in scripts? Texts that are numbers don't.
    pub(crate) fn sorts_alike(&self) -> bool {
        kept_as(&self.holds) != Kept::Text || self.holds == ColumnType::Date
    }
}

impl Definition {
    /// The place of the column of that name, ignoring case.
    pub(crate) fn place_of(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|stored| stored.column.name == name);
        exact.or_else(|| {
            let name = name.to_lowercase();
            self.columns.iter().position(|stored| stored.column.name.to_lowercase() == name)
        })
    }

    /// The place of the column of that number.
    pub(crate) fn place_of_number(&self, number: u32) -> Option<usize> {
        self.columns.iter().position(|stored| stored.number == number)
    }

    /// The column of that number.
    pub(crate) fn numbered(&self, number: u32) -> Option<&Stored> {
        self.columns.iter().find(|stored| stored.number == number)
    }

    /// The places of the key's columns.
    pub(crate) fn key_places(&self) -> Vec<usize> {
        self.key.iter().filter_map(|number| self.place_of_number(*number)).collect()
    }

    /// The one column of its key; none where it has several.
    pub(crate) fn single_key(&self) -> Option<&Stored> {
        match self.key.as_slice() {
            [number] => self.numbered(*number),
            _ => None,
        }
    }

    /// Sets of columns in which no two rows are alike: the key first.
    pub(crate) fn unique_sets(&self) -> impl Iterator<Item = &[u32]> {
        let others = self.indexes.iter().filter(|index| index.unique && index.columns != self.key);
        std::iter::once(self.key.as_slice()).chain(others.map(|index| index.columns.as_slice()))
    }

    /// Is the column in an index? What is must be short enough for one.
    pub(crate) fn is_indexed(&self, number: u32) -> bool {
        self.indexes.iter().any(|index| index.columns.contains(&number))
    }

    /// The places of the columns that were declared, in their order.
    pub(crate) fn declared_places(&self) -> std::ops::Range<usize> {
        usize::from(self.has_own_key)..self.columns.len()
    }

    /// The numbers of all columns, in their order.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.columns.iter().map(|stored| stored.number).collect()
    }

    pub(super) fn next_number(&self) -> u32 {
        self.columns.iter().map(|stored| stored.number + 1).max().unwrap_or(1)
    }

    pub(super) fn next_index(&self) -> u32 {
        self.indexes.iter().map(|index| index.number + 1).max().unwrap_or(1)
    }
}

/// The names of the columns of a declaration's key: those of the PRIMARY KEY line, or those that are marked, or `id`.
pub(super) fn declared_key(table: &Table) -> Vec<&str> {
    if !table.key.is_empty() {
        return table.key.iter().map(String::as_str).collect();
    }
    let marked = table.columns.iter().filter(|column| column.key);
    let marked: Vec<_> = marked.map(|column| column.name.as_str()).collect();
    if marked.is_empty() {
        table.column("id").map(|column| column.name.as_str()).into_iter().collect()
    } else {
        marked
    }
}
