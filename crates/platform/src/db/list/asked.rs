//! One page of a list, in a few statements whose cost has a bound that doesn't grow with what is stored.
//!
//! A list is walked along the index of its sort. What its filters and its search say besides is looked at in each row
//! on the way; a walk that meets few that fit would be long. So what has an index of its own is asked first, up to a
//! bound: rows that are few are all found, sorted here, and the page is cut from them. Otherwise the walk goes so far and
//! no further: the page may then be short, and its cursor goes on where the walk ended.

use std::{collections::HashMap, fmt::Write};

use kernel::{
    Error, FieldErrors,
    list::{COUNT_CAP, Count, Cursor, ListRequest, Page, Start},
};
use sea_query::{Condition, Expr, ExprTrait, Value as SeaValue};

use super::{
    Extra, ListError, ListOf, Lookup, Walked,
    filter::{Filter, Use},
    search::Search,
    statement::{Statement, select},
    stretch::{Line, Stretch},
};
use crate::db::{
    DbError, Plan, Record, Row,
    session::Dialect,
    tx::{Scope, Scoped},
};

/// Rows up to which something is rare. Sorting so many costs about as much as walking until one in so many was met.
const RARE: usize = 2_000;
/// Rows that may hold a text and are looked at, before the index is asked for those that do.
const CANDIDATES: usize = 100;
/// Rows of the sort's index that one page walks at the most, where it looks for some of them.
const REACH: u64 = 10_000;

/// A list with what somebody asks of it.
pub(super) struct Asked<'a> {
    scoped: Scoped<'a>,
    of: &'a ListOf,
    request: &'a ListRequest,
    /// The organization's rows.
    own: Condition,
    /// What stands together in the index of the sort: the organization's rows, those that the list is within, those of
    /// a filter's value.
    walk: Condition,
    /// Which of them, and in what order.
    line: Line,
    /// What is looked at in each row, but for the search; empty if nothing is.
    rest: Condition,
    search: Option<Search>,
    /// Ways to find rows that may be few, in groups of which each finds all.
    lookups: Vec<Vec<Lookup>>,
}

/// A row that was found, and whether it is meant.
struct Hit {
    cursor: Cursor,
    fits: bool,
}

impl Record for Hit {
    const WIDTH: usize = 3;

    fn read(row: &Row<'_>, at: usize) -> Result<Self, DbError> {
        let cursor = Cursor { value: row.get(at)?, id: row.get(at + 1)?, skip: 0 };
        // What compares with nothing is neither true nor false.
        let fits: Option<bool> = row.get(at + 2)?;
        Ok(Self { cursor, fits: fits.unwrap_or(false) })
    }
}

/// What is known of the rows that are meant, before the list is walked.
enum Found {
    /// All of them.
    Few(Vec<Cursor>),
    /// There are too many to sort; so many of them were seen.
    Many(u64),
    /// The database finds its way.
    Unasked,
}

impl Found {
    /// What is known by the first rows that were found.
    fn among(hits: Vec<Hit>) -> Self {
        let all = hits.len() < RARE;
        let meant = hits.into_iter().filter(|hit| hit.fits).map(|hit| hit.cursor);
        if all { Self::Few(meant.collect()) } else { Self::Many(meant.count() as u64) }
    }
}

impl<'a> Asked<'a> {
    pub(super) fn of(
        scoped: Scoped<'a>,
        of: &'a ListOf,
        request: &'a ListRequest,
        extra: Extra,
    ) -> Result<Self, ListError> {
        scoped.check_list(of)?;
        of.knows_all(request, &extra)?;
        let mut own = Condition::all();
        if let Scope::Organization(org) = scoped.scope {
            own = own.add(Expr::cust(of.org).eq(org.as_bytes().to_vec()));
        }
        let Extra { within, stretch, each, lookups } = extra;
        let is_within = within.is_some();
        let column = of.column(request.sort);
        let mut asked = Self {
            scoped,
            of,
            request,
            walk: own.clone().add_option(within),
            own,
            line: Line { column, id: of.id, order: request.order, stretch: Stretch::default() },
            rest: Condition::all().add_option(each),
            search: None,
            lookups: Vec::new(),
        };
        if let Some((column, stretch)) = stretch {
            asked.keep_to(column, stretch);
        }
        asked.filter(is_within).map_err(ListError::Refused)?;
        if !lookups.is_empty() {
            asked.lookups.push(lookups);
        }
        if let (Some(on), Some(text)) = (of.search, &request.search) {
            asked.search = Some(Search::new(on, text));
        }
        if asked.search.is_some() || !asked.rest.is_empty() {
            scoped.plan_by_value()?;
        }
        Ok(asked)
    }

    /// Takes the filters that the list knows itself. Others are for what is extra to say.
    fn filter(&mut self, is_within: bool) -> Result<(), Error> {
        let (mut wrong, dialect) = (FieldErrors::default(), self.scoped.dialect());
        let mut indexed = false;
        for (field, values) in &self.request.filters {
            let Some(filter) = self.of.filter(field) else { continue };
            if let (Some(stretch), Some(column)) = (filter.stretch(values), filter.column()) {
                if let Some(stretch) = wrong.take(field, stretch) {
                    self.keep_to(column, stretch);
                }
                continue;
            }
            let has_index = matches!(filter, Filter::Indexed(..));
            // Of two filters with an index, one has the rows next to each other.
            let walked = filter.is_walked(self.request.sort, values) && !indexed;
            indexed |= walked;
            let usage = if walked { Use::Find } else { Use::Look };
            let Some(condition) = wrong.take(field, filter.condition(dialect, usage, values)) else {
                continue;
            };
            let part = if walked { &mut self.walk } else { &mut self.rest };
            *part = std::mem::replace(part, Condition::all()).add(condition);
            if has_index && !walked && !is_within {
                let lookups = values.iter().map(|value| {
                    let condition = filter.condition(dialect, Use::Find, std::slice::from_ref(value))?;
                    let order = filter.column().into_iter().collect();
                    Ok::<_, String>(Lookup {
                        before: String::new(),
                        condition: self.own.clone().add(condition),
                        order,
                    })
                });
                self.lookups.extend(wrong.take(field, lookups.collect()));
            }
        }
        wrong.finish()
    }

    /// Keeps to the rows with these values of a column.
    fn keep_to(&mut self, column: &'static str, stretch: Stretch) {
        if column == self.line.column {
            self.line.stretch = std::mem::take(&mut self.line.stretch).and(stretch);
        } else {
            let condition = stretch.condition(&Use::Look.of(column, self.dialect()));
            self.rest = std::mem::replace(&mut self.rest, Condition::all()).add(condition);
        }
    }

    fn dialect(&self) -> Dialect {
        self.scoped.dialect()
    }

    /// Is nothing but the search asked for?
    fn only_searches(&self) -> bool {
        self.rest.is_empty() && self.walk == self.own && self.line.stretch.is_whole()
    }

    /// What a row fulfils that is meant.
    fn meant(&self) -> Condition {
        self.meant_between(None, None)
    }

    /// The same of a row behind the cursor, up to the horizon; each only if there is one.
    fn meant_between(&self, cursor: Option<&Cursor>, horizon: Option<&Cursor>) -> Condition {
        let mut all = self.walked_between(cursor, horizon);
        if !self.rest.is_empty() {
            all = all.add(self.rest.clone());
        }
        all.add_option(self.search.as_ref().map(|search| search.condition(self.dialect())))
    }

    /// What is walked from the cursor to the horizon.
    fn walked_between(&self, cursor: Option<&Cursor>, horizon: Option<&Cursor>) -> Condition {
        let part = self.line.between(cursor, horizon);
        if part.is_empty() { self.walk.clone() } else { self.walk.clone().add(part) }
    }

    // ---- what is looked up ----

    fn found(&self) -> Result<Found, ListError> {
        let mut found = Found::Unasked;
        if let Some(search) = &self.search {
            found = match self.dialect() {
                _ if search.is_short() => {
                    self.look_up(&search.beginnings(&self.own), self.only_searches())?
                }
                Dialect::Sqlite => self.look_up_text(search)?,
                Dialect::Postgres if self.rest.is_empty() => Found::Unasked,
                Dialect::Postgres => {
                    Found::among(self.hits(&search.of_own(&self.own), RARE, self.meant().into())?)
                }
            };
        }
        for lookups in &self.lookups {
            if matches!(found, Found::Few(_)) {
                break;
            }
            let other = self.look_up(lookups, false)?;
            if matches!(other, Found::Few(_)) || self.search.is_none() {
                found = other;
            }
        }
        Ok(found)
    }

    /// All rows of the lookups that are meant, if they are few. `all_are_meant` if what is found needs no second look,
    /// for which its row would have to be read.
    fn look_up(&self, lookups: &[Lookup], all_are_meant: bool) -> Result<Found, ListError> {
        let (mut all, mut most) = (0, 0);
        for lookup in lookups {
            let some = self.count_of(lookup).number(self.scoped)?;
            // A row can be found in several ways, but in one way only once.
            (all, most) = (all + some, Ord::max(most, some));
            if all >= RARE as u64 {
                return Ok(Found::Many(if all_are_meant { most } else { 0 }));
            }
        }
        let mut all = Vec::new();
        for lookup in lookups {
            let fits = if all_are_meant { Expr::cust("1 = 1") } else { self.meant().into() };
            let hits = self.hits(lookup, RARE, fits)?;
            all.extend(hits.into_iter().filter(|hit| hit.fits).map(|hit| hit.cursor));
        }
        Ok(Found::Few(all))
    }

    /// The index of texts knows no organizations, so what others have counts towards the bound.
    fn look_up_text(&self, search: &Search) -> Result<Found, ListError> {
        let mut hits = self.hits(&search.candidates(), CANDIDATES, self.meant().into())?;
        if hits.len() == CANDIDATES {
            hits = self.hits(&search.holders(), RARE, self.meant().into())?;
        }
        Ok(Found::among(hits))
    }

    fn lookup(&self, lookup: &Lookup, limit: usize, columns: &[Expr]) -> Statement {
        let mut query = select();
        query.exprs(columns.iter().cloned()).cond_where(lookup.condition.clone());
        for column in &lookup.order {
            query.order_by_expr(Expr::cust(*column), sea_query::Order::Asc);
        }
        let tables = format!("{}{}", lookup.before, self.of.from);
        let mut statement = Statement::of(self.dialect(), &tables, &query);
        let _ = write!(statement.sql, " LIMIT {limit}");
        statement
    }

    fn count_of(&self, lookup: &Lookup) -> Statement {
        self.lookup(lookup, RARE, &[Expr::cust("1")]).counted()
    }

    fn hits(&self, lookup: &Lookup, limit: usize, fits: Expr) -> Result<Vec<Hit>, DbError> {
        let columns = [Expr::cust(self.line.column), Expr::cust(self.line.id), fits];
        self.lookup(lookup, limit, &columns).run(self.scoped)
    }

    /// The page of a list of which all rows are known.
    fn cut<R: Record>(&self, mut rows: Vec<Cursor>) -> Result<Page<R>, ListError> {
        // A row can be found in two ways.
        rows.sort_unstable_by_key(|row| row.id);
        rows.dedup_by_key(|row| row.id);
        let rows = rows.into_iter().map(|row| {
            let id = row.id;
            (row, id)
        });
        let page = self.request.cut(rows.collect());
        let mut records = self.records(&page.items)?;
        page.try_map(|id| {
            let record = records.remove(&id);
            record.ok_or_else(|| DbError::Engine(format!("a row of {} was lost", self.of.from)).into())
        })
    }

    /// What is read of a row: the record, and where it stands.
    fn columns(&self) -> [Expr; 3] {
        [self.of.columns, self.line.column, self.line.id].map(Expr::cust)
    }

    /// The records of these ids.
    fn records<R: Record>(&self, ids: &[[u8; 16]]) -> Result<HashMap<[u8; 16], R>, DbError> {
        let Some(first) = ids.first() else { return Ok(HashMap::new()) };
        // One of a few numbers, because each text is a statement that is kept prepared.
        let named = ids.iter().chain(std::iter::repeat(first)).take(reach(ids.len())).map(|id| id.to_vec());
        let named = named.collect::<Vec<_>>();
        let mut query = select();
        query.exprs(self.columns());
        match (self.dialect(), self.scoped.scope) {
            // SQLite takes an organization for ten rows, and would rather read them all than look for ten ids. So the
            // two are one value to it.
            (Dialect::Sqlite, Scope::Organization(org)) => {
                let places = vec!["(?, ?)"; named.len()].join(", ");
                let key = format!("({}, {}) IN (VALUES {places})", self.of.org, self.of.id);
                let keys =
                    named.into_iter().flat_map(|id| [SeaValue::from(org.as_bytes().to_vec()), id.into()]);
                query.and_where(Expr::cust_with_values(key, keys.collect::<Vec<_>>()));
            }
            _ => {
                query.cond_where(self.own.clone()).and_where(Expr::cust(self.of.id).is_in(named));
            }
        }
        let rows: Vec<Walked<R>> = Statement::of(self.dialect(), self.of.from, &query).run(self.scoped)?;
        Ok(rows.into_iter().map(|row| (row.cursor.id, row.record)).collect())
    }

    // ---- what is walked ----

    /// The result that the page begins after, if it begins after one.
    fn cursor(&self) -> Option<&Cursor> {
        match &self.request.start {
            Start::After(cursor) => Some(cursor),
            Start::Offset(_) => None,
        }
    }

    /// How far a walk may go that begins after the cursor, or with the list. None if it reaches the end of the list.
    fn horizon(&self, cursor: Option<&Cursor>) -> Result<Option<Cursor>, ListError> {
        let mut query = select();
        query
            .exprs([Expr::cust(self.line.column), Expr::cust(self.line.id), Expr::cust("1 = 1")])
            .cond_where(self.walked_between(cursor, None));
        self.line.sort(&mut query);
        let mut statement = Statement::of(self.dialect(), self.of.first_table(), &query);
        let _ = write!(statement.sql, " LIMIT 1 OFFSET {}", REACH - 1);
        let rows: Vec<Hit> = statement.run(self.scoped).map_err(|error| self.of_cursor(error))?;
        Ok(rows.into_iter().next().map(|row| row.cursor))
    }

    /// One page of a walk, which goes as far as it may if it is bounded.
    fn walked<R: Record>(&self, bounded: bool, known: u64) -> Result<Page<R>, ListError> {
        let horizon = if bounded { self.horizon(self.cursor())? } else { None };
        let (total, total_exact) = self.total(bounded, horizon.as_ref(), known)?;
        let (limit, skip) = (self.request.limit as usize, self.request.start.skip());
        let mut rows: Vec<Walked<R>> =
            self.page(horizon.as_ref()).run(self.scoped).map_err(|error| self.of_cursor(error))?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more).map(|last| last.cursor.clone());
        let next = match (last, horizon) {
            (Some(last), _) => Some(last),
            (None, Some(horizon)) if rows.is_empty() && skip > 0 => {
                let skipped = self.count(self.cursor(), Some(&horizon), None).number(self.scoped)?;
                Some(Cursor { skip: skip.saturating_sub(skipped), ..horizon })
            }
            (None, horizon) => horizon,
        };
        Ok(Page {
            items: rows.into_iter().map(|row| row.record).collect(),
            total,
            total_exact,
            limit: self.request.limit,
            offset: self.request.start.offset(),
            next_cursor: next.map(|next| next.encode(self.request.sort, self.request.order)),
        })
    }

    /// One page and at least one row more, which tells whether there is a next one.
    ///
    /// How far it goes is part of the text, because PostgreSQL plans a statement for all values of its parameters.
    pub(super) fn page(&self, horizon: Option<&Cursor>) -> Statement {
        let mut query = select();
        query.exprs(self.columns()).cond_where(self.meant_between(self.cursor(), horizon));
        self.line.sort(&mut query);
        let mut page = Statement::of(self.dialect(), self.of.from, &query);
        let _ = write!(page.sql, " LIMIT {}", reach(self.request.limit as usize) + 1);
        let skip = self.request.start.skip();
        if skip > 0 {
            page.values.0.push(SeaValue::from(skip));
            let _ = write!(page.sql, " OFFSET ${}", page.values.0.len());
        }
        page
    }

    /// How many rows there are in all, as far as the caller wants to know: the same on each page of the list.
    fn total(
        &self,
        bounded: bool,
        horizon: Option<&Cursor>,
        known: u64,
    ) -> Result<(Option<u64>, Option<bool>), ListError> {
        let beyond = (Some(COUNT_CAP), Some(false));
        match self.request.count {
            Count::None => Ok((None, None)),
            Count::Exact => Ok((Some(self.whole().number(self.scoped)?), None)),
            Count::Capped if known > COUNT_CAP => Ok(beyond),
            Count::Capped => {
                let first = match self.cursor() {
                    Some(_) if bounded => self.horizon(None)?,
                    _ => horizon.cloned(),
                };
                let seen = self.count(None, first.as_ref(), Some(COUNT_CAP + 1)).number(self.scoped)?;
                let total = Ord::max(seen, known);
                let exact = first.is_none();
                Ok(if total > COUNT_CAP { beyond } else { (Some(total), (!exact).then_some(false)) })
            }
        }
    }

    /// How many rows are meant behind the cursor and up to the horizon, each only if there is one, and up to the cap.
    pub(super) fn count(
        &self,
        cursor: Option<&Cursor>,
        horizon: Option<&Cursor>,
        cap: Option<u64>,
    ) -> Statement {
        let mut query = select();
        query.expr(Expr::cust("1")).cond_where(self.meant_between(cursor, horizon));
        let mut statement = Statement::of(self.dialect(), self.of.from, &query);
        if let Some(cap) = cap {
            let _ = write!(statement.sql, " LIMIT {cap}");
        }
        statement.counted()
    }

    /// How many rows are meant, whatever it costs.
    fn whole(&self) -> Statement {
        match &self.search {
            Some(search) if self.dialect() == Dialect::Sqlite && !search.is_short() => {
                let mut lookup = search.holders();
                lookup.condition = lookup.condition.add(self.meant());
                let mut query = select();
                query.expr(Expr::cust("1")).cond_where(lookup.condition);
                let tables = format!("{}{}", lookup.before, self.of.from);
                Statement::of(self.dialect(), &tables, &query).counted()
            }
            _ => self.count(None, None, None),
        }
    }

    /// A value that its column can't hold can only come from a cursor that somebody made up.
    fn of_cursor(&self, error: DbError) -> ListError {
        match (&error, &self.request.start) {
            (DbError::Mismatch(_), Start::After(_)) => ListError::Refused(Error::invalid(
                "cursor",
                "is not one of ours; take next_cursor of the page before",
            )),
            _ => error.into(),
        }
    }

    pub(super) fn read<R: Record>(&self) -> Result<Page<R>, ListError> {
        let found = self.found()?;
        let looks = !self.rest.is_empty() || self.search.is_some();
        match found {
            Found::Few(rows) => self.cut(rows),
            Found::Unasked => self.walked(looks && self.search.is_none(), 0),
            Found::Many(known) => self.walked(true, known),
        }
    }

    // ---- for tests ----

    pub(super) fn plan(&self, statement: &Statement) -> Result<Plan, DbError> {
        self.scoped.built().plan(&statement.sql, &statement.values()?)
    }

    /// How the rows are found that may be few, and how it is seen how far a walk may go.
    pub(super) fn lookup_plans(&self) -> Result<Vec<Plan>, DbError> {
        let beginnings = self.search.iter().filter(|search| search.is_short());
        let beginnings = beginnings.map(|search| search.beginnings(&self.own));
        let all = self.lookups.iter().cloned().chain(beginnings).flatten();
        all.map(|lookup| self.plan(&self.lookup(&lookup, RARE, &[Expr::cust("1")]))).collect()
    }
}

/// Rows that a statement of a page names: one of a few numbers, because each text is kept prepared.
fn reach(rows: usize) -> usize {
    [10, 20, 50, 100].into_iter().find(|reach| *reach >= rows).unwrap_or(rows)
}
