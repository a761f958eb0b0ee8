//! How a database goes about a statement, in words that are the same for both.

use std::fmt;

/// The steps that a database takes, for tests that no list scans or sorts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    text: String,
    scan: &'static str,
    sort: &'static str,
    seek: &'static [&'static str],
}

impl Plan {
    /// What `EXPLAIN QUERY PLAN` says, line by line.
    pub(super) fn of_sqlite(text: String) -> Self {
        Self { text, scan: "SCAN ", sort: "B-TREE", seek: &["INDEX {} ("] }
    }

    /// What `EXPLAIN` says, line by line.
    pub(super) fn of_postgres(text: String) -> Self {
        const SEEK: &[&str] = &[
            "Index Scan using {} on ",
            "Index Scan Backward using {} on ",
            "Index Only Scan using {} on ",
            "Index Only Scan Backward using {} on ",
            "Bitmap Index Scan on {}\n",
        ];
        Self { text, scan: "Seq Scan", sort: "->  Sort", seek: SEEK }
    }

    /// Does it read a whole table?
    pub fn scans(&self) -> bool {
        self.text.contains(self.scan)
    }

    /// Does it put rows in order, instead of finding them so?
    ///
    /// What PostgreSQL calls an incremental sort doesn't count: it only puts those in order that are equal so far. It
    /// does so even behind a unique key, which leaves nothing to be put in order; where an index is missing, SQLite
    /// tells.
    pub fn sorts(&self) -> bool {
        self.text.lines().any(|step| step.contains(self.sort) && !step.contains("Incremental Sort"))
    }

    /// Does it look rows up in the index of that name?
    pub fn uses(&self, index: &str) -> bool {
        self.seek.iter().any(|seek| self.text.contains(&seek.replace("{}", index)))
    }

    /// Does it find rows by indexes alone, and find them in order?
    pub fn walks(&self) -> bool {
        !self.scans() && !self.sorts()
    }
}

/// Rows that a step of PostgreSQL's has visited, in a plan that was carried out: those that its scan gave, and those
/// that it removed.
#[cfg(test)]
pub(super) fn visited(step: &str) -> u64 {
    let number = |before: &str| {
        let digits = step.split_once(before)?.1;
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    let given = if step.contains(" Scan ") { number("(actual rows=") } else { None };
    let removed = if step.contains("Rows Removed by ") { number(": ") } else { None };
    given.or(removed).unwrap_or(0) * number(" loops=").unwrap_or(1)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
