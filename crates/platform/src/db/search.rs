//! `search=` on a list: how the rows are found that hold a text.
//!
//! PostgreSQL chooses by itself between its trigram index and a walk along the sort, if it plans for the text at hand,
//! because it knows how often one is likely to occur. SQLite doesn't. So there the index is asked first, up to a bound: the rows of a rare text are
//! looked up and sorted, and for a frequent one the list is walked, which soon has a page together.

use kernel::text;
use sea_query::{Condition, Expr, ExprTrait};

use super::{
    DbError, Value,
    list::ListOf,
    session::Dialect,
    tx::{Scope, Scoped},
};

/// Rows up to which a text is rare. Sorting so many costs as much as walking until one in so many was met.
const RARE: usize = 2_000;

/// A column with a trigram index made by `Migration::search`.
#[derive(Debug, Clone, Copy)]
pub struct SearchOn {
    /// The table.
    pub table: &'static str,
    /// Its alias in the list.
    pub alias: &'static str,
    /// The folded column.
    pub column: &'static str,
    /// Folded columns, each indexed behind the organization, whose beginnings are looked at for a text of one or two
    /// characters: an index of trigrams has none of those.
    pub begins: &'static [&'static str],
}

/// A search that is under way.
pub(super) struct Search {
    on: SearchOn,
    /// The text, folded as the column is.
    text: String,
    found: Found,
}

/// What is known of a text before the page is read.
enum Found {
    /// The rowids of all rows that hold it.
    Few(Vec<i64>),
    /// So many rows hold it that a walk soon meets them.
    Many,
    /// The database knows best.
    Unknown,
}

/// Rows to read a statement from, and which of them.
pub(super) struct Narrowed {
    /// What stands before the list's own tables.
    pub(super) before: String,
    pub(super) condition: Condition,
}

impl From<Condition> for Narrowed {
    fn from(condition: Condition) -> Self {
        Self { before: String::new(), condition }
    }
}

impl Search {
    /// The search that the request asks for, if it does.
    pub(super) fn of(scoped: Scoped<'_>, list: &ListOf, text: Option<&str>) -> Result<Option<Self>, DbError> {
        let (Some(on), Some(text)) = (list.search, text) else { return Ok(None) };
        scoped.plan_by_value()?;
        let mut search = Self { on, text: text::key(text), found: Found::Unknown };
        if let (Dialect::Sqlite, Scope::Organization(org)) = (scoped.dialect(), scoped.scope) {
            let org = Value::Blob(org.as_bytes());
            search.found = if search.is_short() {
                search.beginning(scoped, list.org, org)?
            } else {
                search.holding(scoped, list.org, org)?
            };
        }
        Ok(Some(search))
    }

    fn is_short(&self) -> bool {
        self.text.chars().count() < 3
    }

    /// Asks the trigram index. It knows no organizations, so what others have counts towards the bound.
    fn holding(&self, scoped: Scoped<'_>, org_column: &str, org: Value<'_>) -> Result<Found, DbError> {
        let SearchOn { table, alias, .. } = self.on;
        let sql = format!(
            "SELECT {alias}.rowid, {org_column} = $2
             FROM (SELECT rowid FROM {table}_search WHERE {table}_search MATCH $1 LIMIT {RARE}) found
                CROSS JOIN {table} {alias} ON {alias}.rowid = found.rowid"
        );
        let phrase = self.phrase();
        let rows: Vec<(i64, bool)> = scoped.built().each(&sql, &[Value::Text(&phrase), org], RARE)?;
        if rows.len() == RARE {
            return Ok(Found::Many);
        }
        Ok(Found::Few(rows.into_iter().filter(|(_, own)| *own).map(|(rowid, _)| rowid).collect()))
    }

    /// Asks the indexes of the columns whose beginnings count.
    fn beginning(&self, scoped: Scoped<'_>, org_column: &str, org: Value<'_>) -> Result<Found, DbError> {
        let SearchOn { table, alias, begins, .. } = self.on;
        let Some(until) = text::after_prefix(&self.text) else { return Ok(Found::Many) };
        let mut all = Vec::new();
        for column in begins {
            let sql = format!(
                "SELECT {alias}.rowid FROM {table} {alias}
                 WHERE {org_column} = $1 AND {column} >= $2 AND {column} < $3 LIMIT {RARE}"
            );
            let params = [org, Value::Text(&self.text), Value::Text(&until)];
            let rows: Vec<(i64,)> = scoped.built().each(&sql, &params, RARE)?;
            if rows.len() == RARE {
                return Ok(Found::Many);
            }
            all.extend(rows.into_iter().map(|(rowid,)| rowid));
        }
        all.sort_unstable();
        all.dedup();
        Ok(Found::Few(all))
    }

    /// For the page, which is read in the order of the sort.
    pub(super) fn for_page(&self, dialect: Dialect) -> Narrowed {
        match &self.found {
            Found::Few(rowids) => self.among(rowids),
            _ if self.is_short() => self.begins().into(),
            _ => self.holds(dialect).into(),
        }
    }

    /// For the total, which needs no order.
    pub(super) fn for_total(&self, dialect: Dialect) -> Narrowed {
        let SearchOn { table, alias, .. } = self.on;
        match &self.found {
            Found::Few(rowids) => self.among(rowids),
            _ if self.is_short() => self.begins().into(),
            Found::Many => Narrowed {
                before: format!("{table}_search CROSS JOIN "),
                condition: Condition::all()
                    .add(dialect.custom(&format!("{table}_search MATCH ?"), self.phrase()))
                    .add(Expr::cust(format!("{alias}.rowid = {table}_search.rowid"))),
            },
            Found::Unknown => self.holds(dialect).into(),
        }
    }

    fn among(&self, rowids: &[i64]) -> Narrowed {
        let rowids = serde_json::json!(rowids).to_string();
        Narrowed {
            before: "json_each hit CROSS JOIN ".to_owned(),
            condition: Condition::all()
                .add(Dialect::Sqlite.custom("hit.json = ?", rowids))
                .add(Expr::cust(format!("{}.rowid = hit.value", self.on.alias))),
        }
    }

    fn holds(&self, dialect: Dialect) -> Condition {
        let SearchOn { alias, column, .. } = self.on;
        let escaped = self.text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let like = format!("{alias}.{column} LIKE ? ESCAPE '\\'");
        Condition::all().add(dialect.custom(&like, format!("%{escaped}%")))
    }

    fn begins(&self) -> Condition {
        let until = text::after_prefix(&self.text);
        self.on.begins.iter().fold(Condition::any(), |any, column| {
            let from = Condition::all().add(Expr::cust(*column).gte(self.text.as_str()));
            any.add(until.iter().fold(from, |range, until| range.add(Expr::cust(*column).lt(until.as_str()))))
        })
    }

    fn phrase(&self) -> String {
        format!("\"{}\"", self.text.replace('"', "\"\""))
    }
}
