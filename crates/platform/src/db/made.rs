//! Tables that are made while the server runs, of what somebody declared.
//!
//! No word of a declaration ever stands in a statement. A table is named by an id and its columns by numbers, both
//! chosen by whoever keeps the declaration; values are bound. So there is nothing to quote, and names may be of any
//! length and script. Every table belongs to one organization, and every statement says so.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{
    Bind, Cell, Column, DbError, Record, Row, Tx, Unit, Value,
    tx::{Scoped, values},
};

/// What a column keeps, in the terms of both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// Text, compared byte by byte.
    Text,
    /// Whole numbers of 64 bits.
    Whole,
    /// Floats of 64 bits.
    Real,
    /// Truth values.
    Truth,
}

impl Kept {
    fn sql(self, scoped: Scoped<'_>) -> &'static str {
        match self {
            Self::Text if scoped.is_postgres() => "text COLLATE \"C\"",
            Self::Text => "text",
            Self::Whole => "bigint",
            Self::Real => "double precision",
            Self::Truth => "boolean",
        }
    }
}

/// A value of such a table.
#[derive(Debug, Clone, PartialEq)]
pub enum MadeValue {
    /// NULL.
    Null,
    /// A whole number; 0 and 1 for false and true.
    Whole(i64),
    /// A float.
    Real(f64),
    /// A text.
    Text(String),
}

impl Bind for MadeValue {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Whole(number) => Value::Integer(*number),
            Self::Real(number) => Value::Real(*number),
            Self::Text(text) => Value::Text(text),
        }
    }
}

impl Column for MadeValue {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        Ok(match cell.0 {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Whole(number),
            Value::Real(number) => Self::Real(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Blob(_) => return Err(DbError::Decode("a made table holds bytes".to_owned())),
        })
    }
}

/// The id of a row. Rows are walked in the order of their ids.
pub type RowId = [u8; 16];

/// A row of such a table, with the columns that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeRow {
    /// Its id.
    pub id: RowId,
    /// Its revision, from 1.
    pub rev: i64,
    /// The values of the columns, in the order in which they were named.
    pub values: Vec<MadeValue>,
}

impl Record for MadeRow {
    const WIDTH: usize = 2;

    fn read(row: &Row<'_>, at: usize) -> Result<Self, DbError> {
        let values = (at + Self::WIDTH..row.width()).map(|column| row.get(column));
        Ok(Self { id: row.get(at)?, rev: row.get(at + 1)?, values: values.collect::<Result<_, _>>()? })
    }
}

/// A column: its number, and what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeColumn {
    /// Its number in the table.
    pub number: u32,
    /// What it keeps.
    pub kept: Kept,
}

/// What a column's values must be found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeReference {
    /// The other table.
    pub table: MadeTable,
    /// Its column, which has a unique index of its own.
    pub column: u32,
    /// Does a row go with the one it refers to? Otherwise that one can't go.
    pub cascades: bool,
}

/// How a column compares with a value. No comparison holds where the column is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

/// What a row must fulfil. It is always true or false, never unknown.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// All of them; true where there are none.
    All(Vec<Self>),
    /// One of them; false where there are none.
    Any(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// The column is null.
    IsNull(u32),
    /// The column compares so with the value.
    Compare(u32, Compared, MadeValue),
}

/// Which rows are wanted of a table.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The numbers of the columns to read.
    pub columns: &'a [u32],
    /// What the rows must fulfil.
    pub test: &'a Test,
    /// What to sort by, with "from the largest down"; nulls are the least. Then by id. In any order without one.
    pub order: Option<&'a [(u32, bool)]>,
    /// Only rows whose id comes after this one.
    pub after: Option<RowId>,
    /// So many rows at the most.
    pub limit: usize,
}

/// A table that was made while the server ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MadeTable(pub [u8; 16]);

impl MadeTable {
    /// Its name in the database; those of its indexes begin with it.
    pub fn name(self) -> String {
        self.0.iter().fold("rows_".to_owned(), |mut name, byte| {
            // Writing into a String can't fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
    }

    /// Was it one of the table's unique indexes that refused a row?
    pub fn is_refused_by(self, error: &DbError) -> bool {
        matches!(error, DbError::Violation(name) if name.starts_with(&self.name()))
    }
}

/// A statement that is being written, with its parameters. `$1` is the organization.
#[derive(Default)]
struct Statement<'a> {
    sql: String,
    params: Vec<&'a dyn Bind>,
}

impl<'a> Statement<'a> {
    fn of(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), params: Vec::new() }
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.sql.push_str(text);
        self
    }

    fn column(&mut self, number: u32) -> &mut Self {
        let _ = write!(self.sql, "c{number}");
        self
    }

    fn bound(&mut self, value: &'a dyn Bind) -> &mut Self {
        self.params.push(value);
        let _ = write!(self.sql, "${}", self.params.len() + 1);
        self
    }

    fn test(&mut self, test: &'a Test) {
        match test {
            Test::All(all) => self.tests(all, " AND ", "TRUE"),
            Test::Any(any) => self.tests(any, " OR ", "FALSE"),
            Test::Not(inner) => {
                self.text("NOT (").test(inner);
                self.text(")");
            }
            Test::IsNull(column) => {
                self.column(*column).text(" IS NULL");
            }
            Test::Compare(column, how, value) => {
                let sign = match how {
                    Compared::Equal => " = ",
                    Compared::Less => " < ",
                    Compared::AtMost => " <= ",
                    Compared::Greater => " > ",
                    Compared::AtLeast => " >= ",
                };
                // Known also for null, so that NOT means the opposite.
                self.text("(").column(*column).text(" IS NOT NULL AND ");
                self.column(*column).text(sign).bound(value).text(")");
            }
        }
    }

    fn tests(&mut self, tests: &'a [Test], between: &str, none: &str) {
        if tests.is_empty() {
            self.text(none);
        }
        for (place, test) in tests.iter().enumerate() {
            self.text(if place > 0 { between } else { "" }).text("(").test(test);
            self.text(")");
        }
    }

    /// From which table, and which rows of it.
    fn wanted(&mut self, table: MadeTable, wanted: &'a Wanted<'_>) {
        self.text(" FROM ").text(&table.name()).text(" WHERE org_id = $1 AND (").test(wanted.test);
        self.text(")");
        if let Some(after) = &wanted.after {
            self.text(" AND id > ").bound(after);
        }
        if let Some(order) = wanted.order {
            self.text(" ORDER BY ");
            for &(column, descending) in order {
                let direction = if descending { " DESC NULLS LAST, " } else { " ASC NULLS FIRST, " };
                self.column(column).text(direction);
            }
            self.text("id");
        }
        self.text(" LIMIT ").text(&wanted.limit.to_string());
    }

    fn execute(&self, scoped: Scoped<'_>) -> Result<u64, DbError> {
        scoped.execute(&self.sql, &self.params)
    }
}

impl Tx<'_> {
    /// The rows of a made table that are wanted.
    pub fn made_rows(&self, table: MadeTable, wanted: &Wanted<'_>) -> Result<Vec<MadeRow>, DbError> {
        let statement = select(table, wanted);
        self.scoped().each(&statement.sql, &values(&statement.params), usize::MAX)
    }

    /// Bytes of the texts that the wanted rows have in these columns, which keep text. The database counts them, so
    /// that rows too large to hold are never fetched.
    pub fn made_text_bytes(
        &self,
        table: MadeTable,
        wanted: &Wanted<'_>,
        columns: &[u32],
    ) -> Result<i64, DbError> {
        let mut statement = Statement::of("SELECT CAST(COALESCE(SUM(bytes), 0) AS bigint) FROM (SELECT 0");
        for &column in columns {
            statement.text(" + COALESCE(CAST(octet_length(").column(column).text(") AS bigint), 0)");
        }
        statement.text(" AS bytes");
        statement.wanted(table, wanted);
        statement.text(") AS wanted");
        let found: Option<(i64,)> = self.scoped().one(&statement.sql, &statement.params)?;
        Ok(found.map_or(0, |(bytes,)| bytes))
    }

    /// How the database goes about it: for tests that indexes are used.
    pub fn plan_of_made_rows(&self, table: MadeTable, wanted: &Wanted<'_>) -> Result<super::Plan, DbError> {
        let statement = select(table, wanted);
        self.scoped().plan(&statement.sql, &values(&statement.params))
    }

    /// The largest value of a column; null where there is none.
    pub fn made_maximum(&self, table: MadeTable, column: u32) -> Result<MadeValue, DbError> {
        // In this form both find it by an index of the column.
        let sql = format!(
            "SELECT c{column} FROM {} WHERE org_id = $1 AND c{column} IS NOT NULL ORDER BY c{column} DESC LIMIT 1",
            table.name()
        );
        let found: Option<(MadeValue,)> = self.scoped().one(&sql, &[])?;
        Ok(found.map_or(MadeValue::Null, |(value,)| value))
    }

    /// Is there a text in the column that takes more bytes?
    pub fn made_text_exceeds(&self, table: MadeTable, column: u32, bytes: i64) -> Result<bool, DbError> {
        let name = table.name();
        let sql = format!("SELECT 1 FROM {name} WHERE org_id = $1 AND octet_length(c{column}) > $2 LIMIT 1");
        Ok(self.scoped().one::<(i64,)>(&sql, &[&bytes])?.is_some())
    }
}

fn select<'a>(table: MadeTable, wanted: &'a Wanted<'_>) -> Statement<'a> {
    let mut statement = Statement::of("SELECT id, rev");
    for &column in wanted.columns {
        statement.text(", ").column(column);
    }
    statement.wanted(table, wanted);
    statement
}

impl Unit<'_> {
    fn define(&self, sql: &str) -> Result<(), DbError> {
        // Definitions have no rows and no parameters; all of their text is made here.
        self.scoped().built().execute(sql, &[]).map(|_| ())
    }

    /// Makes a table with these columns.
    pub fn make_table(&self, table: MadeTable, columns: &[MadeColumn]) -> Result<(), DbError> {
        let mut sql = format!(
            "CREATE TABLE {} (org_id uuid NOT NULL, id uuid NOT NULL, rev bigint NOT NULL",
            table.name()
        );
        for column in columns {
            let _ = write!(sql, ", c{} {}", column.number, column.kept.sql(self.scoped()));
        }
        // The organization is the same in all rows. If it came first SQLite, which knows nothing of that, would rather
        // walk the rows in their order than use an index of a column.
        self.define(&format!("{sql}, PRIMARY KEY (id, org_id))"))
    }

    /// Adds a column. The rows that are there have null in it.
    pub fn add_made_column(
        &self,
        table: MadeTable,
        column: MadeColumn,
        reference: Option<MadeReference>,
    ) -> Result<(), DbError> {
        let (name, kind) = (table.name(), column.kept.sql(self.scoped()));
        let mut sql = format!("ALTER TABLE {name} ADD COLUMN c{} {kind}", column.number);
        if let Some(MadeReference { table, column, cascades }) = reference {
            let action = if cascades { " ON DELETE CASCADE" } else { "" };
            let _ = write!(sql, " REFERENCES {} (c{column}){action}", table.name());
        }
        self.define(&sql)
    }

    /// Gives all rows the value in a column.
    pub fn fill_made_column(&self, table: MadeTable, column: u32, value: &MadeValue) -> Result<(), DbError> {
        let sql = format!("UPDATE {} SET c{column} = $2 WHERE org_id = $1", table.name());
        self.scoped().execute(&sql, &[value]).map(|_| ())
    }

    /// Makes an index of that number over these columns.
    pub fn make_index(
        &self,
        table: MadeTable,
        number: u32,
        columns: &[u32],
        unique: bool,
    ) -> Result<(), DbError> {
        let (name, unique) = (table.name(), if unique { "UNIQUE " } else { "" });
        let columns: Vec<String> = columns.iter().map(|column| format!("c{column}")).collect();
        let columns = columns.join(", ");
        self.define(&format!("CREATE {unique}INDEX {name}_i{number} ON {name} ({columns})"))
    }

    /// Adds a row at revision 1.
    pub fn insert_made_row(
        &self,
        table: MadeTable,
        id: &RowId,
        values: &[(u32, MadeValue)],
    ) -> Result<(), DbError> {
        let mut statement = Statement::of(format!("INSERT INTO {} (org_id, id, rev", table.name()));
        for (column, _) in values {
            statement.text(", ").column(*column);
        }
        statement.text(") VALUES ($1, ").bound(id).text(", 1");
        for (_, value) in values {
            statement.text(", ").bound(value);
        }
        statement.text(")").execute(self.scoped()).map(|_| ())
    }

    /// Changes a row that has this revision. False if it has another one by now, or is gone.
    pub fn update_made_row(
        &self,
        table: MadeTable,
        id: &RowId,
        rev: i64,
        values: &[(u32, MadeValue)],
    ) -> Result<bool, DbError> {
        let mut statement = Statement::of(format!("UPDATE {} SET rev = rev + 1", table.name()));
        for (column, value) in values {
            statement.text(", ").column(*column).text(" = ").bound(value);
        }
        statement.text(" WHERE org_id = $1 AND id = ").bound(id).text(" AND rev = ").bound(&rev);
        Ok(statement.execute(self.scoped())? == 1)
    }

    /// Removes a row that has this revision. False if it has another one by now, or is gone.
    pub fn delete_made_row(&self, table: MadeTable, id: &RowId, rev: i64) -> Result<bool, DbError> {
        let sql = format!("DELETE FROM {} WHERE org_id = $1 AND id = $2 AND rev = $3", table.name());
        Ok(self.scoped().execute(&sql, &[id, &rev])? == 1)
    }

    /// Sets a column to null in some rows that have something else in it. Gives how many.
    pub fn empty_made_column(&self, table: MadeTable, column: u32, most: u64) -> Result<u64, DbError> {
        let name = table.name();
        let sql = format!(
            "UPDATE {name} SET c{column} = NULL WHERE org_id = $1 AND id IN
                (SELECT id FROM {name} WHERE org_id = $1 AND c{column} IS NOT NULL LIMIT $2)"
        );
        self.scoped().execute(&sql, &[&i64::try_from(most).unwrap_or(i64::MAX)])
    }

    /// Removes some rows, whichever. Gives how many.
    pub fn delete_some_made_rows(&self, table: MadeTable, most: u64) -> Result<u64, DbError> {
        let name = table.name();
        let sql = format!(
            "DELETE FROM {name} WHERE org_id = $1 AND id IN (SELECT id FROM {name} WHERE org_id = $1 LIMIT $2)"
        );
        self.scoped().execute(&sql, &[&i64::try_from(most).unwrap_or(i64::MAX)])
    }

    /// Drops a table. No row may refer to it; PostgreSQL also forgets what columns elsewhere referred to it.
    pub fn drop_made_table(&self, table: MadeTable) -> Result<(), DbError> {
        let cascade = if self.scoped().is_postgres() { " CASCADE" } else { "" };
        self.define(&format!("DROP TABLE {}{cascade}", table.name()))
    }
}
