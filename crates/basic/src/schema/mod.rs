//! What TABLE declares: a schema as a value.
//!
//! The host compares it with what exists and adds what is missing; nothing here drops or narrows. The parser hands
//! over the lines of a TABLE; [`Table::read_line`] adds what they declare, and [`Schema::resolve`] checks the whole.

mod column_type;
mod line;
mod words;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::scalar::Number;
pub use column_type::ColumnType;
pub use line::{LineError, LineNote, TableLine};
use words::quoted;

/// All tables of a package.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// The tables in the order of the source.
    pub tables: Vec<Table>,
}

/// A TABLE.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    /// Its name as declared; names compare ignoring case.
    pub name: String,
    /// The connection after ON; the bot's own database without one.
    pub connection: Option<String>,
    /// Roles that may read it; everybody if empty.
    pub read_by: Vec<String>,
    /// Roles that may write it; everybody if empty.
    pub write_by: Vec<String>,
    /// The columns in the order of the source.
    pub columns: Vec<Column>,
    /// Columns of a `PRIMARY KEY (a, b)` line; a key of one column is marked at the column.
    pub key: Vec<String>,
    /// Sets of columns that are unique together.
    pub unique: Vec<Vec<String>>,
    /// Conditions of CHECK lines, as written.
    pub checks: Vec<String>,
    /// Indexes of `CREATE INDEX`.
    pub indexes: Vec<Index>,
}

/// A `CREATE INDEX name ON table(columns)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its columns in their order.
    pub columns: Vec<String>,
    /// Whether no two rows may have the same values in them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name as declared; names compare ignoring case.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Whether it is (part of) the key.
    pub key: bool,
    /// Whether null is refused. A key always refuses it.
    pub not_null: bool,
    /// Whether no two rows may have the same value.
    pub unique: bool,
    /// The value of a row that gives none.
    pub default: Option<ColumnDefault>,
    /// Another table's column its values come from.
    pub references: Option<Reference>,
    /// What happens to a row whose referred row is deleted.
    pub on_delete: OnDelete,
    /// Roles that may read it; as the table if empty.
    pub read_by: Vec<String>,
    /// Roles that may write it; as the table if empty.
    pub write_by: Vec<String>,
}

/// REFERENCES.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The other table.
    pub table: String,
    /// Its column; the key if none is named.
    pub column: Option<String>,
}

/// What deleting a row does to the rows that refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDelete {
    /// It is refused while there are any.
    Refuse,
    /// They are deleted too.
    Cascade,
}

/// DEFAULT of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnDefault {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// `NOW()`: the time of writing.
    Now,
    /// `uuid_generate_v4()` and its like: a new UUID.
    Uuid,
}

/// What is odd about a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    /// A type that is neither known nor a table of the schema; the column becomes text.
    #[error("{table}.{column}: unknown type {word}, taken as text")]
    UnknownType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The type as written.
        word: String,
    },
    /// Two tables of one name; only the first counts.
    #[error("table {table} is declared twice; only the first declaration counts")]
    DuplicateTable {
        /// The table.
        table: String,
    },
    /// Two columns of one name; only the first counts.
    #[error("{table}.{column} is declared twice; only the first declaration counts")]
    DuplicateColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A key, a UNIQUE line or an index names a column the table does not have; it is left out.
    #[error("{table} has no column {column}, which {place} names")]
    UnknownColumn {
        /// The table.
        table: String,
        /// The column named.
        column: String,
        /// `PRIMARY KEY`, `UNIQUE`, or the name of the index.
        place: String,
    },
}

/// A problem and what part of the schema has it, as that was before it was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The place of the table in the schema.
    pub table: usize,
    /// Which part of the table.
    pub part: TablePart,
    /// What is odd there.
    pub problem: SchemaProblem,
}

/// A part of a table, by its place among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TablePart {
    /// The table as a whole.
    Whole,
    /// A column.
    Column(usize),
    /// The `PRIMARY KEY` line.
    Key,
    /// A `UNIQUE` line.
    Unique(usize),
    /// An index.
    Index(usize),
}

impl Schema {
    /// The table of that name, ignoring case.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| same(&table.name, name))
    }

    /// Settles what needs all tables to be known: names of tables used as types become references, other unknown types
    /// become text, and what is declared twice or names missing columns is left out. Says what was changed so, in the
    /// order of the source. `others` are tables that exist beside those of the schema.
    pub fn resolve(&mut self, others: &[&str]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut names: HashMap<String, String> = HashMap::new();
        let mut tables: Vec<(usize, Table)> = Vec::with_capacity(self.tables.len());
        for (place, table) in std::mem::take(&mut self.tables).into_iter().enumerate() {
            match names.entry(table.name.to_lowercase()) {
                Entry::Occupied(_) => findings.push(Finding {
                    table: place,
                    part: TablePart::Whole,
                    problem: SchemaProblem::DuplicateTable { table: table.name },
                }),
                Entry::Vacant(name) => {
                    // Of two tables of one name the first gives the spelling.
                    name.insert(table.name.clone());
                    tables.push((place, table));
                }
            }
        }
        for other in others {
            names.entry(other.to_lowercase()).or_insert_with(|| (*other).to_owned());
        }
        for (place, table) in &mut tables {
            table.resolve(&names, &mut |part, problem| {
                findings.push(Finding { table: *place, part, problem });
            });
        }
        self.tables = tables.into_iter().map(|(_, table)| table).collect();
        findings
    }
}

impl Table {
    /// The column of that name, ignoring case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    fn resolve(
        &mut self,
        tables: &HashMap<String, String>,
        found: &mut impl FnMut(TablePart, SchemaProblem),
    ) {
        let mut names = HashSet::new();
        for (place, mut column) in std::mem::take(&mut self.columns).into_iter().enumerate() {
            let table = self.name.clone();
            if !names.insert(column.name.to_lowercase()) {
                let problem = SchemaProblem::DuplicateColumn { table, column: column.name };
                found(TablePart::Column(place), problem);
                continue;
            }
            if let ColumnType::Named(word) = &column.kind {
                if let Some(table) = tables.get(&word.to_lowercase()) {
                    column.kind = ColumnType::Reference(table.clone());
                } else {
                    let (column_name, word) = (column.name.clone(), word.clone());
                    let problem = SchemaProblem::UnknownType { table, column: column_name, word };
                    found(TablePart::Column(place), problem);
                    column.kind = ColumnType::Text { max: None };
                }
            }
            self.columns.push(column);
        }

        let table = &self.name;
        let mut known = |columns: &[String], part: TablePart, place: &str| {
            let missing = columns.iter().find(|name| !names.contains(&name.to_lowercase()));
            if let Some(name) = missing {
                let (table, column, place) = (table.clone(), name.clone(), place.to_owned());
                found(part, SchemaProblem::UnknownColumn { table, column, place });
            }
            missing.is_none()
        };
        if !known(&self.key, TablePart::Key, "PRIMARY KEY") {
            self.key.clear();
        }
        let mut place = 0..;
        self.unique.retain(|columns| known(columns, TablePart::Unique(place.next().unwrap_or(0)), "UNIQUE"));
        let mut place = 0..;
        self.indexes
            .retain(|index| known(&index.columns, TablePart::Index(place.next().unwrap_or(0)), &index.name));
    }
}

/// Names compare ignoring case.
fn same(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

impl Column {
    /// A column with no options.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self {
            name: name.into(),
            kind,
            key: false,
            not_null: false,
            unique: false,
            default: None,
            references: None,
            on_delete: OnDelete::Refuse,
            read_by: Vec::new(),
            write_by: Vec::new(),
        }
    }
}

impl fmt::Display for Column {
    /// The column as a line of TABLE, in one spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)?;
        for (set, words) in [(self.key, " key"), (self.not_null, " NOT NULL"), (self.unique, " UNIQUE")] {
            f.write_str(if set { words } else { "" })?;
        }
        if let Some(default) = &self.default {
            write!(f, " DEFAULT {default}")?;
        }
        if let Some(reference) = &self.references {
            write!(f, " REFERENCES {}", reference.table)?;
            if let Some(column) = &reference.column {
                write!(f, "({column})")?;
            }
        }
        f.write_str(if self.on_delete == OnDelete::Cascade { " ON DELETE CASCADE" } else { "" })?;
        for (words, roles) in [("READ", &self.read_by), ("WRITE", &self.write_by)] {
            if !roles.is_empty() {
                write!(f, " {words} BY {}", quoted(&roles.join(";")))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ColumnDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean(truth) => truth.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Now => f.write_str("NOW()"),
            Self::Uuid => f.write_str("uuid_generate_v4()"),
        }
    }
}

#[cfg(test)]
mod tests;
