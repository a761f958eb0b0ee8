//! Erasing all rows of an organization, in whatever tables there are: nothing has to be declared, so that nothing can be
//! forgotten.
//!
//! The schema tells which tables have an `org_id`. Rows go some at a time, table by table; those that others still refer
//! to wait until these are gone.

use std::fmt::Write as _;

use super::{DbError, Unit};

/// A table with rows of organizations, named by the schema itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOfOrganizations(String);

impl TableOfOrganizations {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The name as it stands in a statement. It is one of ours, and quoted all the same.
    fn quoted(&self) -> String {
        let mut quoted = String::from("\"");
        for c in self.0.chars() {
            // Writing into a String can't fail.
            let _ = if c == '"' { quoted.write_str("\"\"") } else { quoted.write_char(c) };
        }
        quoted.push('"');
        quoted
    }
}

impl Unit<'_> {
    /// Every table that has rows of organizations.
    pub fn tables_of_organizations(&self) -> Result<Vec<TableOfOrganizations>, DbError> {
        let server = self.server();
        let found: Vec<(String,)> = if self.scoped().is_postgres() {
            server.across_organizations(
                "SELECT CAST(c.relname AS text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                 WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind IN ('r', 'p')
                    AND a.attname = 'org_id' AND NOT a.attisdropped
                 ORDER BY c.relname",
            )?
        } else {
            server.across_organizations(
                "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c ON c.name = 'org_id'
                 WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY t.name",
            )?
        };
        Ok(found.into_iter().map(|(name,)| TableOfOrganizations(name)).collect())
    }

    /// Removes some rows of the organization from a table; gives their number. [`DbError::ForeignKey`] where others
    /// refer to them.
    pub fn erase_some(&self, table: &TableOfOrganizations, most: u64) -> Result<u64, DbError> {
        let (name, most) = (table.quoted(), i64::try_from(most).unwrap_or(i64::MAX));
        let sql = if self.scoped().is_postgres() {
            format!(
                "DELETE FROM {name} WHERE org_id = $1
                    AND ctid = ANY (ARRAY (SELECT ctid FROM {name} WHERE org_id = $1 LIMIT $2))"
            )
        } else {
            format!("DELETE FROM {name} WHERE rowid IN (SELECT rowid FROM {name} WHERE org_id = $1 LIMIT $2)")
        };
        self.scoped().execute(&sql, &[&most])
    }

    /// Removes all of them at once: where rows of one table refer to each other, some can't go without the others.
    pub fn erase_all(&self, table: &TableOfOrganizations) -> Result<u64, DbError> {
        self.scoped().execute(&format!("DELETE FROM {} WHERE org_id = $1", table.quoted()), &[])
    }

    /// How many rows of the organization a table has.
    pub fn count_rows(&self, table: &TableOfOrganizations) -> Result<i64, DbError> {
        let sql = format!("SELECT CAST(count(*) AS bigint) FROM {} WHERE org_id = $1", table.quoted());
        Ok(self.scoped().one::<(i64,)>(&sql, &[])?.map_or(0, |(count,)| count))
    }
}
