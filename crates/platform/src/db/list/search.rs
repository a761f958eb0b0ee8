//! `search=` on a list: how the rows are found that hold a text.
//!
//! PostgreSQL chooses by itself between its trigram index and a walk along the sort, if it plans for the text at hand,
//! because it knows how often one is likely to occur. SQLite doesn't, and neither knows how often a text occurs together
//! with whatever else is asked for. So there the index is asked first, up to a bound: the rows of a rare text are
//! sorted, and for a frequent one the list is walked, which soon has a page together. Of one or two characters no
//! trigram can be made; both databases are asked for the beginnings of names, the same way.

use kernel::text;
use sea_query::{Condition, Expr, ExprTrait};

use super::extra::Lookup;
use crate::db::session::Dialect;

/// A column with a trigram index made by `Migration::search`.
#[derive(Debug, Clone, Copy)]
pub struct SearchOn {
    /// The table, the first of the list's.
    pub table: &'static str,
    /// Its alias in the list.
    pub alias: &'static str,
    /// The folded column.
    pub column: &'static str,
    /// Folded columns whose beginnings are looked at for a text of one or two characters: an index of trigrams has none
    /// of those. Each has an index: the organization, the column, the id.
    pub begins: &'static [&'static str],
}

/// A search that is under way.
#[derive(Debug)]
pub(super) struct Search {
    on: SearchOn,
    /// The text, folded as the column is.
    text: String,
}

impl Search {
    pub(super) fn new(on: SearchOn, text: &str) -> Self {
        Self { on, text: text::key(text) }
    }

    /// Is it for the beginnings of names?
    pub(super) fn is_short(&self) -> bool {
        text::is_short(&self.text)
    }

    /// What a row fulfils that is searched for.
    pub(super) fn condition(&self, dialect: Dialect) -> Condition {
        if self.is_short() {
            return self.on.begins.iter().fold(Condition::any(), |any, column| any.add(self.begins(column)));
        }
        let SearchOn { alias, column, .. } = self.on;
        let escaped = self.text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let like = format!("{alias}.{column} LIKE ? ESCAPE '\\'");
        Condition::all().add(dialect.custom(&like, format!("%{escaped}%")))
    }

    fn begins(&self, column: &'static str) -> Condition {
        let range = Condition::all().add(Expr::cust(column).gte(self.text.as_str()));
        match text::after_prefix(&self.text) {
            Some(until) => range.add(Expr::cust(column).lt(until)),
            None => range,
        }
    }

    /// Finds, on PostgreSQL, the organization's rows that hold the text, by whatever index it takes for the best.
    pub(super) fn of_own(&self, own: &Condition) -> Lookup {
        let condition = own.clone().add(self.condition(Dialect::Postgres));
        Lookup { before: String::new(), condition, order: Vec::new() }
    }

    /// Finds what begins with a short text, in the organization's rows.
    pub(super) fn beginnings(&self, own: &Condition) -> Vec<Lookup> {
        let lookup = |column: &&'static str| Lookup {
            before: String::new(),
            condition: own.clone().add(self.begins(column)),
            order: vec![column],
        };
        self.on.begins.iter().map(lookup).collect()
    }

    /// Finds, on SQLite, all rows that hold the text and some that don't, whatever their organization.
    ///
    /// Each trigram costs a descent into the index and the reading of its rows, both of which grow with what is stored.
    /// A few that don't overlap nearly always tell the rows as well as all do.
    pub(super) fn candidates(&self) -> Lookup {
        /// Trigrams at the most.
        const MOST: usize = 3;
        let chars: Vec<char> = self.text.chars().collect();
        let last = chars.len().saturating_sub(3);
        let asked = (chars.len() / 3).clamp(1 + usize::from(last > 0), MOST);
        let grams = (0..asked).map(|i| {
            let at = last * i / (asked - 1).max(1);
            quoted(chars.iter().skip(at).take(3))
        });
        self.lookup(grams.collect::<Vec<_>>().join(" AND "))
    }

    /// Finds, on SQLite, the rows that hold the text, whatever their organization.
    pub(super) fn holders(&self) -> Lookup {
        self.lookup(quoted(self.text.chars().collect::<Vec<_>>().iter()))
    }

    fn lookup(&self, asked: String) -> Lookup {
        let SearchOn { table, alias, .. } = self.on;
        Lookup {
            before: format!("{table}_search CROSS JOIN "),
            condition: Condition::all()
                .add(Dialect::Sqlite.custom(&format!("{table}_search MATCH ?"), asked))
                .add(Expr::cust(format!("{alias}.rowid = {table}_search.rowid"))),
            order: Vec::new(),
        }
    }
}

/// A phrase as the index of texts reads it.
fn quoted<'a>(chars: impl Iterator<Item = &'a char>) -> String {
    format!("\"{}\"", chars.collect::<String>().replace('"', "\"\""))
}
